#include "tensor/formats/csr_pattern.h"

#include <gtest/gtest.h>

#include "tensor/formats/mask.h"
#include "tensor/random.h"

namespace pith {
namespace {

Mask random_mask(const Shape& shape, double density, uint64_t item) {
  Random random({.seed = 21, .item = item});
  std::vector<uint8_t> keep(static_cast<size_t>(shape.numel()));
  for (uint8_t& k : keep) k = random.uniform(0, 1) < density;
  return Mask::from(Tensor::from(keep, shape));
}

TEST(CsrPattern, OfASmallMaskIsAsByHand) {
  const Mask mask = Mask::from(Tensor::from(std::vector<uint8_t>{0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 1, 1}, {3, 4}));
  const CsrPattern p = csr_pattern(mask);
  EXPECT_EQ(p.rows, 3);
  EXPECT_EQ(p.cols, 4);
  EXPECT_EQ(p.row_ptr, (std::vector<uint32_t>{0, 2, 2, 5}));
  EXPECT_EQ(p.col_idx, (std::vector<uint32_t>{1, 3, 0, 2, 3}));
  const TransposedPattern t = transposed(p);
  EXPECT_EQ(t.pattern.rows, 4);
  EXPECT_EQ(t.pattern.cols, 3);
  EXPECT_EQ(t.pattern.row_ptr, (std::vector<uint32_t>{0, 1, 2, 3, 5}));
  EXPECT_EQ(t.pattern.col_idx, (std::vector<uint32_t>{2, 0, 2, 0, 2}));
  EXPECT_EQ(t.source, (std::vector<uint32_t>{2, 0, 3, 1, 4}));
}

TEST(CsrPattern, KeepsExactlyWhatTheMaskKeeps) {
  uint64_t item = 0;
  for (const Shape& shape : {Shape{1}, Shape{70}, Shape{1, 1}, Shape{5, 64}, Shape{64, 5}, Shape{6, 3, 3, 3}})
    for (const double density : {0.0, 0.2, 1.0}) {
      const Mask mask = random_mask(shape, density, ++item);
      const CsrPattern p = csr_pattern(mask);
      ASSERT_EQ(p.kept(), mask.kept());
      std::vector<uint8_t> keep(static_cast<size_t>(mask.numel())), back = keep;
      for (int64_t r = 0; r < p.rows; ++r)
        for (uint32_t k = p.row_ptr[static_cast<size_t>(r)]; k < p.row_ptr[static_cast<size_t>(r) + 1]; ++k)
          keep[static_cast<size_t>(r * p.cols + p.col_idx[k])] += 1;
      EXPECT_EQ(keep, mask.to_tensor().to_vector<uint8_t>());
      const CsrPattern twice = transposed(transposed(p).pattern).pattern;
      EXPECT_EQ(twice.row_ptr, p.row_ptr);
      EXPECT_EQ(twice.col_idx, p.col_idx);
    }
}

TEST(MaskedProduct, IsMadeOnceAndSharedByCopiesOfAMask) {
  const Mask mask({4, 4});
  const Mask copy = mask;
  EXPECT_EQ(&mask.product(), &copy.product());
}

}  // namespace
}  // namespace pith
