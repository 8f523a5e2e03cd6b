// QuantizedTraining: the training-time graph of an integer network. Real weights (the shadows) and learned steps give,
// on the way forward, the very integers that IntegerNetwork computes from spec(): sums are whole numbers below 2^24 in
// f32, and requantisation takes the same steps (tensor/ops/requantize.h). On the way back gradients pass straight
// through the roundings (Bengio et al. 2013) into weights, biases and what sets the steps: learned by LSQ (Esser et al.
// 2020), or by what each layer of the spec names (nn/training_method.h). A layer with an accumulator has steps so wide
// that no sum can leave it, in every forward pass (A2Q: Colbert et al. 2023; tensor/ops/accumulator_steps.h).
//
// Batch norm is folded before it begins, or anew in every pass (nn/training_norm.h): then training takes the statistics
// of the batch, and evaluation, the running ones, is what inference computes. Parameters bear the float network's names
// (layer1.0.conv1.weight), so masks and schedules find them. Beside them stand, by method, NAME.weight_step [k] - or
// NAME.weight_up and NAME.weight_down [k], TTQ's two scales - and NAME.value_step [1], which do not decay;
// NAME.value_alpha [1], the larger end of a range that PACT learns, which does; and the buffers NAME.value_range [3], a
// RangeTracker's state, which evaluation does not move, and NAME.free_weights (1 or 0) and NAME.frozen_levels, of the
// weight's shape, what INQ has frozen. Of a live batch norm: NAME.norm_scale [k], which does not decay, and the buffers
// NAME.norm_mean, NAME.norm_variance [k] and NAME.norm_begun [1].
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "nn/integer_network.h"
#include "nn/module.h"
#include "nn/training_norm.h"
#include "tensor/ops/requantize.h"

namespace pith::nn {

class QuantizedTraining : public Module {
 public:
  /// A spec whose layers still hold their real weights (shape.weight, shape.bias), and methods that
  /// check_training_methods lets pass: ArgumentError otherwise. With dynamic ranges the steps of values are those of
  /// every batch, and nothing of them is learned.
  explicit QuantizedTraining(IntegerSpec start);
  std::string_view type() const override { return "QuantizedTraining"; }

  /// The integer network of the present weights and steps. Throws ArgumentError where a sum of a layer could pass 2^24,
  /// so that f32 would not have held it.
  IntegerSpec spec() const;

  const IntegerSpec& start() const { return start_; }
  /// The real weights of layer i, and which of them still learn (f32: 1, or 0 where they are frozen).
  const Tensor& weight(size_t layer) const { return learned_[layer].weight->value(); }
  const Tensor& free_weights(size_t layer) const { return *learned_[layer].free_weights; }
  /// Freezes weights of a layer that trains by INQ at the levels that they have now, for good. which: the weight's
  /// shape; already frozen ones stay what they are.
  void freeze(size_t layer, const Mask& which);

  /// Looks at value `value`: whole numbers counted from the zero point; of the last one, logits.
  using Probe = std::function<void(int64_t value, const Tensor& x)>;
  Variable run(const Variable& images, const Probe& probe = nullptr);

 protected:
  Variable forward(const Variable& x) override { return run(x); }

 private:
  struct Learned {
    Parameter *weight = nullptr, *bias = nullptr, *weight_step = nullptr, *value_step = nullptr, *value_alpha = nullptr,
              *weight_up = nullptr, *weight_down = nullptr;
    Tensor *value_range = nullptr, *free_weights = nullptr, *frozen_levels = nullptr;
    TrainingNorm norm;
  };
  /// A value on its way: whole numbers counted from the zero point, their step, their grid.
  struct Flow {
    Variable x, step;
    ValueQuant quant;
  };
  /// What a layer adds up, in units of x_step w_step[k], and the residual that joins it (nullptr: none).
  struct Sums {
    Variable sums, bias, x_step, w_step;
    const Flow* residual = nullptr;
  };
  void add_weight_parameters(size_t i);
  void add_value_parameters(size_t i);
  void add_norm(size_t i);
  Variable value_step(int64_t value) const;
  Variable weight_step(size_t i, const Variable& x_step) const;
  Variable unlimited_step(size_t i, const Variable& x_step) const;
  Variable weight_scale(size_t i, const Parameter& scale, double highest) const;
  FoldedNorm with_norm(size_t i, const Variable& sums, const Variable& x_step, const Variable& w_step);
  Variable levels(size_t i, const Variable& w, const Variable& w_step) const;
  Variable sums_of(size_t i, const Variable& x, const Variable& w_step) const;
  Flow run_layer(size_t i, const std::vector<Flow>& values);
  Flow run_product(size_t i, const std::vector<Flow>& values);
  Flow run_dynamic(size_t i, const std::vector<Flow>& values) const;
  Flow run_mean_pool(size_t i, const Flow& x);
  Flow run_requantize(size_t i, const Flow& x);
  Flow on_grid(size_t i, const Sums& s);
  void track(size_t i, const Sums& s);

  IntegerSpec start_;
  std::vector<Learned> learned_;  ///< one a layer
};

}  // namespace pith::nn
