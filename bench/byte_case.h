// The same for integer kernels: bytes, weights of 8 bits with blocks of 1 x 4 left out, and codes of 4, 2 and 1 bits.
#pragma once

#include <vector>

#include "bench/conv_layers.h"
#include "tensor/ops/narrow_conv2d.h"
#include "tensor/ops/narrow_linear.h"
#include "tensor/random.h"

namespace pith::bench {

/// Normal weights whose largest is 127, as training leaves them; `kept` percent of the blocks of 1 x 4 along the inputs
/// remain.
inline Tensor byte_weights(const Shape& shape, int64_t kept) {
  Tensor w = Tensor::empty(shape);
  fill_normal(w, 0, 36, {.seed = 2});
  Random random({.seed = 3, .purpose = Purpose::test});
  const int64_t window = shape.rank() == 4 ? shape[2] * shape[3] : 1, depth = shape[1];
  float* const p = w.mutable_data<float>();
  for (int64_t k = 0; k < shape[0]; ++k)
    for (int64_t t = 0; t < window; ++t)
      for (int64_t c = 0; c < depth; c += 4)
        if (random.below(100) >= kept)
          for (int64_t j = c; j < depth && j < c + 4; ++j) p[(k * depth + j) * window + t] = 0;
  return w.to(DType::s8);
}

/// Codes of a convolution or a matrix, at random: what they stand for costs the kernels nothing.
class RandomCodes {
 public:
  explicit RandomCodes(int bits) : bits_(bits) {}
  /// Valid while this lives. One group a row.
  ops::NarrowRows rows(int64_t rows, int64_t cols) {
    const int64_t unit = 32 / bits_, width = (cols + unit - 1) / unit * unit, panels = (rows + 15) / 16;
    draw(panels * width * bits_ / 32 * 64);
    levels_.assign(static_cast<size_t>(panels * 64), 1);
    zero_.assign(static_cast<size_t>(panels * 16), bits_ == 4 ? 8 : 0);
    scale_.assign(static_cast<size_t>(panels * 16), 0.01F);
    weight_sum_.assign(static_cast<size_t>(panels * 16), 0);
    return {rows,         cols,          bits_,
            width,        codes_.data(), bits_ == 4 ? nullptr : levels_.data(),
            zero_.data(), scale_.data(), weight_sum_.data()};
  }
  ops::NarrowFilters filters(const Shape& shape, int32_t zero_point) {
    const int64_t taps = (shape[1] + 3) / 4 * shape[2] * shape[3], panels = (shape[0] + 3) / 4;
    ops::NarrowFilters f = ops::narrow_filters(byte_weights(shape, 100), Tensor(), zero_point, 1);
    f.bits = bits_;
    f.panel_vectors = (taps * 16 * bits_ / 8 + 63) / 64;
    draw(panels * f.panel_vectors * 64);
    signed_levels_.clear();
    for (int64_t i = 0; i < (bits_ == 4 ? 16 : panels * 16); ++i)
      signed_levels_.push_back(static_cast<int8_t>(bits_ == 4 ? i - 8 : i % 3 - 1));
    f.codes = codes_.data();
    f.levels = signed_levels_.data();
    return f;
  }

 private:
  void draw(int64_t bytes) {
    Random random({.seed = 5, .purpose = Purpose::test});
    codes_.resize(static_cast<size_t>(bytes));
    for (uint8_t& c : codes_) c = static_cast<uint8_t>(random.below(256));
  }
  int bits_;
  std::vector<uint8_t> codes_, levels_;
  std::vector<int8_t> signed_levels_;
  std::vector<int32_t> zero_;
  std::vector<float> scale_, weight_sum_;
};

}  // namespace pith::bench
