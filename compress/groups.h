// Groups: a partition of a weight tensor's positions into groups of equal size, which are pruned or regularized whole.
//
// Weights are [out, in, kh, kw] or [out, in]; their matrix is [out, in kh kw]. Invariant: every position belongs to
// exactly one group and every group has size() positions. A value without state; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/formats/mask.h"

namespace pith::compress {

/// What a group is. row and column are of the stored matrix, everywhere (the model's "Rows" meant two things).
enum class GroupType : uint8_t { element, row, column, kernel, filter, channel, layer };

/// "element", "row", ...
std::string_view name(GroupType type);

class Groups {
 public:
  /// element: each position alone; row, filter: one output; column: one position of the matrix's rows; channel: one
  /// input with all its kernels; kernel: one kh x kw plane; layer: everything. kernel wants 4 axes, the others 2 or 4
  /// (element and layer: any). Throws ShapeError otherwise, or for an empty shape.
  Groups(const Shape& shape, GroupType type);
  /// Tiles of `rows` x `columns` of the matrix: what block CSR holds. Throws ShapeError unless they divide it exactly.
  static Groups tiles(const Shape& shape, int64_t rows, int64_t columns);
  /// Blocks of `filters` x `channels` weights at one position of the kernel. Throws ShapeError for other than 4 axes,
  /// or unless they divide them exactly.
  static Groups blocks(const Shape& shape, int64_t filters, int64_t channels);

  const Shape& shape() const { return shape_; }
  int64_t count() const { return a_.extent * b_.extent * c_.extent; }
  int64_t size() const { return shape_.numel() / count(); }
  Granularity granularity() const { return granularity_; }
  /// The group of position i in row-major order.
  int64_t of(int64_t i) const {
    int64_t group = i / a_.stride % a_.extent;
    if (b_.extent > 1) group = group * b_.extent + i / b_.stride % b_.extent;  // divisions are dear
    if (c_.extent > 1) group = group * c_.extent + i / c_.stride % c_.extent;
    return group;
  }
  /// Keeps exactly the groups whose flag is not 0. Throws ShapeError unless there are count() flags.
  Mask mask(const std::vector<uint8_t>& keep) const;

 private:
  /// One digit of a group's number: position / stride % extent. Three digits tell every partition above.
  struct Digit {
    int64_t stride = 1, extent = 1;
  };
  Groups(const Shape& shape, Digit a, Digit b, Digit c, Granularity granularity);

  Shape shape_;
  Digit a_, b_, c_;
  Granularity granularity_;
};

}  // namespace pith::compress
