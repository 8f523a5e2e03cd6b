// PruningPolicy: asks a method for masks when its time has come, and applies them, hard or soft (mask_options.h).
#pragma once

#include <memory>
#include <vector>

#include "compress/schedule/activation_statistics.h"
#include "compress/schedule/doors.h"
#include "compress/schedule/mask_options.h"
#include "compress/schedule/policy.h"
#include "compress/schedule/timing.h"

namespace pith::compress {

/// Minibatches that activations are measured for before a mask is chosen by them.
inline constexpr int64_t kActivationMinibatches = 10;

/// Where a policy is at work.
struct Surroundings {
  nn::Module& model;
  ActivationStatistics& activations;
  const Doors& doors;
};

class PruningPolicy : public Policy {
 public:
  /// What surrounds it outlives it. Throws what bind() throws, and ArgumentError where the method needs a door that is
  /// shut, or a hard mask.
  PruningPolicy(std::shared_ptr<const PruningMethod> method, const Timing& timing, const MaskOptions& options,
                const Surroundings& surroundings);

  void on_epoch_begin(const Tick& tick) override;
  void on_minibatch_begin(const Tick& tick) override;
  void before_step(const Tick& tick) override;
  void on_minibatch_end(const Tick& tick) override;
  void on_epoch_end(const Tick& tick) override;
  void save(State& state, const std::string& prefix) const override;
  void load(const State& state, const std::string& prefix) override;

 private:
  /// A parameter with what a soft mask needs beside it.
  struct Pruned : Bound {
    Tensor shadow;                     ///< the weights before masking
    std::shared_ptr<const Mask> soft;  ///< the mask of the forward pass
    std::shared_ptr<const Mask> held;  ///< hard, taken off for one dense gradient
    double scale = 1;
    Memory memory;
    Tensor curvature;
    Samples samples;
    const nn::Parameter* companion = nullptr;
  };

  bool is_soft() const { return options_.mask_on_forward_only; }
  bool in_force(const Tick& tick) const { return timing_.in_force(tick.epoch()); }
  /// Is a new mask wanted in this minibatch?
  bool is_due(const Tick& tick) const;
  void choose(const Tick& tick);
  void apply_soft();
  std::vector<Target> targets();
  void check_doors() const;
  void find_companions();
  void find_ties();
  bool looks() const { return method_->needs() == Needs::activations || method_->needs() == Needs::samples; }
  bool acts_at_begin() const { return method_->needs() == Needs::weights || method_->needs() == Needs::judge; }
  Moment moment(const Tick& tick);
  double score(const std::vector<Mask>& masks);
  void look_closer();

  std::shared_ptr<const PruningMethod> method_;
  Timing timing_;
  MaskOptions options_;
  Surroundings around_;
  ActivationStatistics& activations_;
  std::vector<Pruned> parameters_;
  std::vector<TiedGroup> ties_;
  LayerSamples samples_;
};

}  // namespace pith::compress
