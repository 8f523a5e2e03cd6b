#include "nn/module.h"

#include <utility>

#include "nn/kept_outputs.h"
#include "tensor/error.h"

namespace pith::nn {
namespace {

std::string join(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : prefix + "." + name;
}

}  // namespace

Variable Module::call(const Variable& x) {
  if (is_tapped()) return run(x, [&] { return forward(x); });
  return reuse_output({this}, x, {}, [&] { return run(x, [&] { return forward(x); }); });
}

void Module::show(const Variable& x, const Variable& y) { (*tap_)(std::string(current_layer()), *this, x, y); }

template <class F>
void Module::visit(const std::string& prefix, const F& f) {
  f(prefix, *this);
  for (auto& child : children_) child->visit(join(prefix, child->name_), f);
}

void Module::set_training(bool training) {
  visit("", [&](const std::string&, Module& m) { m.training_ = training; });
}

void Module::visit_parameters(const ParameterVisitor& visitor) {
  visit("", [&](const std::string& prefix, Module& m) {
    for (auto& p : m.parameters_) visitor(join(prefix, p.name), *p.parameter);
  });
}

void Module::visit_buffers(const BufferVisitor& visitor) {
  visit("", [&](const std::string& prefix, Module& m) {
    for (auto& b : m.buffers_) visitor(join(prefix, b.name), *b.tensor);
  });
}

void Module::visit_modules(const std::function<void(const std::string& name, Module& module)>& visitor) {
  visit("", visitor);
}

void Module::set_tap(std::shared_ptr<const Tap> tap) {
  visit("", [&](const std::string&, Module& m) { m.tap_ = tap; });
}

int64_t Module::parameter_count() {
  int64_t count = 0;
  visit_parameters([&](const std::string&, Parameter& p) { count += p.value().numel(); });
  return count;
}

void Module::clear_gradients() {
  visit_parameters([](const std::string&, Parameter& p) { p.clear_gradient(); });
}

void Module::use_whole_numbers(int bits) {
  visit("", [&](const std::string&, Module& m) {
    const size_t count = m.parameters_.size();
    for (size_t i = 0; i < count; ++i) {
      Parameter& w = *m.parameters_[i].parameter;
      if (w.shape().rank() != 2) continue;
      Parameter& step = m.add_parameter(m.parameters_[i].name + kStepSuffix, w.first_steps(bits));
      step.decays = false;
      w.use_whole_numbers(bits, step);
    }
  });
}

void Module::convert(DType dtype) {
  visit_parameters([&](const std::string&, Parameter& p) { p.convert(dtype); });
  visit_buffers([&](const std::string&, Tensor& b) { b = b.to(dtype); });
}

Parameter& Module::add_parameter(std::string name, Tensor initial) {
  parameters_.push_back({std::move(name), std::make_unique<Parameter>(std::move(initial))});
  return *parameters_.back().parameter;
}

Tensor& Module::add_buffer(std::string name, Tensor initial) {
  buffers_.push_back({std::move(name), std::make_unique<Tensor>(std::move(initial))});
  return *buffers_.back().tensor;
}

void Module::adopt(std::string name, std::unique_ptr<Module> module) {
  module->name_ = std::move(name);
  children_.push_back(std::move(module));
}

}  // namespace pith::nn
