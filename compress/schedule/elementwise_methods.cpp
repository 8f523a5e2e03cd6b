#include "compress/pruners/magnitude.h"
#include "compress/pruners/n_of_m.h"
#include "compress/pruners/sensitivity.h"
#include "compress/pruners/splicing.h"
#include "compress/schedule/pruning_methods.h"
#include "compress/schedule/settings.h"

namespace pith::compress {
namespace {

/// A method that looks at one target after the other.
class EachTarget : public PruningMethod {
 public:
  using PruningMethod::PruningMethod;
  std::vector<Choice> choose(std::span<Target> targets, const Moment& moment) const override {
    std::vector<Choice> choices;
    for (Target& t : targets) choices.push_back({choose_one(t, moment)});
    return choices;
  }

 protected:
  virtual Mask choose_one(Target& target, const Moment& moment) const = 0;
};

/// Values by selector.
class TableMethod : public EachTarget {
 public:
  TableMethod(Table table, std::vector<double> values)
      : EachTarget(std::move(table.selectors)), values_(std::move(values)) {}

 protected:
  double value_of(const Target& t) const { return values_.at(rule_of(t.name, t.w->shape())); }

 private:
  std::vector<double> values_;
};

class MagnitudeMethod : public TableMethod {
 public:
  using TableMethod::TableMethod;
  Mask choose_one(Target& t, const Moment&) const override { return prune_below(*t.w, value_of(t)); }
};

class LevelMethod : public TableMethod {
 public:
  using TableMethod::TableMethod;
  Mask choose_one(Target& t, const Moment&) const override { return prune_to_level(*t.w, value_of(t)); }
};

/// The threshold is fixed at the first call.
class SensitivityMethod : public TableMethod {
 public:
  using TableMethod::TableMethod;
  Mask choose_one(Target& t, const Moment&) const override {
    std::vector<double>& threshold = (*t.memory)["threshold"];
    if (threshold.empty()) threshold = {sensitivity_threshold(*t.w, value_of(t))};
    return prune_below(*t.w, threshold[0]);
  }
};

/// Mean and deviation are fixed at the first call; the sensitivity may grow by the epoch.
class SplicingMethod : public TableMethod {
 public:
  struct Band {
    double low, high, growth;
  };
  SplicingMethod(Table table, std::vector<double> values, const Band& band)
      : TableMethod(std::move(table), std::move(values)), band_(band) {}

  Mask choose_one(Target& t, const Moment& m) const override {
    const double grown = 1 + band_.growth * static_cast<double>(m.epoch - m.period.start);
    std::vector<double>& fixed = (*t.memory)["mean and deviation"];
    if (fixed.empty()) {
      const Moments moments = magnitude_moments(*t.w);
      fixed = {moments.mean, moments.deviation};
    }
    const double base = fixed[0] + value_of(t) * grown * fixed[1];
    const Mask all(t.w->shape());
    return splice(*t.w, t.mask != nullptr ? *t.mask : all, {base * band_.low, base * band_.high});
  }

 private:
  Band band_;
};

class GradualMethod : public EachTarget {
 public:
  GradualMethod(std::vector<Selector> who, const LevelSetting& level) : EachTarget(std::move(who)), level_(level) {}
  Mask choose_one(Target& t, const Moment& m) const override { return prune_to_level(*t.w, level_.at(m)); }

 private:
  LevelSetting level_;
};

class RampedThresholdMethod : public EachTarget {
 public:
  RampedThresholdMethod(std::vector<Selector> who, const RampedThreshold& t)
      : EachTarget(std::move(who)), threshold_(t) {}
  Mask choose_one(Target& t, const Moment& m) const override {
    RampedThreshold now = threshold_;
    now.period = m.period;
    return prune_below(*t.w, threshold_at(now, m.epoch));
  }

 private:
  RampedThreshold threshold_;
};

class NOfMMethod : public EachTarget {
 public:
  NOfMMethod(std::vector<Selector> who, int64_t n, int64_t m) : EachTarget(std::move(who)), n_(n), m_(m) {}
  void check(const std::string&, const Shape& shape) const override { prune_n_of_m(Tensor::zeros(shape), n_, m_); }
  Mask choose_one(Target& t, const Moment&) const override { return prune_n_of_m(*t.w, n_, m_); }

 private:
  int64_t n_, m_;
};

/// A table of numbers from 0, below `limit` where there is one.
std::vector<double> values_of(Fields& fields, const std::string& key, const Table& table, bool shares) {
  std::vector<double> values;
  for (const YamlNode* node : table.values) {
    const double v = fields.number_of(*node, key);
    if (v < 0 || (shares && v >= 1))
      Place{fields.file(), node->line}.refuse(fields.what() + ": " + key + " must be " +
                                              (shares ? "shares from 0 to below 1" : "0 or above") + ", here is " +
                                              node->scalar);
    values.push_back(v);
  }
  return values;
}

template <class M>
std::shared_ptr<const PruningMethod> table_method(Fields& fields, const std::string& key, bool shares) {
  Table table = table_from(fields, key);
  std::vector<double> values = values_of(fields, key, table, shares);
  return std::make_shared<M>(std::move(table), std::move(values));
}

}  // namespace

std::shared_ptr<const PruningMethod> magnitude_method(Fields& f) {
  return table_method<MagnitudeMethod>(f, "thresholds", false);
}
std::shared_ptr<const PruningMethod> level_method(Fields& f) { return table_method<LevelMethod>(f, "levels", true); }
std::shared_ptr<const PruningMethod> sensitivity_method(Fields& f) {
  return table_method<SensitivityMethod>(f, "sensitivities", false);
}

std::shared_ptr<const PruningMethod> splicing_method(Fields& f) {
  Table table = table_from(f, "sensitivities");
  std::vector<double> values = values_of(f, "sensitivities", table, false);
  const SplicingMethod::Band band{f.number_within("low_thresh_mult", 0, 1e6), f.number_within("hi_thresh_mult", 0, 1e6),
                                  f.number("sensitivity_multiplier", 0)};
  if (band.high < band.low) f.refuse("hi_thresh_mult", "is below low_thresh_mult");
  if (band.growth < 0) f.refuse("sensitivity_multiplier", "is below 0");
  return std::make_shared<SplicingMethod>(std::move(table), std::move(values), band);
}

std::shared_ptr<const PruningMethod> gradual_method(Fields& f) {
  const LevelSetting level = LevelSetting::from(f, true);
  return std::make_shared<GradualMethod>(selectors_from(f, "weights"), level);
}

std::shared_ptr<const PruningMethod> ramped_threshold_method(Fields& f) {
  RampedThreshold t;
  t.quantile = f.number_within("q", 0, 1e6);
  t.ramp_offset = f.integer("ramp_epoch_offset", 0);
  t.slope_factor = f.number_within("ramp_slope_mult", 0, 1e6);
  return std::make_shared<RampedThresholdMethod>(selectors_from(f, "weights"), t);
}

std::shared_ptr<const PruningMethod> n_of_m_method(Fields& f) {
  const int64_t n = f.integer("n", 1), m = f.integer("m", 1);
  if (m < n) f.refuse("m", "is below n");
  return std::make_shared<NOfMMethod>(selectors_from(f, "weights"), n, m);
}

}  // namespace pith::compress
