#include "autograd/catalog/rows.h"
#include "autograd/ops/batch_norm.h"
#include "autograd/ops/conv2d.h"
#include "autograd/ops/masked_conv2d.h"
#include "autograd/ops/pool2d.h"
#include "tensor/error.h"

namespace pith {
namespace {

std::vector<double> numbers(const std::array<int64_t, 2>& a) {
  return {static_cast<double>(a[0]), static_cast<double>(a[1])};
}

std::map<std::string, std::vector<double>> window_attributes(const std::array<int64_t, 2>& kernel, const Window& w) {
  return {{"kernel", numbers(kernel)},
          {"stride", numbers(w.stride)},
          {"padding", numbers(w.padding)},
          {"dilation", numbers(w.dilation)},
          {"groups", {static_cast<double>(w.groups)}}};
}

using Pool = Variable (*)(const Variable&, std::array<int64_t, 2>, const Window&);

Example pooled(Tensor x, std::array<int64_t, 2> kernel, const Window& window, Pool pool) {
  Example e = unary(std::move(x), [=](const Variable& v) { return pool(v, kernel, window); });
  e.attributes = window_attributes(kernel, window);
  return e;
}

/// A pooling that fits, padding at most half the kernel as PyTorch wants it.
template <Pool kPool, bool kDilated>
Example random_pool(Draw& d) {
  for (;;) {
    Window w;
    const std::array<int64_t, 2> kernel{d.between(1, 3), d.between(1, 3)};
    for (size_t a : {0u, 1u}) {
      w.stride[a] = d.between(1, 3);
      w.padding[a] = d.between(0, kernel[a] / 2);
      w.dilation[a] = kDilated && d.coin() ? d.between(1, 2) : 1;
    }
    Example e = pooled(d.distinct(d.image()), kernel, w, kPool);
    try {
      static_cast<void>(e.call({Variable(e.inputs[0])}));
      return e;
    } catch (const ShapeError&) {
    }
  }
}

template <Pool kPool>
Example large_pool(Draw& d) {
  return pooled(d.normal(layer_shape()), {2, 2}, {.stride = {2, 2}}, kPool);
}

struct NormCase {
  Shape shape;
  bool training = true, relu = false, residual = false;
};

/// The statistics are fresh at every call, so that the value is a function of the inputs.
Example normalized(Draw& d, const NormCase& c) {
  const Shape channels{c.shape[1]};
  const Tensor mean = d.normal(channels), variance = d.within(channels, 0.5, 2);
  Example e;
  e.image_like = {0};
  e.inputs = {d.normal(c.shape), d.off_zero(channels, 0.3), d.normal(channels)};
  if (c.residual) {
    e.inputs.push_back(d.normal(c.shape));
    e.image_like.push_back(3);
  }
  e.call = [=](const std::vector<Variable>& v) {
    const DType dtype = v[0].value().dtype();
    BatchNormState state{mean.to(dtype), variance.to(dtype)};
    return batch_norm(v[0], v[1], v[2], state, {.training = c.training, .epsilon = 1e-5, .relu = c.relu},
                      c.residual ? v[3] : Variable());
  };
  e.attributes = {{"mean", mean.to_vector<double>()},
                  {"variance", variance.to_vector<double>()},
                  {"training", {c.training ? 1.0 : 0.0}},
                  {"relu", {c.relu ? 1.0 : 0.0}}};
  e.wrong_input = 1;
  return e;
}

/// Is a result of ReLU so near its kink that a difference quotient would step over it? Then the draw is no example.
bool near_kink(const NormCase& c, const Example& e) {
  if (!c.relu) return false;
  BatchNormState state{Tensor::from(e.attributes.at("mean"), {c.shape[1]}),
                       Tensor::from(e.attributes.at("variance"), {c.shape[1]})};
  const NoGradient off;
  std::vector<Variable> v;
  for (const Tensor& t : e.inputs) v.emplace_back(t);
  const Variable y = batch_norm(v[0], v[1], v[2], state, {.training = c.training}, c.residual ? v[3] : Variable());
  for (double f : y.value().to_vector<double>())
    if (f > -1e-3 && f < 1e-3) return true;
  return false;
}

template <bool kTraining, bool kFused>
Example random_norm(Draw& d) {
  for (;;) {
    const Shape image = d.image();
    NormCase c{d.coin() ? image : Shape{image[0], image[1]}, kTraining, kFused && d.between(0, 2) > 0,
               kFused && d.between(0, 2) > 0};
    if (kTraining && c.shape.numel() / c.shape[1] < 2) continue;
    Example e = normalized(d, c);
    if (!near_kink(c, e)) return e;
  }
}

Example statistics(Draw& d, const Shape& shape) {
  Example e;
  e.image_like = {0};
  e.inputs = {d.normal(shape)};
  e.call = [](const std::vector<Variable>& v) { return batch_statistics(v[0]); };
  return e;
}

Example convolved(Draw& d, const Shape& x, const Shape& w, const Window& window, bool biased) {
  Example e;
  e.image_like = {0};
  e.inputs = {d.normal(x), d.normal(w)};
  if (biased) e.inputs.push_back(d.normal({w[0]}));
  e.call = [=](const std::vector<Variable>& v) { return conv2d(v[0], v[1], biased ? v[2] : Variable(), window); };
  e.attributes = window_attributes({w[2], w[3]}, window);
  e.wrong_input = 1;
  e.wrong_axis = 1;
  return e;
}

/// The same under a mask that keeps about `share` of the weights, on the sparse road (f64 runs dense, and is the twin).
Example masked(Draw& d, Example e, const Window& window, double share) {
  const Shape w = e.inputs[1].shape();
  std::vector<double> keep(static_cast<size_t>(w.numel()));
  for (double& k : keep) k = d.uniform(0, 1) < share;
  const auto mask = std::make_shared<const Mask>(Mask::from(Tensor::from(keep, w)));
  zero_pruned(*mask, e.inputs[1]);  // what a Parameter promises
  e.attributes["keep"] = keep;
  e.call = [=, biased = e.inputs.size() > 2](const std::vector<Variable>& v) {
    return masked_conv2d(v[0], v[1], biased ? v[2] : Variable(), mask, window, {}, {.window = 2});
  };
  return e;
}

template <bool kMasked>
Example random_conv(Draw& d) {
  for (;;) {
    Window v;
    v.groups = d.coin() ? 1 : d.between(1, 3);
    const Shape image = d.image();
    const Shape x = image.with(1, d.between(1, 3) * v.groups);
    const Shape w{d.between(1, 3) * v.groups, x[1] / v.groups, d.between(1, 3), d.between(1, 3)};
    for (size_t a : {0u, 1u}) {
      v.stride[a] = d.between(1, 2);
      v.padding[a] = d.between(0, 2);
      v.dilation[a] = d.coin() ? 1 : d.between(1, 2);
    }
    try {
      static_cast<void>(conv2d_shape(x, w, v));
      Example e = convolved(d, x, w, v, d.coin());
      return kMasked ? masked(d, std::move(e), v, d.uniform(0, 1)) : e;
    } catch (const ShapeError&) {
    }
  }
}

const auto kGlobal = [](const Variable& v) { return global_average_pool(v); };

}  // namespace

std::vector<CatalogRow> image_rows() {
  return {
      {"conv2d", random_conv<false>,
       [](Draw& d) {
         return convolved(d, layer_shape(), {16, 16, 3, 3}, {.padding = {1, 1}}, false);
       }},
      {"masked_conv2d", random_conv<true>,
       [](Draw& d) {
         const Window window{.padding = {1, 1}};
         return masked(d, convolved(d, layer_shape(), {16, 16, 3, 3}, window, false), window, 0.1);
       }},
      {"max_pool2d", random_pool<max_pool2d, true>, large_pool<max_pool2d>},
      {"average_pool2d", random_pool<average_pool2d, false>, large_pool<average_pool2d>},
      {"global_average_pool", [](Draw& d) { return unary(d.normal(d.image()), kGlobal); },
       [](Draw& d) { return unary(d.normal(layer_shape()), kGlobal); }},
      {"batch_norm", random_norm<true, false>, [](Draw& d) { return normalized(d, {.shape = layer_shape()}); }},
      {"batch_norm_fused", random_norm<true, true>,
       [](Draw& d) { return normalized(d, {.shape = layer_shape(), .relu = true, .residual = true}); }},
      {"batch_norm_relu", random_norm<true, true>,
       [](Draw& d) { return normalized(d, {.shape = layer_shape(), .relu = true}); }},
      {"batch_statistics", [](Draw& d) { return statistics(d, d.image()); },
       [](Draw& d) { return statistics(d, layer_shape()); }},
      {"batch_norm_eval", random_norm<false, true>,
       [](Draw& d) { return normalized(d, {.shape = layer_shape(), .training = false}); }},
  };
}

}  // namespace pith
