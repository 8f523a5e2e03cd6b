#include "tensor/ops/narrow_linear.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tensor/error.h"
#include "tensor/formats/quant_params.h"
#include "tensor/kernels/table.h"
#include "tensor/ops/narrow_linear_reference.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/support/tables.h"

namespace pith {
namespace {

/// A matrix packed by the letter of kernels/narrow_views.h, beside what it stands for.
struct Matrix {
  int64_t rows, cols, group;
  int bits;
  std::vector<int32_t> weights;  ///< level - zero, [rows][cols]
  std::vector<uint8_t> codes, levels;
  std::vector<int32_t> zero;
  std::vector<float> scale, weight_sum;

  ops::NarrowRows view() const {
    return {rows,        cols,         bits,
            group,       codes.data(), bits == 4 ? nullptr : levels.data(),
            zero.data(), scale.data(), weight_sum.data()};
  }
  int64_t groups() const { return (cols + group - 1) / group; }
  float scale_of(int64_t r, int64_t g) const {
    return scale[static_cast<size_t>((r / 16 * groups() + g) * 16 + r % 16)];
  }
};

/// choose(row, column) gives the code. levels_of(row, code): 1 and 2 bits only.
template <class Choose>
Matrix make_matrix(int64_t rows, int64_t cols, int64_t group, int bits, Random& random, const Choose& choose) {
  const int64_t unit = 32 / bits, width = (std::max<int64_t>(group, 1) + unit - 1) / unit * unit;
  const int64_t whole = (cols + unit - 1) / unit * unit, panels = (rows + 15) / 16;
  Matrix m{.rows = rows,
           .cols = cols,
           .group = group == 0 ? whole : width,
           .bits = bits,
           .weights = {},
           .codes = {},
           .levels = {},
           .zero = {},
           .scale = {},
           .weight_sum = {}};
  const size_t padded = static_cast<size_t>(panels * 16);
  const int64_t steps = m.group * bits / 32;
  m.weights.resize(static_cast<size_t>(rows * cols));
  m.codes.resize(static_cast<size_t>(panels * m.groups() * steps * 64));
  m.levels.resize(padded * 4);
  m.zero.assign(padded, 8);
  m.weight_sum.resize(padded);
  for (size_t i = 0; i < padded * static_cast<size_t>(m.groups()); ++i)
    m.scale.push_back(static_cast<float>(random.uniform(0.01, 1)));
  for (int64_t r = 0; r < rows && bits < 4; ++r) {
    for (int k = 0; k < 4; ++k) m.levels[static_cast<size_t>(r * 4 + k)] = static_cast<uint8_t>(random.below(128));
    m.zero[static_cast<size_t>(r)] = static_cast<int32_t>(random.below(128));
  }
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < cols; ++c) {
      const int code = choose(r, c);
      const int64_t g = c / m.group, in = c % m.group, step = in / unit, j = in % unit / 4;
      const int64_t byte = ((r / 16 * m.groups() + g) * steps + step) * 64 + r % 16 * 4 + in % 4;
      m.codes[static_cast<size_t>(byte)] =
          static_cast<uint8_t>(m.codes[static_cast<size_t>(byte)] | code << (j * bits));
      const int32_t level = bits == 4 ? code : m.levels[static_cast<size_t>(r * 4 + code)];
      const int32_t weight = level - m.zero[static_cast<size_t>(r)];
      m.weights[static_cast<size_t>(r * cols + c)] = weight;
      m.weight_sum[static_cast<size_t>(r)] += m.scale_of(r, g) * static_cast<float>(weight);
    }
  return m;
}

Tensor signed_bytes(int64_t n, int64_t cols, Random& random) {
  std::vector<int8_t> x(static_cast<size_t>(n * cols));
  for (int8_t& v : x) v = static_cast<int8_t>(random.below(256) - 128);
  return Tensor::from(x, Shape{n, cols});
}

TEST(NarrowLinear, SumsEqualTheirTwinOnEveryTable) {
  Random random({.seed = 91});
  for (int i = 0; i < 120; ++i) {
    const int bits = i % 3 == 0 ? 4 : i % 3;
    const int64_t rows = 1 + random.below(50), cols = 1 + random.below(300),
                  n = random.below(4) ? 1 + random.below(20) : 1;
    const Matrix m = make_matrix(rows, cols, 0, bits, random,
                                 [&](int64_t, int64_t) { return static_cast<int>(random.below(1 << bits)); });
    const Tensor x = signed_bytes(n, cols, random);
    for (const KernelTable* t : test::tables_with_base()) {
      const auto y = ops::narrow_sums(x, m.view(), *t).to_vector<int32_t>();
      for (int64_t j = 0; j < n * rows; ++j)
        ASSERT_EQ(y[static_cast<size_t>(j)], ops::reference::narrow_sum(m.weights.data() + j % rows * cols,
                                                                        x.data<int8_t>() + j / rows * cols, 0, cols))
            << t->isa << " bits " << bits << " rows " << rows << " cols " << cols << " n " << n;
    }
  }
}

/// One row of `depth` equal weights: `code` of levels 0 and 127, or of 4 bits, minus `zero`.
Matrix extreme_row(int64_t depth, int bits, int code, int32_t zero) {
  Random random({.seed = 92});
  Matrix m = make_matrix(1, depth, 0, bits, random, [=](int64_t, int64_t) { return code; });
  m.zero[0] = zero;
  for (size_t k = 0; k < 4; ++k) m.levels[k] = k % 2 ? 127 : 0;
  return m;
}

TEST(NarrowLinear, IsExactAtTheGreatestDepthAndRefusesOneMore) {
  struct Extreme {
    int bits, code;
    int32_t zero;
    int64_t weight;
  };
  for (const Extreme& e :
       {Extreme{4, 0, 8, -8}, {2, 0, 127, -127}, {2, 1, 0, 127}, {1, 0, 127, -127}, {1, 1, 0, 127}}) {
    const int64_t depth = e.bits == 4 ? max_depth(4, 8) : 132104;  // 2^31 - 1 over 128 x 127
    for (const int64_t x : {-128, 127}) {
      const Matrix m = extreme_row(depth, e.bits, e.code, e.zero);
      const Tensor bytes = Tensor::full({1, depth}, static_cast<double>(x), DType::s8);
      for (const KernelTable* t : test::tables_with_base())
        EXPECT_EQ(ops::narrow_sums(bytes, m.view(), *t).item(), static_cast<double>(depth * e.weight * x))
            << t->isa << " bits " << e.bits << " weight " << e.weight << " x " << x;
    }
    const Matrix deeper = extreme_row(depth + 1, e.bits, e.code, e.zero);
    const Tensor bytes = Tensor::full({1, depth + 1}, -128, DType::s8);
    EXPECT_THROW(ops::narrow_sums(bytes, deeper.view()), ArgumentError) << e.bits;
    EXPECT_THROW(ops::narrow_linear(bytes.to(DType::f32), deeper.view(), {}, Tensor()), ArgumentError) << e.bits;
  }
}

TEST(NarrowLinear, BoundsTheDepthOfEveryScaleByTheLevelsOfTheMatrix) {
  const Matrix ternary = extreme_row(140000, 2, 0, 1);  // every weight is 0 - 1; unused levels stand for 127 - 1
  Matrix small = ternary;
  for (uint8_t& level : small.levels) level = 0;
  const Tensor bytes = Tensor::full({1, 140000}, -128, DType::s8);
  EXPECT_EQ(ops::narrow_sums(bytes, small.view()).item(), 140000.0 * 128);
  EXPECT_THROW(ops::narrow_sums(bytes, ternary.view()), ArgumentError);
  Random random({.seed = 92});
  const Matrix grouped =
      make_matrix(1, 140000, 70016, 4, random, [](int64_t, int64_t) { return 0; });  // -8, two groups
  EXPECT_NO_THROW(ops::narrow_linear(bytes.to(DType::f32), grouped.view(), {}, Tensor()));
}

TEST(NarrowLinear, AddsGroupsAsItsTwinDoes) {
  Random random({.seed = 93});
  for (const int64_t group : {32, 64, 128}) {
    for (const int64_t n : {1, 3, 8, 21}) {
      const int64_t rows = 37, cols = group * (1 + random.below(5));
      const Matrix m = make_matrix(rows, cols, group, 4, random,
                                   [&](int64_t, int64_t) { return static_cast<int>(random.below(16)); });
      // Integers as x and a scale of 1: quantising is exact, so only the sums of floats may differ.
      const Tensor bytes = signed_bytes(n, cols, random);
      const ops::NarrowInput input{.scale = 1, .lowest = -128, .highest = 127};
      for (const KernelTable* t : test::tables_with_base()) {
        const auto y = ops::narrow_linear(bytes.to(DType::f32), m.view(), input, Tensor(), *t).to_vector<float>();
        for (int64_t j = 0; j < n * rows; ++j) {
          std::vector<float> scale;
          for (int64_t g = 0; g < m.groups(); ++g) scale.push_back(m.scale_of(j % rows, g));
          const double want = ops::reference::narrow_dot(
              m.weights.data() + j % rows * cols, bytes.data<int8_t>() + j / rows * cols, cols, group, scale.data());
          ASSERT_NEAR(y[static_cast<size_t>(j)], want, 1e-6 * static_cast<double>(cols * 1024))
              << t->isa << " group " << group;
        }
      }
    }
  }
}

TEST(NarrowLinear, RoundsAndShiftsInputsAsTheirParametersSay) {
  Random random({.seed = 94});
  const int64_t rows = 19, cols = 75, n = 5;
  const Matrix m =
      make_matrix(rows, cols, 0, 2, random, [&](int64_t, int64_t) { return static_cast<int>(random.below(3)); });
  Tensor x = Tensor::empty({n, cols}), bias = Tensor::empty({rows});
  fill_normal(x, 0.5, 1, {.seed = 95});
  fill_normal(bias, 0, 1, {.seed = 96});
  const ops::NarrowInput inputs[] = {{.scale = 0.02f, .zero_point = 77, .lowest = 0, .highest = 255},
                                     {.scale = 0.03f, .zero_point = -20, .lowest = -128, .highest = 127},
                                     {.scale = 0.4f, .zero_point = 0, .lowest = -8, .highest = 7}};
  for (const ops::NarrowInput& in : inputs)
    for (const KernelTable* t : test::tables_with_base()) {
      const auto y = ops::narrow_linear(x, m.view(), in, bias, *t).to_vector<float>();
      for (int64_t j = 0; j < n * rows; ++j) {
        double want = bias.data<float>()[j % rows];
        for (int64_t c = 0; c < cols; ++c) {
          const float real = x.data<float>()[j / rows * cols + c] / in.scale;
          const double q =
              std::clamp(std::nearbyint(double{real}) + in.zero_point, double(in.lowest), double(in.highest));
          want += double{m.scale_of(j % rows, 0)} * m.weights[static_cast<size_t>(j % rows * cols + c)] *
                  double{in.scale} * (q - in.zero_point);
        }
        ASSERT_NEAR(y[static_cast<size_t>(j)], want, 1e-5 * static_cast<double>(cols * 128)) << t->isa;
      }
    }
}

TEST(NarrowLinear, GivesEveryRowOfXItsOwnScaleWhereNoneIsGiven) {
  Random random({.seed = 97});
  const Matrix m =
      make_matrix(3, 40, 0, 4, random, [&](int64_t, int64_t) { return static_cast<int>(random.below(16)); });
  Tensor x = Tensor::zeros({3, 40});
  for (int64_t c = 0; c < 40; ++c) {
    x.mutable_data<float>()[c] = static_cast<float>(c - 20) * 1024;
    x.mutable_data<float>()[40 + c] = static_cast<float>(c - 20) / 1024;
  }
  const auto y = ops::narrow_linear(x, m.view(), {}, Tensor()).to_vector<float>();
  for (size_t r = 0; r < 3; ++r) {
    EXPECT_NEAR(y[3 + r] * 1048576, y[r], std::fabs(y[r]) * 1e-6);  // the same integers
    EXPECT_EQ(y[6 + r], 0.0f);
  }
}

TEST(NarrowLinear, HasTheSameBitsForAnyNumberOfThreadsAndEitherOrder) {
  Random random({.seed = 98});
  const Matrix m =
      make_matrix(200, 2048, 64, 4, random, [&](int64_t, int64_t) { return static_cast<int>(random.below(16)); });
  Tensor x = Tensor::empty({9, 2048});
  fill_normal(x, 0, 1, {.seed = 99});
  const int before = threads();
  set_threads(1);
  const auto one = ops::narrow_linear(x, m.view(), {}, Tensor()).to_vector<float>();
  set_threads(3);
  EXPECT_EQ(ops::narrow_linear(x, m.view(), {}, Tensor()).to_vector<float>(), one);
  const Tensor lanes = ops::narrow_linear(to_lanes(x, 0), m.view(), {}, Tensor());
  EXPECT_TRUE(lanes.is_lanes());
  EXPECT_EQ(lanes.to_vector<float>(), one);
  set_threads(before);
}

}  // namespace
}  // namespace pith
