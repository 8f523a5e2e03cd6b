#include "compress/schedule/regularization_policy.h"

namespace pith::compress {
namespace {

/// Kept where the mask keeps and the one before kept.
std::shared_ptr<const Mask> within(const std::shared_ptr<const Mask>& before, const Mask& mask) {
  std::vector<uint64_t> words(mask.words().begin(), mask.words().end());
  if (before)
    for (size_t i = 0; i < words.size(); ++i) words[i] &= before->words()[i];
  return std::make_shared<const Mask>(mask.shape(), std::move(words), mask.granularity());
}

/// a + b as a new tensor: a gradient may share its bytes with others.
Tensor sum(const Tensor& a, const Tensor& b) {
  Tensor out = a.contiguous().clone();
  float* const into = out.mutable_data<float>();
  const float* const from = b.data<float>();
  for (int64_t i = 0; i < out.numel(); ++i) into[i] += from[i];
  return out;
}

}  // namespace

RegularizationPolicy::RegularizationPolicy(std::shared_ptr<const RegularizationMethod> method, const Timing& timing,
                                           bool keep_mask, nn::Module& model)
    : method_(std::move(method)), timing_(timing), keep_mask_(keep_mask), parameters_(bind(*method_, model)) {}

double RegularizationPolicy::before_backward(const Tick& tick) {
  gradients_.clear();
  if (!timing_.acts(tick.epoch())) return 0;
  double sum = 0;
  for (const Bound& b : parameters_) {
    Penalty p = method_->penalty(b.name, b.parameter->value());
    sum += p.value;
    gradients_.push_back(std::move(p.gradient));
  }
  return sum;
}

void RegularizationPolicy::before_step(const Tick&) {
  for (size_t i = 0; i < gradients_.size(); ++i) {
    nn::Parameter& p = *parameters_[i].parameter;
    p.set_gradient(p.gradient().defined() ? sum(p.gradient(), gradients_[i]) : gradients_[i]);
  }
  gradients_.clear();
}

void RegularizationPolicy::on_minibatch_end(const Tick& tick) {
  if (!method_->has_threshold() || !timing_.acts(tick.epoch())) return;
  const bool stays = keep_mask_ && tick.epoch() == timing_.last() && tick.is_last();
  for (const Bound& b : parameters_) {
    const std::optional<Mask> mask = method_->threshold(b.name, b.parameter->value());
    if (stays)
      b.parameter->set_mask(within(b.parameter->mask(), *mask));
    else
      zero_pruned(*mask, b.parameter->mutable_value());
  }
}

}  // namespace pith::compress
