// Elements that lie in strides (a transposed array, a view of a storage), gathered into row-major order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tensor/shape.h"

namespace pith {

/// How a tensor of `shape` lies in a storage: element i0, i1, ... at offset + i0 strides[0] + i1 strides[1] + ...
struct StridedLayout {
  Shape shape;
  std::vector<int64_t> strides;  ///< in elements, one an axis, none negative
  int64_t offset = 0;            ///< in elements
};

/// The elements in row-major order. Every place is checked to lie in `storage` before any is read; throws ShapeError
/// where one does not, or a stride is negative. The result has shape.numel() elements: bound that before, since a
/// stride of 0 makes many elements out of one.
std::vector<std::byte> gathered(std::span<const std::byte> storage, size_t element_bytes, const StridedLayout& layout);

/// Strides of column-major ("Fortran") order.
std::vector<int64_t> column_major_strides(const Shape& shape);

}  // namespace pith
