#include "tensor/formats/format_table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "tensor/error.h"
#include "tensor/ops/embedding.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/support/files.h"
#include "tests/support/hostile_bytes.h"
#include "tests/support/oracle.h"

namespace pith {
namespace {

Tensor normal(const Shape& shape, uint64_t item) {
  Tensor t = Tensor::empty(shape);
  fill_normal(t, 0, 1, {.seed = 11, .item = item});
  return t;
}

PackSource source_under(const Shape& shape, const std::vector<uint8_t>& keep, uint64_t item) {
  PackSource source{.weight = normal(shape, item), .mask = {}, .quant = {}, .input = {}};
  source.mask = std::make_shared<const Mask>(Mask::from(Tensor::from(keep, shape)));
  zero_pruned(*source.mask, source.weight);
  return source;
}

/// At most `most` kept of every 4 neighbours in a row, the later ones pruned.
void keep_at_most(int most, const Shape& shape, std::vector<uint8_t>& keep) {
  const size_t rows = static_cast<size_t>(shape[0]), cols = keep.size() / rows;
  for (size_t r = 0; r < rows; ++r)
    for (size_t c = 0, kept = 0; c < cols; ++c) {
      if (c % 4 == 0) kept = 0;
      uint8_t& k = keep[r * cols + c];
      if (k != 0 && ++kept > static_cast<size_t>(most)) k = 0;
    }
}

/// A weight under a random mask of about this density, or less where the format takes less; pruned places are 0.
PackSource random_source(const FormatRow& row, const Shape& shape, double density, uint64_t item) {
  Random random({.seed = 12, .item = item});
  std::vector<uint8_t> keep(static_cast<size_t>(shape.numel()));
  for (uint8_t& k : keep) k = random.uniform(0, 1) < density;
  if (row.name == "1_of_4") keep_at_most(1, shape, keep);
  if (row.name == "2_of_4") keep_at_most(2, shape, keep);
  return source_under(shape, keep, item);
}

const Shape kShapes[] = {{1, 1}, {3, 5}, {16, 16}, {15, 33}, {17, 64}, {40, 100}, {8, 3, 3, 3}, {1, 70}, {70, 1}};

/// Calls visit(row, source, what) for every format that holds a masked float weight, over shapes and densities.
template <class Visit>
void for_each_packing(const Visit& visit) {
  uint64_t item = 0;
  for (const FormatRow& row : format_table())
    for (const Shape& shape : kShapes)
      for (const double density : {0.0, 0.1, 0.5, 1.0}) {
        if (row.needs_quant) continue;  // tests of their own
        visit(row, random_source(row, shape, density, ++item),
              std::string(row.name) + " " + text(shape) + " density " + std::to_string(density));
      }
}

TEST(FormatTable, NamesEveryRowOnceAndFindsIt) {
  std::set<std::string_view> names;
  for (const FormatRow& row : format_table()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(find_format(row.name), &row);
    ASSERT_NE(find_format(row.format), nullptr);
    EXPECT_EQ(find_format(row.format)->read, row.read) << "rows of one tag are read by one function";
  }
  EXPECT_EQ(find_format("zip"), nullptr);
  EXPECT_EQ(find_format(static_cast<Format>(255)), nullptr);
}

TEST(FormatTable, UnpacksWhatItPacked) {
  for_each_packing([](const FormatRow& row, const PackSource& source, const std::string& what) {
    if (!row.exact) return;
    const auto packed = row.pack(source);
    ASSERT_EQ(packed->format(), row.format) << what;
    ASSERT_EQ(packed->shape(), source.weight.shape()) << what;
    EXPECT_EQ(packed->unpack().to_vector<float>(), source.weight.to_vector<float>()) << what;
  });
}

TEST(FormatTable, MultipliesAsEigenDoesInEitherOrder) {
  uint64_t item = 1000;
  for_each_packing([&](const FormatRow& row, const PackSource& source, const std::string& what) {
    const auto packed = row.pack(source);
    const int64_t rows = packed->rows(), cols = packed->cols();
    const auto w = packed->unpack().to_vector<double>();
    for (const int64_t n : {1, 2, 16, 35}) {
      const Tensor x = normal({n, cols}, ++item), bias = n == 2 ? Tensor() : normal({rows}, ++item);
      auto want = test::oracle::matmul(x.to_vector<double>(), test::oracle::transpose(w, rows, cols), n, cols, rows);
      const auto b = bias.defined() ? bias.to_vector<double>() : std::vector<double>(static_cast<size_t>(rows), 0);
      for (size_t i = 0; i < want.size(); ++i) want[i] += b[i % b.size()];
      for (const Tensor& operand : {x, to_lanes(x, 0)}) {
        const Tensor y = packed->linear(operand, bias);
        ASSERT_EQ(y.order(), operand.order()) << what;
        const auto got = y.to_vector<double>();
        for (size_t i = 0; i < want.size(); ++i)
          ASSERT_NEAR(got[i], want[i], 1e-6 * static_cast<double>(4 + cols)) << what << " n " << n << " at " << i;
      }
    }
  });
}

TEST(FormatTable, WritesAndReadsTheSameBytes) {
  for_each_packing([](const FormatRow& row, const PackSource& source, const std::string& what) {
    const auto packed = row.pack(source);
    const std::vector<std::byte> bytes = write_packed(*packed);
    EXPECT_EQ(bytes.size(), packed->bytes()) << what;
    const auto again = read_packed(bytes, "again");
    EXPECT_EQ(again->format(), packed->format()) << what;
    EXPECT_EQ(again->unpack().to_vector<float>(), packed->unpack().to_vector<float>()) << what;
    EXPECT_EQ(write_packed(*again), bytes) << what;
  });
}

/// Damaged bytes are refused, or are another matrix that can be used: nothing is read outside of it.
void use_or_refuse(const test::Bytes& bytes) {
  try {
    const auto packed = read_packed(bytes, "damaged");
    ASSERT_EQ(write_packed(*packed), bytes);
    if (packed->shape().numel() > 1 << 14) return;  // an empty matrix may be large; its operands would be
    packed->linear(Tensor::zeros({1, packed->cols()}), Tensor());
    packed->linear(Tensor::lanes({17, packed->cols()}, 0), Tensor());
    packed->unpack();
  } catch (const FormatError&) {
  }
}

TEST(FormatTable, RefusesDamagedBytesOrReadsAnotherMatrix) {
  for (const FormatRow& row : format_table()) {
    if (row.needs_quant) continue;
    const std::vector<std::byte> good = write_packed(*row.pack(random_source(row, {9, 17}, 0.3, 5)));
    test::for_each_small_damage(good, [](const test::Bytes& bad, const std::string&) { use_or_refuse(bad); });
    test::for_each_random_damage(good, 500, 3, [](const test::Bytes& bad, const std::string&) { use_or_refuse(bad); });
  }
}

TEST(FormatTable, NamesFileAndPlaceOfARefusal) {
  std::vector<std::byte> bytes =
      write_packed(*find_format("dense")->pack(random_source(*find_format("dense"), {2, 2}, 1, 6)));
  bytes[0] = std::byte{200};
  EXPECT_EQ(test::refusal_of([](auto b) { return read_packed(b, "w.pack"); }, bytes),
            "w.pack: byte 0: expected the tag of a known format, found 200");
}

TEST(FormatTable, RefusesWhatDoesNotFit) {
  for (const FormatRow& row : format_table()) {
    EXPECT_THROW(row.pack({}), TypeError) << row.name;
    if (row.needs_quant) continue;
    PackSource source = random_source(row, {4, 8}, 0.5, 7);
    const auto packed = row.pack(source);
    EXPECT_THROW(packed->linear(Tensor::zeros({1, 7}), Tensor()), ShapeError) << row.name;
    EXPECT_THROW(packed->linear(Tensor::zeros({1, 8}), Tensor::zeros({5})), ShapeError) << row.name;
    EXPECT_THROW(packed->linear(Tensor::zeros({1, 8}, DType::f64), Tensor()), TypeError) << row.name;
    source.mask = std::make_shared<const Mask>(Shape{8, 4});
    EXPECT_THROW(row.pack(source), ShapeError) << row.name;
    EXPECT_THROW(row.pack({.weight = Tensor::zeros({4}), .mask = {}, .quant = {}, .input = {}}), ShapeError)
        << row.name;
  }
}

TEST(FormatTable, LooksUpRowsAsEmbeddingDoes) {
  for (const FormatRow& row : format_table()) {
    if (row.needs_quant || !row.exact) continue;
    const PackSource source = random_source(row, {7, 10}, 0.5, 8);
    const auto table = row.pack(source);
    const Tensor indices = Tensor::from(std::vector<int32_t>{6, 0, 3, 3}, {2, 2});
    const Tensor y = packed_embedding(*table, indices);
    EXPECT_EQ(y.shape(), (Shape{2, 2, 10})) << row.name;
    EXPECT_EQ(y.to_vector<float>(), ops::embedding(source.weight, indices).to_vector<float>()) << row.name;
    EXPECT_THROW(packed_embedding(*table, Tensor::from(std::vector<int32_t>{7}, {1})), FormatError);
    EXPECT_THROW(packed_embedding(*table, Tensor::from(std::vector<int32_t>{-1}, {1})), FormatError);
    EXPECT_THROW(packed_embedding(*table, Tensor::zeros({1})), TypeError);
  }
}

TEST(FormatTable, HoldsTheBytesThatTheReadmeSays) {
  const Shape shape{64, 256};
  std::vector<uint8_t> keep(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < keep.size(); ++i) keep[i] = i / 256 % 16 == 0 ? i % 8 == 0 : keep[i - 256];  // 16x1 blocks
  const PackSource source = source_under(shape, keep, 9);
  const size_t z = static_cast<size_t>(source.mask->kept()), gaps = 5 * 64;
  const auto expect = [&](const char* name, size_t bytes) {
    EXPECT_GE(find_format(name)->pack(source)->bytes(), bytes) << name;
    EXPECT_LE(find_format(name)->pack(source)->bytes(), bytes + gaps) << name;
  };
  expect("dense", 4 * 64 * 256);
  expect("csr", 6 * z + 4 * 65);
  expect("block_16x1", 4 * z + 2 * z / 16 + 4 * 5);
  expect("1_of_4", (4 * 64 * 256 + 64 * 256 / 4) / 4);
}

TEST(NOfM, RefusesAMaskThatKeepsMoreThanNOfFour) {
  const PackSource source = source_under({2, 8}, {1, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 0}, 10);
  EXPECT_THROW(find_format("1_of_4")->pack(source), ArgumentError);
  const std::string message = test::message_of<ArgumentError>([&] { find_format("2_of_4")->pack(source); });
  EXPECT_NE(message.find("row 1"), std::string::npos) << message;
  EXPECT_NE(message.find("column 4"), std::string::npos) << message;
}

TEST(FormatTable, GivesTheSameBitsForAnyNumberOfThreads) {
  for (const FormatRow& row : format_table()) {
    if (row.needs_quant) continue;
    const auto w = row.pack(random_source(row, {700, 300}, 0.3, 11));
    for (const Tensor& x : {normal({1, 300}, 12), to_lanes(normal({90, 300}, 13), 0)}) {
      set_threads(1);
      const auto one = w->linear(x, Tensor()).to_vector<float>();
      set_threads(3);
      EXPECT_EQ(w->linear(x, Tensor()).to_vector<float>(), one) << row.name;
    }
    set_threads(1);
  }
}

TEST(FormatTable, LeavesNaNOfOtherColumnsAndImagesAlone) {
  for (const FormatRow& row : format_table()) {
    if (row.needs_quant) continue;
    std::vector<uint8_t> keep(5 * 7, 0);
    keep[0] = keep[7 + 6] = 1;  // row 0 column 0, row 1 column 6
    const auto w = row.pack(source_under({5, 7}, keep, 14));
    std::vector<float> x(7, 1.0f);
    x[3] = std::numeric_limits<float>::quiet_NaN();  // a pruned column; blocks of its neighbours may not touch it
    if (row.name == "csr" || row.name == "block_16x1" || row.name == "block_8x1" || row.name == "block_4x1") {
      const auto y = w->linear(Tensor::from(x, {1, 7}), Tensor()).to_vector<float>();
      for (const float v : y) EXPECT_FALSE(std::isnan(v)) << row.name;
    }
    std::vector<float> images(17 * 7, 1.0f);
    images[16 * 7] = std::numeric_limits<float>::quiet_NaN();  // column 0 of the last image
    const auto y = w->linear(to_lanes(Tensor::from(images, {17, 7}), 0), Tensor()).to_vector<float>();
    for (size_t i = 0; i < 16 * 5; ++i) EXPECT_FALSE(std::isnan(y[i])) << row.name;
    EXPECT_TRUE(std::isnan(y[16 * 5])) << row.name;
  }
}

}  // namespace
}  // namespace pith
