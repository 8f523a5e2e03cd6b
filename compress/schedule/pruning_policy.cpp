#include "compress/schedule/pruning_policy.h"

#include <algorithm>

#include "compress/schedule/curvature.h"
#include "nn/trace.h"
#include "tensor/error.h"

namespace pith::compress {
namespace {

/// "layer1.0.conv1.weight" -> "layer1.0.conv1".
std::string layer_of(const std::string& parameter) { return parameter.substr(0, parameter.rfind('.')); }

void multiply(Tensor& w, double factor) {
  float* const p = w.mutable_data<float>();
  for (int64_t i = 0; i < w.numel(); ++i) p[i] = static_cast<float>(static_cast<double>(p[i]) * factor);
}

}  // namespace

PruningPolicy::PruningPolicy(std::shared_ptr<const PruningMethod> method, const Timing& timing,
                             const MaskOptions& options, const Surroundings& surroundings)
    : method_(std::move(method)),
      timing_(timing),
      options_(options),
      around_(surroundings),
      activations_(surroundings.activations) {
  check_doors();
  for (Bound& b : bind(*method_, around_.model))
    parameters_.push_back({std::move(b), {}, {}, {}, 1, {}, {}, {}, nullptr});
  find_companions();
  find_ties();
}

/// Once: no schedule chooses masks behind a thinning, so the groups stay what they are.
void PruningPolicy::find_ties() {
  const std::optional<GroupType> type = method_->tied_by();
  if (!type) return;
  if (around_.doors.image.rank() == 0)
    throw ArgumentError("group_dependency: Auto needs the graph of a network of images; this program has none");
  std::vector<std::string> names;
  for (const Pruned& p : parameters_) names.push_back(p.name);
  ties_ = tied_groups(ChannelMap(nn::trace(around_.model, around_.doors.image)), names, *type);
}

void PruningPolicy::find_companions() {
  for (Pruned& p : parameters_) {
    const std::string wanted = method_->companion_of(p.name);
    if (wanted.empty()) continue;
    around_.model.visit_parameters([&](const std::string& name, nn::Parameter& other) {
      if (name == wanted) p.companion = &other;
    });
    if (p.companion == nullptr)
      throw ArgumentError(p.name + " is judged by " + wanted + ", which the model does not have");
    if (p.companion->value().numel() != p.parameter->shape()[0])
      throw ArgumentError(p.name + " " + text(p.parameter->shape()) + " is judged by " + wanted + " " +
                          text(p.companion->shape()) + ", which has another number of outputs");
  }
}

void PruningPolicy::check_doors() const {
  const Needs needs = method_->needs();
  if (needs == Needs::curvature && !around_.doors.recompute)
    throw ArgumentError("needs a program that can run a minibatch again; this one cannot");
  if (needs == Needs::judge && (!around_.doors.judge || around_.doors.macs.empty()))
    throw ArgumentError("needs a program that judges a network and counts its multiply-adds; this one does not");
  if (is_soft() && (needs == Needs::judge || needs == Needs::samples))
    throw ArgumentError("needs a hard mask, without mask_on_forward_only");
}

bool PruningPolicy::is_due(const Tick& tick) const {
  if (tick.frozen || !timing_.acts(tick.epoch())) return false;
  // Activations are seen in the first minibatches of the epoch, and the mask follows.
  if (looks()) return tick.clock.step == std::min(kActivationMinibatches, tick.clock.steps_per_epoch) - 1;
  if (tick.is_first()) return !options_.skip_first_minibatch;
  const int64_t every = options_.mini_batch_pruning_frequency;
  return every > 0 && tick.minibatch() % every == 0;
}

void PruningPolicy::on_epoch_begin(const Tick& tick) {
  if (!in_force(tick)) return;
  if (looks() && !tick.frozen && timing_.acts(tick.epoch())) look_closer();
  if (looks() && !tick.frozen && timing_.acts(tick.epoch())) activations_.start();
  if (!is_soft()) return;
  for (Pruned& p : parameters_) {
    if (p.parameter->mask()) p.soft = p.parameter->mask();
    p.parameter->set_mask(nullptr);
    if (p.shadow.defined()) p.parameter->load(p.shadow);
    p.shadow = Tensor();
  }
}

void PruningPolicy::on_minibatch_begin(const Tick& tick) {
  if (!in_force(tick)) return;
  if (is_due(tick) && acts_at_begin()) choose(tick);
  if (is_due(tick) && method_->needs() == Needs::dense_gradient && !is_soft())
    for (Pruned& p : parameters_) {  // pruned weights are 0 with the mask or without it, but get their gradient
      p.held = p.parameter->mask();
      p.parameter->set_mask(nullptr);
    }
  if (is_soft()) apply_soft();
}

void PruningPolicy::apply_soft() {
  for (Pruned& p : parameters_) {
    if (options_.use_double_copies) p.shadow = p.parameter->value().clone();
    if (!p.soft) continue;
    zero_pruned(*p.soft, p.parameter->mutable_value());
    if (p.scale != 1) multiply(p.parameter->mutable_value(), p.scale);
  }
}

std::vector<Target> PruningPolicy::targets() {
  std::vector<Target> all;
  for (Pruned& p : parameters_) {
    const Mask* mask = is_soft() ? p.soft.get() : p.held ? p.held.get() : p.parameter->mask().get();
    const Tensor& g = p.parameter->gradient();
    all.push_back({p.name, &p.parameter->value(), g.defined() ? &g : nullptr, mask,
                   activations_.zeros(layer_of(p.name)), activations_.means(layer_of(p.name)),
                   p.curvature.defined() ? &p.curvature : nullptr, &p.samples,
                   p.companion != nullptr ? &p.companion->value() : nullptr, &p.memory});
  }
  return all;
}

Moment PruningPolicy::moment(const Tick& tick) {
  Moment m{
      tick.epoch(), timing_.way(tick.epoch()), timing_.period(), tick.seed, static_cast<uint64_t>(tick.minibatch()),
      is_soft()};
  m.ties = ties_;
  if (method_->needs() != Needs::judge) return m;
  m.score = [this](const std::vector<Mask>& masks) { return score(masks); };
  around_.model.visit_parameters([&](const std::string& name, nn::Parameter& p) {
    if (const auto found = around_.doors.macs.find(name); found != around_.doors.macs.end())
      m.dense_macs[name] = found->second * static_cast<double>(p.value().numel());
  });
  return m;
}

/// The judge's word on the model under these masks; masks and weights are as before afterwards.
double PruningPolicy::score(const std::vector<Mask>& masks) {
  std::vector<std::pair<Tensor, std::shared_ptr<const Mask>>> before;
  for (size_t i = 0; i < masks.size(); ++i) {
    nn::Parameter& p = *parameters_[i].parameter;
    before.emplace_back(p.value().clone(), p.mask());
    p.set_mask(std::make_shared<const Mask>(masks[i]));
  }
  const double score = around_.doors.judge();
  for (size_t i = 0; i < masks.size(); ++i) {
    parameters_[i].parameter->set_mask(before[i].second);
    parameters_[i].parameter->load(before[i].first);
  }
  return score;
}

/// Samples of the layers, where the method wants them.
void PruningPolicy::look_closer() {
  if (method_->needs() != Needs::samples) return;
  std::vector<std::string> layers;
  for (const Pruned& p : parameters_) layers.push_back(layer_of(p.name));
  samples_.start(std::move(layers), 0);
  activations_.sample_into(samples_);
}

void PruningPolicy::choose(const Tick& tick) {
  std::vector<Target> all = targets();
  std::vector<Choice> choices = method_->choose(all, moment(tick));
  for (size_t i = 0; i < choices.size(); ++i) {
    auto mask = std::make_shared<const Mask>(std::move(choices[i].mask));
    if (is_soft())
      parameters_[i].soft = std::move(mask);
    else
      parameters_[i].parameter->set_mask(std::move(mask));
    if (choices[i].weights.defined()) parameters_[i].parameter->load(choices[i].weights);
    parameters_[i].scale = choices[i].scale;
  }
}

void PruningPolicy::before_step(const Tick& tick) {
  if (!in_force(tick)) return;
  for (Pruned& p : parameters_) {
    if (!is_soft()) break;
    if (options_.mask_gradients && p.soft && p.parameter->gradient().defined()) {
      Tensor g = p.parameter->gradient().clone();
      zero_pruned(*p.soft, g);
      p.parameter->set_gradient(g);
    }
    if (p.shadow.defined()) p.parameter->mutable_value().copy_from(p.shadow);
    p.shadow = Tensor();
  }
  if (acts_at_begin()) return;
  if (is_due(tick) && method_->needs() == Needs::curvature) {
    const std::vector<Bound> bound(parameters_.begin(), parameters_.end());
    std::vector<Tensor> curvature = curvature_of(bound, around_.model, around_.doors.recompute);
    for (size_t i = 0; i < parameters_.size(); ++i) parameters_[i].curvature = std::move(curvature[i]);
  }
  if (is_due(tick) && method_->needs() == Needs::samples)
    for (Pruned& p : parameters_) p.samples = samples_.of(layer_of(p.name));
  std::vector<Target> all = targets();
  for (const Target& t : all)
    if (t.gradient == nullptr) throw ArgumentError("schedule: " + t.name + " has no gradient to be pruned by");
  if (method_->gathers())
    for (Target& t : all) method_->gather(t);
  if (!is_due(tick)) return;
  choose(tick);
  for (Pruned& p : parameters_) {
    p.held = nullptr;
    p.curvature = Tensor();
    p.samples = {};
  }
  if (looks()) activations_.stop();
}

void PruningPolicy::on_minibatch_end(const Tick& tick) {
  if (!in_force(tick) || !options_.discard_masks_at_minibatch_end) return;
  for (Pruned& p : parameters_) p.soft = nullptr;
}

void PruningPolicy::on_epoch_end(const Tick& tick) {
  if (!in_force(tick) || !is_soft()) return;
  const bool over = tick.epoch() + 1 == timing_.end();
  for (Pruned& p : parameters_) {
    if (p.soft && (!over || options_.keep_mask)) {
      if (!over) p.shadow = p.parameter->value().clone();
      p.parameter->set_mask(p.soft);  // what is evaluated and kept is the masked network
    }
    p.soft = nullptr;
  }
}

void PruningPolicy::save(State& state, const std::string& prefix) const {
  if (method_->needs() == Needs::samples && activations_.runs()) samples_.save(state, prefix + "samples/");
  for (const Pruned& p : parameters_) {
    const std::string name = prefix + p.name;
    if (p.shadow.defined()) state[name + "/shadow"] = p.shadow;
    if (p.soft) state[name + "/soft"] = words_of(*p.soft);
    if (p.scale != 1) state[name + "/scale"] = numbers_of({p.scale});
    for (const auto& [word, values] : p.memory) state[name + "/memory/" + word] = numbers_of(values);
  }
}

void PruningPolicy::load(const State& state, const std::string& prefix) {
  if (method_->needs() == Needs::samples && activations_.runs()) {
    samples_.load(state, prefix + "samples/");
    activations_.sample_into(samples_);
  }
  for (Pruned& p : parameters_) {
    const std::string name = prefix + p.name, memory = name + "/memory/";
    const auto find = [&](const char* what) {
      const auto found = state.find(name + what);
      return found == state.end() ? nullptr : &found->second;
    };
    p.shadow = find("/shadow") != nullptr ? *find("/shadow") : Tensor();
    if (p.shadow.defined() && !(p.shadow.shape() == p.parameter->shape()))
      throw FormatError("schedule state: the weights kept for " + p.name + " have the shape " + text(p.shadow.shape()));
    p.soft = find("/soft") != nullptr ? mask_from(*find("/soft"), p.parameter->shape()) : nullptr;
    p.scale = find("/scale") != nullptr ? find("/scale")->item() : 1;
    p.memory.clear();
    for (const auto& [key, values] : state)
      if (key.starts_with(memory)) p.memory[key.substr(memory.size())] = values.to_vector<double>();
  }
}

}  // namespace pith::compress
