#include "compress/schedule/scheduler.h"

#include <algorithm>
#include <map>

#include "compress/schedule/extension_policies.h"
#include "compress/schedule/pruning_policy.h"
#include "compress/schedule/regularization_policy.h"
#include "tensor/error.h"

namespace pith::compress {
namespace {

class ThinningPolicy : public Policy {
 public:
  ThinningPolicy(Thinner thinner, const Timing& timing, nn::Module& model)
      : thinner_(std::move(thinner)), timing_(timing), model_(model) {}
  void on_epoch_end(const Tick& tick) override {
    if (timing_.acts(tick.epoch())) thinner_(model_);
  }

 private:
  Thinner thinner_;
  Timing timing_;
  nn::Module& model_;
};

std::unique_ptr<Policy> make_policy(const PolicySpec& spec, nn::Module& model, const SchedulerOptions& options,
                                    const Surroundings& surroundings) {
  if (const auto* use = std::get_if<PrunerUse>(&spec.what))
    return std::make_unique<PruningPolicy>(use->method, spec.timing, use->options, surroundings);
  if (const auto* use = std::get_if<RegularizerUse>(&spec.what))
    return std::make_unique<RegularizationPolicy>(use->method, spec.timing, use->keep_mask, model);
  if (const auto* use = std::get_if<ReleaseUse>(&spec.what))
    return std::make_unique<MaskReleaser>(Selection(use->who), spec.timing, model);
  if (const auto* use = std::get_if<RewindUse>(&spec.what))
    return std::make_unique<WeightRewinder>(Selection(use->who), use->to, spec.timing, model);
  if (std::holds_alternative<ThinUse>(spec.what)) {
    if (!options.thinner) throw ArgumentError("this program cannot thin a network");
    return std::make_unique<ThinningPolicy>(options.thinner, spec.timing, model);
  }
  return nullptr;  // a learning rate is the optimizer's
}

const Method* mask_method(const PolicySpec& spec) {
  if (const auto* use = std::get_if<PrunerUse>(&spec.what)) return use->method.get();
  const auto* use = std::get_if<RegularizerUse>(&spec.what);
  return use != nullptr && use->method->has_threshold() ? use->method.get() : nullptr;
}

}  // namespace

Scheduler::Scheduler(const Schedule& schedule, nn::Module& model, const SchedulerOptions& options)
    : model_(model), seed_(options.seed), activations_(model), doors_(options.doors), stop_(schedule.run.stop) {
  check(schedule);
  check_epochs(schedule, options.epochs);
  for (const PolicySpec& spec : schedule.policies) add(spec, options);
  check_parameters(schedule);
  list_pruned(schedule);
  if (stop_.macs && doors_.macs.empty())
    stop_.place.refuse("stop: macs needs a program that counts multiply-adds; this one does not");
}

Scheduler::~Scheduler() = default;

void Scheduler::add(const PolicySpec& spec, const SchedulerOptions& options) try {
  std::unique_ptr<Policy> policy = make_policy(spec, model_, options, {model_, activations_, doors_});
  if (policy == nullptr) return;
  policies_.push_back(std::move(policy));
  places_.push_back(spec.place);
} catch (const Error& e) {
  spec.place.refuse("'" + spec.instance + "': " + e.what());
}

/// Patterns that look different may meet in a parameter.
void Scheduler::check_parameters(const Schedule& schedule) {
  const std::vector<PolicySpec>& all = schedule.policies;
  for (size_t b = 0; b < all.size(); ++b)
    for (size_t a = 0; a < b; ++a) {
      const Method *first = mask_method(all[a]), *second = mask_method(all[b]);
      const bool meet = all[a].timing.start() < all[b].timing.end() && all[b].timing.start() < all[a].timing.end();
      if (first == nullptr || second == nullptr || !meet) continue;
      model_.visit_parameters([&](const std::string& name, nn::Parameter& p) {
        if (first->takes(name, p.shape()) && second->takes(name, p.shape()))
          all[b].place.refuse("'" + all[b].instance + "' and '" + all[a].instance + "' both choose masks for " + name +
                              " in the same epochs; let one end before the other starts");
      });
    }
}

void Scheduler::list_pruned(const Schedule& schedule) {
  model_.visit_parameters([&](const std::string& name, nn::Parameter& p) {
    const auto takes = [&](const PolicySpec& spec) {
      const Method* method = mask_method(spec);
      return method != nullptr && method->takes(name, p.shape());
    };
    if (std::any_of(schedule.policies.begin(), schedule.policies.end(), takes)) pruned_.push_back(name);
  });
}

/// Masks at hand, the schedule's conditions are looked at: what holds once holds to the end.
void Scheduler::watch_stop(const nn::Clock& clock) {
  if (stopped_ >= 0 || (!stop_.sparsity && !stop_.macs)) return;
  double weights = 0, kept = 0, macs = 0, kept_macs = 0;
  model_.visit_parameters([&](const std::string& name, nn::Parameter& p) {
    const double all = static_cast<double>(p.value().numel()), density = p.mask() ? p.mask()->density() : 1;
    if (std::find(pruned_.begin(), pruned_.end(), name) != pruned_.end()) {
      weights += all;
      kept += all * density;
    }
    if (const auto found = doors_.macs.find(name); found != doors_.macs.end()) {
      macs += found->second * all;
      kept_macs += found->second * all * density;
    }
  });
  const bool sparse = stop_.sparsity && 1 - kept / weights >= *stop_.sparsity - 1e-12;
  if (sparse || (stop_.macs && kept_macs <= *stop_.macs * macs)) stopped_ = clock.epoch;
}

template <class Call>
void Scheduler::each(const nn::Clock& clock, const Call& call) {
  const Tick tick{clock, seed_, stopped_ >= 0};
  for (size_t i = 0; i < policies_.size(); ++i) try {
      call(*policies_[i], tick);
    } catch (const ArgumentError& e) {
      places_[i].refuse(e.what());
    } catch (const ShapeError& e) {
      places_[i].refuse(e.what());
    }
}

void Scheduler::on_epoch_begin(const nn::Clock& clock) {
  if (begun_ == clock.epoch) return;
  begun_ = clock.epoch;
  each(clock, [](Policy& p, const Tick& t) { p.on_epoch_begin(t); });
}

void Scheduler::on_minibatch_begin(const nn::Clock& clock) {
  each(clock, [](Policy& p, const Tick& t) { p.on_minibatch_begin(t); });
}

double Scheduler::before_backward(const nn::Clock& clock) {
  double sum = 0;
  each(clock, [&](Policy& p, const Tick& t) { sum += p.before_backward(t); });
  return sum;
}

void Scheduler::before_step(const nn::Clock& clock) {
  each(clock, [](Policy& p, const Tick& t) { p.before_step(t); });
}

void Scheduler::on_minibatch_end(const nn::Clock& clock) {
  each(clock, [](Policy& p, const Tick& t) { p.on_minibatch_end(t); });
  watch_stop(clock);
}

void Scheduler::on_epoch_end(const nn::Clock& clock) {
  if (ended_ == clock.epoch) return;
  ended_ = clock.epoch;
  each(clock, [](Policy& p, const Tick& t) { p.on_epoch_end(t); });
  watch_stop(clock);  // soft masks are hard now
}

std::vector<MaskRow> Scheduler::masks() const {
  std::vector<MaskRow> rows;
  model_.visit_parameters([&](const std::string& name, nn::Parameter& p) {
    const std::shared_ptr<const Mask>& mask = p.mask();
    if (p.shape().rank() < 2 && !mask) return;
    MaskRow row{name, p.shape(), p.value().numel(), p.value().numel(), ""};
    if (mask) {
      row.kept = mask->kept();
      row.granularity = pith::name(mask->granularity());
    }
    rows.push_back(std::move(row));
  });
  return rows;
}

State Scheduler::state() const {
  State state;
  state["epochs"] =
      numbers_of({static_cast<double>(begun_), static_cast<double>(ended_), static_cast<double>(stopped_)});
  activations_.save(state, "activations/");
  for (size_t i = 0; i < policies_.size(); ++i) policies_[i]->save(state, "policy " + std::to_string(i) + "/");
  return state;
}

void Scheduler::set_state(const State& state) {
  const auto epochs = state.find("epochs");
  if (epochs == state.end() || epochs->second.numel() != 3)
    throw FormatError("schedule state: the epochs that were begun, ended and stopped are not there");
  const std::vector<double> told = epochs->second.to_vector<double>();
  begun_ = static_cast<int64_t>(told[0]);
  ended_ = static_cast<int64_t>(told[1]);
  stopped_ = static_cast<int64_t>(told[2]);
  activations_.load(state, "activations/");
  for (size_t i = 0; i < policies_.size(); ++i) policies_[i]->load(state, "policy " + std::to_string(i) + "/");
}

}  // namespace pith::compress
