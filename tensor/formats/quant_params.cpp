#include "tensor/formats/quant_params.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "tensor/error.h"

namespace pith {
namespace {

int64_t largest(const QuantParams& q) { return std::max<int64_t>(-int64_t{q.lowest()}, q.highest()); }

bool fits(size_t scales, const Shape& shape) {
  const int64_t count = static_cast<int64_t>(scales);
  if (count == 1) return true;
  const int64_t rows = shape.rank() == 0 ? 1 : shape[0];
  return count > 0 && rows > 0 && count % rows == 0 && shape.numel() % count == 0;
}

}  // namespace

void check_quant(const QuantParams& q, const Shape& shape) {
  if (q.bits != 16 && (q.bits < 1 || q.bits > 8))
    throw ArgumentError("quantisation: " + std::to_string(q.bits) + " bits are not among 1 to 8 and 16");
  if (!fits(q.scale.size(), shape))
    throw ArgumentError("quantisation: " + std::to_string(q.scale.size()) + " scales fit neither the tensor " +
                        text(shape) + ", nor its rows, nor equal groups of a row");
  for (const float s : q.scale)
    if (!std::isfinite(s) || s <= 0)
      throw ArgumentError("quantisation: the scale " + std::to_string(s) + " is not finite and above 0");
  if (!q.zero_point.empty() && q.zero_point.size() != q.scale.size())
    throw ArgumentError("quantisation: " + std::to_string(q.zero_point.size()) + " zero points for " +
                        std::to_string(q.scale.size()) + " scales; give one each, or none");
  for (const int32_t z : q.zero_point)
    if (z < q.lowest() || z > q.highest())
      throw ArgumentError("quantisation: the zero point " + std::to_string(z) + " lies outside [" +
                          std::to_string(q.lowest()) + ", " + std::to_string(q.highest()) + "], so 0 is not exact");
}

int64_t max_depth(const QuantParams& a, const QuantParams& b) {
  return INT64_C(0x7fffffff) / (largest(a) * largest(b));
}

}  // namespace pith
