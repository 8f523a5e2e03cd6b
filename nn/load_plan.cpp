#include "nn/load_plan.h"

#include <utility>

#include "nn/layers/conv2d.h"
#include "tensor/error.h"
#include "tensor/refusal.h"

namespace pith::nn {
namespace {

Tensor tensor_of(const Section& section, const std::string& path) {
  try {
    return section.tensor();
  } catch (const FormatError& error) {
    throw FormatError(path + ": " + error.what());
  }
}

}  // namespace

LoadPlan::LoadPlan(Module& model, std::string path, Sizes sizes)
    : model_(model), path_(std::move(path)), sizes_(sizes) {
  model.visit_parameters([&](const std::string& name, Parameter& p) {
    order_.push_back(name);
    targets_[name].parameter = &p;
  });
  model.visit_buffers([&](const std::string& name, Tensor& b) {
    order_.push_back(name);
    targets_[name].buffer = &b;
  });
}

bool LoadPlan::fits(const Shape& found, const Shape& current) const {
  if (sizes_ == Sizes::same) return found == current;
  return found.rank() == current.rank() && (found.numel() > 0 || current.numel() == 0);
}

Tensor LoadPlan::checked(const std::string& name, const Section& section, const Tensor& current, bool converts) const {
  if (!fits(section.shape, current.shape()))
    throw FormatError(path_ + ": expected shape " + text(current.shape()) + " for " + printable(name) + ", found " +
                      text(section.shape));
  const Tensor value = tensor_of(section, path_);
  const auto is_float = [](DType t) { return t == DType::f32 || t == DType::f64; };
  const bool is_right =
      value.dtype() == current.dtype() || (converts && is_float(value.dtype()) && is_float(current.dtype()));
  if (!is_right)
    throw FormatError(path_ + ": expected type " + std::string(pith::name(current.dtype())) + " for " +
                      printable(name) + ", found " + section.dtype);
  return value.to(current.dtype());
}

void LoadPlan::take(const std::string& name, const Section& section, bool converts) {
  Target& target = targets_.at(name);
  if (target.value.defined()) throw FormatError(path_ + ": found two tensors for " + printable(name));
  target.value = checked(name, section, target.current(), converts);
}

LoadPlan::Target& LoadPlan::parameter_target(const std::string& name) {
  const auto found = targets_.find(name);
  if (found == targets_.end() || found->second.parameter == nullptr)
    throw FormatError(path_ + ": found a mask or quantisation for " + printable(name) +
                      ", which is no parameter of the model");
  return found->second;
}

void LoadPlan::take_mask(const std::string& name, std::shared_ptr<const Mask> mask) {
  Target& target = parameter_target(name);
  if (!(mask->shape() == target.shape()))
    throw FormatError(path_ + ": expected a mask of shape " + text(target.shape()) + " for " + printable(name) +
                      ", found " + text(mask->shape()));
  target.mask = std::move(mask);
}

void LoadPlan::take_quant(const std::string& name, std::shared_ptr<const QuantParams> quant) {
  Target& target = parameter_target(name);
  try {
    check_quant(*quant, target.shape());
  } catch (const Error& error) {
    throw FormatError(path_ + ": quantisation of " + printable(name) + ": " + error.what());
  }
  target.quant = std::move(quant);
}

void LoadPlan::take_state(const std::string& name, const Section& section, Tensor& state) {
  states_.push_back({&state, checked(name, section, state, false)});
}

void LoadPlan::check_complete() const {
  for (const std::string& name : order_)
    if (const Target& target = targets_.at(name); !target.value.defined())
      throw FormatError(path_ + ": expected a tensor " + printable(name) + " " + text(target.current().shape()) +
                        ", found none");
}

void LoadPlan::apply(Form form) {
  for (auto& [name, target] : targets_) {
    const bool reshapes = target.value.defined() && !(target.value.shape() == target.current().shape());
    if (target.parameter != nullptr) {
      if (reshapes) {
        target.parameter->set_quant(nullptr);
        target.parameter->replace(target.value, nullptr);
      }
      if (form == Form::replace || target.mask) target.parameter->set_mask(target.mask);
      if (form == Form::replace || target.quant) target.parameter->set_quant(target.quant);
      if (target.value.defined()) target.parameter->load(target.value);
    } else if (reshapes) {
      *target.buffer = target.value.clone();
    } else if (target.value.defined()) {
      target.buffer->copy_from(target.value);
    }
  }
  for (State& state : states_) *state.target = state.value.clone();
  if (sizes_ == Sizes::any) match_groups(model_);
}

}  // namespace pith::nn
