// What every row of the catalogue buys. A test a row, so that a failure names its operation.
#include "autograd/catalog.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "tensor/error.h"
#include "tensor/kernels/table.h"
#include "tensor/parallel.h"
#include "tests/support/files.h"

namespace pith {
namespace {

constexpr uint64_t kSeed = 20;

class Catalog : public testing::TestWithParam<const CatalogRow*> {
 protected:
  void SetUp() override {
    const char* const isa = std::getenv("PITH_ISA");  // tests/CMakeLists.txt runs the comparison once for each
    if (isa != nullptr && kernels_for(isa) == nullptr) GTEST_SKIP() << "this CPU has no " << isa;
  }
  const CatalogRow& row() const { return *GetParam(); }
};

std::vector<const CatalogRow*> all_rows() {
  std::vector<const CatalogRow*> out;
  for (const CatalogRow& r : catalog()) out.push_back(&r);
  return out;
}

std::string row_name(const testing::TestParamInfo<const CatalogRow*>& row) { return row.param->name; }

INSTANTIATE_TEST_SUITE_P(Rows, Catalog, testing::ValuesIn(all_rows()), row_name);

/// The same values behind other strides: every second column of twice as many.
Tensor strided(const Tensor& t) {
  if (t.shape().rank() == 0) return t;
  const int last = t.shape().rank() - 1;
  Tensor wide = Tensor::full(t.shape().with(last, 2 * t.shape()[last]), 99, t.dtype()), out = wide;
  std::vector<int64_t> e(t.shape().extents().begin(), t.shape().extents().end());
  if (e.size() == Shape::kMaxRank) return t;
  e.push_back(2);
  out = wide.view(Shape(std::span<const int64_t>(e))).select(last + 1, 1);
  out.copy_from(t);
  return out;
}

struct Outcome {
  Tensor value;
  std::vector<Tensor> gradients;
};

/// Value and gradients of one example, its inputs as `dtype`, image-like ones in lane order with `halo` if it is >= 0.
Outcome run(const Example& e, DType dtype, int64_t halo = -1) {
  std::vector<Variable> v;
  for (size_t i = 0; i < e.inputs.size(); ++i) {
    Tensor t = e.inputs[i].to(dtype);
    const bool may = std::find(e.image_like.begin(), e.image_like.end(), i) != e.image_like.end();
    if (halo >= 0 && may) t = to_lanes(t, t.shape().rank() == 2 ? 0 : halo);
    v.emplace_back(t, true);
  }
  const Variable y = e.call(v);
  y.backward(output_direction(y.shape(), dtype));
  Outcome out{y.value(), {}};
  for (const Variable& x : v) out.gradients.push_back(x.gradient());
  return out;
}

/// The promises of tensor/lanes.h: no number in the border, none in the lanes of absent images.
void expect_clean(const Tensor& t, const std::string& what) {
  if (!t.is_lanes()) return;
  int64_t inside = 0, all = 0;
  for (float v : t.to_vector<float>()) inside += v != 0;
  for (size_t i = 0; i < t.bytes() / sizeof(float); ++i) all += t.data<float>()[i] != 0;
  EXPECT_EQ(inside, all) << what << ": halo or dead lanes are not zero";
}

void expect_close(const Tensor& f32, const Tensor& f64, const std::string& what) {
  ASSERT_EQ(f32.defined(), f64.defined()) << what;
  if (!f32.defined()) return;
  ASSERT_EQ(text(f32.shape()), text(f64.shape())) << what;
  expect_clean(f32, what);
  const std::vector<double> a = f32.to_vector<double>(), b = f64.to_vector<double>();
  double scale = 1;
  for (double x : b) scale = std::max(scale, std::abs(x));
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 2e-5 * scale) << what << " at " << i;
}

void expect_close(const Outcome& f32, const Outcome& f64, const std::string& what) {
  expect_close(f32.value, f64.value, what);
  for (size_t i = 0; i < f64.gradients.size(); ++i)
    expect_close(f32.gradients[i], f64.gradients[i], what + ", gradient " + std::to_string(i));
}

TEST_P(Catalog, GradientsAreDifferenceQuotients) {
  for (uint64_t i = 0; i < 200; ++i) {
    Draw draw(kSeed, i, 3);
    Example e = row().random(draw);
    if (i % 4 == 3)
      for (Tensor& t : e.inputs) t = strided(t);
    ASSERT_EQ(gradcheck(e.call, e.inputs), "") << row().name << " draw " << i << ", seed " << kSeed;
  }
}

TEST_P(Catalog, SinglePrecisionAgreesWithDoubleInEitherOrder) {
  for (uint64_t i = 0; i < 60; ++i) {
    Draw draw(kSeed + 1, i, 35);
    const Example e = row().random(draw);
    const std::string what = row().name + " draw " + std::to_string(i);
    const Outcome twin = run(e, DType::f64);
    expect_close(run(e, DType::f32), twin, what + " plain");
    if (!e.image_like.empty()) expect_close(run(e, DType::f32, static_cast<int64_t>(i % 3)), twin, what + " lanes");
  }
}

TEST_P(Catalog, RefusesAnExtentThatDoesNotFitNamingBothShapes) {
  int refused = 0;
  for (uint64_t i = 0; i < 60; ++i) {
    Draw draw(kSeed + 2, i, 5);
    Example e = row().random(draw);
    if (e.wrong_input < 0) continue;
    Tensor& wrong = e.inputs[static_cast<size_t>(e.wrong_input)];
    const Shape right = wrong.shape();
    wrong = Tensor::full(right.with(e.wrong_axis, right[e.wrong_axis] + 1), 1, DType::f64);
    const std::string message = test::message_of<ShapeError>([&] {
      std::vector<Variable> v;
      for (const Tensor& t : e.inputs) v.emplace_back(t);
      static_cast<void>(e.call(v));
    });
    ASSERT_NE(message.find(text(wrong.shape())), std::string::npos) << row().name << ": " << message;
    ASSERT_NE(message.find('[', message.find(text(wrong.shape())) == message.find('[') ? message.find('[') + 1
                                                                                       : message.find('[')),
              std::string::npos)
        << row().name << " names one shape only: " << message;
    ++refused;
  }
  Draw draw(kSeed + 2, 0, 5);
  if (refused == 0) GTEST_SKIP() << row().name << " takes every shape";
}

TEST_P(Catalog, FreesWhatItKeptOnceItWalkedBack) {
  for (uint64_t i = 0; i < 10; ++i) {
    Draw draw(kSeed + 3, i, 20);
    const Example e = row().random(draw);
    std::vector<Variable> v;
    for (const Tensor& t : e.inputs) v.emplace_back(t.to(DType::f32), true);
    const size_t before = Storage::bytes_in_use();
    {
      const Variable y = e.call(v);
      const size_t value = Storage::bytes_in_use();
      y.backward(output_direction(y.shape(), DType::f32));
      for (Variable& x : v) x.clear_gradient();
      EXPECT_LE(Storage::bytes_in_use(), value) << "captures outlive backward()";
    }
    EXPECT_EQ(Storage::bytes_in_use(), before) << row().name << " draw " << i;
  }
}

/// All bits of value and gradients.
std::vector<float> bits(const Outcome& o) {
  std::vector<float> all = o.value.to_vector<float>();
  for (const Tensor& g : o.gradients)
    if (g.defined())
      for (float f : g.to_vector<float>()) all.push_back(f);
  return all;
}

TEST_P(Catalog, GivesTheSameBitsOnAnyNumberOfThreads) {
  const int before = threads();
  for (uint64_t i = 0; i < 6; ++i) {
    Draw draw(kSeed + 4, i, 35);
    const Example e = row().random(draw);
    set_threads(1);
    const std::vector<float> plain = bits(run(e, DType::f32)), lanes = bits(run(e, DType::f32, 1));
    for (int n : {2, 3, 8}) {
      set_threads(n);
      EXPECT_EQ(bits(run(e, DType::f32)), plain) << row().name << " draw " << i << " on " << n << " threads";
      EXPECT_EQ(bits(run(e, DType::f32, 1)), lanes) << row().name << " lanes, draw " << i << " on " << n << " threads";
    }
  }
  set_threads(before);
}

}  // namespace
}  // namespace pith
