#include "tensor/strided_bytes.h"

#include <array>
#include <cstring>
#include <string>

#include "tensor/error.h"

namespace pith {
namespace {

/// Index of the last element in the storage. Throws ShapeError where it does not fit 63 bits.
int64_t last_element(const StridedLayout& layout) {
  int64_t last = layout.offset;
  for (int axis = 0; axis < layout.shape.rank(); ++axis) {
    const int64_t stride = layout.strides[static_cast<size_t>(axis)];
    if (stride < 0) throw ShapeError("a stride of " + std::to_string(stride) + " for axis " + std::to_string(axis));
    if (__builtin_add_overflow(last, checked_mul(layout.shape[axis] - 1, stride), &last))
      throw ShapeError("strides that leave 63 bits");
  }
  return last;
}

void check(size_t elements, const StridedLayout& layout) {
  if (layout.strides.size() != static_cast<size_t>(layout.shape.rank()))
    throw ShapeError(std::to_string(layout.strides.size()) + " strides for shape " + text(layout.shape));
  if (layout.offset < 0) throw ShapeError("an offset of " + std::to_string(layout.offset));
  if (layout.shape.numel() == 0) return;
  if (const int64_t last = last_element(layout); last >= static_cast<int64_t>(elements))
    throw ShapeError("element " + std::to_string(last) + " of a storage of " + std::to_string(elements));
}

bool is_row_major(const StridedLayout& layout) {
  int64_t step = 1;
  for (int axis = layout.shape.rank() - 1; axis >= 0; --axis) {
    if (layout.shape[axis] != 1 && layout.strides[static_cast<size_t>(axis)] != step) return false;
    step *= layout.shape[axis];
  }
  return true;
}

}  // namespace

std::vector<std::byte> gathered(std::span<const std::byte> storage, size_t element_bytes, const StridedLayout& layout) {
  check(storage.size() / element_bytes, layout);
  const size_t count = static_cast<size_t>(layout.shape.numel());
  std::vector<std::byte> out(count * element_bytes);
  if (count == 0) return out;
  const std::byte* in = storage.data() + static_cast<size_t>(layout.offset) * element_bytes;
  if (is_row_major(layout)) {
    std::memcpy(out.data(), in, out.size());
    return out;
  }
  std::array<int64_t, Shape::kMaxRank> index{};
  int64_t place = 0;
  for (size_t i = 0; i < count; ++i) {
    std::memcpy(out.data() + i * element_bytes, in + static_cast<size_t>(place) * element_bytes, element_bytes);
    for (int axis = layout.shape.rank() - 1; axis >= 0; --axis) {
      const size_t a = static_cast<size_t>(axis);
      place += layout.strides[a];
      if (++index[a] < layout.shape[axis]) break;
      place -= layout.strides[a] * layout.shape[axis];
      index[a] = 0;
    }
  }
  return out;
}

std::vector<int64_t> column_major_strides(const Shape& shape) {
  std::vector<int64_t> strides;
  int64_t step = 1;
  for (const int64_t extent : shape.extents()) {
    strides.push_back(step);
    step *= extent;
  }
  return strides;
}

}  // namespace pith
