#include "tensor/ops/conv2d_plain.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "tensor/parallel.h"

namespace pith::ops::plain_conv {
namespace {

/// The image unfolded along its columns only: for every channel c, kernel column s and row phase a (a stride of t
/// splits rows into t phases) a small image
///   u[c][s][a][i][j] = x[c][i t + a - padding][j stride + s dilation - padding], 0 outside,
/// with as many columns as the result. A tap is then a shift by whole rows, and outputs that are neighbours in memory
/// read neighbours: no column of padding is ever computed. A third of im2col for a 3 x 3 window.
struct Unfolding {
  Shape x, w;
  Window window;
  int64_t columns, rows, phases;   ///< of one small image; row phases that the window reaches
  int64_t image, column, channel;  ///< floats from one phase, kernel column, channel to the next

  Unfolding(const Shape& xs, const Shape& ws, const Shape& y, const Window& v)
      : x(xs), w(ws), window(v), columns(y[3]), rows(y[2] + reach(0) / v.stride[0]) {
    phases = std::min(window.stride[0], reach(0) + 1);
    image = checked_mul(rows, columns);
    column = checked_mul(image, phases);
    channel = checked_mul(column, w[3]);
  }
  int64_t reach(size_t axis) const { return (w[static_cast<int>(axis) + 2] - 1) * window.dilation[axis]; }

  /// Does the plain image serve as it lies? (A 1 x 1 window without stride or padding.)
  bool is_the_image() const {
    constexpr std::array<int64_t, 2> kNone{0, 0}, kOne{1, 1};
    return w[2] * w[3] == 1 && window.stride == kOne && window.padding == kNone;
  }

  /// Floats from a channel's first to the tap (r, s).
  int64_t tap(int64_t r, int64_t s) const {
    const int64_t row = r * window.dilation[0];
    return s * column + row % window.stride[0] * image + row / window.stride[0] * columns;
  }

  /// All small images of one channel. The columns that fall outside of the image are the same in every row.
  void fill_channel(const float* plane, float* out) const {
    const int64_t height = x[2], width = x[3], kernel = w[3];
    for (int64_t s = 0; s < kernel; ++s) {
      const int64_t shift = s * window.dilation[1] - window.padding[1], stride = window.stride[1];
      const int64_t first = std::clamp<int64_t>((stride - 1 - shift) / stride, 0, columns);
      const int64_t last =
          shift >= width ? first : std::clamp<int64_t>((width - 1 - shift) / stride + 1, first, columns);
      for (int64_t a = 0; a < phases; ++a)
        for (int64_t i = 0; i < rows; ++i, out += columns) {
          const int64_t row = i * window.stride[0] + a - window.padding[0];
          const bool inside = row >= 0 && row < height;
          fill_row(inside ? plane + row * width + shift : nullptr, first, last, out);
        }
    }
  }

  /// Columns first .. last from every stride-th float of a row, zeros around them; only zeros where there is no row.
  void fill_row(const float* in, int64_t first, int64_t last, float* out) const {
    const int64_t stride = window.stride[1];
    if (!in || first == last) {
      std::memset(out, 0, static_cast<size_t>(columns) * sizeof(float));
      return;
    }
    for (int64_t j = 0; j < first; ++j) out[j] = 0;
    if (stride == 1) {
      std::memcpy(out + first, in + first, static_cast<size_t>(last - first) * sizeof(float));
    } else if (stride == 2) {
      for (int64_t j = first; j < last; ++j) out[j] = in[2 * j];
    } else {
      for (int64_t j = first; j < last; ++j) out[j] = in[stride * j];
    }
    for (int64_t j = last; j < columns; ++j) out[j] = 0;
  }
};

Tensor unfold(const Unfolding& u, const Tensor& x) {
  const int64_t planes = x.shape()[0] * x.shape()[1], pixels = x.shape()[2] * x.shape()[3];
  Tensor unfolded = Tensor::empty({checked_mul(planes, u.channel)});
  float* const out = unfolded.mutable_data<float>();
  const float* const in = x.data<float>();
  constexpr int64_t kFloats = 1 << 15;
  parallel_for(planes, std::max<int64_t>(1, kFloats / u.channel), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) u.fill_channel(in + i * pixels, out + i * u.channel);
  });
  return unfolded;
}

std::vector<int32_t> distances(const Unfolding& u) {
  std::vector<int32_t> taps;
  const int64_t channels = u.w[1], kernel_rows = u.w[2], kernel_columns = u.w[3];
  taps.reserve(static_cast<size_t>(channels * kernel_rows * kernel_columns));
  for (int64_t r = 0; r < kernel_rows; ++r)
    for (int64_t s = 0; s < kernel_columns; ++s) taps.push_back(static_cast<int32_t>(u.tap(r, s)));
  for (size_t i = taps.size(), window = i; i < window * static_cast<size_t>(channels); ++i)
    taps.push_back(static_cast<int32_t>(taps[i - window] + u.channel));
  return taps;
}

const float* at(const Tensor& t, int64_t index) { return t.defined() ? t.data<float>() + index : nullptr; }

/// Output channels of one chunk, a multiple of the kernel's 4: about a million products.
int64_t filters_per_chunk(int64_t products_per_filter) {
  constexpr int64_t kTile = 4, kProducts = 1 << 20;
  return kTile * std::max<int64_t>(1, kProducts / std::max<int64_t>(1, kTile * products_per_filter));
}

}  // namespace

Tensor forward(const KernelTable& table, const Tensor& x, const Tensor& w, const Window& window,
               const ConvEpilogue& epilogue) {
  const Shape &s = w.shape(), shape = conv2d_shape(x.shape(), s, window);
  const Unfolding unfolding(x.shape(), s, shape, window);
  const Tensor input = unfolding.is_the_image() ? x : unfold(unfolding, x);
  const Tensor residual = epilogue.residual.defined() ? to_plain(epilogue.residual) : Tensor();
  const std::vector<int32_t> taps = distances(unfolding);
  Tensor y = Tensor::empty(shape);
  const float* const in = input.data<float>();
  float* const out = y.mutable_data<float>();
  const int64_t groups = window.groups, filters = s[0] / groups, depth = static_cast<int64_t>(taps.size());
  const int64_t pixels = shape[2] * shape[3], grain = filters_per_chunk(depth * pixels);
  const int64_t chunks = chunk_count(filters, grain);
  parallel_for(shape[0] * groups * chunks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t image = i / chunks / groups, group = i / chunks % groups;
      const int64_t k = group * filters + i % chunks * grain;
      const int64_t target = (image * shape[1] + k) * pixels;
      table.conv_pixels({.x = in + (image * x.shape()[1] + group * s[1]) * unfolding.channel,
                         .taps = taps.data(),
                         .w = w.data<float>() + k * depth,
                         .y = out + target,
                         .depth = depth,
                         .channels = std::min((group + 1) * filters, k + grain) - k,
                         .pixels = pixels,
                         .w_step = depth,
                         .scale = at(epilogue.scale, k),
                         .bias = at(epilogue.bias, k),
                         .residual = at(residual, target),
                         .relu = epilogue.relu});
    }
  });
  return y;
}

}  // namespace pith::ops::plain_conv
