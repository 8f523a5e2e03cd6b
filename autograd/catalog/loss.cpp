#include "autograd/catalog/rows.h"
#include "autograd/ops/softmax_loss.h"

namespace pith {
namespace {

const auto kSoftmax = [](const Variable& v) { return softmax(v); };
const auto kLogSoftmax = [](const Variable& v) { return log_softmax(v); };

Shape rows(Draw& d) {
  const int64_t n = d.batch();
  return {n, d.between(1, 19)};
}

/// A loss with labels: their number must fit the rows of x.
template <class F>
Example labelled(Tensor x, const Tensor& labels, const F& f) {
  Example e = unary(std::move(x), [=](const Variable& v) { return f(v, labels); });
  e.attributes["labels"] = labels.to_vector<double>();
  e.wrong_input = 0;
  e.wrong_axis = 0;
  return e;
}

Example cross_entropy(Tensor x, const Tensor& labels, double smoothing) {
  Example e = labelled(std::move(x), labels,
                       [=](const Variable& v, const Tensor& l) { return softmax_cross_entropy(v, l, smoothing); });
  e.attributes["smoothing"] = {smoothing};
  return e;
}

Example mse(Tensor x, Tensor target) {
  Example e;
  if (x.shape().rank() % 2 == 0) e.image_like = {0, 1};
  e.inputs = {std::move(x), std::move(target)};
  e.call = [](const std::vector<Variable>& v) { return mse_loss(v[0], v[1]); };
  e.wrong_input = 1;
  return e;
}

Example distilled(Tensor x, Tensor teacher, double temperature) {
  Example e = unary(std::move(x), [=](const Variable& v) {
    return distillation_loss(v, teacher.to(v.value().dtype()), temperature);
  });
  e.attributes = {{"temperature", {temperature}}, {"teacher", teacher.to_vector<double>()}};
  e.wrong_input = 0;
  return e;
}

Example random_labelled(Draw& d, Example (*make)(Draw&, Tensor, const Tensor&)) {
  const Shape s = rows(d);
  Tensor x = d.normal(s);
  const Tensor labels = d.labels(s[0], s[1]);
  return make(d, std::move(x), labels);
}

const Shape kLarge{128, 1000};

}  // namespace

std::vector<CatalogRow> loss_rows() {
  return {
      {"softmax_cross_entropy",
       [](Draw& d) {
         return random_labelled(d, [](Draw& e, Tensor x, const Tensor& l) {
           return cross_entropy(std::move(x), l, e.coin() ? 0 : e.uniform(0, 1));
         });
       },
       [](Draw& d) { return cross_entropy(d.normal(kLarge), d.labels(kLarge[0], kLarge[1]), 0); }},
      {"softmax", [](Draw& d) { return unary(d.normal(d.any_shape()), kSoftmax); },
       [](Draw& d) { return unary(d.normal(kLarge), kSoftmax); }},
      {"log_softmax", [](Draw& d) { return unary(d.normal(d.any_shape()), kLogSoftmax); },
       [](Draw& d) { return unary(d.normal(kLarge), kLogSoftmax); }},
      {"nll_loss",
       [](Draw& d) {
         return random_labelled(d,
                                [](Draw&, Tensor x, const Tensor& l) { return labelled(std::move(x), l, nll_loss); });
       },
       [](Draw& d) { return labelled(d.normal(kLarge), d.labels(kLarge[0], kLarge[1]), nll_loss); }},
      {"mse_loss",
       [](Draw& d) {
         const Shape s = d.any_shape();
         Tensor x = d.normal(s);
         return mse(std::move(x), d.normal(s));
       },
       [](Draw& d) { return mse(d.normal(layer_shape()), d.normal(layer_shape())); }},
      {"distillation_loss",
       [](Draw& d) {
         const Shape s = rows(d);
         Tensor x = d.normal(s);
         return distilled(std::move(x), d.normal(s), d.uniform(0.5, 5));
       },
       [](Draw& d) { return distilled(d.normal(kLarge), d.normal(kLarge), 4); }},
  };
}

}  // namespace pith
