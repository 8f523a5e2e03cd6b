#include "tensor/lanes.h"

#include <gtest/gtest.h>

#include "tensor/random.h"
#include "tensor/tensor.h"

namespace pith {
namespace {

TEST(Lanes, PutSixteenImagesOfOnePixelIntoOneLine) {
  Tensor x = Tensor::empty({17, 2, 3, 5});
  fill_normal(x, 0, 1, {.seed = 1});
  const Tensor y = to_lanes(x, 1);
  const LaneGeometry& g = y.geometry();
  const float *in = x.data<float>(), *out = y.data<float>();
  for (int64_t n = 0; n < 17; ++n)
    for (int64_t c = 0; c < 2; ++c)
      for (int64_t i = 0; i < 3; ++i)
        for (int64_t j = 0; j < 5; ++j)
          ASSERT_EQ(out[g.line(n / 16, c, i, j) * 16 + n % 16], in[((n * 2 + c) * 3 + i) * 5 + j]);
}

TEST(Lanes, KeepHaloAndDeadLanesAtZeroInReusedMemory) {
  Tensor dirt = Tensor::full({2, 2, 5, 16, 8}, 7);
  const size_t size = dirt.bytes();
  dirt = Tensor();
  const Tensor x = Tensor::full({3, 2, 2, 3}, 1);
  const Tensor y = to_lanes(x, 2);
  ASSERT_LE(size, 2 * y.bytes());
  double total = 0;
  for (size_t i = 0; i < y.bytes() / 4; ++i) total += y.data<float>()[i];
  EXPECT_EQ(total, static_cast<double>(x.numel()));
}

TEST(Lanes, ComeBackToPlainUnchanged) {
  for (const Shape& s : {Shape{1, 1, 1, 1}, Shape{16, 3, 8, 8}, Shape{33, 5, 4, 7}, Shape{20, 13}}) {
    Tensor x = Tensor::empty(s);
    fill_normal(x, 0, 1, {.seed = 2});
    EXPECT_EQ(to_plain(to_lanes(x, 0)).to_vector<float>(), x.to_vector<float>()) << text(s);
    if (s.rank() == 4) {
      EXPECT_EQ(to_plain(to_lanes(to_lanes(x, 2), 1)).to_vector<float>(), x.to_vector<float>()) << text(s);
    }
  }
}

}  // namespace
}  // namespace pith
