// Quantisation functions of training with few bits, as the papers write them: real numbers to real numbers on a grid.
// Pure; rounding goes half to even. Training itself runs on whole numbers (nn/quantized_training.h), by
// tensor/ops/weight_levels.h.
#pragma once

#include <cstdint>
#include <vector>

namespace pith::compress {

/// DoReFa weights (Zhou et al. 2016): 1 bit: sign(w) mean|w|; k bits: 2 Q(tanh w / (2 max|tanh w|) + 1/2) - 1 with
/// Q of 2^k - 1 steps on [0, 1]. It has no level 0: `keeps_zero` gives exact zeros back, where pruning put them.
std::vector<float> dorefa_weights(const std::vector<float>& w, int bits, bool keeps_zero = false);
/// DoReFa activations: Q of 2^k - 1 steps on x cut to [0, 1].
std::vector<float> dorefa_activations(const std::vector<float>& x, int bits);

/// WRPN weights (Mishra et al. 2018): w cut to [-1, 1], 2^(k-1) - 1 steps a side, 0 among them.
std::vector<float> wrpn_weights(const std::vector<float>& w, int bits);

/// PACT (Choi et al. 2018): min(max(x, 0), alpha) with 2^k - 1 steps, and the straight-through gradients for dy = 1.
struct Pact {
  std::vector<float> y, x_gradient;
  double alpha_gradient = 0;
};
Pact pact_levels(const std::vector<float>& x, float alpha, int bits);

/// Ternary weights (Li et al. 2016): threshold 0.7 mean|w|, scale = mean of the kept |w|.
std::vector<float> ternary_weights(const std::vector<float>& w);

/// multiplier / 2^shift near `value`, the multiplier below 2^bits: shift = floor(log2((2^bits - 1) / value)),
/// multiplier = floor(2^shift value). value finite and above 0.
struct ScaleApproximation {
  int64_t multiplier = 0;
  int shift = 0;
  double value() const;
};
ScaleApproximation approximate_scale(double value, int bits);

}  // namespace pith::compress
