// Module: a piece of network with named parts. Names are PyTorch's: "layer1.0.conv1.weight".
//
// A Module owns its children. forward() may be called by one thread at a time. call() is what everybody calls: it sets
// the layer's name for messages and lets a tap look at input and output.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "autograd/variable.h"
#include "nn/parameter.h"

namespace pith::nn {

/// What visitors see: a parameter (trained) or a buffer (running statistics), by dotted name.
using ParameterVisitor = std::function<void(const std::string& name, Parameter& parameter)>;
using BufferVisitor = std::function<void(const std::string& name, Tensor& buffer)>;

/// What the steps of a matrix are called behind its name (Module::use_whole_numbers).
constexpr const char* kStepSuffix = "_step";

class Module;
/// Looks at one call of a layer: its dotted name, itself, first input and output. Used by summaries and calibration.
using Tap = std::function<void(const std::string& name, Module& layer, const Variable& x, const Variable& y)>;

class Module {
 public:
  virtual ~Module() = default;
  /// "Conv2d", "ReLU", ...: the type column of summaries.
  virtual std::string_view type() const = 0;

  /// Runs the layer under its name. x: what the layer documents.
  Variable call(const Variable& x);

  /// Training or evaluation (batch norm, dropout) for this module and everything below.
  void set_training(bool training);
  bool training() const { return training_; }

  /// Every parameter / buffer / module here and below, depth first in the order of registration, with dotted names;
  /// this module itself is visited as "".
  void visit_parameters(const ParameterVisitor& visit);
  void visit_buffers(const BufferVisitor& visit);
  void visit_modules(const std::function<void(const std::string& name, Module& module)>& visit);
  /// A tap for this module and everything below; nullptr removes it.
  void set_tap(std::shared_ptr<const Tap> tap);
  /// Somebody looks at every layer: then nothing is fused, each layer shows its own output.
  bool is_tapped() const { return tap_ != nullptr; }
  /// No module below: what module lists show.
  bool is_leaf() const { return children_.empty(); }
  /// Its name within its parent.
  const std::string& name() const { return name_; }

  /// Number of trained values.
  int64_t parameter_count();
  void clear_gradients();
  /// From now on this module and everything below use their matrices (of embeddings, LSTMs and linear layers) in whole
  /// numbers of so many bits, 2 to 8, and learn with them: beside each stands NAME_step [rows], which does not decay.
  /// Throws ArgumentError for other bits.
  void use_whole_numbers(int bits);
  /// Parameters and buffers in another type (f64 for gradient checks); gradients are forgotten, masks stay.
  void convert(DType dtype);

 protected:
  virtual Variable forward(const Variable& x) = 0;
  /// What call() does around forward(), for layers with other inputs or outputs: y = compute() under this layer's name,
  /// shown to the tap.
  template <class F>
  Variable run(const Variable& x, const F& compute) {
    const LayerScope scope(name_);
    Variable y = compute();
    if (tap_) show(x, y);
    return y;
  }

  /// Registration, in the constructor; the returned reference lives as long as the module.
  Parameter& add_parameter(std::string name, Tensor initial);
  Tensor& add_buffer(std::string name, Tensor initial);
  template <class M>
  M& add_module(std::string name, std::unique_ptr<M> module) {
    M& reference = *module;
    adopt(std::move(name), std::move(module));
    return reference;
  }

 private:
  void adopt(std::string name, std::unique_ptr<Module> module);
  void show(const Variable& x, const Variable& y);
  template <class F>
  void visit(const std::string& prefix, const F& f);

  struct NamedParameter {
    std::string name;
    std::unique_ptr<Parameter> parameter;
  };
  struct NamedBuffer {
    std::string name;
    std::unique_ptr<Tensor> tensor;
  };
  std::vector<NamedParameter> parameters_;
  std::vector<NamedBuffer> buffers_;
  std::vector<std::unique_ptr<Module>> children_;
  std::string name_;  ///< within its parent
  std::shared_ptr<const Tap> tap_;
  bool training_ = true;
};

}  // namespace pith::nn
