// Convolution of -1s and +1s with -1s and +1s: an xor and a population count do 32 multiply-adds (Rastegari et al.
// 2016, "XNOR-Net"; Courbariaux et al. 2016). Activations lie as bit lanes (tensor/lanes.h); sums are exact integers,
// equal on every instruction set and for any number of threads.
//
// Padding: a bit has no zero. The kernel reads the halo, which holds -1, and the plan corrects the sum by what the taps
// outside of the image weighed: not at all, once for a padding of true zeros, twice for one of +1. So the padding of
// zeros equals a float convolution of the same signs exactly.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace pith {

struct KernelTable;
const KernelTable& kernels();

namespace ops {

/// Signs as the kernels read them: made once, then immutable.
struct BinaryWeights {
  Shape shape;                   ///< [k, c / groups, kh, kw]
  std::vector<uint32_t> words;   ///< [k / 4, rounded up][depth()][4]; dead bits are 0
  std::vector<int32_t> tap_sum;  ///< [k][kh][kw]: sum of the weights of a tap over the channels

  int64_t planes() const { return (shape[1] + 31) / 32; }
  /// Up to 16 channels fill half a word, so two taps of the kernel share one (bit_conv_plan.h says which).
  bool has_pairs() const { return shape[1] <= 16 && shape[2] * shape[3] > 1; }
  /// Words of one output channel.
  int64_t depth() const {
    const int64_t rows = shape[2], columns = shape[3];
    return has_pairs() ? rows * (columns / 2) + columns % 2 * ((rows + 1) / 2) : planes() * rows * columns;
  }
  size_t at(int64_t k, int64_t d) const { return static_cast<size_t>((k / 4 * depth() + d) * 4 + k % 4); }
};

/// The signs of w: +1 where w >= 0 (NaN is not). w: f32 or s8, plain, [k, c, kh, kw]; another rank is ShapeError, and
/// so are more than 2^31 - 1 weights an output.
BinaryWeights pack_binary_weights(const Tensor& w);

enum class BinaryPadding : uint8_t { zero, minus_one, plus_one };
enum class BinaryOutput : uint8_t { s32, f32, bits };

/// What the sums become: themselves; or scale[k] sum + bias[k], each step rounded (XNOR-Net's scales); or bits, set
/// where scale[k] sum + bias[k] >= 0 in exact arithmetic - batch norm and sign folded into a threshold and a direction.
struct BinaryTarget {
  BinaryOutput output = BinaryOutput::s32;
  std::vector<float> scale = {};  ///< one an output channel; empty: all 1
  std::vector<float> bias = {};   ///< one an output channel; empty: all 0
  BinaryPadding padding = BinaryPadding::zero;
};

/// x [n, c, h, w]: bits, or f32 or s8 whose signs are taken -> [n, k, oh, ow] in lane order. Sums must fit 24 bits for
/// f32 to hold them exactly. Scales and biases are finite. Throws ShapeError (conv2d_shape's sentences), TypeError,
/// ArgumentError.
Tensor binary_conv2d(const Tensor& x, const BinaryWeights& w, const Window& window, const BinaryTarget& to,
                     const KernelTable& table = kernels());

}  // namespace ops
}  // namespace pith
