#include "tensor/shape.h"

#include <algorithm>

#include "tensor/error.h"

namespace pith {

int64_t checked_mul(int64_t a, int64_t b) {
  int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product))
    throw ShapeError("a size of " + std::to_string(a) + " x " + std::to_string(b) + " does not fit 63 bits");
  return product;
}

Shape::Shape(std::initializer_list<int64_t> extents) { set({extents.begin(), extents.size()}); }
Shape::Shape(std::span<const int64_t> extents) { set(extents); }

void Shape::set(std::span<const int64_t> extents) {
  if (extents.size() > kMaxRank)
    throw ShapeError("a tensor has at most 6 axes, here are " + std::to_string(extents.size()));
  rank_ = static_cast<int>(extents.size());
  bool empty = false;
  int64_t product = 1;
  for (size_t i = 0; i < extents.size(); ++i) {
    if (extents[i] < 0)
      throw ShapeError("axis " + std::to_string(i) + " has a negative extent: " + std::to_string(extents[i]));
    extents_[i] = extents[i];
    empty = empty || extents[i] == 0;
    if (extents[i] != 0) product = checked_mul(product, extents[i]);  // refuse even when another extent is 0
  }
  numel_ = empty ? 0 : product;
}

int64_t Shape::operator[](int i) const { return extents_[static_cast<size_t>(checked_axis(i, rank_, "shape"))]; }

Shape Shape::with(int i, int64_t extent) const {
  std::array<int64_t, kMaxRank> e = extents_;
  e[static_cast<size_t>(checked_axis(i, rank_, "shape"))] = extent;
  return Shape(std::span<const int64_t>(e.data(), static_cast<size_t>(rank_)));
}

std::string text(const Shape& s) {
  std::string out = "[";
  for (int i = 0; i < s.rank(); ++i) out += (i ? ", " : "") + std::to_string(s[i]);
  return out + "]";
}

int checked_axis(int i, int rank, const char* op) {
  if (i < -rank || i >= rank)
    throw ShapeError(std::string(op) + ": axis " + std::to_string(i) + " of a tensor with " + std::to_string(rank) +
                     " axes");
  return i < 0 ? i + rank : i;
}

Shape broadcast(const Shape& a, const Shape& b, const char* op) {
  std::array<int64_t, Shape::kMaxRank> out{};
  const int rank = std::max(a.rank(), b.rank());
  for (int i = 1; i <= rank; ++i) {
    const int64_t p = i <= a.rank() ? a[-i] : 1, q = i <= b.rank() ? b[-i] : 1;
    if (p != q && p != 1 && q != 1)
      throw ShapeError(std::string(op) + ": shapes " + text(a) + " and " + text(b) + " do not broadcast");
    out[static_cast<size_t>(rank - i)] = p == 1 ? q : p;
  }
  return Shape(std::span<const int64_t>(out.data(), static_cast<size_t>(rank)));
}

int64_t window_extent(int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation, const char* op) {
  constexpr int64_t kLimit = int64_t{1} << 31;
  for (int64_t v : {kernel, stride, dilation})
    if (v < 1 || v > kLimit)
      throw ShapeError(std::string(op) + ": kernel " + std::to_string(kernel) + ", stride " + std::to_string(stride) +
                       " and dilation " + std::to_string(dilation) + " must each be at least 1");
  if (padding < 0 || padding > kLimit)
    throw ShapeError(std::string(op) + ": padding " + std::to_string(padding) + " must be 0 or more");
  const int64_t span = dilation * (kernel - 1) + 1;
  int64_t room = 0;
  if (in < 0 || __builtin_add_overflow(in, 2 * padding, &room))
    throw ShapeError(std::string(op) + ": an input of " + std::to_string(in) + " with padding " +
                     std::to_string(padding) + " does not fit 63 bits");
  if (span > room)
    throw ShapeError(std::string(op) + ": a window of " + std::to_string(span) + " does not fit an input of " +
                     std::to_string(in) + " with padding " + std::to_string(padding));
  return (room - span) / stride + 1;
}

Shape conv2d_shape(const Shape& x, const Shape& w, const Window& window) {
  if (x.rank() != 4 || w.rank() != 4)
    throw ShapeError("conv2d: x and weight need 4 axes each, they are " + text(x) + " and " + text(w));
  const int64_t groups = window.groups;
  if (groups < 1 || w[0] % groups != 0 || x[1] % groups != 0)
    throw ShapeError("conv2d: the channels of x " + text(x) + " and weight " + text(w) +
                     " cannot be divided evenly into " + std::to_string(groups) + " groups");
  const int64_t wanted = checked_mul(w[1], groups);
  if (x[1] != wanted)
    throw ShapeError("conv2d: weight " + text(w) + " wants " + std::to_string(wanted) + " input channels, x " +
                     text(x) + " has " + std::to_string(x[1]));
  return {x[0], w[0], window_extent(x[2], w[2], window.stride[0], window.padding[0], window.dilation[0], "conv2d"),
          window_extent(x[3], w[3], window.stride[1], window.padding[1], window.dilation[1], "conv2d")};
}

}  // namespace pith
