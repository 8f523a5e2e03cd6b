#include "autograd/catalog/rows.h"
#include "autograd/ops/masked_matmul.h"
#include "autograd/ops/matmul.h"
#include "autograd/ops/recurrent.h"
#include "autograd/ops/shape.h"

namespace pith {
namespace {

Example product(Tensor a, Tensor b) {
  Example e;
  e.inputs = {std::move(a), std::move(b)};
  e.call = [](const std::vector<Variable>& v) { return matmul(v[0], v[1]); };
  e.wrong_input = 1;
  return e;
}

Example random_product(Draw& d) {
  const int64_t m = d.batch(), k = d.between(1, 6), n = d.between(1, 7);
  Tensor a = d.normal({m, k});
  return product(std::move(a), d.normal({k, n}));
}

Example layer(Draw& d, const Shape& x, int64_t out, bool biased) {
  Example e;
  if (x.rank() == 2) e.image_like = {0};
  e.inputs = {d.normal(x), d.normal({out, x[-1]})};
  if (biased) e.inputs.push_back(d.normal({out}));
  e.call = [biased](const std::vector<Variable>& v) { return linear(v[0], v[1], biased ? v[2] : Variable()); };
  e.wrong_input = 1;
  e.wrong_axis = 1;
  return e;
}

Example random_layer(Draw& d) {
  const int64_t n = d.batch(), in = d.between(1, 9);
  const Shape x = d.between(0, 3) > 0 ? Shape{n, in} : Shape{d.between(1, 3), n, in};
  return layer(d, x, d.between(1, 9), d.coin());
}

/// A mask that keeps about `share` of the weights, and its bits for the judges outside.
std::shared_ptr<const Mask> random_mask(Draw& d, const Shape& w, double share, Example& e) {
  std::vector<double> keep(static_cast<size_t>(w.numel()));
  for (double& k : keep) k = d.uniform(0, 1) < share;
  e.attributes["keep"] = keep;
  return std::make_shared<const Mask>(Mask::from(Tensor::from(keep, w)));
}

constexpr SparseCrossover kAlwaysSparse{2, 2};  // f64 runs dense all the same, and is the twin

Example masked_layer(Draw& d, const Shape& x, int64_t out, bool biased, double share) {
  Example e = layer(d, x, out, biased);
  const auto keep = random_mask(d, {out, x[-1]}, share, e);
  zero_pruned(*keep, e.inputs[1]);  // what a Parameter promises
  e.call = [biased, keep](const std::vector<Variable>& v) {
    return masked_linear(v[0], v[1], biased ? v[2] : Variable(), keep, kAlwaysSparse);
  };
  return e;
}

Example masked_product(Draw& d, int64_t rows, int64_t cols, int64_t n, double share) {
  Example e;
  e.inputs = {d.normal({rows, cols}), d.normal({cols, n})};
  const auto keep = random_mask(d, {rows, cols}, share, e);
  zero_pruned(*keep, e.inputs[0]);
  e.call = [keep](const std::vector<Variable>& v) { return masked_matmul(v[0], keep, v[1], kAlwaysSparse); };
  e.wrong_input = 1;
  return e;
}

Example embedded(Draw& d, const Shape& w, int64_t count) {
  const Tensor indices = d.labels(count, w[0]);
  Example e;
  e.inputs = {d.normal(w)};
  e.call = [indices](const std::vector<Variable>& v) { return embedding(v[0], indices); };
  e.attributes = {{"indices", indices.to_vector<double>()}};
  return e;
}

struct LstmCase {
  int64_t steps = 1, n = 1, in = 1, hidden = 1;
  int64_t biases = 2;  ///< b_ih, or b_ih and b_hh, or none
};

/// All of output, h and c in one value, so that every way back is taken.
Variable joined_lstm(const std::vector<Variable>& v, int64_t biases) {
  const LstmResult r =
      lstm(v[0], v[1], v[2], {v[3], v[4], biases > 0 ? v[5] : Variable(), biases > 1 ? v[6] : Variable()});
  const Shape one{1, r.h.shape()[0], r.h.shape()[1]};
  return concat({r.output, reshape(r.h, one), reshape(r.c, one)}, 0);
}

Example unrolled(Draw& d, const LstmCase& c) {
  const auto draw = [&](const Shape& s) { return d.within(s, -0.8, 0.8); };
  Example e;
  e.inputs = {draw({c.steps, c.n, c.in}), draw({c.n, c.hidden}), draw({c.n, c.hidden}), draw({4 * c.hidden, c.in}),
              draw({4 * c.hidden, c.hidden})};
  for (int64_t i = 0; i < c.biases; ++i) e.inputs.push_back(draw({4 * c.hidden}));
  e.call = [biases = c.biases](const std::vector<Variable>& v) { return joined_lstm(v, biases); };
  e.wrong_input = 1;
  return e;
}

Example random_lstm(Draw& d) {
  const int64_t n = d.batch();
  return unrolled(d, {d.between(1, 4), n, d.between(1, 4), d.between(1, 4), d.between(0, 2)});
}

}  // namespace

std::vector<CatalogRow> product_rows() {
  return {
      {"matmul", random_product,
       [](Draw& d) {
         Tensor a = d.normal({512, 512});
         return product(std::move(a), d.normal({512, 512}));
       }},
      {"linear", random_layer,
       [](Draw& d) {
         return layer(d, {128, 512}, 512, true);
       }},
      {"masked_linear",
       [](Draw& d) {
         const int64_t n = d.batch(), in = d.between(1, 9);
         const Shape x = d.between(0, 3) > 0 ? Shape{n, in} : Shape{d.between(1, 3), n, in};
         return masked_layer(d, x, d.between(1, 9), d.coin(), d.uniform(0, 1));
       },
       [](Draw& d) {
         return masked_layer(d, {128, 512}, 512, true, 0.1);
       }},
      {"masked_matmul",
       [](Draw& d) {
         const int64_t rows = d.between(1, 9), cols = d.between(1, 9);
         return masked_product(d, rows, cols, d.between(1, 70), d.uniform(0, 1));
       },
       [](Draw& d) { return masked_product(d, 512, 512, 256, 0.1); }},
      {"embedding",
       [](Draw& d) {
         const Shape w{d.between(1, 6), d.between(1, 5)};
         return embedded(d, w, d.between(1, 9));
       },
       [](Draw& d) {
         return embedded(d, {10000, 200}, 700);
       }},
      {"lstm", random_lstm,
       [](Draw& d) {
         return unrolled(d, {35, 20, 200, 200, 2});
       }},
  };
}

}  // namespace pith
