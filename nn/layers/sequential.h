// Sequential: layers one after the other.
#pragma once

#include <utility>

#include "nn/layers/stage.h"
#include "nn/module.h"

namespace pith::nn {

/// Children "0", "1", ... or by name. A Conv2d, BatchNorm2d and ReLU that follow each other run as one stage
/// (nn/layers/stage.h).
class Sequential : public Module, public Staged {
 public:
  /// `type` is a literal: what summaries call this network.
  explicit Sequential(std::string_view type = "Sequential") : type_(type) {}
  std::string_view type() const override { return type_; }
  std::vector<Stage> stages() const override;

  /// Appends a layer under a name of its own.
  template <class M>
  M& add(std::string name, std::unique_ptr<M> module) {
    M& reference = add_module(std::move(name), std::move(module));
    append(reference);
    return reference;
  }
  /// Appends a layer under its position.
  template <class M>
  M& add(std::unique_ptr<M> module) {
    return add(std::to_string(size_++), std::move(module));
  }

 protected:
  Variable forward(const Variable& x) override;

 private:
  /// A stage, or any other module.
  struct Step {
    Stage stage = {};
    Module* module = nullptr;
  };
  void append(Module& module);

  std::string_view type_;
  std::vector<Step> steps_;
  int64_t size_ = 0;
};

}  // namespace pith::nn
