// Tensor: a dense array as a value. A handle that shares its Storage: copying a Tensor copies the handle, views share
// bytes, clone() copies them, and nothing copies by accident.
//
// Orders: *plain* (strided, row-major unless it is a view), *lanes* and *tiles* (tensor/lanes.h; f32, s32, u8 or bits,
// always whole, never a view; tiles are what small batches are inferred in). Thread-safety: as an int's; several
// threads may read one Tensor, writing needs care.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tensor/dtype.h"
#include "tensor/lanes.h"
#include "tensor/shape.h"
#include "tensor/storage.h"

namespace pith {

enum class Order : uint8_t { plain, lanes, tiles };

class Tensor {
 public:
  /// No tensor at all: defined() is false, and nothing else may be asked.
  Tensor() = default;

  /// Uninitialised, plain.
  static Tensor empty(const Shape& shape, DType dtype = DType::f32);
  static Tensor zeros(const Shape& shape, DType dtype = DType::f32);
  /// Every element is `value`, rounded to the type.
  static Tensor full(const Shape& shape, double value, DType dtype = DType::f32);
  /// A copy of `values` in row-major order. T is one of float, double, int32_t, int8_t, uint8_t. Throws ShapeError
  /// where the counts differ.
  template <class T>
  static Tensor from(std::span<const T> values, const Shape& shape);
  template <class T>
  static Tensor from(const std::vector<T>& values, const Shape& shape) {
    return from(std::span<const T>(values), shape);
  }
  /// Lane-ordered f32, s32 or u8 with every byte of the halo and the dead lanes equal to `border` (0, or the zero point
  /// of u8) and the rest uninitialised. shape: [n, c, h, w] or [n, f]. Throws TypeError for another type or border.
  static Tensor lanes(const Shape& shape, int64_t halo, DType dtype = DType::f32, uint8_t border = 0);
  /// Lane-ordered bits, 32 channels in a word: data<int32_t>() are the words, whose halo is 0. dtype() is s32.
  static Tensor bit_lanes(const Shape& shape, int64_t halo);
  /// Tile-ordered, likewise. shape: [n, c, h, w]. Throws ShapeError where the grid does not fit.
  static Tensor tiles(const Shape& shape, int64_t halo, TileGrid grid, DType dtype = DType::f32, uint8_t border = 0);
  static Tensor bit_tiles(const Shape& shape, int64_t halo, TileGrid grid);

  bool defined() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  int64_t numel() const { return shape_.numel(); }
  DType dtype() const { return dtype_; }
  Order order() const { return order_; }
  bool is_lanes() const { return order_ == Order::lanes; }
  bool is_tiles() const { return order_ == Order::tiles; }
  bool is_plain() const { return order_ == Order::plain; }
  /// Strides in elements. Plain order only; throws TypeError otherwise.
  std::span<const int64_t> strides() const;
  /// Sizes of the lane order. Lanes and tiles only; throws TypeError for plain.
  const LaneGeometry& geometry() const;
  /// Plain and row-major without gaps.
  bool is_contiguous() const;
  /// Bytes of the elements (for lanes: halo and dead lanes included).
  size_t bytes() const;
  /// Do both handles lie in the same Storage?
  bool shares_storage_with(const Tensor& other) const { return storage_ == other.storage_; }
  /// Is this the only handle to its bytes? Then they may be overwritten without anyone noticing.
  bool is_sole_owner() const { return storage_.use_count() == 1; }

  /// First element. Throws TypeError where T is not the element type.
  template <class T>
  const T* data() const;
  template <class T>
  T* mutable_data();
  /// First byte, whatever the type.
  const void* raw() const;
  void* mutable_raw();
  /// The one element of a tensor with one element, whatever its type. Throws ShapeError otherwise.
  double item() const;
  /// All elements as row-major T values, converted. Any order, any type.
  template <class T>
  std::vector<T> to_vector() const;

  // Views: plain order only (TypeError for lanes); they share bytes.
  /// Same elements in row-major order under another shape; one extent may be -1. Needs is_contiguous().
  Tensor view(std::initializer_list<int64_t> extents) const;
  Tensor view(const Shape& shape) const;
  Tensor transpose(int a, int b) const;
  /// Elements [start, start + length) of an axis.
  Tensor narrow(int axis, int64_t start, int64_t length) const;
  /// One index of an axis, which disappears.
  Tensor select(int axis, int64_t index) const;
  /// Broadcast to `shape` with stride 0. Throws ShapeError where it does not.
  Tensor expand(const Shape& shape) const;

  // Copies.
  /// Plain and contiguous: this handle if it already is, a copy otherwise. Lanes become plain.
  Tensor contiguous() const;
  Tensor clone() const;
  /// Same elements in another type (shared if it is the same). Rounds half to even and saturates to integers.
  Tensor to(DType dtype) const;
  /// Writes the elements of `source` (same shape and type; any order) into this tensor's bytes, which
  /// may overlap those of `source`.
  void copy_from(const Tensor& source);
  void fill(double value);

 private:
  static Tensor allocate_lanes(const Shape& shape, int64_t halo, TileGrid grid, DType dtype, uint8_t border);
  static Tensor allocate_lines(const Shape& shape, const LaneGeometry& geometry, DType dtype, uint8_t border);

  std::shared_ptr<Storage> storage_;
  Shape shape_;
  std::array<int64_t, Shape::kMaxRank> strides_{};
  int64_t offset_ = 0;  ///< elements
  LaneGeometry geometry_;
  DType dtype_ = DType::f32;
  Order order_ = Order::plain;
};

/// "f32 [8, 3, 32, 32]", "u8 lanes [8, 3, 32, 32]" or "bit lanes [8, 64, 8, 8]": for messages.
std::string text(const Tensor& t);

}  // namespace pith
