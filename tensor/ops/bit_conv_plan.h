// What a convolution of bits needs beside activations and results: where its taps lie, and where its sums begin. For
// the operations that count bits: binary_conv2d.cpp, conv2d_s8_bits.cpp.
//
// A word holds 32 channels of one tap of the kernel. Up to 16 channels would leave half of it empty; then it holds two
// taps: neighbours in a row, and in the last column of an odd kernel neighbours in that column; one tap of a kernel of
// odd extents stays alone. x then has three planes: the channels as they are, with the right neighbour's 16 bits above
// them, and with those of the neighbour below (neighbours in the kernel: a dilation away). So 3 x 3 is 5 words, not 9.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "tensor/lanes.h"
#include "tensor/ops/binary_conv2d.h"

namespace pith {

struct LineBitConv;

namespace ops {

/// Where the weights of 32 channels and a tap lie: in which word of their output channel, from which bit on.
struct BitPlace {
  int64_t word = 0;
  int shift = 0;
};
/// [planes][kh][kw].
std::vector<BitPlace> bit_places(const BinaryWeights& w);

/// Outputs along one axis, sorted by which taps of the kernel fall outside of the image.
struct AxisClasses {
  std::vector<int32_t> of;                 ///< [outputs]
  std::vector<std::vector<bool>> outside;  ///< [classes][kernel]
  size_t count() const { return outside.size(); }
};

class BitConvPlan {
 public:
  /// x: bits with halo enough; target: of the result, in lanes. No groups.
  BitConvPlan(Tensor x, const LaneGeometry& target, const BinaryWeights& w, const Window& window);

  /// Output channels, rounded up to whole panels.
  int64_t channels() const { return channels_; }
  /// The sum in which no bit differs, for every class of outputs: [classes][channels()]; of channels beyond the last
  /// INT32_MIN. The halo's -1 gave each tap outside minus its weight: once more than a zero, twice more than a +1.
  std::vector<int64_t> sums(BinaryPadding padding) const;

  using Row = std::function<void(const LineBitConv& c, int64_t block, int64_t row)>;
  /// Every row of outputs of every block of images, on all threads. base: [classes][channels()], as LineBitConv says.
  void for_each_row(const std::vector<int32_t>& base, const KernelTable& table, const Row& run) const;

 private:
  struct Strip;
  LineBitConv row_of(const std::vector<int32_t>& base, const uint32_t* x, int64_t row) const;
  const uint32_t* words_of(const Strip& s, const KernelTable& table, Tensor& pairs) const;

  Tensor x_;
  LaneGeometry from_, target_;
  const BinaryWeights& w_;
  Window window_;
  int64_t strip_;  ///< rows of outputs that are done at once
  int64_t plane_;  ///< lines from one plane of words to the next
  std::vector<int32_t> taps_;
  AxisClasses rows_, columns_;
  int64_t channels_;
};

}  // namespace ops
}  // namespace pith
