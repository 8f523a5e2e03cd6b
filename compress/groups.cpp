#include "compress/groups.h"

#include "tensor/error.h"

namespace pith::compress {
namespace {

/// Values behind one output, one channel, one kernel row-major: [out, in, kh, kw] with kh = kw = 1 for matrices.
struct Extents {
  int64_t out, in, kernel;
};

Extents extents(const Shape& shape, std::string_view group) {
  if (shape.numel() == 0) throw ShapeError("groups: the shape " + text(shape) + " has no element to group");
  if (shape.rank() == 2) return {shape[0], shape[1], 1};
  if (shape.rank() == 4) return {shape[0], shape[1], shape[2] * shape[3]};
  throw ShapeError("groups: a " + std::string(group) + " is part of a weight [out, in] or [out, in, kh, kw], not of " +
                   text(shape));
}

Extents convolution(const Shape& shape, std::string_view group) {
  if (shape.rank() != 4)
    throw ShapeError("groups: a " + std::string(group) + " is part of a weight [out, in, kh, kw], not of " +
                     text(shape));
  return extents(shape, group);
}

Granularity granularity(GroupType type) {
  switch (type) {
    case GroupType::element:
      return Granularity::element;
    case GroupType::row:
      return Granularity::row;
    case GroupType::column:
      return Granularity::column;
    case GroupType::kernel:
      return Granularity::kernel;
    case GroupType::filter:
      return Granularity::filter;
    case GroupType::channel:
      return Granularity::channel;
    case GroupType::layer:
      return Granularity::layer;
  }
  return Granularity::element;
}

}  // namespace

std::string_view name(GroupType type) { return pith::name(granularity(type)); }

Groups::Groups(const Shape& shape, Digit a, Digit b, Digit c, Granularity granularity)
    : shape_(shape), a_(a), b_(b), c_(c), granularity_(granularity) {}

Groups::Groups(const Shape& shape, GroupType type) : shape_(shape), granularity_(compress::granularity(type)) {
  const int64_t all = shape.numel();
  if (type == GroupType::element || type == GroupType::layer) {
    if (all == 0) throw ShapeError("groups: the shape " + text(shape) + " has no element to group");
    a_ = type == GroupType::element ? Digit{1, all} : Digit{all, 1};
    return;
  }
  const Extents e = type == GroupType::kernel ? convolution(shape, "kernel") : extents(shape, name(type));
  if (type == GroupType::kernel) a_ = {e.kernel, e.out * e.in};
  if (type == GroupType::row || type == GroupType::filter) a_ = {e.in * e.kernel, e.out};
  if (type == GroupType::column) a_ = {1, e.in * e.kernel};
  if (type == GroupType::channel) a_ = {e.kernel, e.in};
}

Groups Groups::tiles(const Shape& shape, int64_t rows, int64_t columns) {
  const Extents e = extents(shape, "tile");
  const int64_t width = e.in * e.kernel;
  if (rows < 1 || columns < 1 || e.out % rows != 0 || width % columns != 0)
    throw ShapeError("groups: tiles of " + std::to_string(rows) + " x " + std::to_string(columns) +
                     " do not divide the matrix " + std::to_string(e.out) + " x " + std::to_string(width) + " of " +
                     text(shape));
  return Groups(shape, {rows * width, e.out / rows}, {columns, width / columns}, {}, Granularity::block);
}

Groups Groups::blocks(const Shape& shape, int64_t filters, int64_t channels) {
  const Extents e = convolution(shape, "block");
  if (filters < 1 || channels < 1 || e.out % filters != 0 || e.in % channels != 0)
    throw ShapeError("groups: blocks of " + std::to_string(filters) + " filters x " + std::to_string(channels) +
                     " channels do not divide " + text(shape));
  return Groups(shape, {filters * e.in * e.kernel, e.out / filters}, {channels * e.kernel, e.in / channels},
                {1, e.kernel}, Granularity::block);
}

Mask Groups::mask(const std::vector<uint8_t>& keep) const {
  if (static_cast<int64_t>(keep.size()) != count())
    throw ShapeError("groups: " + std::to_string(keep.size()) + " flags for " + std::to_string(count()) +
                     " groups of " + text(shape_));
  std::vector<uint64_t> words(static_cast<size_t>((shape_.numel() + 63) / 64), 0);
  for (int64_t i = 0; i < shape_.numel(); ++i)
    if (keep[static_cast<size_t>(of(i))] != 0) words[static_cast<size_t>(i / 64)] |= uint64_t{1} << (i % 64);
  return Mask(shape_, std::move(words), granularity_);
}

}  // namespace pith::compress
