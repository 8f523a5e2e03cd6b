// What a file will change in a model: everything is checked while the plan is made, and only then written, so that a
// refused file leaves the model as it was.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "nn/module.h"
#include "tensor/container.h"

namespace pith::nn {

class LoadPlan {
 public:
  /// Every parameter and buffer of the model wants a value. The model outlives the plan; `path` is for messages.
  /// Sizes::any: the file comes from a thinned model, so extents may differ (not the number of axes).
  enum class Sizes : bool { same, any };
  LoadPlan(Module& model, std::string path, Sizes sizes = Sizes::same);

  bool wants(const std::string& name) const { return targets_.contains(name); }
  /// The value for `name` (which is wanted). Throws FormatError for another shape, a second value, or a type that is
  /// not the target's; with `converts` other floating-point types are taken, too.
  void take(const std::string& name, const Section& section, bool converts);
  /// Mask and quantisation of a parameter, after its value. Throws FormatError where `name` is no
  /// parameter or the shape is another.
  void take_mask(const std::string& name, std::shared_ptr<const Mask> mask);
  void take_quant(const std::string& name, std::shared_ptr<const QuantParams> quant);
  /// A further tensor that gets the section's values (of an optimizer).
  void take_state(const std::string& name, const Section& section, Tensor& state);
  /// Throws FormatError naming the first parameter or buffer without a value.
  void check_complete() const;
  /// Writes it all. keep: parameters for which no mask or quantisation was taken keep theirs; replace: they lose it.
  enum class Form { keep, replace };
  void apply(Form form);

 private:
  struct Target {
    Parameter* parameter = nullptr;
    Tensor* buffer = nullptr;
    Tensor value;
    std::shared_ptr<const Mask> mask;
    std::shared_ptr<const QuantParams> quant;
    const Tensor& current() const { return parameter != nullptr ? parameter->value() : *buffer; }
    /// What it will have.
    const Shape& shape() const { return value.defined() ? value.shape() : current().shape(); }
  };
  struct State {
    Tensor* target;
    Tensor value;
  };
  Target& parameter_target(const std::string& name);
  bool fits(const Shape& found, const Shape& current) const;
  Tensor checked(const std::string& name, const Section& section, const Tensor& current, bool converts) const;

  Module& model_;
  std::string path_;
  Sizes sizes_;
  std::vector<std::string> order_;
  std::map<std::string, Target> targets_;
  std::vector<State> states_;
};

}  // namespace pith::nn
