// Policy: one line of a schedule at work on a model: who x when x how much x by what. The scheduler calls it at six
// moments of the training loop; in between it is silent. What it must remember to go on after an interruption is its
// state.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "compress/schedule/method.h"
#include "nn/module.h"
#include "nn/optim/rate_policy.h"

namespace pith::compress {

/// Tensors by name: what a checkpoint keeps.
using State = std::map<std::string, Tensor>;

/// A moment of the training loop.
struct Tick {
  nn::Clock clock;
  uint64_t seed = 0;
  bool frozen = false;  ///< a stop condition holds: masks stay as they are
  int64_t epoch() const { return clock.epoch; }
  bool is_first() const { return clock.step == 0; }
  bool is_last() const { return clock.step + 1 == clock.steps_per_epoch; }
  /// Minibatches since the beginning of the run.
  int64_t minibatch() const { return clock.epoch * clock.steps_per_epoch + clock.step; }
};

class Policy {
 public:
  virtual ~Policy() = default;
  virtual void on_epoch_begin(const Tick&) {}
  virtual void on_minibatch_begin(const Tick&) {}
  /// What is added to the loss of this minibatch.
  virtual double before_backward(const Tick&) { return 0; }
  /// Gradients are there; the optimizer has not moved anything yet.
  virtual void before_step(const Tick&) {}
  virtual void on_minibatch_end(const Tick&) {}
  /// Behind the last minibatch, before the epoch is evaluated.
  virtual void on_epoch_end(const Tick&) {}

  /// Adds to / takes from a state, under names that begin with `prefix`.
  virtual void save(State&, const std::string& /*prefix*/) const {}
  virtual void load(const State&, const std::string& /*prefix*/) {}
};

/// A parameter of the model by its name; the model owns it.
struct Bound {
  std::string name;
  nn::Parameter* parameter = nullptr;
};

/// Those of the model's parameters that the method takes, in the model's order. Throws ArgumentError for a selector
/// that matches none (unless it is "*"), and what the method's check throws, with the parameter's name.
std::vector<Bound> bind(const Method& method, nn::Module& model);

/// A mask or numbers as a tensor, and back.
Tensor words_of(const Mask& mask);
std::shared_ptr<const Mask> mask_from(const Tensor& words, const Shape& shape);
Tensor numbers_of(const std::vector<double>& values);

}  // namespace pith::compress
