// How the weights of a layer, and the value it puts out, learn in whole numbers (nn/quantized_training.h). The names
// are those of files and of the command line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pith::nn {

struct IntegerSpec;

/// Where the step of a layer's weights comes from, and which weight becomes which whole number of steps.
enum class WeightTraining : uint8_t {
  lsq,      ///< the nearest level; a step a channel, learned (Esser et al. 2020)
  dorefa,   ///< the nearest level of tanh(w), the largest being the last; of 1 bit the sign (Zhou et al. 2016)
  wrpn,     ///< the nearest level; the step stays the first one (Mishra et al. 2018)
  ternary,  ///< 0 up to 0.7 mean |w| of the channel; the step is the mean of what is above (Li et al. 2016)
  binary,   ///< the sign; the step is the mean |w| of the channel (Rastegari et al. 2016)
  inq,      ///< 0 or a power of two steps; frozen for good, the largest first (Zhou et al. 2017)
  ttq,      ///< +p, 0 or -n: two scales a channel, learned (Zhu et al. 2017; tensor/ops/two_scales.h)
  abc       ///< of b bits b signs, each times a whole number (ABC-Net, Lin et al. 2017; tensor/ops/several_signs.h)
};

/// Where the range of the values that a layer puts out comes from.
enum class ValueTraining : uint8_t {
  lsq,   ///< learned, also from what rounding did (Esser et al. 2020)
  pact,  ///< learned from what lay beyond it alone (Choi et al. 2018)
  ema,   ///< the running mean of the batches' ranges (Jacob et al. 2018)
  fixed  ///< stays the first one (DoReFa and WRPN)
};

/// Where batch norm is while a layer trains.
enum class NormTraining : uint8_t {
  folded,  ///< in the weights and the bias before training begins, for good
  batch    ///< live, folded anew by the statistics of every batch (Jacob et al. 2018; nn/training_norm.h)
};

std::string_view name(WeightTraining method);
std::string_view name(ValueTraining method);
std::string_view name(NormTraining method);
/// By name. Throw ArgumentError with the names there are.
WeightTraining weight_training(std::string_view name);
ValueTraining value_training(std::string_view name);
NormTraining norm_training(std::string_view name);

/// Throws ArgumentError unless weights of so many bits can train by this method; `where` says what has them.
void check_bits(WeightTraining method, int bits, const std::string& where);

/// Throws ArgumentError unless sums of weights that train by this method can be held to an accumulator of so many bits
/// (A2Q: tensor/ops/accumulator_steps.h): 8 to 24, of weights whose whole numbers shrink as their step grows.
void check_accumulator(int accumulator, WeightTraining method, int bits, const std::string& where);

/// Throws ArgumentError with one sentence where a layer's method does not suit its bits, the spec's dynamic ranges, or
/// weights that are no longer real.
void check_training_methods(const IntegerSpec& spec);

/// "weights ternary (7 layers) and lsq (2), activations pact, sums of 16 bits (7 layers)".
std::string training_methods(const IntegerSpec& spec);

}  // namespace pith::nn
