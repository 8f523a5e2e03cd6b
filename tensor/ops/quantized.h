// Tensors of 8-bit integers that stand for real numbers, and the way there and back (ONNX's QuantizeLinear and
// DequantizeLinear): real = scale * (q - zero_point), q = clamp(round(real / scale) + zero_point), half to even.
//
// Invariant of a QuantizedTensor in lane order: its halo holds the zero point (lanes.h). Signed activations are the
// unsigned ones plus 128, with a zero point greater by 128: every result is the same integer.
#pragma once

#include "tensor/tensor.h"

namespace pith {

struct KernelTable;
const KernelTable& kernels();

namespace ops {

struct QuantizedTensor {
  Tensor values;  ///< u8, lanes or plain
  float scale = 1;
  int32_t zero_point = 0;  ///< 0 to 255
};

/// x as integers in lane order, or as tiles if x lies so. x: f32 [n, c, h, w] or [n, f]; what exceeds `highest`, and
/// NaN, becomes `highest`. scale finite and above 0, 0 <= zero_point <= highest <= 255: ArgumentError otherwise.
/// TypeError for other types.
QuantizedTensor quantize(const Tensor& x, float scale, int32_t zero_point, int64_t halo,
                         const KernelTable& table = kernels(), int32_t highest = 255);

/// The real numbers, f32, in x's order; halo and dead lanes 0.
Tensor dequantize(const QuantizedTensor& x, const KernelTable& table = kernels());

/// x with its values in lane order with at least this halo.
QuantizedTensor in_lanes(const QuantizedTensor& x, int64_t halo);

/// Smallest and largest element of x and 0: zero must be exact, so a range always holds it. NaN is skipped.
struct Range {
  float lowest = 0, highest = 0;
};
/// x: f32, any shape and order.
Range range(const Tensor& x, const KernelTable& table = kernels());

}  // namespace ops
}  // namespace pith
