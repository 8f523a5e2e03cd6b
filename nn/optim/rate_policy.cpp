#include "nn/optim/rate_policy.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <utility>

#include "nn/optim/rate_settings.h"
#include "tensor/error.h"

namespace pith::nn {
namespace {

/// Rate / first rate at a moment.
using Factor = std::function<double(const Clock&)>;

struct Context {
  double rate;
  int64_t epochs;
};

/// A pure function of time.
class TimedPolicy : public RatePolicy {
 public:
  TimedPolicy(double rate, Factor factor) : rate_(rate), factor_(std::move(factor)) {}
  double at(const Clock& clock) const override { return rate_ * factor_(clock); }

 private:
  double rate_;
  Factor factor_;
};

/// PyTorch's ReduceLROnPlateau (mode min, relative threshold, no cooldown): the rate times `factor` after more than
/// `patience` epochs in a row whose loss was not below best (1 - threshold).
class Plateau : public RatePolicy {
 public:
  struct Options {
    double factor, patience, threshold, least;
  };
  Plateau(double rate, const Options& options) : options_(options), rate_(rate) {}

  double at(const Clock&) const override { return rate_; }
  void after_epoch(double loss) override {
    if (bad_ < 0 || loss < best_ * (1 - options_.threshold)) {
      best_ = loss;
      bad_ = 0;
    } else if (++bad_ > options_.patience) {
      rate_ = std::min(rate_, std::max(rate_ * options_.factor, options_.least));
      bad_ = 0;
    }
  }
  std::vector<double> state() const override { return {rate_, best_, bad_}; }
  void set_state(const std::vector<double>& state) override {
    if (state.size() != 3)
      throw FormatError("plateau: its state is 3 numbers (rate, best, bad epochs), here are " +
                        std::to_string(state.size()));
    rate_ = state[0];
    best_ = state[1];
    bad_ = state[2];
  }

 private:
  Options options_;
  double rate_;
  double best_ = 0;
  double bad_ = -1;  ///< epochs without progress; -1 before the first epoch
};

/// Another policy, its rate growing linearly over the first epochs: step k of n takes (k + 1) / n of it, so that the
/// step before the first would have had 0.
class WarmUp : public RatePolicy {
 public:
  WarmUp(std::unique_ptr<RatePolicy> inner, double epochs) : inner_(std::move(inner)), epochs_(epochs) {}
  double at(const Clock& clock) const override {
    const double passed = clock.time() + 1 / static_cast<double>(clock.steps_per_epoch);
    return inner_->at(clock) * std::min(1.0, passed / epochs_);
  }
  void after_epoch(double loss) override { inner_->after_epoch(loss); }
  std::vector<double> state() const override { return inner_->state(); }
  void set_state(const std::vector<double>& state) override { inner_->set_state(state); }

 private:
  std::unique_ptr<RatePolicy> inner_;
  double epochs_;
};

double checked_above_0(RateSettings& s, const char* key, double value) {
  if (!(value > 0)) s.refuse(std::string(key) + " must be above 0");
  return value;
}

double gamma_of(RateSettings& s, double otherwise) { return checked_above_0(s, "gamma", s.number("gamma", otherwise)); }

/// Product of the gammas whose milestone (an epoch) has passed.
Factor milestones(RateSettings& s, std::vector<double> at, std::vector<double> gammas) {
  if (at.size() != gammas.size())
    s.refuse(std::to_string(at.size()) + " milestones but " + std::to_string(gammas.size()) + " gammas");
  if (!std::is_sorted(at.begin(), at.end())) s.refuse("the milestones do not rise");
  for (const double gamma : gammas) checked_above_0(s, "a gamma", gamma);
  return [at = std::move(at), gammas = std::move(gammas)](const Clock& c) {
    double factor = 1;
    for (size_t i = 0; i < at.size() && at[i] <= static_cast<double>(c.epoch); ++i) factor *= gammas[i];
    return factor;
  };
}

Factor step(RateSettings& s) {
  const double size = checked_above_0(s, "size", s.number("size"));
  const double gamma = gamma_of(s, 0.1);
  return [=](const Clock& c) { return std::pow(gamma, std::floor(static_cast<double>(c.epoch) / size)); };
}

Factor multistep(RateSettings& s) {
  std::vector<double> at = s.numbers("milestones");
  std::vector<double> gammas(at.size(), gamma_of(s, 0.1));
  return milestones(s, std::move(at), std::move(gammas));
}

Factor multigamma(RateSettings& s) {
  std::vector<double> at = s.numbers("milestones");
  return milestones(s, std::move(at), s.numbers("gammas"));
}

Factor exponential(RateSettings& s) {
  const double gamma = checked_above_0(s, "gamma", s.number("gamma"));
  return [=](const Clock& c) { return std::pow(gamma, static_cast<double>(c.epoch)); };
}

/// Loshchilov & Hutter 2017, one period over the whole run, step by step.
Factor cosine(RateSettings& s, const Context& context) {
  const double least = s.number("min", 0) / context.rate;
  if (!(least >= 0 && least <= 1)) s.refuse("min must lie between 0 and the rate");
  const double epochs = static_cast<double>(context.epochs);
  return [=](const Clock& c) {
    const double t = std::min(1.0, c.time() / epochs);
    return least + (1 - least) * (1 + std::cos(std::numbers::pi * t)) / 2;
  };
}

/// (1 - t / T)^power, step by step.
Factor polynomial(RateSettings& s, const Context& context) {
  const double power = checked_above_0(s, "power", s.number("power", 1));
  const double epochs = static_cast<double>(context.epochs);
  return [=](const Clock& c) { return std::pow(1 - std::min(1.0, c.time() / epochs), power); };
}

/// Smith & Topin 2018 as PyTorch's OneCycleLR anneals it: from rate / div up to the rate over the first `warm` of all
/// steps, then down to rate / div / final, both along half a cosine.
Factor one_cycle(RateSettings& s) {
  const double warm = s.number("warm", 0.3);
  if (!(warm > 0 && warm < 1)) s.refuse("warm must lie between 0 and 1");
  const double low = 1 / checked_above_0(s, "div", s.number("div", 25));
  const double last = low / checked_above_0(s, "final", s.number("final", 1e4));
  return [=](const Clock& c) {
    const double steps = static_cast<double>(c.epochs * c.steps_per_epoch);
    const double now = static_cast<double>(c.epoch * c.steps_per_epoch + c.step);
    const double top = warm * steps - 1;
    const auto anneal = [](double from, double to, double t) {
      return to + (from - to) / 2 * (1 + std::cos(std::numbers::pi * std::clamp(t, 0.0, 1.0)));
    };
    if (now <= top) return anneal(low, 1, now / std::max(top, 1e-9));
    return anneal(1, last, (now - top) / std::max(steps - 1 - top, 1e-9));
  };
}

Plateau::Options plateau(RateSettings& s) {
  const Plateau::Options o{s.number("factor", 0.1), s.number("patience", 10), s.number("threshold", 1e-4),
                           s.number("min", 0)};
  if (!(o.factor > 0 && o.factor < 1)) s.refuse("factor must lie between 0 and 1");
  if (!(o.patience >= 0 && o.threshold >= 0 && o.threshold < 1 && o.least >= 0))
    s.refuse("patience, threshold and min must not be below 0, and threshold must be below 1");
  return o;
}

Factor timed_factor(RateSettings& s, const Context& context) {
  const std::string& name = s.name();
  if (name == "constant") return [](const Clock&) { return 1.0; };
  if (name == "step") return step(s);
  if (name == "multistep") return multistep(s);
  if (name == "multigamma") return multigamma(s);
  if (name == "exponential") return exponential(s);
  if (name == "cosine") return cosine(s, context);
  if (name == "polynomial") return polynomial(s, context);
  if (name == "onecycle") return one_cycle(s);
  s.refuse("there is no policy \"" + name +
           "\"; there are constant, step, multistep, multigamma, exponential, cosine, polynomial, onecycle, plateau");
}

}  // namespace

std::unique_ptr<RatePolicy> make_rate_policy(std::string_view line, double rate, int64_t epochs) {
  if (!(rate > 0) || !std::isfinite(rate))
    throw ArgumentError("the learning rate " + std::to_string(rate) + " is not above 0 and finite");
  if (epochs < 1)
    throw ArgumentError("a learning-rate policy needs at least one epoch, here are " + std::to_string(epochs));
  RateSettings s(line);
  std::unique_ptr<RatePolicy> policy;
  if (s.name() == "plateau") {
    policy = std::make_unique<Plateau>(rate, plateau(s));
  } else {
    policy = std::make_unique<TimedPolicy>(rate, timed_factor(s, {rate, epochs}));
  }
  const double warmup = s.number("warmup", 0);
  if (warmup < 0) s.refuse("warmup must not be below 0");
  s.finish();
  if (warmup > 0) policy = std::make_unique<WarmUp>(std::move(policy), warmup);
  return policy;
}

}  // namespace pith::nn
