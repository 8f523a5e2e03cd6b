// What a convolution of bits needs beside activations and results: where its taps lie, and where its sums begin. For
// the operations that count bits: binary_conv2d.cpp, conv2d_s8_bits.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "tensor/lanes.h"
#include "tensor/ops/binary_conv2d.h"

namespace pith {

struct LineBitConv;

namespace ops {

/// Outputs along one axis, sorted by which taps of the kernel fall outside of the image.
struct AxisClasses {
  std::vector<int32_t> of;                 ///< [outputs]
  std::vector<std::vector<bool>> outside;  ///< [classes][kernel]
  size_t count() const { return outside.size(); }
};

class BitConvPlan {
 public:
  /// from: of x as bits, with halo enough; target: of the result, in lanes. No groups.
  BitConvPlan(const LaneGeometry& from, const LaneGeometry& target, const BinaryWeights& w, const Window& window);

  /// Output channels, rounded up to whole panels.
  int64_t channels() const { return channels_; }
  /// The sum in which no bit differs, for every class of outputs: [classes][channels()]; of channels beyond the last
  /// INT32_MIN. The halo's -1 gave each tap outside minus its weight: once more than a zero, twice more than a +1.
  std::vector<int64_t> sums(BinaryPadding padding) const;
  /// One row of outputs of a block of images. base: [classes][channels()], as LineBitConv says; x: the whole of x.
  LineBitConv row(const std::vector<int32_t>& base, const uint32_t* x, int64_t block, int64_t row) const;

  /// run(block, row) for every row of outputs, on all threads.
  void for_each_row(const std::function<void(int64_t, int64_t)>& run) const;

 private:
  LaneGeometry from_, target_;
  const BinaryWeights& w_;
  Window window_;
  std::vector<int32_t> taps_;
  AxisClasses rows_, columns_;
  int64_t channels_;
};

}  // namespace ops
}  // namespace pith
