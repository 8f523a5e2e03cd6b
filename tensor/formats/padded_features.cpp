#include "tensor/formats/padded_features.h"

#include <cstring>

namespace pith {

Tensor padded_features(const Tensor& x, int64_t cols) {
  const int64_t n = x.shape()[0], have = x.shape()[1];
  if (have >= cols) return x;
  if (!x.is_lanes()) {
    Tensor y = Tensor::zeros({n, cols});
    const Tensor plain = to_plain(x);
    for (int64_t i = 0; i < n; ++i)
      std::memcpy(y.mutable_data<float>() + i * cols, plain.data<float>() + i * have,
                  static_cast<size_t>(have) * sizeof(float));
    return y;
  }
  Tensor y = Tensor::lanes({n, cols}, 0);
  const LaneGeometry &from = x.geometry(), &to = y.geometry();
  constexpr int64_t L = LaneGeometry::kLanes;
  for (int64_t b = 0; b < to.blocks; ++b) {
    float* const out = y.mutable_data<float>() + b * to.block * L;
    std::memcpy(out, x.data<float>() + b * from.block * L, static_cast<size_t>(have * L) * sizeof(float));
    std::memset(out + have * L, 0, static_cast<size_t>((cols - have) * L) * sizeof(float));
  }
  return y;
}

}  // namespace pith
