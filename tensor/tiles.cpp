// Tiles as lanes: the small-batch side of tensor/lanes.h.
#include <algorithm>
#include <array>

#include "tensor/error.h"
#include "tensor/kernels/table.h"
#include "tensor/lanes.h"
#include "tensor/parallel.h"
#include "tensor/tensor.h"

namespace pith {
namespace {

constexpr int64_t L = LaneGeometry::kLanes;

/// Where the first pixel of every live lane's tile lies in a plain [n, c, h, w], from channel 0 of the block's first
/// image.
std::array<int64_t, L> lane_offsets(const LaneGeometry& g) {
  std::array<int64_t, L> offsets{};
  const int64_t width = g.w * g.grid.columns, image = g.c * g.h * g.grid.rows * width;
  for (int64_t lane = 0; lane < L; ++lane) {
    const int64_t tile = lane % g.grid.count();
    offsets[static_cast<size_t>(lane)] =
        lane / g.grid.count() * image + tile / g.grid.columns * g.h * width + tile % g.grid.columns * g.w;
  }
  return offsets;
}

/// Calls each(plain element, line-ordered element) for the first pixel of every lane of every row of every channel.
template <class Each>
void each_row(const LaneGeometry& g, const Each& each) {
  const std::array<int64_t, L> offsets = lane_offsets(g);
  const int64_t width = g.w * g.grid.columns, pixels = g.h * g.grid.rows * width, group = g.channels_per_plane();
  const int64_t grain = std::max<int64_t>(1, (1 << 13) / std::max<int64_t>(1, pixels * group));
  parallel_for(g.blocks * g.planes, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t block = i / g.planes, plane = i % g.planes;
      for (int64_t c = plane * group; c < g.c && c < (plane + 1) * group; ++c)
        for (int64_t y = 0; y < g.h; ++y)
          for (int64_t lane = 0; lane < g.live(block); ++lane)
            each((block * g.images() * g.c + c) * pixels + offsets[static_cast<size_t>(lane)] + y * width,
                 (g.line(block, plane, y, 0) * L + lane) * group + c % group);
    }
  });
}

/// Elements from one line to the next: 16 words, or 64 bytes.
int64_t line_step(const LaneGeometry& g) { return L * g.channels_per_plane(); }

template <class T>
Tensor elements_to_plain(const Tensor& x) {
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  const LaneGeometry& g = x.geometry();
  const T* const in = x.data<T>();
  T* const out = y.mutable_data<T>();
  each_row(g, [&](int64_t row, int64_t line) {
    for (int64_t i = 0; i < g.w; ++i) out[row + i] = in[line + i * line_step(g)];
  });
  return y;
}

/// x: f32.
Tensor change_halo(const Tensor& x, int64_t halo) {
  Tensor y = Tensor::tiles(x.shape(), halo, x.geometry().grid);
  const LaneGeometry &from = x.geometry(), &to = y.geometry();
  const float* const in = x.data<float>();
  float* const out = y.mutable_data<float>();
  for (int64_t i = 0; i < from.blocks * from.c; ++i)
    for (int64_t r = 0; r < from.h; ++r)
      std::copy_n(in + from.line(i / from.c, i % from.c, r, 0) * L, from.w * L,
                  out + to.line(i / to.c, i % to.c, r, 0) * L);
  exchange_halo(y);
  return y;
}

/// For each of 3 x 3 directions (above, level, below; left, level, right) the lane that holds the neighbour of each
/// lane, or -1 outside of the image.
using Neighbours = std::array<int32_t, 9 * L>;

Neighbours work_out_neighbours(TileGrid grid) {
  Neighbours from{};
  for (int64_t i = 0; i < 9 * L; ++i) {
    const int64_t lane = i % L, tile = lane % grid.count();
    const int64_t row = tile / grid.columns + i / L / 3 - 1, column = tile % grid.columns + i / L % 3 - 1;
    const bool inside = row >= 0 && row < grid.rows && column >= 0 && column < grid.columns;
    from[static_cast<size_t>(i)] = static_cast<int32_t>(inside ? lane - tile + row * grid.columns + column : -1);
  }
  return from;
}

/// The same, kept from call to call: a network has one grid, and its divisions take as long as a small layer's
/// exchange.
Neighbours neighbours(TileGrid grid) {
  thread_local TileGrid known{};
  thread_local Neighbours from = work_out_neighbours(known);
  if (!(known == grid)) from = work_out_neighbours(known = grid);
  return from;
}

}  // namespace

TileGrid tile_grid(int64_t n, int64_t h, int64_t w) {
  if (n < 1 || n >= L) return {};
  int64_t count = 2;
  while (n * count % L != 0) count *= 2;  // 16 tiles fill every lane
  for (; count <= L; count *= 2) {
    const int64_t rows = count >= 8 ? 4 : 2;
    const TileGrid grid{rows, count / rows};
    if (h % grid.rows == 0 && w % grid.columns == 0) return grid;
  }
  return {};
}

Tensor to_tiles(const Tensor& x, TileGrid grid, int64_t halo) {
  if (x.dtype() != DType::f32) throw TypeError("to_tiles: wants f32, here is " + text(x));
  if (x.is_tiles() && x.geometry().grid == grid) return x.geometry().halo == halo ? x : change_halo(x, halo);
  const Tensor plain = x.contiguous();
  Tensor y = Tensor::tiles(x.shape(), halo, grid);
  const LaneGeometry& g = y.geometry();
  const float* const in = plain.data<float>();
  float* const out = y.mutable_data<float>();
  each_row(g, [&](int64_t row, int64_t line) {
    for (int64_t i = 0; i < g.w; ++i) out[line + i * line_step(g)] = in[row + i];
  });
  exchange_halo(y);
  return y;
}

Tensor tiles_to_plain(const Tensor& x) {
  if (x.geometry().content == LaneContent::bits)
    throw TypeError("to_plain: " + text(x) + " hold signs only; nothing computes with them in plain order");
  if (x.dtype() == DType::u8) return elements_to_plain<uint8_t>(x);
  return x.dtype() == DType::s32 ? elements_to_plain<int32_t>(x) : elements_to_plain<float>(x);
}

void exchange_halo(Tensor& x, uint8_t border) {
  const LaneGeometry& g = x.geometry();
  if (g.halo == 0) return;
  const Neighbours from = neighbours(g.grid);
  float* const lines = static_cast<float*>(x.mutable_raw());
  const int64_t grain = std::max<int64_t>(1, (1 << 12) / std::max<int64_t>(1, g.plane));
  parallel_for(g.blocks * g.planes, grain, [&](int64_t begin, int64_t end) {
    kernels().exchange_border({.interior = lines + g.line(0, begin, 0, 0) * L,
                               .plane = g.plane,
                               .planes = end - begin,
                               .row = g.row,
                               .h = g.h,
                               .w = g.w,
                               .halo = g.halo,
                               .from = from.data(),
                               .outside = border * 0x01010101u});
  });
}

}  // namespace pith
