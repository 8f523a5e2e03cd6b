// Shape: up to six extents, and the rules that join shapes. Pure values and pure functions; everything here throws
// ShapeError with both shapes in the sentence. Thread-safe: nothing is shared.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace pith {

/// a * b, refused where it does not fit 63 bits. a, b >= 0.
int64_t checked_mul(int64_t a, int64_t b);

/// Extents of a tensor, outermost first. Rank 0 is a scalar of one element; an extent may be 0.
class Shape {
 public:
  static constexpr int kMaxRank = 6;

  Shape() = default;
  /// Throws ShapeError for more than six extents, a negative one, or a count beyond 63 bits.
  Shape(std::initializer_list<int64_t> extents);
  explicit Shape(std::span<const int64_t> extents);

  int rank() const { return rank_; }
  /// Extent of axis i; negative i counts from the end. Throws ShapeError outside the rank.
  int64_t operator[](int i) const;
  /// Number of elements.
  int64_t numel() const { return numel_; }
  std::span<const int64_t> extents() const { return {extents_.data(), static_cast<size_t>(rank_)}; }
  /// A copy with axis i set to `extent`.
  Shape with(int i, int64_t extent) const;

  friend bool operator==(const Shape& a, const Shape& b) {
    return a.rank_ == b.rank_ && a.extents_ == b.extents_;
  }

 private:
  void set(std::span<const int64_t> extents);
  std::array<int64_t, kMaxRank> extents_{};
  int rank_ = 0;
  int64_t numel_ = 1;
};

/// "[8, 3, 32, 32]"; a scalar is "[]".
std::string text(const Shape& s);

/// Axis i of a tensor of this rank, with negative i counted from the end. Throws ShapeError naming `op`.
int checked_axis(int i, int rank, const char* op);

/// The shape both broadcast to (NumPy's rule). `op` names the operation in the error.
Shape broadcast(const Shape& a, const Shape& b, const char* op);

/// Geometry of a 2-D convolution or pooling window: {rows, columns} each.
struct Window {
  std::array<int64_t, 2> stride{1, 1};
  std::array<int64_t, 2> padding{0, 0};
  std::array<int64_t, 2> dilation{1, 1};
  int64_t groups = 1;
};

/// Output extent of one spatial axis: floor((in + 2 pad - dilation (kernel - 1) - 1) / stride) + 1, at least 1.
/// Throws ShapeError where the window does not fit, or stride, dilation or kernel is below 1 or padding below 0.
int64_t window_extent(int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation, const char* op);

/// Output shape of conv2d: x [n, c, h, w], w [k, c / groups, kh, kw] -> [n, k, oh, ow].
Shape conv2d_shape(const Shape& x, const Shape& w, const Window& window);

}  // namespace pith
