// Policies that choose no mask: releasing masks (dense-sparse-dense; Han et al. 2017), and rewinding weights to an
// earlier epoch (lottery tickets; Frankle & Carbin 2019, Frankle et al. 2020).
#pragma once

#include <vector>

#include "compress/schedule/policy.h"
#include "compress/schedule/timing.h"

namespace pith::compress {

/// Who an extension is about.
class Selection : public Method {
 public:
  explicit Selection(std::vector<Selector> selectors) : Method(std::move(selectors)) {}
};

/// Takes the masks off at the begin of an epoch; the released weights start from 0.
class MaskReleaser : public Policy {
 public:
  MaskReleaser(const Selection& who, const Timing& timing, nn::Module& model)
      : timing_(timing), parameters_(bind(who, model)) {}
  void on_epoch_begin(const Tick& tick) override;

 private:
  Timing timing_;
  std::vector<Bound> parameters_;
};

/// Remembers the weights as they are at the begin of epoch `rewind_to` (0: as they are initialised), and puts them back
/// at the first minibatch of the epochs in which it acts, under the masks of that moment: those that a pruner declared
/// before it has just chosen. The optimizer's momentum stays.
class WeightRewinder : public Policy {
 public:
  WeightRewinder(const Selection& who, int64_t rewind_to, const Timing& timing, nn::Module& model)
      : rewind_to_(rewind_to), timing_(timing), parameters_(bind(who, model)) {}
  void on_epoch_begin(const Tick& tick) override;
  void on_minibatch_begin(const Tick& tick) override;
  void save(State& state, const std::string& prefix) const override;
  void load(const State& state, const std::string& prefix) override;

 private:
  int64_t rewind_to_;
  Timing timing_;
  std::vector<Bound> parameters_;
  std::vector<Tensor> early_;
};

}  // namespace pith::compress
