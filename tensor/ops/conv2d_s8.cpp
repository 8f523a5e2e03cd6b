#include "tensor/ops/conv2d_s8.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "tensor/error.h"
#include "tensor/kernels/table.h"
#include "tensor/ops/conv2d.h"
#include "tensor/ops/conv2d_s8_bits.h"
#include "tensor/ops/conv2d_s8_pixels.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

constexpr int64_t L = LaneGeometry::kLanes, kLineBytes = 64;

/// A product ready to run: where things lie, for any rows of any block of images. A linear layer is one row of outputs
/// whose neighbours are the blocks.
struct Plan {
  const KernelTable& table;
  const IntWeights& w;
  const IntTarget& to;
  const uint8_t* x;
  LaneGeometry from, target;
  std::vector<int32_t> taps;     ///< of the longest segment; a shorter one reads the first of them
  std::vector<int32_t> offsets;  ///< of the kept blocks of sparse weights
  bool skips;                    ///< the blocks that are all zero
  std::vector<float> scale;      ///< padded to 4
  Tensor residual;
  LaneGeometry residual_geometry;
  int64_t residual_step;
  std::byte* y;
  int64_t rows, outputs, x_step, x_row, y_step;
  IntClip clip = {};  ///< of row 0
};

IntOutput output_of(DType dtype) {
  return dtype == DType::u8 ? IntOutput::u8 : dtype == DType::f32 ? IntOutput::f32 : IntOutput::s32;
}

void check(const char* op, const QuantizedTensor& x, const IntWeights& w, const IntTarget& to, const Shape& y) {
  if (x.values.dtype() != DType::u8) throw TypeError(std::string(op) + ": wants u8, here is " + text(x.values));
  if (x.zero_point != w.zero_point)
    throw ArgumentError(std::string(op) + ": the weights were packed for a zero point of " +
                        std::to_string(w.zero_point) + ", that of x is " + std::to_string(x.zero_point));
  if (to.dtype != DType::u8 && to.dtype != DType::f32 && to.dtype != DType::s32)
    throw TypeError(std::string(op) + ": gives u8, f32 or s32, not " + std::string(name(to.dtype)));
  if (to.dtype == DType::s32 && !w.parts.empty())
    throw ArgumentError(std::string(op) + ": a sum of these weights may leave s32; ask for u8 or f32");
  if (to.dtype != DType::s32 && static_cast<int64_t>(to.scale.size()) != y[1])
    throw ArgumentError(std::string(op) + ": " + std::to_string(to.scale.size()) + " scales for " +
                        std::to_string(y[1]) + " output channels");
  for (const float s : to.scale)
    if (!std::isfinite(s)) throw ArgumentError(std::string(op) + ": a scale is not finite");
  if (to.zero_point < 0 || to.zero_point > 255)
    throw ArgumentError(std::string(op) + ": the zero point " + std::to_string(to.zero_point) +
                        " lies outside [0, 255]");
  if (to.highest < to.zero_point || to.highest > 255)
    throw ArgumentError(std::string(op) + ": the highest result " + std::to_string(to.highest) +
                        " lies outside [zero point, 255]");
  const Tensor& r = to.residual.values;
  if (r.defined() && (to.dtype != DType::u8 || r.dtype() != DType::u8 || !(r.shape() == y)))
    throw ShapeError(std::string(op) + ": residual " + text(r) + " does not fit a u8 result of " + text(y));
  if (to.dtype != DType::u8 && to.relu) throw ArgumentError(std::string(op) + ": relu is for u8 results");
}

std::vector<int32_t> tap_offsets(const IntWeights& w, const LaneGeometry& g, const Window& window) {
  int64_t planes = 0;
  for (const IntSegment& s : w.segments) planes = std::max(planes, s.planes);
  const int64_t height = w.kernel_height(), width = w.kernel_width();
  std::vector<int32_t> taps;
  taps.reserve(static_cast<size_t>(planes * height * width));
  for (int64_t p = 0; p < planes; ++p)
    for (int64_t r = 0; r < height; ++r)
      for (int64_t s = 0; s < width; ++s)
        taps.push_back(static_cast<int32_t>(p * g.plane + (r * window.dilation[0] - window.padding[0]) * g.row +
                                            s * window.dilation[1] - window.padding[1]));
  return taps;
}

/// The rule for output channels from k on; y and the residual at (block, row, output 0) are the caller's.
Requantize rule(const Plan& p, int64_t k, const uint8_t* residual) {
  return {.scale = p.scale.data() + k,
          .zero_point = p.to.zero_point,
          .lowest = static_cast<uint8_t>(p.to.relu ? p.to.zero_point : 0),
          .highest = static_cast<uint8_t>(p.to.highest),
          .residual = residual,
          .residual_step = p.residual_step,
          .residual_row = p.residual_geometry.row,
          .residual_plane = p.residual_geometry.plane,
          .residual_scale = p.to.residual_scale,
          .residual_zero = p.to.residual.zero_point};
}

int64_t output_plane(const Plan& p, int64_t k) { return p.to.dtype == DType::u8 ? k / 4 : k; }

const uint8_t* residual_at(const Plan& p, int64_t block, int64_t k, int64_t row, int64_t i) {
  if (!p.residual.defined()) return nullptr;
  const LaneGeometry& g = p.residual_geometry;
  return p.residual.data<uint8_t>() + (g.line(block, k / 4, row, 0) + i * p.residual_step) * kLineBytes;
}

/// Channels [k, k + channels) of a segment, k a multiple of 4, over some rows.
IntConv conv_of(const Plan& p, const IntSegment& s, int64_t k, int64_t channels, int64_t block, int64_t row,
                int64_t rows, int64_t first, int64_t outputs, int32_t* scratch) {
  const int64_t depth = p.w.taps(s);
  IntClip clip = p.clip;
  clip.first_row += row * clip.row_step;
  return {.x = p.x + (p.from.line(block, s.plane, 0, 0) + row * p.x_row + first * p.x_step) * kLineBytes,
          .taps = p.taps.data(),
          .w = p.skips ? nullptr : p.w.packed.data() + s.first + (k - s.channel) * depth * 4,
          .bias = p.w.bias.data() + k,
          .scratch = scratch,
          .y = p.y + (p.target.line(block, output_plane(p, k), row, 0) + first * p.y_step) * kLineBytes,
          .depth = depth,
          .channels = channels,
          .rows = rows,
          .outputs = outputs,
          .x_step = p.x_step,
          .x_row = p.x_row,
          .y_step = p.y_step,
          .y_row = p.target.row,
          .y_plane = p.target.plane,
          .output = output_of(p.to.dtype),
          .to = rule(p, k, residual_at(p, block, k, row, first)),
          .clip = clip};
}

/// Where the border's integer is 0, 3 x 3 windows need not read it: a sixth of the work at 8 x 8 outputs. Shallow
/// windows would lose more in the nest than they gain (measured: 16 channels), and tiles have neighbours there.
IntClip clip_of(const QuantizedTensor& x, const IntWeights& w, const Window& window, const LaneGeometry& target) {
  const LaneGeometry& from = x.values.geometry();
  const bool fits = w.shape.rank() == 4 && w.shape[2] == 3 && w.shape[3] == 3 && w.parts.empty() && !w.is_sparse() &&
                    window.dilation[0] == 1 && window.dilation[1] == 1 && window.padding[0] <= 1 &&
                    window.padding[1] <= 1;
  if (!fits || w.taps(w.segments.front()) < 72 || x.zero_point != 0 || x.values.is_tiles()) return {};
  return {.is_on = true,
          .left = window.padding[1] == 1,
          .right = (target.w - 1) * window.stride[1] + 2 - window.padding[1] >= from.w,
          .first_row = -window.padding[0],
          .row_step = window.stride[0],
          .height = from.h};
}

/// Four channels of one row whose sums need 64 bits: the parts of the depth one by one.
void run_wide(const Plan& p, const IntSegment& s, IntConv c, int64_t k) {
  const int64_t plane = c.outputs * L, depth = c.depth;
  const int32_t no_bias[4] = {};
  std::vector<int32_t> part(static_cast<size_t>(4 * plane));
  std::vector<int64_t> sums(part.size());
  for (int64_t j = 0; j < 4; ++j)
    std::fill_n(sums.begin() + j * plane, plane, p.w.wide_bias[static_cast<size_t>(k + j)]);
  IntConv q = c;
  q.y = part.data();
  q.bias = no_bias;
  q.channels = 4;
  q.y_step = 1;
  q.y_plane = c.outputs;
  q.output = IntOutput::s32;
  int64_t begin = 0;
  for (const int64_t part_end : p.w.parts) {
    const int64_t end = std::min(part_end, depth);
    if (end <= begin) break;
    q.taps = c.taps + begin;
    // A block of four channels is contiguous over its whole depth, so its later part is, too.
    q.w = c.w + begin * 16;
    q.depth = end - begin;
    p.table.conv_int(q);
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += part[i];
    begin = end;
  }
  for (int64_t i = 0; i < c.outputs; ++i) {
    if (c.output == IntOutput::u8) {
      WideSums wide{.sums = sums.data() + i * L, .plane = plane, .lines = 1, .to = c.to};
      wide.y = static_cast<uint8_t*>(c.y) + i * c.y_step * kLineBytes;
      if (c.to.residual) wide.to.residual = c.to.residual + i * c.to.residual_step * kLineBytes;
      p.table.requantize_wide(wide);
      continue;
    }
    for (int64_t j = 0; j < std::min<int64_t>(4, s.channel + s.channels - k); ++j)
      for (int64_t l = 0; l < L; ++l)
        static_cast<float*>(c.y)[(j * c.y_plane + i * c.y_step) * L + l] =
            static_cast<float>(sums[static_cast<size_t>(j * plane + i * L + l)]) * c.to.scale[j];
  }
}

void run_sparse(const Plan& p, const IntConv& c, int64_t k) {
  p.table.sparse_conv_int({.start = p.w.blocks.start.data() + k,
                           .offsets = p.offsets.data(),
                           .weights = p.w.blocks.weight.data(),
                           .dense = c});
}

/// Rows [row, row + rows) and outputs [first, first + outputs) of channels [k, k + channels) of a segment.
void run(const Plan& p, const IntSegment& s, int64_t k, int64_t channels, int64_t block, int64_t row, int64_t rows,
         int64_t first, int64_t outputs, std::vector<int32_t>& scratch) {
  if (p.skips) return run_sparse(p, conv_of(p, s, k, channels, block, row, rows, first, outputs, scratch.data()), k);
  if (p.w.parts.empty())
    return p.table.conv_int(conv_of(p, s, k, channels, block, row, rows, first, outputs, scratch.data()));
  for (int64_t j = 0; j < channels; j += 4)
    for (int64_t r = 0; r < rows; ++r)
      run_wide(
          p, s,
          conv_of(p, s, k + j, std::min<int64_t>(4, channels - j), block, row + r, 1, first, outputs, scratch.data()),
          k + j);
}

/// Rows of outputs in one chunk: about 8 million products of four.
int64_t rows_per_chunk(int64_t rows, int64_t products_per_row) {
  constexpr int64_t kProducts = 8'000'000;
  const int64_t wanted = std::clamp<int64_t>(kProducts / std::max<int64_t>(products_per_row, 1), 1, rows);
  return chunk_count(rows, chunk_count(rows, wanted));
}

void run_image(const Plan& p) {
  constexpr int64_t kRows = 4;  // of one kernel call: they share what a set prepares of the weights
  const int64_t depth = static_cast<int64_t>(p.taps.size());
  const int64_t strip = rows_per_chunk(p.rows, p.target.c * depth * p.outputs * L);
  const int64_t strips = chunk_count(p.rows, strip);
  parallel_for(p.target.blocks * strips, 1, [&](int64_t begin, int64_t end) {
    std::vector<int32_t> scratch(static_cast<size_t>(depth * 8));
    for (int64_t i = begin; i < end; ++i) {
      const int64_t last = std::min(p.rows, (i % strips + 1) * strip);
      for (int64_t row = i % strips * strip; row < last; row += kRows)
        for (const IntSegment& s : p.w.segments)
          run(p, s, s.channel, s.channels, i / strips, row, std::min(kRows, last - row), 0, p.outputs, scratch);
    }
  });
}

/// Blocks of images by blocks of channels.
void run_features(const Plan& p) {
  constexpr int64_t kChannels = 32, kBlocks = 6;
  const IntSegment& s = p.w.segments.front();
  const int64_t depth = static_cast<int64_t>(p.taps.size());
  const int64_t bands = chunk_count(s.channels, kChannels);
  parallel_for(bands * chunk_count(p.outputs, kBlocks), 1, [&](int64_t begin, int64_t end) {
    std::vector<int32_t> scratch(static_cast<size_t>(depth * 8));
    for (int64_t i = begin; i < end; ++i) {
      const int64_t k = i % bands * kChannels, first = i / bands * kBlocks;
      run(p, s, k, std::min(kChannels, s.channels - k), 0, 0, 1, first, std::min(kBlocks, p.outputs - first), scratch);
    }
  });
}

int64_t halo_for(const Shape& image) { return image.rank() == 2 || image[2] * image[3] == 1 ? 0 : 1; }

/// Can tiles of x give tiles of y of the same grid? Then every lane stays in its place.
bool keeps_tiles(const QuantizedTensor& x, const IntWeights& w, const Window& window, const IntTarget& to,
                 const Shape& y) {
  if (!x.values.is_tiles()) return false;
  const LaneGeometry& g = x.values.geometry();
  const Tensor& r = to.residual.values;
  const Shape& s = x.values.shape();
  return y[2] * window.stride[0] == s[2] && y[3] * window.stride[1] == s[3] && g.h % window.stride[0] == 0 &&
         g.w % window.stride[1] == 0 && g.halo >= conv2d_halo(s, w.shape, window) &&
         (!r.defined() || (r.is_tiles() && r.geometry().grid == g.grid));
}

Tensor empty_result(const Tensor& x, const Shape& shape, const IntTarget& to) {
  const uint8_t border = static_cast<uint8_t>(to.dtype == DType::u8 ? to.zero_point : 0);
  if (x.is_tiles()) return Tensor::tiles(shape, 1, x.geometry().grid, to.dtype, border);
  return Tensor::lanes(shape, halo_for(shape), to.dtype, border);
}

Tensor run_product(const QuantizedTensor& x, const IntWeights& w, const Window& window, const IntTarget& to,
                   const Shape& shape, const KernelTable& table) {
  const bool features = shape.rank() == 2;
  Tensor y = empty_result(x.values, shape, to);
  if (y.numel() == 0) return y;
  const LaneGeometry &from = x.values.geometry(), &target = y.geometry();
  Plan p{.table = table,
         .w = w,
         .to = to,
         .x = x.values.data<uint8_t>(),
         .from = from,
         .target = target,
         .taps = tap_offsets(w, from, window),
         .offsets = {},
         .skips = w.is_sparse() && !(w.dense_in_tiles && x.values.is_tiles()),
         .scale = to.scale,
         .residual = {},
         .residual_geometry = {},
         .residual_step = 1,
         .y = static_cast<std::byte*>(y.mutable_raw()),
         .rows = features ? 1 : target.h,
         .outputs = features ? target.blocks : target.w,
         .x_step = features ? from.block : window.stride[1],
         .x_row = features ? 0 : window.stride[0] * from.row,
         .y_step = features ? target.block : 1,
         .clip = features ? IntClip{} : clip_of(x, w, window, target)};
  p.scale.resize(w.bias.size(), 1.0f);
  if (p.skips) p.offsets.resize(w.blocks.tap.size());
  std::transform(w.blocks.tap.begin(), w.blocks.tap.begin() + std::ssize(p.offsets), p.offsets.begin(),
                 [&p](int32_t tap) { return p.taps[static_cast<size_t>(tap)]; });
  if (to.residual.values.defined()) {
    p.residual = y.is_tiles() ? to.residual.values : in_lanes(to.residual, 0).values;
    p.residual_geometry = p.residual.geometry();
    if (features) p.residual_step = p.residual_geometry.block;
  }
  features ? run_features(p) : run_image(p);
  if (y.is_tiles())
    exchange_halo(y, static_cast<uint8_t>(to.dtype == DType::u8 ? to.zero_point : 0));
  else if (to.dtype != DType::u8)
    clear_dead_lanes(y);
  return y;
}

}  // namespace

Tensor conv2d_s8(const QuantizedTensor& x, const IntWeights& w, const Window& window, const IntTarget& to,
                 const KernelTable& table) {
  const Shape shape = conv2d_shape(x.values.shape(), w.shape, window);
  if (window.groups != w.groups)
    throw ArgumentError("conv2d_s8: the weights were packed for " + std::to_string(w.groups) +
                        " groups, the window has " + std::to_string(window.groups));
  check("conv2d_s8", x, w, to, shape);
  const int64_t halo = conv2d_halo(x.values.shape(), w.shape, window);
  if (keeps_tiles(x, w, window, to, shape)) return run_product(x, w, window, to, shape, table);
  if (shape.numel() > 0 && pixels_pay(shape, w, to))
    return conv2d_s8_pixels(in_lanes(x, halo), w, window, to, shape, table);
  if (shape.numel() > 0 && bits_pay(x, w, to)) return conv2d_s8_bits(in_lanes(x, halo), w, window, to, shape, table);
  return run_product(in_lanes(x, halo), w, window, to, shape, table);
}

Tensor linear_s8(const QuantizedTensor& x, const IntWeights& w, const IntTarget& to, const KernelTable& table) {
  const Shape &xs = x.values.shape(), &ws = w.shape;
  if (xs.rank() != 2 || ws.rank() != 2 || xs[1] != ws[1])
    throw ShapeError("linear_s8: x " + text(xs) + " does not fit weights " + text(ws));
  const Shape shape{xs[0], ws[0]};
  check("linear_s8", x, w, to, shape);
  return run_product(in_lanes(x, 0), w, Window{}, to, shape, table);
}

}  // namespace pith::ops
