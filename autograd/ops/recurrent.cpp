#include "autograd/ops/recurrent.h"

#include "autograd/ops/shape.h"
#include "tensor/error.h"
#include "tensor/formats/packed_matrix.h"
#include "tensor/ops/conv2d.h"
#include "tensor/ops/elementwise.h"
#include "tensor/ops/embedding.h"
#include "tensor/ops/linear_s8_rows.h"
#include "tensor/ops/lstm_cell.h"
#include "tensor/ops/matmul.h"
#include "tensor/ops/reduce.h"

namespace pith {
namespace {

/// The values of one layer over a sequence, kept for the way back. `states` is h of all steps, then the last c.
struct Unrolled {
  Tensor x, h0, c0, w_ih, w_hh;
  std::shared_ptr<const PackedMatrix> packed_ih, packed_hh;
  Tensor gates;   ///< [steps, n, 4 hidden], activated
  Tensor cells;   ///< [steps, n, hidden]
  Tensor states;  ///< [steps + 1, n, hidden]
  int64_t steps() const { return x.shape()[0]; }
  int64_t n() const { return x.shape()[1]; }
  int64_t in() const { return x.shape()[2]; }
  int64_t hidden() const { return w_hh.shape()[1]; }
  Tensor h_before(int64_t t) const { return t == 0 ? h0 : states.select(0, t - 1); }
  Tensor c_before(int64_t t) const { return t == 0 ? c0 : cells.select(0, t - 1); }
};

void check(const char* what, const Variable& v, const Shape& shape, DType dtype) {
  if (!(v.shape() == shape) || v.value().dtype() != dtype)
    throw ShapeError(std::string("lstm: ") + what + " must be " + std::string(name(dtype)) + " " + text(shape) +
                     ", it is " + text(v.value()));
}

void check(const Variable& x, const Variable& h, const Variable& c, const LstmWeights& w) {
  if (x.shape().rank() != 3 || x.shape()[0] < 1)
    throw ShapeError("lstm: wants x [steps, n, in] of at least one step, here is " + text(x.value()));
  if (w.w_hh.shape().rank() != 2)
    throw ShapeError("lstm: wants w_hh [4 hidden, hidden], here is " + text(w.w_hh.value()));
  const int64_t n = x.shape()[1], hidden = w.w_hh.shape()[1];
  const DType dtype = x.value().dtype();
  check("w_hh", w.w_hh, {4 * hidden, hidden}, dtype);
  check("w_ih", w.w_ih, {4 * hidden, x.shape()[2]}, dtype);
  check("h", h, {n, hidden}, dtype);
  check("c", c, {n, hidden}, dtype);
  if (w.b_ih.defined()) check("b_ih", w.b_ih, {4 * hidden}, dtype);
  if (w.b_hh.defined()) check("b_hh", w.b_hh, {4 * hidden}, dtype);
  if ((w.packed_ih == nullptr) != (w.packed_hh == nullptr))
    throw ArgumentError("lstm: wants both weights packed, or none");
}

Tensor bias_sum(const LstmWeights& w) {
  if (!w.b_ih.defined()) return w.b_hh.defined() ? w.b_hh.value() : Tensor();
  return w.b_hh.defined() ? ops::add(w.b_ih.value(), w.b_hh.value()) : w.b_ih.value();
}

Tensor product(const Tensor& x, const Tensor& w, const std::shared_ptr<const PackedMatrix>& packed, const Tensor& b) {
  return packed ? packed->linear(x, b) : ops::linear(x, w, b);
}

/// All of x w_ih^T + b in one product, then step after step.
void unroll(Unrolled& u, const Tensor& bias) {
  const int64_t steps = u.steps(), n = u.n(), hidden = u.hidden();
  const Tensor rows = u.x.view(Shape{steps * n, u.in()});
  u.gates = product(rows, u.w_ih, u.packed_ih, bias).view(Shape{steps, n, 4 * hidden});
  u.cells = Tensor::empty({steps, n, hidden}, u.x.dtype());
  u.states = Tensor::empty({steps + 1, n, hidden}, u.x.dtype());
  for (int64_t t = 0; t < steps; ++t) {
    Tensor gates = u.gates.select(0, t), c = u.cells.select(0, t), h = u.states.select(0, t);
    gates.copy_from(ops::add(gates, product(u.h_before(t), u.w_hh, u.packed_hh, {})));
    ops::lstm_cell(gates, u.c_before(t), c, h);
  }
  u.states.select(0, steps).copy_from(u.cells.select(0, steps - 1));
}

struct LstmGradients {
  Tensor gates;  ///< [steps n, 4 hidden], before activation
  Tensor h0, c0;
};

/// Back through time. dy [steps + 1, n, hidden]: of every h, then of the last c.
LstmGradients roll_back(const Unrolled& u, const Tensor& dy) {
  const int64_t steps = u.steps(), hidden = u.hidden();
  LstmGradients g;
  g.gates = Tensor::empty({steps, u.n(), 4 * hidden}, u.x.dtype());
  g.c0 = dy.select(0, steps).clone();
  for (int64_t t = steps - 1; t >= 0; --t) {
    const Tensor dh = g.h0.defined() ? ops::add(dy.select(0, t), g.h0) : dy.select(0, t);
    Tensor dgates = g.gates.select(0, t);
    ops::lstm_cell_gradient(u.gates.select(0, t), u.c_before(t), u.cells.select(0, t), dh, g.c0, dgates);
    g.h0 = ops::matmul(dgates, u.w_hh);
  }
  g.gates = g.gates.view(Shape{steps * u.n(), 4 * hidden});
  return g;
}

/// h before every step, [steps n, hidden].
Tensor all_h_before(const Unrolled& u) {
  Tensor all = Tensor::empty({u.steps(), u.n(), u.hidden()}, u.x.dtype());
  all.select(0, 0).copy_from(u.h0);
  if (u.steps() > 1) all.narrow(0, 1, u.steps() - 1).copy_from(u.states.narrow(0, 0, u.steps() - 1));
  return all.view(Shape{u.steps() * u.n(), u.hidden()});
}

void back(const Unrolled& u, const Tensor& dy, Gradients& into, size_t biases) {
  const LstmGradients g = roll_back(u, to_plain(dy));
  const Shape rows{u.steps() * u.n(), u.in()};
  into.add(0, [&] { return ops::matmul(g.gates, u.w_ih).view(u.x.shape()); });
  into.add(1, [&] { return g.h0; });
  into.add(2, [&] { return g.c0; });
  const auto seen = [&](const Tensor& t) { return u.packed_ih ? ops::byte_rounded(t) : t; };
  into.add(3, [&] { return ops::matmul_tn(g.gates, seen(u.x.view(rows))); });
  into.add(4, [&] { return ops::matmul_tn(g.gates, seen(all_h_before(u))); });
  for (size_t i = 0; i < biases; ++i) into.add(5 + i, [&] { return ops::sum(g.gates, 0, false); });
}

}  // namespace

Variable embedding(const Variable& w, const Tensor& indices) {
  return record("embedding", ops::embedding(w.value(), indices), {w},
                [indices, shape = w.shape()](const Tensor& dy, Gradients& into) {
                  into.add(0, [&] { return ops::embedding_gradient(dy, indices, shape); });
                });
}

LstmResult lstm(const Variable& x, const Variable& h, const Variable& c, const LstmWeights& w) {
  check(x, h, c, w);
  Unrolled u;
  u.x = to_plain(x.value());
  u.h0 = to_plain(h.value());
  u.c0 = to_plain(c.value());
  u.w_ih = w.w_ih.value().contiguous();
  u.w_hh = w.w_hh.value().contiguous();
  u.packed_ih = w.packed_ih;
  u.packed_hh = w.packed_hh;
  unroll(u, bias_sum(w));
  std::vector<Variable> inputs{x, h, c, w.w_ih, w.w_hh};
  for (const Variable* const b : {&w.b_ih, &w.b_hh})
    if (b->defined()) inputs.push_back(*b);
  const size_t biases = inputs.size() - 5;
  const Variable states = record("lstm", u.states, std::move(inputs),
                                 [u, biases](const Tensor& dy, Gradients& into) { back(u, dy, into, biases); });
  const Shape last{u.n(), u.hidden()};
  return {narrow(states, 0, 0, u.steps()), reshape(narrow(states, 0, u.steps() - 1, 1), last),
          reshape(narrow(states, 0, u.steps(), 1), last)};
}

}  // namespace pith
