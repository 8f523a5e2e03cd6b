#include "tensor/formats/int8.h"

#include <algorithm>
#include <cmath>

#include "tensor/error.h"
#include "tensor/lanes.h"
#include "tensor/ops/linear_s8_rows.h"

namespace pith {

Int8Matrix::Int8Matrix(const Shape& shape, PackedArray<float> scale, const int8_t* values)
    : PackedMatrix(shape),
      step_((cols() + 63) / 64 * 64),
      rows_(static_cast<size_t>(rows() * step_)),
      scale_(std::move(scale)) {
  for (int64_t r = 0; r < rows(); ++r) {
    int8_t* const to = std::copy_n(values + r * cols(), cols(), rows_.mutable_data() + r * step_);
    int64_t sum = 0;
    for (const int8_t* q = to - cols(); q != to; ++q) sum += *q;
    sums_.push_back(sum);
  }
}

ByteSource quantize_source(const char* format, const PackSource& source) {
  check_source(format, source);
  const std::string name = format;
  Tensor weight = source.weight.contiguous().clone();
  if (source.mask) zero_pruned(*source.mask, weight);
  const int64_t count = weight.numel(), rows = weight.shape().rank() < 2 ? 0 : weight.shape()[0];
  if (rows == 0 || count == 0)
    throw ShapeError(name + ": packs [out, in] or [out, in, kh, kw], here is " + text(weight));
  const auto& q = source.quant;
  if (!q || q->bits != 8 || !q->is_signed || !q->is_symmetric() ||
      (q->scale.size() != 1 && std::ssize(q->scale) != rows))
    throw ArgumentError(name + ": wants symmetric quantisation to 8 signed bits with one scale, or one a row");
  PackedArray<float> scale(static_cast<size_t>(rows));
  PackedArray<int8_t> values(static_cast<size_t>(count));
  for (size_t r = 0; r < scale.size(); ++r) scale.mutable_data()[r] = q->scale[q->scale.size() == 1 ? 0 : r];
  const float* from = weight.data<float>();
  int8_t* to = values.mutable_data();
  for (size_t r = 0; r < scale.size(); ++r)
    for (int64_t c = 0; c < count / rows; ++c) {
      const float v = *from++;
      if (!std::isfinite(v)) throw NumericError(name + ": the weight holds " + std::to_string(v));
      *to++ = static_cast<int8_t>(std::clamp(std::nearbyint(v / scale.data()[r]), -127.0f, 127.0f));
    }
  return {weight, scale, values};
}

std::shared_ptr<const PackedMatrix> Int8Matrix::pack(const PackSource& source) {
  const ByteSource b = quantize_source("int8", source);
  return std::shared_ptr<const PackedMatrix>(new Int8Matrix(b.weight.shape(), b.scale, b.values.data()));
}

std::shared_ptr<const PackedMatrix> Int8Matrix::read(const Shape& shape, PackedReader& in) {
  const PackedArray<float> scale = in.array<float>("scales", shape[0]);
  for (const float s : scale.span())
    if (!std::isfinite(s) || s <= 0) in.refuse("finite scales above 0", std::to_string(s));
  const PackedArray<int8_t> values = in.array<int8_t>("values", shape.numel());
  return std::shared_ptr<const PackedMatrix>(new Int8Matrix(shape, scale, values.data()));
}

size_t Int8Matrix::bytes() const {
  return bytes_with_array(bytes_with_array(head_bytes(), scale_.size(), 4), static_cast<size_t>(rows() * cols()), 1);
}

void Int8Matrix::unpack_row(int64_t row, float* out) const {
  const int8_t* const q = rows_.data() + row * step_;
  for (int64_t c = 0; c < cols(); ++c) out[c] = static_cast<float>(q[c]) * scale_[static_cast<size_t>(row)];
}

Tensor Int8Matrix::linear(const Tensor& x, const Tensor& bias) const {
  check_linear("int8", *this, x, bias);
  const Tensor y = ops::linear_s8_rows(
      x, {.w = rows_.data(), .rows = rows(), .cols = cols(), .step = step_, .scale = scale_.span(), .row_sums = sums_},
      bias);
  return x.is_lanes() ? to_lanes(y, 0) : y;
}

void Int8Matrix::write(PackedWriter& out) const {
  out.array(scale_);
  PackedArray<int8_t> values(static_cast<size_t>(rows() * cols()));
  for (int64_t r = 0; r < rows(); ++r)
    std::copy_n(rows_.data() + r * step_, cols(), values.mutable_data() + r * cols());
  out.array(values);
}

}  // namespace pith
