#include "autograd/variable.h"

#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>

#include "tensor/error.h"
#include "tensor/ops/reduce.h"

namespace pith {

struct Node {
  Tensor value;
  Tensor gradient;
  Tensor more;  ///< the rest of the gradient, to be added by the way back
  std::vector<std::shared_ptr<Node>> inputs;
  BackwardOfParts backward;
  std::string_view name = "leaf";  // operation names are literals
  std::string layer;
  bool requires_gradient = false;
  bool adds_parts = false;
  bool used = false;  // backward() has freed what it needed
};

namespace {

thread_local bool recording = true;
thread_local bool watching = false;
thread_local std::string layer_path;

[[noreturn]] void report_anomaly(const Node& node, const char* what) {
  throw NumericError("the first " + std::string(what) + " that is not finite was made by operation " +
                     std::string(node.name) + (node.layer.empty() ? "" : " in layer " + node.layer) + ", shape " +
                     text(node.value.shape()));
}

/// Nodes behind `root` that take part in the way back, each after all of its readers; owned, so that the way back may
/// cut the graph behind itself. Iterative: graphs are deep.
std::vector<std::shared_ptr<Node>> readers_first(const std::shared_ptr<Node>& root) {
  std::vector<std::shared_ptr<Node>> order;
  std::unordered_set<const Node*> seen{root.get()};
  std::vector<std::pair<std::shared_ptr<Node>, size_t>> stack{{root, 0}};
  while (!stack.empty()) {
    auto& [node, next] = stack.back();
    if (next == node->inputs.size()) {
      order.push_back(std::move(node));
      stack.pop_back();
      continue;
    }
    const std::shared_ptr<Node>& input = node->inputs[next++];
    if (input->requires_gradient && seen.insert(input.get()).second) stack.emplace_back(input, 0);
  }
  std::reverse(order.begin(), order.end());
  return order;
}

/// What a leaf keeps lies as its value does; so it is no view with strides of 0 either.
Tensor settled(const Tensor& value, const Tensor& gradient) {
  return value.is_lanes() ? to_lanes(gradient, value.geometry().halo) : to_plain(gradient);
}

void accumulate(Node& node, Tensor gradient) {
  if (!(gradient.shape() == node.value.shape()))
    throw ShapeError("backward: the gradient " + text(gradient.shape()) + " does not fit the value " +
                     text(node.value.shape()) + " of operation " + std::string(node.name));
  if (gradient.dtype() != node.value.dtype())
    throw TypeError("backward: the gradient " + text(gradient) + " has another type than the value " +
                    text(node.value) + " of operation " + std::string(node.name));
  if (!node.gradient.defined()) {
    node.gradient = node.backward ? std::move(gradient) : settled(node.value, gradient);
    return;
  }
  if (node.adds_parts && !watching) std::swap(node.more, gradient);  // the last waits: sums are in order of arrival
  if (gradient.defined()) ops::accumulate(node.gradient, gradient);
}

/// Frees a chain of nodes without recursion: a thousand-step LSTM must not overflow the stack in a destructor.
void release(std::vector<std::shared_ptr<Node>> inputs) {
  std::vector<std::shared_ptr<Node>> queue = std::move(inputs);
  while (!queue.empty()) {
    std::shared_ptr<Node> node = std::move(queue.back());
    queue.pop_back();
    if (node.use_count() == 1) {
      for (auto& input : node->inputs) queue.push_back(std::move(input));
      node->inputs.clear();
    }
  }
}

struct NodeDeleter {
  void operator()(Node* node) const {
    release(std::move(node->inputs));
    delete node;
  }
};

std::shared_ptr<Node> make_node() { return std::shared_ptr<Node>(new Node, NodeDeleter{}); }

}  // namespace

Variable::Variable(Tensor value, bool requires_gradient) : node_(make_node()) {
  if (!value.defined()) throw TypeError("variable: an undefined tensor has no value");
  if (requires_gradient && value.dtype() != DType::f32 && value.dtype() != DType::f64)
    throw TypeError("variable: a gradient needs f32 or f64, here is " + text(value));
  node_->value = std::move(value);
  node_->requires_gradient = requires_gradient;
}

const Tensor& Variable::value() const {
  if (!node_) throw TypeError("an undefined variable has no value");
  return node_->value;
}

bool Variable::requires_gradient() const { return node_ && node_->requires_gradient; }

const Tensor& Variable::gradient() const {
  static_cast<void>(value());
  return node_->gradient;
}

void Variable::clear_gradient() { node_->gradient = Tensor(); }

void Variable::add_gradient(const Tensor& g) {
  static_cast<void>(value());
  accumulate(*node_, g);
}

void Variable::set_value(Tensor new_value) {
  if (!(new_value.shape() == shape()) || new_value.dtype() != value().dtype())
    throw ShapeError("set_value: " + text(new_value) + " does not replace " + text(value()));
  if (node_->backward || !node_->inputs.empty())
    throw Error("set_value: only a leaf may get a new value, this one was made by " + std::string(node_->name));
  node_->value = std::move(new_value);
}

Variable Variable::detach() const { return Variable(value()); }

void Variable::backward() const {
  if (value().numel() != 1)
    throw ShapeError("backward: needs one element to start from, here is " + text(shape()) + "; pass a gradient");
  backward(Tensor::full(shape(), 1, value().dtype()));
}

void Variable::backward(const Tensor& gradient) const {
  if (!requires_gradient()) throw Error("backward: nothing behind this value wants a gradient");
  std::vector<std::shared_ptr<Node>> order = readers_first(node_);
  for (const std::shared_ptr<Node>& node : order)
    if (node->used)
      throw Error("backward: operation " + std::string(node->name) + " was walked back before; run forward again");
  accumulate(*node_, gradient);
  for (std::shared_ptr<Node>& node : order) {
    if (const BackwardOfParts step = std::exchange(node->backward, nullptr)) {  // a leaf has none, keeps its gradient
      node->used = true;
      const Tensor dy = std::exchange(node->gradient, Tensor()), more = std::exchange(node->more, Tensor());
      if (watching && dy.defined() && !ops::is_finite(dy)) report_anomaly(*node, "gradient");
      Gradients into(*node);
      if (dy.defined()) step({dy, more}, into);
      release(std::exchange(node->inputs, {}));
    }
    node.reset();  // all its readers are done: unless somebody else looks at it, its value goes now
  }
}

bool Gradients::wants(size_t i) const { return node_.inputs[i]->requires_gradient; }
void Gradients::add_now(size_t i, Tensor gradient) { accumulate(*node_.inputs[i], std::move(gradient)); }

/// How both kinds of record() join a value to the graph.
struct Recorder {
  static Variable join(std::string_view name, Tensor value, std::vector<Variable> inputs, BackwardOfParts backward,
                       bool adds_parts);
};

Variable Recorder::join(std::string_view name, Tensor value, std::vector<Variable> inputs, BackwardOfParts backward,
                        bool adds_parts) {
  Variable out(std::move(value));
  bool wanted = false;
  for (const Variable& v : inputs) wanted = wanted || v.requires_gradient();
  out.node_->name = name;
  if ((recording && wanted) || watching) out.node_->layer = layer_path;
  if (watching && !ops::is_finite(out.value())) report_anomaly(*out.node_, "value");
  if (!recording || !wanted) return out;
  out.node_->requires_gradient = true;
  out.node_->backward = std::move(backward);
  out.node_->adds_parts = adds_parts;
  out.node_->inputs.reserve(inputs.size());
  for (Variable& v : inputs) out.node_->inputs.push_back(std::move(v.node_));
  return out;
}

Variable record(std::string_view name, Tensor value, std::vector<Variable> inputs, Backward backward) {
  BackwardOfParts whole = [step = std::move(backward)](const ops::GradientParts& dy, Gradients& into) {
    step(dy.dy, into);
  };
  return Recorder::join(name, std::move(value), std::move(inputs), std::move(whole), false);
}

Variable record(std::string_view name, Tensor value, std::vector<Variable> inputs, BackwardOfParts backward) {
  return Recorder::join(name, std::move(value), std::move(inputs), std::move(backward), true);
}

bool gradients_enabled() { return recording; }
NoGradient::NoGradient() : before_(std::exchange(recording, false)) {}
NoGradient::~NoGradient() { recording = before_; }
DetectAnomaly::DetectAnomaly() : before_(std::exchange(watching, true)) {}
DetectAnomaly::~DetectAnomaly() { watching = before_; }

LayerScope::LayerScope(std::string_view name) : before_(layer_path.size()) {
  if (!layer_path.empty() && !name.empty()) layer_path += '.';
  layer_path += name;
}
LayerScope::~LayerScope() { layer_path.resize(before_); }
std::string_view current_layer() { return layer_path; }

}  // namespace pith
