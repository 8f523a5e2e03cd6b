// Mask: a set of kept positions in a weight tensor.
//
// Immutable: pruning makes a new Mask, so one may be shared between threads and parameters without a lock. Bit 1 =
// keep. Bits lie in row-major order of the shape, position i in bit i % 64 of word i / 64; the bits behind the last
// position are 0, so that equal masks have equal words.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "tensor/shape.h"
#include "tensor/tensor.h"

namespace pith {

struct MaskedProduct;
class MaskedConv;

/// How a mask was made: a record for reports and formats. It promises nothing about the bits.
enum class Granularity : uint8_t { element, row, column, kernel, filter, channel, block, layer, n_of_m };

/// "element", "row", ..., "n_of_m".
std::string_view name(Granularity g);

class Mask {
 public:
  /// Everything kept. Throws ShapeError for an empty shape: its density would be 0 / 0.
  explicit Mask(const Shape& shape, Granularity granularity = Granularity::element);
  /// From words as words() gives them. Throws ShapeError where their count does not fit; surplus bits are cleared.
  Mask(const Shape& shape, std::vector<uint64_t> words, Granularity granularity = Granularity::element);
  /// Kept where `keep` is not 0. keep: f32, f64 or u8, any shape; NaN counts as kept.
  static Mask from(const Tensor& keep, Granularity granularity = Granularity::element);

  const Shape& shape() const { return shape_; }
  Granularity granularity() const { return granularity_; }
  int64_t numel() const { return shape_.numel(); }
  std::span<const uint64_t> words() const { return words_; }
  /// Position i in row-major order, 0 <= i < numel(): the caller's promise.
  bool keeps(int64_t i) const { return (words_[static_cast<size_t>(i >> 6)] >> (i & 63) & 1) != 0; }

  int64_t kept() const { return kept_; }
  /// kept / all, in [0, 1].
  double density() const { return static_cast<double>(kept_) / static_cast<double>(numel()); }
  /// 1 - density().
  double sparsity() const { return 1 - density(); }

  /// 1 where kept, 0 where pruned, in this shape. dtype: f32, f64 or u8 (what `from` reads).
  Tensor to_tensor(DType dtype = DType::u8) const;

  /// What the matrix products of a weight under this Mask need (formats/masked_product.h). Built at the first question
  /// (by one thread; others wait) and shared by all copies of this Mask.
  const MaskedProduct& product() const;
  /// What its convolutions need (formats/masked_conv.h), likewise. Throws ShapeError unless it has four axes.
  const MaskedConv& convolution() const;

  /// The same positions of the same shape; how they were chosen does not matter.
  friend bool operator==(const Mask& a, const Mask& b) { return a.shape_ == b.shape_ && a.words_ == b.words_; }

 private:
  struct Products;
  Shape shape_;
  std::vector<uint64_t> words_;
  std::shared_ptr<Products> products_;  ///< never null; a function of the bits
  int64_t kept_ = 0;
  Granularity granularity_;
};

/// Writes exactly 0 wherever the mask prunes. t: f32 or f64, plain and contiguous, the mask's shape; throws ShapeError
/// or TypeError otherwise.
void zero_pruned(const Mask& mask, Tensor& t);

/// Is t exactly 0 wherever the mask prunes? Same demands as zero_pruned.
bool is_zero_where_pruned(const Mask& mask, const Tensor& t);

}  // namespace pith
