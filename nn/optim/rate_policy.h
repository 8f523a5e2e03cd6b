// Learning-rate policies: pure functions of time, but for reduce-on-plateau, whose state is three numbers.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pith::nn {

/// Where training stands: epoch and step are 0-based and say what is about to run.
struct Clock {
  int64_t epoch = 0, step = 0;  ///< step within the epoch
  int64_t steps_per_epoch = 1, epochs = 1;
  /// Epochs passed, as a fraction.
  double time() const { return static_cast<double>(epoch) + static_cast<double>(step) / static_cast<double>(steps_per_epoch); }
};

class RatePolicy {
 public:
  virtual ~RatePolicy() = default;
  /// The rate at this moment.
  virtual double at(const Clock& clock) const = 0;
  /// Told once after every epoch; only reduce-on-plateau listens.
  virtual void after_epoch(double /*validation_loss*/) {}
  /// Numbers that a checkpoint must keep.
  virtual std::vector<double> state() const { return {}; }
  virtual void set_state(const std::vector<double>& /*state*/) {}
};

/// A policy from one line, as the command line takes it: a name and settings.
///   constant | step:size=30,gamma=0.1 | multistep:milestones=40/60,gamma=0.1 | multigamma:milestones=40/60,gammas=0.1/0.5
///   | exponential:gamma=0.95 | cosine[:min=0] | polynomial:power=2 | onecycle[:warm=0.3,div=25,final=1e4]
///   | plateau[:factor=0.1,patience=10,threshold=1e-4,min=0]; any of them with warmup=EPOCHS (linear from 0).
/// Throws ArgumentError naming the word that was not understood and what is accepted.
std::unique_ptr<RatePolicy> make_rate_policy(std::string_view line, double rate, int64_t epochs);

}  // namespace pith::nn
