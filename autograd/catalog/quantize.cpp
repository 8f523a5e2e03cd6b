// Quantized training with its roundings off: what is left is differentiable, and is what the gradients are of.
#include "autograd/ops/quantize.h"

#include "autograd/catalog/rows.h"

namespace pith {
namespace {

Example requantized(Draw& d, const Shape& shape, bool adds) {
  const double low = -d.uniform(0.3, 2), high = d.uniform(0.3, 2);
  Example e;
  e.inputs = {d.normal(shape), d.normal({shape[1]}), d.within({shape[1]}, 0.2, 2)};
  e.image_like = {0};
  if (adds) {
    e.inputs.push_back(d.normal(shape));
    e.inputs.push_back(d.within({1}, 0.2, 2));
    e.image_like = {0, 3};
  }
  e.call = [=](const std::vector<Variable>& v) {
    return requantize(v[0], v[1], v[2], adds ? v[3] : Variable(), adds ? v[4] : Variable(),
                      {.lowest = low, .highest = high, .rounds = false});
  };
  e.attributes = {{"lowest", {low}}, {"highest", {high}}};
  e.wrong_input = 1;
  return e;
}

/// With steps instead of scales, as PACT's gradient needs them. Inputs: sums, bias, w_step, y_step (, residual).
Example clipped(Draw& d, const Shape& shape, bool adds) {
  const double low = -d.uniform(0.3, 2), high = d.uniform(0.3, 2);
  Example e;
  e.inputs = {d.normal(shape), d.normal({shape[1]}), d.within({shape[1]}, 0.2, 2), d.within({1}, 0.5, 2)};
  e.image_like = {0};
  if (adds) e.inputs.push_back(d.normal(shape)), e.image_like = {0, 4};
  e.call = [=](const std::vector<Variable>& v) {
    const Variable one(Tensor::full({1}, 1, v[0].value().dtype())), y_step = v[3].detach();
    return requantize_pact(v[0], v[1], requantization_scale(one, v[2], y_step), adds ? v[4] : Variable(),
                           adds ? requantization_scale(one, one, y_step) : Variable(), v[3],
                           {.lowest = low, .highest = high, .rounds = false});
  };
  e.attributes = {{"lowest", {low}}, {"highest", {high}}};
  e.wrong_input = 1;
  return e;
}

Example levels(Draw& d, const Shape& shape, bool curved) {
  const double most = d.uniform(1, 4);
  Example e;
  e.inputs = {d.normal(shape)};
  const Tensor step = d.within({shape[0]}, 0.2, 1);
  if (!curved) e.inputs.push_back(step);
  e.call = [=](const std::vector<Variable>& v) {
    const ops::WeightLevels plain{.lowest = -most, .highest = most, .rounds = false};
    if (!curved) return weight_levels(v[0], v[1], plain);
    return weight_levels(v[0], Variable(step.to(v[0].value().dtype())),
                         {.lowest = -10, .highest = 10, .rounds = false, .rule = ops::LevelRule::tanh});
  };
  e.attributes = {{"most", {most}}};
  if (curved) e.attributes = {{"step", step.to_vector<double>()}};
  e.wrong_input = curved ? -1 : 1;
  return e;
}

Example scales(Draw& d, int64_t count) {
  Example e;
  e.inputs = {d.within({1}, 0.2, 2), d.within({count}, 0.2, 2), d.within({1}, 0.2, 2)};
  e.call = [](const std::vector<Variable>& v) { return requantization_scale(v[0], v[1], v[2]); };
  e.wrong_input = 0;
  return e;
}

Example bias(Draw& d, int64_t count) {
  Example e;
  e.inputs = {d.normal({count}), d.within({1}, 0.2, 2), d.within({count}, 0.2, 2)};
  e.call = [](const std::vector<Variable>& v) { return bias_levels(v[0], v[1], v[2], false); };
  e.wrong_input = 0;
  return e;
}

}  // namespace

std::vector<CatalogRow> quantize_rows() {
  return {
      {"requantize", [](Draw& d) { return requantized(d, d.image(), d.coin()); },
       [](Draw& d) { return requantized(d, layer_shape(), true); }},
      {"requantize_pact", [](Draw& d) { return clipped(d, d.image(), d.coin()); },
       [](Draw& d) { return clipped(d, layer_shape(), true); }},
      {"weight_levels", [](Draw& d) { return levels(d, d.image(), false); },
       [](Draw& d) {
         return levels(d, {64, 64, 3, 3}, false);
       }},
      {"tanh_levels", [](Draw& d) { return levels(d, d.image(), true); },
       [](Draw& d) {
         return levels(d, {64, 64, 3, 3}, true);
       }},
      {"requantization_scale", [](Draw& d) { return scales(d, d.between(1, 9)); },
       [](Draw& d) { return scales(d, 64); }},
      {"bias_levels", [](Draw& d) { return bias(d, d.between(1, 9)); }, [](Draw& d) { return bias(d, 64); }},
  };
}

}  // namespace pith
