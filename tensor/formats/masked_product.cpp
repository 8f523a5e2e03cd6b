#include "tensor/formats/masked_product.h"

#include <string>

#include "tensor/error.h"
#include "tensor/parallel.h"

namespace pith {
namespace {

/// `place(row, column)` is the dense position of a weight of p.
template <class Place>
MaskedSide side_of(const CsrPattern& p, const Place& place) {
  MaskedSide side;
  side.rows = p.rows;
  side.cols = p.cols;
  side.row_ptr.push_back(0);
  side.columns.reserve(p.col_idx.size());
  side.position.reserve(p.col_idx.size());
  std::vector<uint32_t> next(p.row_ptr.begin(), p.row_ptr.end() - 1);
  for (int64_t first = 0; first < p.cols; first += ops::SparsePattern::kSection)
    for (int64_t r = 0; r < p.rows; ++r) {
      uint32_t& k = next[static_cast<size_t>(r)];
      for (const uint32_t end = p.row_ptr[static_cast<size_t>(r) + 1];
           k < end && p.col_idx[k] < first + ops::SparsePattern::kSection; ++k) {
        side.columns.push_back(static_cast<uint16_t>(p.col_idx[k] - first));
        side.position.push_back(static_cast<uint32_t>(place(r, p.col_idx[k])));
      }
      side.row_ptr.push_back(static_cast<uint32_t>(side.columns.size()));
    }
  return side;
}

constexpr int64_t kGrain = 1 << 14;  // weights of one chunk of a gather

void check(const char* op, const Mask& mask, const Tensor& w) {
  if (!(w.shape() == mask.shape()))
    throw ShapeError(std::string(op) + ": mask " + text(mask.shape()) + " does not fit weight " + text(w));
  if (w.dtype() != DType::f32 || w.is_lanes() || !w.is_contiguous())
    throw TypeError(std::string(op) + ": wants a plain contiguous f32 weight, here is " + text(w));
}

Tensor kept_values(const MaskedSide& side, const Tensor& w) {
  const int64_t kept = static_cast<int64_t>(side.position.size());
  Tensor values = Tensor::empty({kept});
  const float* const from = w.data<float>();
  const uint32_t* const at = side.position.data();
  float* const to = values.mutable_data<float>();
  parallel_for(kept, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) to[k] = from[at[k]];
  });
  return values;
}

Tensor dense_gradient(const Mask& mask, const MaskedSide& side, const Tensor& values) {
  Tensor dw = Tensor::zeros(mask.shape());
  const float* const from = values.data<float>();
  const uint32_t* const at = side.position.data();
  float* const to = dw.mutable_data<float>();
  parallel_for(values.numel(), kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) to[at[k]] = from[k];
  });
  return dw;
}

}  // namespace

MaskedProduct::MaskedProduct(const CsrPattern& p)
    : weight(side_of(p, [&](int64_t r, int64_t c) { return r * p.cols + c; })),
      transpose(side_of(transposed(p).pattern, [&](int64_t r, int64_t c) { return c * p.cols + r; })) {}

Tensor masked_linear(const Mask& mask, const Tensor& w, const Tensor& x, const Tensor& bias) {
  check("masked_linear", mask, w);
  const MaskedSide& side = mask.product().weight;
  const Tensor values = kept_values(side, w);
  return ops::sparse_linear(side.view(values), x, bias);
}

Tensor masked_linear_input_gradient(const Mask& mask, const Tensor& w, const Tensor& dy) {
  check("masked_linear_input_gradient", mask, w);
  const MaskedSide& side = mask.product().transpose;
  const Tensor values = kept_values(side, w);
  return ops::sparse_linear(side.view(values), dy, Tensor());
}

Tensor masked_linear_weight_gradient(const Mask& mask, const Tensor& x, const Tensor& dy) {
  const MaskedSide& side = mask.product().weight;
  return dense_gradient(mask, side, ops::sparse_linear_gradient(side.view({}), x, dy));
}

Tensor masked_matmul(const Mask& mask, const Tensor& w, const Tensor& x) {
  check("masked_matmul", mask, w);
  const MaskedSide& side = mask.product().weight;
  const Tensor values = kept_values(side, w);
  return ops::spmm(side.view(values), x);
}

Tensor masked_matmul_transposed(const Mask& mask, const Tensor& w, const Tensor& dy) {
  check("masked_matmul_transposed", mask, w);
  const MaskedSide& side = mask.product().transpose;
  const Tensor values = kept_values(side, w);
  return ops::spmm(side.view(values), dy);
}

Tensor masked_matmul_weight_gradient(const Mask& mask, const Tensor& dy, const Tensor& x) {
  const MaskedSide& side = mask.product().weight;
  return dense_gradient(mask, side, ops::sddmm(side.view({}), dy, x));
}

}  // namespace pith
