#include "tensor/ops/dropout.h"

#include <string>

#include "tensor/ops/floating.h"
#include "tensor/parallel.h"

namespace pith::ops {

Tensor dropout_mask(const Tensor& x, double p, const RandomKey& key) {
  check_floating("dropout", x);
  if (!(p >= 0 && p < 1)) throw ArgumentError("dropout: the probability " + std::to_string(p) + " is not in [0, 1)");
  Tensor draw = Tensor::empty(x.shape());
  fill_uniform(draw, 0, 1, key);
  float* const d = draw.mutable_data<float>();
  const float limit = static_cast<float>(p), keep = static_cast<float>(1 / (1 - p));
  parallel_for(draw.numel(), kElementGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) d[i] = d[i] < limit ? 0.0f : keep;
  });
  return x.is_lanes() ? to_lanes(draw, x.geometry().halo) : draw.to(x.dtype());
}

}  // namespace pith::ops
