// From a range of real numbers to scale and zero point, and the one rounding rule: ONNX's QuantizeLinear.
//
//   q = saturate(round(x / scale) + zero_point),  real = scale * (q - zero_point)
//
// round() goes half to even, the division is a true f32 division, NaN saturates to the highest q. Zero is exact in
// every mode: a range is widened to hold it. Pure functions.
#pragma once

#include <cstdint>
#include <span>

#include "tensor/formats/quant_params.h"

namespace pith {

enum class QuantMode : uint8_t {
  symmetric,             ///< scale = max|x| / ((2^bits - 1) / 2), q in [-2^(bits-1), 2^(bits-1) - 1]
  symmetric_restricted,  ///< scale = max|x| / (2^(bits-1) - 1), q in [-(2^(bits-1) - 1), 2^(bits-1) - 1]
  asymmetric_unsigned,   ///< scale = (max - min) / (2^bits - 1), q in [0, 2^bits - 1]
  asymmetric_signed      ///< the same less 2^(bits-1)
};

struct RealRange {
  float lowest = 0, highest = 0;
};

/// One scale with its integers.
struct LinearScale {
  float scale = 1;
  int32_t zero_point = 0;
  int32_t lowest = -128, highest = 127;  ///< of q
};

/// bits 1 to 8 or 16 (ArgumentError otherwise). A range of zeros alone gets scale 1; one so small that its scale would
/// not be a normal number gets the smallest that is. One bit is symmetric: {-1, 0, +1} with scale max|x|, or unsigned.
/// Throws NumericError for a range that is not finite, ArgumentError where lowest > highest.
LinearScale linear_scale(const RealRange& range, int bits, QuantMode mode);

/// The same for several ranges (channels, groups) as the parameters of a tensor.
QuantParams quant_params(std::span<const RealRange> ranges, int bits, QuantMode mode);

int32_t quantized(float x, const LinearScale& s);
float dequantized(int32_t q, const LinearScale& s);

}  // namespace pith
