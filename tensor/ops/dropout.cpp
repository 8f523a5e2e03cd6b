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
  const float* const d = draw.data<float>();
  const float limit = static_cast<float>(p);
  Tensor mask = Tensor::empty(x.shape(), x.dtype());
  dispatch_floating(x, [&]<class T>() {
    T* const m = mask.mutable_data<T>();
    const T keep = static_cast<T>(1 / (1 - p));
    parallel_for(draw.numel(), kElementGrain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) m[i] = d[i] < limit ? T{0} : keep;
    });
  });
  return x.is_lanes() ? to_lanes(mask, x.geometry().halo) : mask;
}

}  // namespace pith::ops
