#include "tensor/formats/mask.h"

#include <bit>
#include <mutex>
#include <string>
#include <utility>

#include "tensor/error.h"
#include "tensor/formats/masked_conv.h"
#include "tensor/formats/masked_product.h"

namespace pith {
namespace {

constexpr int64_t kWordBits = 64;

size_t words_for(int64_t numel) { return static_cast<size_t>((numel + kWordBits - 1) / kWordBits); }

std::vector<uint64_t> all_ones(const Shape& shape) { return std::vector<uint64_t>(words_for(shape.numel()), ~0ULL); }

template <class T>
std::vector<uint64_t> words_from(const Tensor& keep) {
  std::vector<uint64_t> words(words_for(keep.numel()), 0);
  const std::vector<T> values = keep.to_vector<T>();
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i] != T{0}) words[i / kWordBits] |= 1ULL << (i % kWordBits);
  return words;
}

void check(const Mask& mask, const Tensor& t, const char* op) {
  if (!(t.shape() == mask.shape()))
    throw ShapeError(std::string(op) + ": mask " + text(mask.shape()) + " does not fit tensor " + text(t.shape()));
  if (t.is_lanes() || !t.is_contiguous() || (t.dtype() != DType::f32 && t.dtype() != DType::f64))
    throw TypeError(std::string(op) + ": wants a plain contiguous f32 or f64 tensor, here is " + text(t));
}

/// Calls f(i) for every pruned position.
template <class F>
void for_each_pruned(const Mask& mask, const F& f) {
  const std::span<const uint64_t> words = mask.words();
  for (size_t w = 0; w < words.size(); ++w) {
    const int64_t first = static_cast<int64_t>(w) * kWordBits;
    const int64_t live = mask.numel() - first;
    uint64_t pruned = ~words[w];
    if (live < kWordBits) pruned &= (1ULL << live) - 1;
    for (; pruned != 0; pruned &= pruned - 1) f(first + std::countr_zero(pruned));
  }
}

}  // namespace

struct Mask::Products {
  std::once_flag once;
  std::unique_ptr<const MaskedProduct> product;
  std::once_flag once_convolution;
  std::unique_ptr<const MaskedConv> convolution;
};

std::string_view name(Granularity g) {
  switch (g) {
    case Granularity::element:
      return "element";
    case Granularity::row:
      return "row";
    case Granularity::column:
      return "column";
    case Granularity::kernel:
      return "kernel";
    case Granularity::filter:
      return "filter";
    case Granularity::channel:
      return "channel";
    case Granularity::block:
      return "block";
    case Granularity::layer:
      return "layer";
    case Granularity::n_of_m:
      return "n_of_m";
  }
  return "?";
}

Mask::Mask(const Shape& shape, Granularity granularity) : Mask(shape, all_ones(shape), granularity) {}

Mask::Mask(const Shape& shape, std::vector<uint64_t> words, Granularity granularity)
    : shape_(shape), words_(std::move(words)), products_(std::make_shared<Products>()), granularity_(granularity) {
  if (shape.numel() == 0) throw ShapeError("mask: the shape " + text(shape) + " has no element to keep or prune");
  if (words_.size() != words_for(shape.numel()))
    throw ShapeError("mask: shape " + text(shape) + " wants " + std::to_string(words_for(shape.numel())) +
                     " words of 64 bits, here are " + std::to_string(words_.size()));
  if (const int64_t live = shape.numel() % kWordBits; live != 0) words_.back() &= (1ULL << live) - 1;
  for (const uint64_t w : words_) kept_ += std::popcount(w);
}

Mask Mask::from(const Tensor& keep, Granularity granularity) {
  switch (keep.dtype()) {
    case DType::f32:
      return Mask(keep.shape(), words_from<float>(keep), granularity);
    case DType::f64:
      return Mask(keep.shape(), words_from<double>(keep), granularity);
    case DType::u8:
      return Mask(keep.shape(), words_from<uint8_t>(keep), granularity);
    default:
      throw TypeError("mask: wants f32, f64 or u8, here is " + text(keep));
  }
}

Tensor Mask::to_tensor(DType dtype) const {
  Tensor t = Tensor::full(shape_, 1, dtype);
  switch (dtype) {
    case DType::f32:
    case DType::f64:
      zero_pruned(*this, t);
      return t;
    case DType::u8: {
      uint8_t* const p = t.mutable_data<uint8_t>();
      for_each_pruned(*this, [p](int64_t i) { p[i] = 0; });
      return t;
    }
    default:
      throw TypeError("mask: becomes f32, f64 or u8, not " + std::string(name(dtype)));
  }
}

const MaskedProduct& Mask::product() const {
  std::call_once(products_->once, [&] { products_->product = std::make_unique<MaskedProduct>(*this); });
  return *products_->product;
}

const MaskedConv& Mask::convolution() const {
  std::call_once(products_->once_convolution, [&] { products_->convolution = std::make_unique<MaskedConv>(*this); });
  return *products_->convolution;
}

void zero_pruned(const Mask& mask, Tensor& t) {
  check(mask, t, "zero_pruned");
  if (t.dtype() == DType::f32) {
    float* const p = t.mutable_data<float>();
    for_each_pruned(mask, [p](int64_t i) { p[i] = 0; });
  } else {
    double* const p = t.mutable_data<double>();
    for_each_pruned(mask, [p](int64_t i) { p[i] = 0; });
  }
}

bool is_zero_where_pruned(const Mask& mask, const Tensor& t) {
  check(mask, t, "is_zero_where_pruned");
  bool zero = true;
  if (t.dtype() == DType::f32) {
    const float* const p = t.data<float>();
    for_each_pruned(mask, [&](int64_t i) { zero = zero && p[i] == 0; });
  } else {
    const double* const p = t.data<double>();
    for_each_pruned(mask, [&](int64_t i) { zero = zero && p[i] == 0; });
  }
  return zero;
}

}  // namespace pith
