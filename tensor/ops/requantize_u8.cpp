#include "tensor/ops/requantize_u8.h"

#include <array>
#include <cmath>

#include "tensor/error.h"
#include "tensor/kernels/table.h"
#include "tensor/parallel.h"

namespace pith::ops {

QuantizedTensor requantize_u8(const QuantizedTensor& x, const RequantizedAs& to, const KernelTable& table) {
  if (x.values.dtype() != DType::u8) throw TypeError("requantize_u8: wants u8, here is " + text(x.values));
  if (!std::isfinite(to.multiplier) || to.multiplier <= 0 || to.zero_point < 0 || to.zero_point > to.highest ||
      to.highest > 255)
    throw ArgumentError("requantize_u8: wants a multiplier above 0 and a zero point of 0 to the highest, here are " +
                        std::to_string(to.multiplier) + ", " + std::to_string(to.zero_point) + " and " +
                        std::to_string(to.highest));
  // Halo and dead lanes hold x's zero point, so they come to hold y's.
  Tensor y = x.values.is_plain() ? in_lanes(x, 0).values.clone() : x.values.clone();
  constexpr int64_t kLineBytes = 64;
  const std::array<float, 4> multipliers{to.multiplier, to.multiplier, to.multiplier, to.multiplier};
  uint8_t* const bytes = y.mutable_data<uint8_t>();
  parallel_for(static_cast<int64_t>(y.bytes()) / kLineBytes, 256, [&](int64_t begin, int64_t end) {
    table.requantize_lines(
        {.x = bytes + begin * kLineBytes,
         .y = bytes + begin * kLineBytes,
         .lines = end - begin,
         .x_zero = x.zero_point,
         .to = {
             .scale = multipliers.data(), .zero_point = to.zero_point, .highest = static_cast<uint8_t>(to.highest)}});
  });
  return {y, to.scale, to.zero_point};
}

}  // namespace pith::ops
