#include "nn/trace.h"

#include <utility>

#include "nn/layers/join.h"
#include "tensor/error.h"
#include "tensor/random.h"

namespace pith::nn {
namespace {

/// Follows values by the storage that they lie in, or, where something between two layers copied, by their elements.
class Tracer {
 public:
  explicit Tracer(const Tensor& image) { values_.push_back({image, -1}); }

  void see(const std::string& name, Module& layer, const Variable& x, const Variable& y) {
    if (!layer.is_leaf()) return;
    TraceStep step{name, &layer, {}, x.shape(), y.shape()};
    if (auto* const concat = dynamic_cast<Concat*>(&layer)) {
      for (const Variable& input : concat->inputs()) step.inputs.push_back(writer_of(input.value(), name));
    } else {
      step.inputs.push_back(writer_of(x.value(), name));
    }
    if (auto* const add = dynamic_cast<EltwiseAdd*>(&layer))
      step.inputs.push_back(writer_of(add->other().value(), name));
    values_.push_back({y.value(), std::ssize(steps_)});
    steps_.push_back(std::move(step));
  }
  std::vector<TraceStep> take() { return std::move(steps_); }

 private:
  struct Value {
    Tensor tensor;  ///< kept, so that its storage serves nobody else
    int64_t writer;
  };
  int64_t writer_of(const Tensor& x, const std::string& reader) const {
    for (auto v = values_.rbegin(); v != values_.rend(); ++v)
      if (v->tensor.shares_storage_with(x)) return v->writer;
    const std::vector<float> elements = x.to_vector<float>();
    for (auto v = values_.rbegin(); v != values_.rend(); ++v)
      if (v->tensor.numel() == x.numel() && v->tensor.to_vector<float>() == elements) return v->writer;
    throw Error("trace: no layer wrote the input " + text(x.shape()) + " of " + reader);
  }
  std::vector<Value> values_;
  std::vector<TraceStep> steps_;
};

}  // namespace

std::vector<TraceStep> trace(Module& model, const Shape& image) {
  if (image.rank() != 3) throw ShapeError("trace: an image is [c, h, w], here is " + text(image));
  Tensor x = Tensor::empty({1, image[0], image[1], image[2]});
  fill_normal(x, 0, 1, {.seed = 1});
  Tracer tracer(x);
  const bool training = model.training();
  model.set_training(false);
  model.set_tap(std::make_shared<const Tap>(
      [&](const std::string& name, Module& m, const Variable& in, const Variable& y) { tracer.see(name, m, in, y); }));
  const auto restore = [&] {
    model.set_tap(nullptr);
    model.set_training(training);
  };
  try {
    const NoGradient inference;
    model.call(Variable(x));
  } catch (...) {
    restore();
    throw;
  }
  restore();
  return tracer.take();
}

}  // namespace pith::nn
