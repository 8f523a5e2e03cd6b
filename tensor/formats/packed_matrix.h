// PackedMatrix: a weight at rest. It can do one thing: stand at the left hand of a product, multiplied as it lies.
//
// Immutable, so one may be shared between threads and layers. It knows the shape of the weight it was packed from
// ([out, in], or [out, in, kh, kw] of a convolution) and is a matrix of rows() = out by cols() = all the rest.
// Each format is a pair of files and a row in format_table.h; README.md of this folder draws the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tensor/formats/mask.h"
#include "tensor/formats/packed_bytes.h"
#include "tensor/formats/quant_params.h"
#include "tensor/tensor.h"

namespace pith {

/// The tag of a format. Written to files: never renumber.
enum class Format : uint8_t {
  dense = 0,
  csr = 1,
  block_csr = 2,
  n_of_m = 3,
  int8 = 4,
  int4 = 5,
  ternary = 6,
  bits = 7,
  int8_1x4 = 8
};

/// What a format is packed from.
struct PackSource {
  Tensor weight;                     ///< f32, plain, rank 2 or more, no extent 0
  std::shared_ptr<const Mask> mask;  ///< of the weight's shape, or null: all kept. The weight is 0 where it prunes
  std::shared_ptr<const QuantParams> quant;  ///< of the weight, or null
  std::shared_ptr<const QuantParams> input;  ///< of what it will multiply, or null
};

class PackedMatrix {
 public:
  virtual ~PackedMatrix() = default;
  PackedMatrix(const PackedMatrix&) = delete;
  PackedMatrix& operator=(const PackedMatrix&) = delete;

  virtual Format format() const = 0;
  /// Of the weight that was packed; rank 2 or more.
  const Shape& shape() const { return shape_; }
  int64_t rows() const { return shape_[0]; }
  int64_t cols() const { return shape_.numel() / shape_[0]; }

  /// Bytes at rest: exactly those of write_packed().
  virtual size_t bytes() const = 0;
  /// The weight as f32 of shape(); zeros where it was pruned.
  Tensor unpack() const;
  /// One row of it: writes cols() floats. row in [0, rows()): the caller's promise.
  virtual void unpack_row(int64_t row, float* out) const = 0;
  /// x W^T + bias, a linear layer: x f32 [n, cols] in either order of memory, bias f32 [rows] or undefined ->
  /// [n, rows] in x's order. n = 1 is the case that counts. Throws ShapeError, TypeError.
  virtual Tensor linear(const Tensor& x, const Tensor& bias) const = 0;
  /// What follows the head in the file.
  virtual void write(PackedWriter& out) const = 0;

 protected:
  /// Throws ShapeError for a rank below 2 or an extent of 0.
  explicit PackedMatrix(const Shape& shape);
  /// Bytes of the head that write_packed() puts before write(): tag, version, rank, extents.
  size_t head_bytes() const { return (3 + static_cast<size_t>(shape_.rank())) * 8; }

 private:
  Shape shape_;
};

/// Head and body: a section of a container (as U8), or a file.
std::vector<std::byte> write_packed(const PackedMatrix& matrix);
/// Throws FormatError naming `where` and the byte offset for anything that write_packed() would not have written.
std::shared_ptr<const PackedMatrix> read_packed(std::span<const std::byte> bytes, const std::string& where);

/// Rows of a packed table by index, word vectors: indices s32 [...] -> f32 [..., cols]. Only these rows are read.
/// Throws FormatError for an index outside [0, rows), naming its place; TypeError.
Tensor packed_embedding(const PackedMatrix& table, const Tensor& indices);

/// Throws ShapeError or TypeError, naming `format`, for a source that breaks what PackSource says.
void check_source(const char* format, const PackSource& source);
/// The same for the arguments of PackedMatrix::linear.
void check_linear(const char* format, const PackedMatrix& w, const Tensor& x, const Tensor& bias);

}  // namespace pith
