#include "tensor/ops/narrow_conv2d.h"

#include <algorithm>

#include "tensor/kernels/table.h"

namespace pith::ops {

NarrowFilters narrow_filters(const Tensor& w, const Tensor& bias, int32_t zero_point, int64_t groups) {
  NarrowFilters f{.frame = pack_int_weights(w, bias, zero_point, groups)};
  if (groups != 1 || !f.frame.parts.empty()) return f;
  f.frame.values = Tensor();
  f.frame.packed = {};
  return f;
}

namespace {

/// One bit has no 0, and padding codes are anything: the weights of input channels that are not there become 0.
void clear_absent_channels(IntWeights& w, int64_t panels) {
  const int64_t live = w.shape[1] % 4, window = w.kernel_height() * w.kernel_width();
  const int64_t bytes = w.taps(w.segments.front()) * 16;
  if (live == 0) return;
  for (int64_t p = 0; p < panels; ++p) {
    int8_t* const plane = w.packed.data() + (p + 1) * bytes - window * 16;  // the last four channels
    for (int64_t i = 0; i < window * 16; i += 4) std::fill(plane + i + live, plane + i + 4, int8_t{0});
  }
}

}  // namespace

Tensor narrow_conv2d(const QuantizedTensor& x, const NarrowFilters& w, const Window& window, const IntTarget& to,
                     const KernelTable& table) {
  if (!w.frame.packed.empty()) return conv2d_s8(x, w.frame, window, to, table);
  IntWeights weights = w.frame;
  const int64_t panels = (weights.shape[0] + 3) / 4, bytes = weights.taps(weights.segments.front()) * 16;
  // A panel's last vector may reach into the next panel, which is written after it, or behind the last one.
  const int64_t slack = w.panel_vectors * (8 / w.bits) * 64 - bytes;
  weights.packed.resize(static_cast<size_t>(panels * bytes + slack));
  for (int64_t p = 0; p < panels; ++p)
    table.narrow_unpack({.bits = w.bits,
                         .codes = w.codes + p * w.panel_vectors * 64,
                         .levels = reinterpret_cast<const uint8_t*>(w.levels) + (w.bits == 4 ? 0 : p * 16),
                         .out = weights.packed.data() + p * bytes,
                         .vectors = w.panel_vectors});
  clear_absent_channels(weights, panels);
  return conv2d_s8(x, weights, window, to, table);
}

}  // namespace pith::ops
