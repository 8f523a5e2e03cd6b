#include "tensor/ops/conv2d_s8_pixels.h"

#include <algorithm>
#include <array>
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

/// Pixels of y that lie in one line of the unfolded tensor, and the words that they stand for in an image.
struct PixelLine {
  int64_t line, live;
  std::array<int64_t, L> word;  ///< bytes; dead lanes have that of the last live one
};

/// Calls each(pixel line) for the pixels of y, in parallel; `work`: words moved for one of them. place(image, row,
/// column): a pixel's word.
template <class Place, class Each>
void for_each_line(const Shape& y, int64_t work, const Place& place, const Each& each) {
  const int64_t height = y[2], width = y[3], pixels = y[0] * height * width;
  parallel_for(chunk_count(pixels, L), std::max<int64_t>(1, (1 << 11) / work), [&](int64_t begin, int64_t end) {
    int64_t column = begin * L % width, row = begin * L / width % height, image = begin * L / (width * height);
    for (int64_t line = begin; line < end; ++line) {
      PixelLine at{line, std::min(L, pixels - line * L), {}};
      for (int64_t l = 0; l < at.live; ++l) {
        at.word[static_cast<size_t>(l)] = place(image, row, column);
        if (++column < width) continue;
        column = 0;
        if (++row == height) row = 0, ++image;
      }
      std::fill(at.word.begin() + at.live, at.word.end(), at.word[static_cast<size_t>(at.live - 1)]);
      each(at);
    }
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
  const std::array<int64_t, 2> stride = window.stride;
  const auto place = [&](int64_t image, int64_t row, int64_t column) {
    return word_at(from, image, 0, row * stride[0], column * stride[1]);
  };
  for_each_line(y, count, place, [&](const PixelLine& at) {
    for (int64_t t = 0; t < count; ++t) {
      uint8_t* const line = out + to.line(at.line, t, 0, 0) * kLineBytes;
      const uint8_t* const tap = in + words[static_cast<size_t>(t)];
      for (size_t l = 0; l < L; ++l) std::memcpy(line + l * kWord, tap + at.word[l], kWord);
    }
  });
  return {u, x.scale, x.zero_point};
}

/// Back to images: from [pixels, k].
Tensor folded(const Tensor& pixels, const Shape& y, int32_t zero_point) {
  Tensor images = Tensor::lanes(y, 1, DType::u8, static_cast<uint8_t>(zero_point));
  const LaneGeometry &from = pixels.geometry(), &to = images.geometry();
  const auto* const in = pixels.data<uint8_t>();
  auto* const out = images.mutable_data<uint8_t>();
  const auto place = [&](int64_t image, int64_t row, int64_t column) { return word_at(to, image, 0, row, column); };
  for_each_line(y, to.planes, place, [&](const PixelLine& at) {
    for (int64_t p = 0; p < to.planes; ++p) {
      const uint8_t* const line = in + from.line(at.line, p, 0, 0) * kLineBytes;
      for (int64_t l = 0; l < at.live; ++l)
        std::memcpy(out + at.word[static_cast<size_t>(l)] + p * to.plane * kLineBytes, line + l * kWord, kWord);
    }
  });
  return images;
}

}  // namespace

bool pixels_pay(const Shape& y, const IntWeights& w, const IntTarget& to) {
  return y[0] <= 4 && y[1] > 4 && y[2] * y[3] >= L && to.dtype == DType::u8 && !to.residual.values.defined() &&
         w.groups == 1 && w.segments.size() == 1 && !w.packed.empty() && w.parts.empty();
}

Tensor conv2d_s8_pixels(const QuantizedTensor& x, const IntWeights& w, const Window& window, const IntTarget& to,
                        const Shape& y, const KernelTable& table) {
  IntWeights flat = w;
  flat.blocks = {};
  flat.segments.front().planes = w.taps(w.segments.front());
  flat.shape = {w.shape[0], flat.segments.front().planes * kWord};
  return folded(linear_s8(unfolded(x, w, window, y), flat, to, table), y, to.zero_point);
}

}  // namespace pith::ops
