#include "tensor/ops/conv2d_s8_pixels.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <span>
#include <vector>

#include "tensor/parallel.h"

namespace pith::ops {
namespace {

constexpr int64_t L = LaneGeometry::kLanes, kLineBytes = 64, kWord = 4;  // bytes of four channels of an image

/// Four words: what every x86-64 takes at once.
using FourWords = uint32_t __attribute__((vector_size(16)));
constexpr int64_t kParts = 4;  // of a line

/// The images of a batch one behind the other: a word (four channels of a pixel) where their block has a line.
class Words {
 public:
  explicit Words(const QuantizedTensor& x) {
    const auto* const lines = x.values.data<uint8_t>();
    const int64_t images = x.values.shape()[0], block = x.values.geometry().block;
    words_.resize(static_cast<size_t>(images * block + L));  // a line of words may begin at the last one
    for (int64_t image = 0; image < images; ++image) {
      const uint8_t* const in = lines + image / L * block * kLineBytes + image % L * kWord;
      for (int64_t i = 0; i < block; ++i)
        std::memcpy(&words_[static_cast<size_t>(image * block + i)], in + i * kLineBytes, kWord);
    }
  }
  const uint32_t* data() const { return words_.data(); }

 private:
  std::vector<uint32_t> words_;
};

/// From the word of a window's first pixel to those that it reads: by plane, row, column, as weights are packed.
std::vector<int64_t> words_of_window(const LaneGeometry& g, const IntWeights& w, const Window& window) {
  std::vector<int64_t> words;
  for (int64_t p = 0; p < w.segments.front().planes; ++p)
    for (int64_t r = 0; r < w.kernel_height(); ++r)
      for (int64_t s = 0; s < w.kernel_width(); ++s)
        words.push_back(p * g.plane + (r * window.dilation[0] - window.padding[0]) * g.row + s * window.dilation[1] -
                        window.padding[1]);
  return words;
}

/// Pixels of y that lie in one line of the unfolded tensor, and the words that they stand for in an image.
struct PixelLine {
  int64_t line, live;
  std::array<int64_t, L> word;  ///< dead lanes count on from the last live one
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
      std::iota(at.word.begin() + at.live, at.word.end(), at.word[static_cast<size_t>(at.live - 1)] + 1);
      each(at);
    }
  });
}

/// Where the words of a line lie: in two runs, as where a row of pixels ends, or apart.
class Runs {
 public:
  explicit Runs(const PixelLine& at) : word_(at.word) {
    const auto follows = [&](size_t l) { return word_[l] == word_[l - 1] + 1; };
    size_t split = 1;
    while (split < L && follows(split)) ++split;
    size_t end = split + 1;
    while (end < L && follows(end)) ++end;
    are_two_ = end >= L;
    second_ = split < L ? word_[split] - static_cast<int64_t>(split) : word_[0];
    for (size_t l = 0; l < L; ++l) first_[l / kParts][l % kParts] = l < split ? ~0u : 0u;
  }
  /// For each tap the line of 16 words that lies so far from the pixels' own, one behind the other in `line`.
  void copy(const uint32_t* words, std::span<const int64_t> taps, uint8_t* line) const {
    if (are_two_) return copy_two(words, taps, line);
    for (const int64_t tap : taps) {
      for (int64_t l = 0; l < L; ++l) std::memcpy(line + l * kWord, words + word_[static_cast<size_t>(l)] + tap, kWord);
      line += kLineBytes;
    }
  }

 private:
  /// Bytes that are written may lie anywhere, says the language: what stays the same is kept in locals.
  void copy_two(const uint32_t* words, std::span<const int64_t> taps, uint8_t* line) const {
    const std::array<FourWords, kParts> first = first_;
    const uint32_t *const one = words + word_[0], *const two = words + second_;
    for (const int64_t tap : taps) {
      for (int64_t i = 0; i < kParts; ++i) {
        FourWords a, b;
        std::memcpy(&a, one + tap + i * 4, sizeof a);
        std::memcpy(&b, two + tap + i * 4, sizeof b);
        const FourWords& mask = first[static_cast<size_t>(i)];
        const FourWords both = (a & mask) | (b & ~mask);
        std::memcpy(line + i * 16, &both, sizeof both);
      }
      line += kLineBytes;
    }
  }

  const std::array<int64_t, L>& word_;
  int64_t second_;                       ///< where the second run would have begun at lane 0
  std::array<FourWords, kParts> first_;  ///< ones in the lanes of the first run
  bool are_two_;
};

/// [pixels, words x 4]: a pixel takes the place of an image.
QuantizedTensor unfolded(const QuantizedTensor& x, const IntWeights& w, const Window& window, const Shape& y) {
  const LaneGeometry& from = x.values.geometry();
  const std::vector<int64_t> words = words_of_window(from, w, window);
  Tensor u =
      Tensor::lanes({y[0] * y[2] * y[3], std::ssize(words) * kWord}, 0, DType::u8, static_cast<uint8_t>(x.zero_point));
  const LaneGeometry& to = u.geometry();
  const Words in(x);
  auto* const out = u.mutable_data<uint8_t>();
  const std::array<int64_t, 2> stride = window.stride;
  const auto place = [&](int64_t image, int64_t row, int64_t column) {
    return image * from.block + from.line(0, 0, row * stride[0], column * stride[1]);
  };
  for_each_line(y, std::ssize(words), place, [&](const PixelLine& at) {
    Runs(at).copy(in.data(), words, out + to.line(at.line, 0, 0, 0) * kLineBytes);  // taps are planes of one line
  });
  return {u, x.scale, x.zero_point};
}

/// Back to images: from [pixels, k].
Tensor folded(const Tensor& pixels, const Shape& y, int32_t zero_point) {
  Tensor images = Tensor::lanes(y, 1, DType::u8, static_cast<uint8_t>(zero_point));
  const LaneGeometry &from = pixels.geometry(), &to = images.geometry();
  const auto* const in = pixels.data<uint8_t>();
  auto* const out = images.mutable_data<uint8_t>();
  const auto place = [&](int64_t image, int64_t row, int64_t column) {
    return to.line(image / L, 0, row, column) * L + image % L;
  };
  for_each_line(y, to.planes, place, [&](const PixelLine& at) {
    for (int64_t p = 0; p < to.planes; ++p) {
      const uint8_t* const line = in + from.line(at.line, p, 0, 0) * kLineBytes;
      for (int64_t l = 0; l < at.live; ++l)
        std::memcpy(out + (at.word[static_cast<size_t>(l)] + p * to.plane * L) * kWord, line + l * kWord, kWord);
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
