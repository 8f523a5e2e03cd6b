#include "compress/regularizers/elementwise.h"

#include <cmath>

#include "compress/pruners/magnitude.h"
#include "compress/regularizers/strength.h"

namespace pith::compress {

Penalty l1_penalty(const Tensor& w, double strength) {
  check_strength("l1", w, strength);
  Penalty p{0, Tensor::empty(w.shape())};
  const float s = static_cast<float>(strength);
  const float* const x = w.data<float>();
  float* const g = p.gradient.mutable_data<float>();
  for (int64_t i = 0; i < w.numel(); ++i) {
    p.value += std::abs(x[i]);
    g[i] = x[i] > 0 ? s : x[i] < 0 ? -s : 0;
  }
  p.value *= strength;
  return p;
}

Penalty l2_penalty(const Tensor& w, double strength) {
  check_strength("l2", w, strength);
  Penalty p{0, Tensor::empty(w.shape())};
  const float twice = static_cast<float>(2 * strength);
  const float* const x = w.data<float>();
  float* const g = p.gradient.mutable_data<float>();
  for (int64_t i = 0; i < w.numel(); ++i) {
    p.value += static_cast<double>(x[i]) * x[i];
    g[i] = twice * x[i];
  }
  p.value *= strength;
  return p;
}

Mask l1_threshold(const Tensor& w, double strength) { return prune_below(w, strength); }

}  // namespace pith::compress
