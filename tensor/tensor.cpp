#include "tensor/tensor.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "tensor/error.h"

namespace pith {
namespace {

constexpr int64_t kLineBytes = 64;

std::array<int64_t, Shape::kMaxRank> row_major(const Shape& shape) {
  std::array<int64_t, Shape::kMaxRank> strides{};
  int64_t step = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    strides[static_cast<size_t>(i)] = step;
    step *= shape[i];
  }
  return strides;
}

size_t checked_bytes(int64_t numel, DType dtype) {
  return static_cast<size_t>(checked_mul(numel, static_cast<int64_t>(size_of(dtype))));
}

/// Calls f.operator()<T>() with the C++ type of dtype.
template <class F>
auto dispatch(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32:
      return f.template operator()<float>();
    case DType::f64:
      return f.template operator()<double>();
    case DType::s32:
      return f.template operator()<int32_t>();
    case DType::s8:
      return f.template operator()<int8_t>();
    case DType::u8:
      break;
  }
  return f.template operator()<uint8_t>();
}

template <class To, class From>
To convert(From v) {
  if constexpr (std::is_floating_point_v<To>) {
    return static_cast<To>(v);
  } else if constexpr (std::is_floating_point_v<From>) {
    const double r = std::nearbyint(static_cast<double>(v));
    if (std::isnan(r)) return 0;
    return static_cast<To>(std::clamp(r, static_cast<double>(std::numeric_limits<To>::min()),
                                      static_cast<double>(std::numeric_limits<To>::max())));
  } else {
    return static_cast<To>(std::clamp<int64_t>(v, std::numeric_limits<To>::min(), std::numeric_limits<To>::max()));
  }
}

/// Calls f(element offset) for every index of a strided tensor in row-major order.
template <class F>
void for_each_offset(const Shape& shape, std::span<const int64_t> strides, const F& f) {
  if (shape.numel() == 0) return;
  std::array<int64_t, Shape::kMaxRank> index{};
  int64_t offset = 0;
  for (;;) {
    f(offset);
    int axis = shape.rank() - 1;
    for (; axis >= 0; --axis) {
      const size_t a = static_cast<size_t>(axis);
      offset += strides[a];
      if (++index[a] < shape[axis]) break;
      offset -= strides[a] * shape[axis];
      index[a] = 0;
    }
    if (axis < 0) return;
  }
}

/// The border's places and its value, in a name: a block of the pool that had the same ones has them still, because
/// whoever writes lanes leaves the border alone (lanes.h). Tiles write theirs (exchange_halo) and have no name, nor
/// have extents that do not fit into one.
Imprint border_imprint(const LaneGeometry& g, uint8_t border) {
  constexpr int64_t kExtent = int64_t{1} << 16, kCount = int64_t{1} << 32;
  const int64_t planes = g.blocks * g.planes;
  if (g.grid.count() != 1 || g.h >= kExtent || g.w >= kExtent || g.halo >= 256 || planes >= kCount || g.plane >= kCount)
    return {};
  const auto bits = [](int64_t value, int shift) { return static_cast<uint64_t>(value) << shift; };
  return {bits(g.h, 0) | bits(g.w, 16) | bits(g.halo, 32) | bits(border, 40) | bits(1, 48),
          bits(planes, 0) | bits(g.plane, 32)};
}

/// Fills what lies between the last row of a plane and the next plane.
void fill_tails(std::byte* p, const LaneGeometry& g, uint8_t border) {
  const int64_t used = g.row * (g.h + 2 * g.halo);
  for (int64_t i = 0; g.plane > used && i < g.blocks * g.planes; ++i)
    std::memset(p + (i * g.plane + used) * kLineBytes, border, static_cast<size_t>((g.plane - used) * kLineBytes));
}

/// Fills the border of every plane; whoever writes the tensor writes the interior.
void fill_border(std::byte* p, const LaneGeometry& g, uint8_t border) {
  if (g.halo == 0 && g.plane == g.row * g.h) return;
  const int64_t side = g.halo;
  for (int64_t i = 0; i < g.blocks * g.planes; ++i) {
    std::byte* const plane = p + i * g.plane * kLineBytes;
    const auto fill = [&](int64_t line, int64_t lines) {
      std::memset(plane + line * kLineBytes, border, static_cast<size_t>(lines * kLineBytes));
    };
    fill(0, side * g.row + side);
    for (int64_t y = 0; y + 1 < g.h; ++y) fill((y + g.halo) * g.row + g.halo + g.w, 2 * side);
    const int64_t last = (g.h - 1 + g.halo) * g.row + g.halo + g.w;
    fill(last, g.plane - last);
  }
}

}  // namespace

Tensor Tensor::empty(const Shape& shape, DType dtype) {
  Tensor t;
  t.storage_ = Storage::allocate(checked_bytes(shape.numel(), dtype));
  t.shape_ = shape;
  t.strides_ = row_major(shape);
  t.dtype_ = dtype;
  return t;
}

Tensor Tensor::zeros(const Shape& shape, DType dtype) {
  Tensor t = empty(shape, dtype);
  std::memset(t.storage_->data(), 0, t.storage_->bytes());
  return t;
}

Tensor Tensor::full(const Shape& shape, double value, DType dtype) {
  Tensor t = empty(shape, dtype);
  t.fill(value);
  return t;
}

template <class T>
Tensor Tensor::from(std::span<const T> values, const Shape& shape) {
  if (static_cast<int64_t>(values.size()) != shape.numel())
    throw ShapeError("tensor: " + std::to_string(values.size()) + " values do not fill shape " + pith::text(shape));
  Tensor t = empty(shape, dtype_of<T>());
  if (!values.empty()) std::memcpy(t.storage_->data(), values.data(), values.size_bytes());
  return t;
}
template Tensor Tensor::from(std::span<const float>, const Shape&);
template Tensor Tensor::from(std::span<const double>, const Shape&);
template Tensor Tensor::from(std::span<const int32_t>, const Shape&);
template Tensor Tensor::from(std::span<const int8_t>, const Shape&);
template Tensor Tensor::from(std::span<const uint8_t>, const Shape&);

Tensor Tensor::lanes(const Shape& shape, int64_t halo, DType dtype, uint8_t border) {
  return allocate_lanes(shape, halo, {}, dtype, border);
}

Tensor Tensor::tiles(const Shape& shape, int64_t halo, TileGrid grid, DType dtype, uint8_t border) {
  Tensor t = allocate_lanes(shape, halo, grid, dtype, border);
  t.order_ = Order::tiles;
  return t;
}

Tensor Tensor::bit_lanes(const Shape& shape, int64_t halo) {
  return allocate_lines(shape, LaneGeometry::make(shape, halo, LaneContent::bits), DType::s32, 0);
}

Tensor Tensor::bit_tiles(const Shape& shape, int64_t halo, TileGrid grid) {
  Tensor t = allocate_lines(shape, LaneGeometry::make(shape, halo, LaneContent::bits, grid), DType::s32, 0);
  t.order_ = Order::tiles;
  return t;
}

Tensor Tensor::allocate_lanes(const Shape& shape, int64_t halo, TileGrid grid, DType dtype, uint8_t border) {
  if (dtype != DType::f32 && dtype != DType::s32 && dtype != DType::u8)
    throw TypeError("lanes: hold f32, s32 or u8, not " + std::string(name(dtype)));
  if (border != 0 && dtype != DType::u8)
    throw TypeError("lanes: the border of " + std::string(name(dtype)) + " is 0, only that of u8 holds a zero point");
  const LaneContent content = dtype == DType::u8 ? LaneContent::bytes : LaneContent::word;
  return allocate_lines(shape, LaneGeometry::make(shape, halo, content, grid), dtype, border);
}

Tensor Tensor::allocate_lines(const Shape& shape, const LaneGeometry& geometry, DType dtype, uint8_t border) {
  Tensor t;
  t.geometry_ = geometry;
  const LaneGeometry& g = t.geometry_;
  t.storage_ = Storage::allocate(static_cast<size_t>(checked_mul(g.lines(), kLineBytes)), border_imprint(g, border));
  t.shape_ = shape;
  t.order_ = Order::lanes;
  t.dtype_ = dtype;
  std::byte* const p = t.storage_->data();
  if (g.grid.count() > 1) {  // exchange_halo writes the border of tiles
    fill_tails(p, g, border);
  } else if (!t.storage_->is_imprinted()) {
    fill_border(p, g, border);
  }
  if (g.blocks > 0 && g.live(g.blocks - 1) < LaneGeometry::kLanes)
    std::memset(p + (g.blocks - 1) * g.block * kLineBytes, border, static_cast<size_t>(g.block * kLineBytes));
  return t;
}

std::span<const int64_t> Tensor::strides() const {
  if (!is_plain()) throw TypeError("strides: " + pith::text(*this) + " is in lane order; call to_plain first");
  return {strides_.data(), static_cast<size_t>(shape_.rank())};
}

const LaneGeometry& Tensor::geometry() const {
  if (is_plain()) throw TypeError("geometry: " + pith::text(*this) + " is in plain order; call to_lanes first");
  return geometry_;
}

bool Tensor::is_contiguous() const {
  if (!defined() || !is_plain()) return false;
  int64_t step = 1;
  for (int i = shape_.rank() - 1; i >= 0; --i) {
    if (shape_[i] != 1 && strides_[static_cast<size_t>(i)] != step) return shape_.numel() == 0;
    step *= shape_[i];
  }
  return true;
}

size_t Tensor::bytes() const {
  if (!defined()) return 0;
  if (!is_plain()) return static_cast<size_t>(geometry_.lines() * kLineBytes);
  return static_cast<size_t>(numel()) * size_of(dtype_);
}

template <class T>
const T* Tensor::data() const {
  if (!defined()) throw TypeError("an undefined tensor has no elements");
  if (dtype_of<T>() != dtype_) throw TypeError(pith::text(*this) + " was read as " + std::string(name(dtype_of<T>())));
  return reinterpret_cast<const T*>(storage_->data()) + offset_;
}
template <class T>
T* Tensor::mutable_data() {
  return const_cast<T*>(data<T>());
}
#define PITH_ACCESS(T)                       \
  template const T* Tensor::data<T>() const; \
  template T* Tensor::mutable_data<T>();
PITH_ACCESS(float)
PITH_ACCESS(double)
PITH_ACCESS(int32_t)
PITH_ACCESS(int8_t)
PITH_ACCESS(uint8_t)
#undef PITH_ACCESS

const void* Tensor::raw() const {
  if (!defined()) throw TypeError("an undefined tensor has no elements");
  return storage_->data() + offset_ * static_cast<int64_t>(size_of(dtype_));
}
void* Tensor::mutable_raw() { return const_cast<void*>(raw()); }

double Tensor::item() const {
  if (numel() != 1) throw ShapeError("item: " + pith::text(*this) + " does not hold one element");
  return to_vector<double>().front();
}

template <class T>
std::vector<T> Tensor::to_vector() const {
  const Tensor plain = is_plain() ? *this : to_plain(*this);
  std::vector<T> out;
  out.reserve(static_cast<size_t>(numel()));
  dispatch(plain.dtype_, [&]<class From>() {
    const From* p = plain.data<From>();
    for_each_offset(plain.shape(), plain.strides(), [&](int64_t o) { out.push_back(convert<T>(p[o])); });
  });
  return out;
}
template std::vector<float> Tensor::to_vector<float>() const;
template std::vector<double> Tensor::to_vector<double>() const;
template std::vector<int32_t> Tensor::to_vector<int32_t>() const;
template std::vector<int8_t> Tensor::to_vector<int8_t>() const;
template std::vector<uint8_t> Tensor::to_vector<uint8_t>() const;

Tensor Tensor::view(std::initializer_list<int64_t> extents) const {
  std::vector<int64_t> e(extents);
  const auto free = std::find(e.begin(), e.end(), -1);
  if (free != e.end()) {
    *free = 1;
    const int64_t rest = Shape(std::span<const int64_t>(e)).numel();
    if (rest == 0 || numel() % rest != 0)
      throw ShapeError("view: " + pith::text(shape_) + " cannot fill the free axis, the others take " +
                       std::to_string(rest));
    *free = numel() / rest;
  }
  return view(Shape(std::span<const int64_t>(e)));
}

Tensor Tensor::view(const Shape& shape) const {
  if (shape.numel() != numel())
    throw ShapeError("view: " + pith::text(shape_) + " has other elements than " + pith::text(shape));
  if (!is_contiguous()) throw TypeError("view: " + pith::text(*this) + " is not contiguous; call contiguous() first");
  Tensor t = *this;
  t.shape_ = shape;
  t.strides_ = row_major(shape);
  return t;
}

Tensor Tensor::transpose(int a, int b) const {
  static_cast<void>(strides());  // refuses lanes
  const size_t p = static_cast<size_t>(checked_axis(a, shape_.rank(), "transpose"));
  const size_t q = static_cast<size_t>(checked_axis(b, shape_.rank(), "transpose"));
  std::array<int64_t, Shape::kMaxRank> extents{};
  std::copy(shape_.extents().begin(), shape_.extents().end(), extents.begin());
  std::swap(extents[p], extents[q]);
  Tensor t = *this;
  t.shape_ = Shape(std::span<const int64_t>(extents.data(), static_cast<size_t>(shape_.rank())));
  std::swap(t.strides_[p], t.strides_[q]);
  return t;
}

Tensor Tensor::narrow(int axis, int64_t start, int64_t length) const {
  static_cast<void>(strides());
  const int a = checked_axis(axis, shape_.rank(), "narrow");
  if (start < 0 || length < 0 || start > shape_[a] - length)
    throw ShapeError("narrow: " + std::to_string(length) + " elements from " + std::to_string(start) + " on axis " +
                     std::to_string(a) + " do not lie in " + pith::text(shape_));
  Tensor t = *this;
  t.shape_ = shape_.with(a, length);
  t.offset_ += start * strides_[static_cast<size_t>(a)];
  return t;
}

Tensor Tensor::select(int axis, int64_t index) const {
  const int a = checked_axis(axis, shape_.rank(), "select");
  Tensor t = narrow(a, index, 1);
  std::array<int64_t, Shape::kMaxRank> extents{};
  std::array<int64_t, Shape::kMaxRank> kept{};
  size_t rank = 0;
  for (int i = 0; i < shape_.rank(); ++i) {
    if (i == a) continue;
    extents[rank] = shape_[i];
    kept[rank++] = strides_[static_cast<size_t>(i)];
  }
  t.shape_ = Shape(std::span<const int64_t>(extents.data(), rank));
  t.strides_ = kept;
  return t;
}

Tensor Tensor::expand(const Shape& shape) const {
  static_cast<void>(strides());
  if (!(broadcast(shape_, shape, "expand") == shape))
    throw ShapeError("expand: " + pith::text(shape_) + " does not broadcast to " + pith::text(shape));
  Tensor t = *this;
  t.shape_ = shape;
  t.strides_ = {};
  for (int i = 1; i <= shape_.rank(); ++i)
    if (shape_[-i] != 1)
      t.strides_[static_cast<size_t>(shape.rank() - i)] = strides_[static_cast<size_t>(shape_.rank() - i)];
  return t;
}

Tensor Tensor::contiguous() const {
  if (!is_plain()) return to_plain(*this);
  return is_contiguous() ? *this : clone();
}

Tensor Tensor::clone() const {
  if (!is_plain()) {
    Tensor t = *this;
    t.storage_ = Storage::allocate(bytes());
    std::memcpy(t.storage_->data(), storage_->data(), bytes());
    return t;
  }
  Tensor t = empty(shape_, dtype_);
  t.copy_from(*this);
  return t;
}

Tensor Tensor::to(DType dtype) const {
  if (dtype == dtype_) return *this;
  const Tensor plain = contiguous();
  Tensor t = empty(shape_, dtype);
  dispatch(dtype_, [&]<class From>() {
    const From* in = plain.data<From>();
    dispatch(dtype, [&]<class To>() {
      To* out = t.mutable_data<To>();
      for (int64_t i = 0; i < numel(); ++i) out[i] = convert<To>(in[i]);
    });
  });
  return t;
}

void Tensor::copy_from(const Tensor& source) {
  if (!(source.shape_ == shape_) || source.dtype_ != dtype_)
    throw ShapeError("copy: " + pith::text(source) + " does not fit into " + pith::text(*this));
  if (!is_plain() && geometry_.content != LaneContent::word && (source.is_plain() || source.geometry() != geometry_))
    throw TypeError("copy: " + pith::text(source) + " lies in another order than " + pith::text(*this));
  if (is_lanes()) {
    const Tensor same = to_lanes(source, geometry_.halo);
    if (shares_storage_with(same)) return;  // lanes are never views: these are the same elements
    std::memcpy(storage_->data(), same.storage_->data(), bytes());
    return;
  }
  if (is_tiles()) {
    const bool alike = source.is_tiles() && source.geometry() == geometry_;
    const Tensor same = alike ? source : to_tiles(source, geometry_.grid, geometry_.halo);
    if (!shares_storage_with(same)) std::memcpy(storage_->data(), same.storage_->data(), bytes());
    return;
  }
  Tensor plain = source.is_plain() ? source : to_plain(source);
  if (shares_storage_with(plain) && !(is_contiguous() && plain.is_contiguous())) plain = plain.clone();
  dispatch(dtype_, [&]<class T>() {
    const T* in = plain.data<T>();
    T* out = mutable_data<T>();
    if (is_contiguous() && plain.is_contiguous()) {
      if (numel() > 0) std::memmove(out, in, bytes());
    } else if (is_contiguous()) {
      for_each_offset(shape_, plain.strides(), [&](int64_t o) { *out++ = in[o]; });
    } else {
      const Tensor rows = plain.is_contiguous() ? plain : plain.clone();
      in = rows.data<T>();
      for_each_offset(shape_, strides(), [&](int64_t o) { out[o] = *in++; });
    }
  });
}

void Tensor::fill(double value) {
  if (!is_plain()) {
    if (geometry_.content != LaneContent::word)
      throw TypeError("fill: the border of " + pith::text(*this) + " must stay; make a new tensor");
    if (value != 0) throw TypeError("fill: a lane-ordered tensor can only be filled with 0");
    std::memset(storage_->data(), 0, bytes());
    return;
  }
  dispatch(dtype_, [&]<class T>() {
    T* p = mutable_data<T>();
    const T v = convert<T>(value);
    for_each_offset(shape_, strides(), [&](int64_t o) { p[o] = v; });
  });
}

std::string text(const Tensor& t) {
  if (!t.defined()) return "undefined tensor";
  const bool bits = !t.is_plain() && t.geometry().content == LaneContent::bits;
  const char* const order = t.is_lanes() ? " lanes " : t.is_tiles() ? " tiles " : " ";
  return (bits ? "bit" : std::string(name(t.dtype()))) + order + text(t.shape());
}

}  // namespace pith
