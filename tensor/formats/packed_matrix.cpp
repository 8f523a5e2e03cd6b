#include "tensor/formats/packed_matrix.h"

#include "tensor/error.h"
#include "tensor/formats/format_table.h"
#include "tensor/parallel.h"

namespace pith {
namespace {

constexpr int64_t kVersion = 1;

Shape read_shape(PackedReader& in) {
  std::vector<int64_t> extents(static_cast<size_t>(in.number("rank", 2, Shape::kMaxRank)));
  int64_t numel = 1;
  for (int64_t& e : extents) {
    e = in.number("an extent of the shape", 1, (INT64_C(1) << 40) / numel);  // beyond every memory, below overflow
    numel *= e;
  }
  return Shape(std::span<const int64_t>(extents));
}

}  // namespace

PackedMatrix::PackedMatrix(const Shape& shape) : shape_(shape) {
  if (shape.rank() < 2 || shape.numel() == 0)
    throw ShapeError("packed matrix: wants two axes or more and no extent of 0, here is " + text(shape));
}

Tensor PackedMatrix::unpack() const {
  Tensor weight = Tensor::empty(shape());
  float* const w = weight.mutable_data<float>();
  for (int64_t r = 0; r < rows(); ++r) unpack_row(r, w + r * cols());
  return weight;
}

std::vector<std::byte> write_packed(const PackedMatrix& matrix) {
  PackedWriter out;
  out.number(static_cast<int64_t>(matrix.format()));
  out.number(kVersion);
  out.number(matrix.shape().rank());
  for (const int64_t e : matrix.shape().extents()) out.number(e);
  matrix.write(out);
  return out.take();
}

std::shared_ptr<const PackedMatrix> read_packed(std::span<const std::byte> bytes, const std::string& where) {
  PackedReader in(bytes, where);
  const int64_t tag = in.number("format", 0, 255);
  const FormatRow* const row = find_format(static_cast<Format>(tag));
  if (row == nullptr) in.refuse("the tag of a known format", std::to_string(tag));
  in.number("version", kVersion, kVersion);
  auto matrix = row->read(read_shape(in), in);
  in.finish();
  return matrix;
}

Tensor packed_embedding(const PackedMatrix& table, const Tensor& indices) {
  if (!indices.defined() || indices.dtype() != DType::s32 || indices.is_lanes())
    throw TypeError("packed_embedding: indices must be plain s32, here is " +
                    (indices.defined() ? text(indices) : "nothing"));
  const std::vector<int32_t> rows = indices.to_vector<int32_t>();
  for (size_t i = 0; i < rows.size(); ++i)
    if (rows[i] < 0 || rows[i] >= table.rows())
      throw FormatError("packed_embedding: index " + std::to_string(rows[i]) + " at place " + std::to_string(i) +
                        " is outside [0, " + std::to_string(table.rows()) + ")");
  std::vector<int64_t> extents(indices.shape().extents().begin(), indices.shape().extents().end());
  extents.push_back(table.cols());
  Tensor y = Tensor::empty(Shape(std::span<const int64_t>(extents)));
  float* const out = y.mutable_data<float>();
  parallel_for(static_cast<int64_t>(rows.size()), 64, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) table.unpack_row(rows[static_cast<size_t>(i)], out + i * table.cols());
  });
  return y;
}

void check_source(const char* format, const PackSource& source) {
  const Tensor& w = source.weight;
  if (!w.defined() || w.dtype() != DType::f32 || w.is_lanes())
    throw TypeError(std::string(format) + ": packs plain f32, here is " + (w.defined() ? text(w) : "nothing"));
  if (source.mask && !(source.mask->shape() == w.shape()))
    throw ShapeError(std::string(format) + ": mask " + text(source.mask->shape()) + " does not fit weight " + text(w));
  if (source.quant) check_quant(*source.quant, w.shape());
}

void check_linear(const char* format, const PackedMatrix& w, const Tensor& x, const Tensor& bias) {
  if (!x.defined() || x.dtype() != DType::f32 || (bias.defined() && bias.dtype() != DType::f32))
    throw TypeError(std::string(format) + ": multiplies f32, here is " + (x.defined() ? text(x) : "nothing"));
  if (x.shape().rank() != 2 || x.shape()[1] != w.cols())
    throw ShapeError(std::string(format) + ": x " + text(x) + " does not fit weight " + text(w.shape()) + " of " +
                     std::to_string(w.cols()) + " columns; x is [n, columns]");
  if (bias.defined() && !(bias.shape() == Shape{w.rows()}))
    throw ShapeError(std::string(format) + ": bias " + text(bias) + " does not fit weight " + text(w.shape()));
}

}  // namespace pith
