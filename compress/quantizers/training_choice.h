// Which layers go on to train by which method (nn/training_method.h).
#pragma once

#include "nn/integer_network.h"

namespace pith::compress {

struct TrainingChoice {
  nn::WeightTraining weights = nn::WeightTraining::lsq;
  nn::ValueTraining values = nn::ValueTraining::lsq;
};

/// Gives every layer whose weights have `bits_weights` bits the method for weights - those of other widths (the ends,
/// overrides) keep LSQ - and every layer that for activations. The spec then holds the integers that training begins
/// with. Throws ArgumentError as nn::check_training_methods.
nn::IntegerSpec chosen_training(nn::IntegerSpec spec, const TrainingChoice& choice, int bits_weights);

}  // namespace pith::compress
