#include "tensor/lanes.h"

#include <algorithm>
#include <cstring>

#include "tensor/error.h"
#include "tensor/kernels/table.h"
#include "tensor/parallel.h"
#include "tensor/tensor.h"

namespace pith {
namespace {

constexpr int64_t L = LaneGeometry::kLanes, kLineBytes = 64;

/// Interior of one lane tensor copied into another of the same shape with another halo.
Tensor change_halo(const Tensor& x, int64_t halo, uint8_t border) {
  Tensor y = x.geometry().content == LaneContent::bits ? Tensor::bit_lanes(x.shape(), halo)
                                                       : Tensor::lanes(x.shape(), halo, x.dtype(), border);
  const LaneGeometry &from = x.geometry(), &to = y.geometry();
  const auto* const in = static_cast<const std::byte*>(x.raw());
  auto* const out = static_cast<std::byte*>(y.mutable_raw());
  parallel_for(from.blocks * from.planes, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t r = 0; r < from.h; ++r)
        std::memcpy(out + to.line(i / to.planes, i % to.planes, r, 0) * kLineBytes,
                    in + from.line(i / from.planes, i % from.planes, r, 0) * kLineBytes,
                    static_cast<size_t>(from.w * kLineBytes));
  });
  return y;
}

/// Calls each(image, channel, row) for every row of pixels, in parallel.
template <class Each>
void for_each_row(const LaneGeometry& g, const Each& each) {
  parallel_for(g.blocks * g.planes, 4, [&](int64_t begin, int64_t end) {
    const int64_t group = g.channels_per_plane();
    for (int64_t i = begin; i < end; ++i)
      for (int64_t c = i % g.planes * group; c < g.c && c < (i % g.planes + 1) * group; ++c)
        for (int64_t image = i / g.planes * L; image < g.n && image < (i / g.planes + 1) * L; ++image)
          for (int64_t y = 0; y < g.h; ++y) each(image, c, y);
  });
}

Tensor bytes_to_lanes(const Tensor& x, int64_t halo, uint8_t border) {
  Tensor y = Tensor::lanes(x.shape(), halo, DType::u8, border);
  const LaneGeometry& g = y.geometry();
  const uint8_t* const in = x.data<uint8_t>();
  uint8_t* const out = y.mutable_data<uint8_t>();
  for_each_row(g, [&](int64_t image, int64_t c, int64_t row) {
    const uint8_t* const from = in + ((image * g.c + c) * g.h + row) * g.w;
    uint8_t* const to = out + g.byte(image / L, image % L, c, row, 0);
    for (int64_t i = 0; i < g.w; ++i) to[i * kLineBytes] = from[i];
  });
  return y;
}

Tensor bytes_to_plain(const Tensor& x) {
  Tensor y = Tensor::empty(x.shape(), DType::u8);
  const LaneGeometry& g = x.geometry();
  const uint8_t* const in = x.data<uint8_t>();
  uint8_t* const out = y.mutable_data<uint8_t>();
  for_each_row(g, [&](int64_t image, int64_t c, int64_t row) {
    const uint8_t* const from = in + g.byte(image / L, image % L, c, row, 0);
    uint8_t* const to = out + ((image * g.c + c) * g.h + row) * g.w;
    for (int64_t i = 0; i < g.w; ++i) to[i] = from[i * kLineBytes];
  });
  return y;
}

template <class T>
Tensor signs_to_bits(const Tensor& x, int64_t halo) {
  Tensor y = Tensor::bit_lanes(x.shape(), halo);
  const LaneGeometry& g = y.geometry();
  const T* const in = x.data<T>();
  auto* const out = reinterpret_cast<uint32_t*>(y.mutable_data<int32_t>());
  std::memset(out, 0, y.bytes());
  for_each_row(g, [&](int64_t image, int64_t c, int64_t row) {
    const T* const from = in + ((image * g.c + c) * g.h + row) * g.w;
    uint32_t* const to = out + g.line(image / L, c / 32, row, 0) * L + image % L;
    for (int64_t i = 0; i < g.w; ++i) to[i * L] |= static_cast<uint32_t>(from[i] >= T{0}) << (c % 32);
  });
  return y;
}

/// The same for lanes of f32: 32 channels of 16 images at once.
Tensor line_signs(const Tensor& x, int64_t halo) {
  Tensor y = Tensor::bit_lanes(x.shape(), halo);
  const LaneGeometry &from = x.geometry(), &to = y.geometry();
  const float* const in = x.data<float>();
  auto* const out = reinterpret_cast<uint32_t*>(y.mutable_data<int32_t>());
  parallel_for(to.blocks * to.planes, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t b = i / to.planes, plane = i % to.planes;
      for (int64_t r = 0; r < to.h; ++r)
        kernels().line_signs({.x = in + from.line(b, plane * 32, r, 0) * L,
                              .y = out + to.line(b, plane, r, 0) * L,
                              .channels = std::min<int64_t>(32, to.c - plane * 32),
                              .pixels = to.w,
                              .x_plane = from.plane});
    }
  });
  return y;
}

Tensor bits_to_plain(const Tensor& x) {
  Tensor y = Tensor::empty(x.shape(), DType::s8);
  const LaneGeometry& g = x.geometry();
  const int32_t* const in = x.data<int32_t>();
  int8_t* const out = y.mutable_data<int8_t>();
  for_each_row(g, [&](int64_t image, int64_t c, int64_t row) {
    const int32_t* const from = in + g.line(image / L, c / 32, row, 0) * L + image % L;
    int8_t* const to = out + ((image * g.c + c) * g.h + row) * g.w;
    for (int64_t i = 0; i < g.w; ++i) to[i] = (static_cast<uint32_t>(from[i * L]) >> (c % 32) & 1) != 0 ? 1 : -1;
  });
  return y;
}

/// The interleaving kernels move 4-byte elements as they are; s32 goes through them as f32 does.
const float* words(const Tensor& x) { return static_cast<const float*>(x.raw()); }
float* mutable_words(Tensor& x) { return static_cast<float*>(x.mutable_raw()); }

void check_grid(const Shape& shape, int64_t halo, TileGrid grid) {
  if (grid == TileGrid{}) return;
  if (grid.rows < 1 || grid.columns < 1 || L % grid.rows != 0 || L % grid.columns != 0 || L % grid.count() != 0 ||
      shape.rank() != 4 || shape[2] % grid.rows != 0 || shape[3] % grid.columns != 0 || halo > shape[2] / grid.rows ||
      halo > shape[3] / grid.columns)
    throw ShapeError("lane order: " + std::to_string(grid.rows) + " x " + std::to_string(grid.columns) +
                     " tiles with a halo of " + std::to_string(halo) + " do not fit " + text(shape));
}

}  // namespace

int64_t plane_lines(int64_t pixels) { return pixels >= 32 && pixels % 32 == 0 ? pixels + 1 : pixels; }

LaneGeometry LaneGeometry::make(const Shape& shape, int64_t halo, LaneContent content, TileGrid grid) {
  const bool features = shape.rank() == 2;
  if ((!features && shape.rank() != 4) || (features && halo != 0) || halo < 0)
    throw ShapeError("lane order holds [n, c, h, w] with a halo or [n, f] without; here " + text(shape) +
                     " with a halo of " + std::to_string(halo));
  constexpr int64_t kLimit = int64_t{1} << 40;  // no sum below can overflow; products are checked
  for (int64_t extent : {shape[0], shape[1], features ? 1 : shape[2], features ? 1 : shape[3], halo})
    if (extent > kLimit)
      throw ShapeError("lane order: " + text(shape) + " with a halo of " + std::to_string(halo) + " is too large");
  check_grid(shape, halo, grid);
  LaneGeometry g;
  g.n = shape[0];
  g.c = shape[1];
  g.grid = grid;
  g.h = (features ? 1 : shape[2]) / grid.rows;
  g.w = (features ? 1 : shape[3]) / grid.columns;
  g.halo = halo;
  g.blocks = chunk_count(g.n * grid.count(), kLanes);
  g.row = g.w + 2 * halo;
  g.plane = plane_lines(checked_mul(g.row, g.h + 2 * halo));
  g.content = content;
  g.planes = (g.c + g.channels_per_plane() - 1) / g.channels_per_plane();
  g.block = checked_mul(g.planes, g.plane);
  checked_mul(g.block, checked_mul(g.blocks, kLanes * 4));
  return g;
}

Tensor to_lanes(const Tensor& x, int64_t halo, uint8_t border) {
  if (x.dtype() != DType::f32 && x.dtype() != DType::s32 && x.dtype() != DType::u8)
    throw TypeError("to_lanes: wants f32, s32 or u8, here is " + text(x));
  if (border != 0 && x.dtype() != DType::u8)
    throw TypeError("to_lanes: the border of " + text(x) + " is 0, only that of u8 holds a zero point");
  if (x.is_lanes()) return x.geometry().halo == halo ? x : change_halo(x, halo, border);
  const Tensor plain = x.contiguous();
  if (x.dtype() == DType::u8) return bytes_to_lanes(plain, halo, border);
  Tensor y = Tensor::lanes(x.shape(), halo, x.dtype());
  const LaneGeometry& g = y.geometry();
  const float* in = words(plain);
  float* out = mutable_words(y);
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

Tensor tiles_to_plain(const Tensor& x);  // tiles.cpp

Tensor to_plain(const Tensor& x) {
  if (x.is_plain()) return x.is_contiguous() ? x : x.clone();
  if (x.is_tiles()) return tiles_to_plain(x);
  if (x.geometry().content == LaneContent::bytes) return bytes_to_plain(x);
  if (x.geometry().content == LaneContent::bits) return bits_to_plain(x);
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  const LaneGeometry& g = x.geometry();
  const float* in = words(x);
  float* out = mutable_words(y);
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

Tensor to_bit_lanes(const Tensor& x, int64_t halo) {
  if (x.is_lanes() && x.geometry().content == LaneContent::bits)
    return x.geometry().halo == halo ? x : change_halo(x, halo, 0);
  if (x.is_lanes() && x.dtype() == DType::f32) return line_signs(x, halo);
  const Tensor plain = to_plain(x);
  if (plain.dtype() == DType::f32) return signs_to_bits<float>(plain, halo);
  if (plain.dtype() == DType::s8) return signs_to_bits<int8_t>(plain, halo);
  throw TypeError("to_bit_lanes: wants f32 or s8, here is " + text(x));
}

void clear_dead_lanes(Tensor& x) {
  const LaneGeometry& g = x.geometry();
  if (g.content != LaneContent::word) throw TypeError("clear_dead_lanes: those of " + text(x) + " may hold any value");
  if (g.blocks == 0 || g.live(g.blocks - 1) == L) return;
  const int64_t live = g.live(g.blocks - 1);
  float* const p = mutable_words(x) + (g.blocks - 1) * g.block * L;
  for (int64_t line = 0; line < g.block; ++line)
    std::memset(p + line * L + live, 0, static_cast<size_t>(L - live) * sizeof(float));
}

}  // namespace pith
