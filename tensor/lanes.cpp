#include "tensor/lanes.h"

#include <cstring>

#include "tensor/error.h"
#include "tensor/kernels/table.h"
#include "tensor/parallel.h"
#include "tensor/tensor.h"

namespace pith {
namespace {

constexpr int64_t L = LaneGeometry::kLanes;

/// Interior of one lane tensor copied into another of the same shape with another halo.
Tensor change_halo(const Tensor& x, int64_t halo) {
  Tensor y = Tensor::lanes(x.shape(), halo);
  const LaneGeometry &from = x.geometry(), &to = y.geometry();
  const float* in = x.data<float>();
  float* out = y.mutable_data<float>();
  parallel_for(from.blocks * from.c, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t r = 0; r < from.h; ++r)
        std::memcpy(out + to.line(i / to.c, i % to.c, r, 0) * L, in + from.line(i / from.c, i % from.c, r, 0) * L,
                    static_cast<size_t>(from.w * L) * sizeof(float));
  });
  return y;
}

}  // namespace

int64_t plane_lines(int64_t pixels) { return pixels >= 32 && pixels % 32 == 0 ? pixels + 1 : pixels; }

LaneGeometry LaneGeometry::make(const Shape& shape, int64_t halo) {
  const bool features = shape.rank() == 2;
  if ((!features && shape.rank() != 4) || (features && halo != 0) || halo < 0)
    throw ShapeError("lane order holds [n, c, h, w] with a halo or [n, f] without; here " + text(shape) +
                     " with a halo of " + std::to_string(halo));
  constexpr int64_t kLimit = int64_t{1} << 40;  // no sum below can overflow; products are checked
  for (int64_t extent : {shape[0], shape[1], features ? 1 : shape[2], features ? 1 : shape[3], halo})
    if (extent > kLimit)
      throw ShapeError("lane order: " + text(shape) + " with a halo of " + std::to_string(halo) + " is too large");
  LaneGeometry g;
  g.n = shape[0];
  g.c = shape[1];
  g.h = features ? 1 : shape[2];
  g.w = features ? 1 : shape[3];
  g.halo = halo;
  g.blocks = (g.n + kLanes - 1) / kLanes;
  g.row = g.w + 2 * halo;
  g.plane = plane_lines(checked_mul(g.row, g.h + 2 * halo));
  g.block = checked_mul(g.c, g.plane);
  checked_mul(g.block, checked_mul(g.blocks, kLanes * 4));
  return g;
}

Tensor to_lanes(const Tensor& x, int64_t halo) {
  if (x.dtype() != DType::f32) throw TypeError("to_lanes: wants f32, here is " + text(x));
  if (x.is_lanes()) return x.geometry().halo == halo ? x : change_halo(x, halo);
  const Tensor plain = x.contiguous();
  Tensor y = Tensor::lanes(x.shape(), halo);
  const LaneGeometry& g = y.geometry();
  const float* in = plain.data<float>();
  float* out = y.mutable_data<float>();
  const KernelTable& k = kernels();
  const int64_t image = g.c * g.h * g.w;
  if (g.h * g.w == 1) {  // features: the channels are the contiguous axis
    parallel_for(g.blocks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b)
        k.interleave(in + b * L * image, image, g.live(b), out + g.line(b, 0, 0, 0) * L, g.c, g.plane);
    });
    return y;
  }
  parallel_for(g.blocks * g.c, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t r = 0; r < g.h; ++r)
        k.interleave(in + (i / g.c) * L * image + ((i % g.c) * g.h + r) * g.w, image, g.live(i / g.c),
                     out + g.line(i / g.c, i % g.c, r, 0) * L, g.w, 1);
  });
  return y;
}

Tensor to_plain(const Tensor& x) {
  if (!x.is_lanes()) return x.contiguous();
  Tensor y = Tensor::empty(x.shape());
  const LaneGeometry& g = x.geometry();
  const float* in = x.data<float>();
  float* out = y.mutable_data<float>();
  const KernelTable& k = kernels();
  const int64_t image = g.c * g.h * g.w;
  if (g.h * g.w == 1) {
    parallel_for(g.blocks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b)
        k.deinterleave(in + g.line(b, 0, 0, 0) * L, g.plane, out + b * L * image, image, g.live(b), g.c);
    });
    return y;
  }
  parallel_for(g.blocks * g.c, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t r = 0; r < g.h; ++r)
        k.deinterleave(in + g.line(i / g.c, i % g.c, r, 0) * L, 1,
                       out + (i / g.c) * L * image + ((i % g.c) * g.h + r) * g.w, image, g.live(i / g.c), g.w);
  });
  return y;
}

void clear_dead_lanes(Tensor& x) {
  const LaneGeometry& g = x.geometry();
  if (g.blocks == 0 || g.live(g.blocks - 1) == L) return;
  const int64_t live = g.live(g.blocks - 1);
  float* const p = x.mutable_data<float>() + (g.blocks - 1) * g.block * L;
  for (int64_t line = 0; line < g.block; ++line)
    std::memset(p + line * L + live, 0, static_cast<size_t>(L - live) * sizeof(float));
}

}  // namespace pith
