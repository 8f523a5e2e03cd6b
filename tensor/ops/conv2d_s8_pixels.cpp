#include "tensor/ops/conv2d_s8_pixels.h"

#include <algorithm>
#include <cstring>

#include "tensor/parallel.h"

namespace pith::ops {
namespace {

constexpr int64_t L = LaneGeometry::kLanes, kLineBytes = 64, kWord = 4;  // bytes of four channels of an image

/// Byte of four channels (a plane) of a pixel.
int64_t word_at(const LaneGeometry& g, int64_t image, int64_t plane, int64_t row, int64_t column) {
  return g.line(image / L, plane, row, column) * kLineBytes + image % L * kWord;
}

/// Bytes from the word of a window's first pixel to those that it reads: by plane, row, column, as weights are packed.
std::vector<int64_t> words_of_window(const LaneGeometry& g, const IntWeights& w, const Window& window) {
  std::vector<int64_t> words;
  for (int64_t p = 0; p < w.segments.front().planes; ++p)
    for (int64_t r = 0; r < w.kernel_height(); ++r)
      for (int64_t s = 0; s < w.kernel_width(); ++s)
        words.push_back((p * g.plane + (r * window.dilation[0] - window.padding[0]) * g.row + s * window.dilation[1] -
                         window.padding[1]) *
                        kLineBytes);
  return words;
}

/// Calls each(pixel, image, row, column) for the pixels of y, in parallel; `work`: words moved for one of them.
template <class Each>
void for_each_pixel(const Shape& y, int64_t work, const Each& each) {
  const int64_t area = y[2] * y[3];
  parallel_for(y[0] * area, std::max<int64_t>(L, (1 << 15) / work), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) each(i, i / area, i % area / y[3], i % y[3]);
  });
}

/// [pixels, words x 4]: a pixel takes the place of an image.
QuantizedTensor unfolded(const QuantizedTensor& x, const IntWeights& w, const Window& window, const Shape& y) {
  const LaneGeometry& from = x.values.geometry();
  const std::vector<int64_t> words = words_of_window(from, w, window);
  const int64_t count = std::ssize(words);
  Tensor u = Tensor::lanes({y[0] * y[2] * y[3], count * kWord}, 0, DType::u8, static_cast<uint8_t>(x.zero_point));
  const LaneGeometry& to = u.geometry();
  const auto* const in = x.values.data<uint8_t>();
  auto* const out = u.mutable_data<uint8_t>();
  for_each_pixel(y, count, [&](int64_t pixel, int64_t image, int64_t row, int64_t column) {
    const uint8_t* const source = in + word_at(from, image, 0, row * window.stride[0], column * window.stride[1]);
    uint8_t* const target = out + word_at(to, pixel, 0, 0, 0);
    for (int64_t t = 0; t < count; ++t)
      std::memcpy(target + t * to.plane * kLineBytes, source + words[static_cast<size_t>(t)], kWord);
  });
  return {u, x.scale, x.zero_point};
}

/// Back to images: from [pixels, k].
Tensor folded(const Tensor& pixels, const Shape& y, int32_t zero_point) {
  Tensor images = Tensor::lanes(y, 1, DType::u8, static_cast<uint8_t>(zero_point));
  const LaneGeometry &from = pixels.geometry(), &to = images.geometry();
  const auto* const in = pixels.data<uint8_t>();
  auto* const out = images.mutable_data<uint8_t>();
  for_each_pixel(y, to.planes, [&](int64_t pixel, int64_t image, int64_t row, int64_t column) {
    for (int64_t p = 0; p < to.planes; ++p)
      std::memcpy(out + word_at(to, image, p, row, column), in + word_at(from, pixel, p, 0, 0), kWord);
  });
  return images;
}

}  // namespace

bool pixels_pay(const Shape& y, const IntWeights& w, const IntTarget& to) {
  return y[0] <= 4 && y[1] >= 8 && y[2] * y[3] >= L && to.dtype == DType::u8 && !to.residual.values.defined() &&
         w.groups == 1 && w.segments.size() == 1 && !w.is_sparse() && w.parts.empty();
}

Tensor conv2d_s8_pixels(const QuantizedTensor& x, const IntWeights& w, const Window& window, const IntTarget& to,
                        const Shape& y, const KernelTable& table) {
  IntWeights flat = w;
  flat.segments.front().planes = w.taps(w.segments.front());
  flat.shape = {w.shape[0], flat.segments.front().planes * kWord};
  return folded(linear_s8(unfolded(x, w, window, y), flat, to, table), y, to.zero_point);
}

}  // namespace pith::ops
