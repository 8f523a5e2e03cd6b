// Blocks of zeros that packed inference leaves out: the same integers as the slow twin, which knows of none.
#include <gtest/gtest.h>

#include "nn/integer_network.h"
#include "tensor/random.h"
#include "tests/support/integer_comparison.h"
#include "tests/support/proved_networks.h"
#include "tests/support/tables.h"

namespace pith::compress {
namespace {

const Shape kImage{3, 16, 16};

/// ResNet-20 whose inner convolutions keep `kept` percent of their blocks of 1 x 4.
nn::IntegerSpec pruned(int64_t kept, const PostTrainingOptions& options = {}) {
  nn::IntegerSpec spec = test::quantized_network("resnet20-cifar", kImage, options);
  Random random({.seed = 4, .purpose = Purpose::test});
  for (size_t i = 1; i < spec.layers.size(); ++i) {
    Tensor& w = spec.layers[i].weights;
    if (!w.defined() || w.shape().rank() != 4) continue;
    const int64_t window = w.shape()[2] * w.shape()[3], depth = w.shape()[1];
    auto* const values = w.mutable_data<int8_t>();
    for (int64_t row = 0; row < w.shape()[0]; ++row)
      for (int64_t c = 0; c < depth; c += 4)
        for (int64_t t = 0; t < window; ++t) {
          if (random.below(100) < kept) continue;
          for (int64_t j = c; j < c + 4; ++j) values[(row * depth + j) * window + t] = 0;
        }
  }
  return spec;
}

int64_t layers_that_skip(const nn::IntegerNetwork& network) {
  int64_t count = 0;
  for (size_t i = 0; i < network.spec().layers.size(); ++i) count += network.packed(i).is_sparse();
  return count;
}

TEST(ZeroBlocks, ChangeNoIntegerOfOneImageOrOfMany) {
  for (const int64_t kept : {0, 10, 47}) {
    const nn::IntegerSpec spec = pruned(kept);
    ASSERT_GE(layers_that_skip(nn::IntegerNetwork(spec)), 18) << kept;
    for (const int64_t n : {1, 17})
      for (const KernelTable* const table : test::tables())
        test::expect_twin(spec, test::waves(n, kImage, 3), *table, std::to_string(kept) + " % kept");
  }
}

TEST(ZeroBlocks, ChangeNoIntegerOfDynamicRanges) {
  const nn::IntegerSpec spec = pruned(10, {.is_dynamic = true});
  const nn::IntegerNetwork skips(spec), whole(spec, {.images = 0, .tiles = 0});
  ASSERT_GE(layers_that_skip(skips), 18);
  ASSERT_EQ(layers_that_skip(whole), 0);
  const Tensor x = test::waves(5, kImage, 3);
  EXPECT_EQ(skips.run(x).to_vector<float>(), whole.run(x).to_vector<float>());
}

TEST(ZeroBlocks, AreLeftOutWhereFewRemain) {
  EXPECT_EQ(layers_that_skip(nn::IntegerNetwork(pruned(90))), 0);
  const nn::IntegerNetwork half(pruned(47)), few(pruned(10));
  for (size_t i = 1; i + 1 < half.spec().layers.size(); ++i) {
    if (!half.packed(i).is_sparse() || half.spec().layers[i].shape.kind != nn::LayerKind::conv) continue;
    EXPECT_NEAR(ops::kept_blocks(half.packed(i)), 0.47, 0.09);
    EXPECT_TRUE(half.packed(i).dense_in_tiles);
    EXPECT_FALSE(few.packed(i).dense_in_tiles);
  }
}

TEST(ZeroBlocks, AreCountedInEveryPlaceOfTheKernel) {
  std::vector<int8_t> w(2 * 6 * 3, 0);  // two rows of 6 channels: blocks of channels 0 to 3 and 4 to 5, three places
  w[0 * 3 + 1] = 5;                     // row 0, channel 0, place 1
  w[3 * 3 + 1] = -1;                    // the same block
  w[18 + 5 * 3 + 2] = 7;                // row 1, channel 5, place 2
  ops::IntWeights p = ops::pack_int_weights(Tensor::from(w, {2, 6, 1, 3}), {}, 0);
  EXPECT_DOUBLE_EQ(ops::kept_blocks(p), 2.0 / 12);
  EXPECT_FALSE(p.is_sparse());
  ops::skip_zero_blocks(p);
  EXPECT_TRUE(p.is_sparse());
  EXPECT_EQ(p.blocks.tap, (std::vector<int32_t>{1, 5}));
}

}  // namespace
}  // namespace pith::compress
