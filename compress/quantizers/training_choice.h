// Which layers go on to train by which method (nn/training_method.h).
#pragma once

#include "nn/integer_network.h"

namespace pith::compress {

struct TrainingChoice {
  nn::WeightTraining weights = nn::WeightTraining::lsq;
  nn::ValueTraining values = nn::ValueTraining::lsq;
  nn::NormTraining norm = nn::NormTraining::folded;
  int accumulator = 0;  ///< bits that sums are held to, 8 to 24; 0: no such limit
};

/// Gives every layer whose weights have `bits_weights` bits the method for weights and the accumulator - those of other
/// widths (the ends, overrides) keep LSQ and have none -, every layer that for activations, and every convolution that
/// for batch norm. The spec then holds the integers that training begins with. Throws ArgumentError as
/// nn::check_training_methods.
nn::IntegerSpec chosen_training(nn::IntegerSpec spec, const TrainingChoice& choice, int bits_weights);

}  // namespace pith::compress
