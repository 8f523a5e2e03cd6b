// What the methods of a layer (nn/training_method.h) say of its levels and steps while it trains in whole numbers. For
// nn/quantized_training.cpp.
#pragma once

#include "autograd/variable.h"
#include "nn/integer_network.h"
#include "tensor/formats/range_tracker.h"
#include "tensor/ops/accumulator_steps.h"
#include "tensor/ops/weight_levels.h"

namespace pith::nn::rules {

/// Throws ArgumentError where a sum of this layer could pass 2^24. Counts every partial sum, in any order.
void check_depth(const IntegerLayer& layer, const ValueQuant& x, bool is_dynamic);

/// The levels that a layer's weights have.
ops::WeightLevels levels_of(const IntegerLayer& layer);

/// The steps of methods that learn none, [k]: what the weights say, or the first ones.
Tensor steps_of(const IntegerLayer& layer, const Tensor& w);

/// A channel whose weights are so small that its bias would be more than 2^22 units gets coarser weights. x_step: of
/// the layer's input, undefined with dynamic ranges.
Tensor wide_enough(const Tensor& steps, const Tensor& bias, const Variable& x_step);

/// What the sums of a layer have to fit. With dynamic ranges the zero point is anything, and biases stay outside.
ops::SumLimits limits_of(const IntegerLayer& layer, const ValueQuant& x, const Variable& x_step);

/// Real weights [k, ...] whose steps [k] become others: the same whole numbers.
Tensor scaled_rows(const Tensor& w, const Tensor& from, const Tensor& to);

/// A RangeTracker in a buffer [3].
RangeTracker tracker_of(const Tensor& state);
/// The least step whose grid holds what was tracked.
float tracked_step(const RangeTracker& t, const ValueQuant& q);

}  // namespace pith::nn::rules
