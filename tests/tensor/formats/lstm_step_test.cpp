#include "tensor/formats/lstm_step.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tensor/error.h"
#include "tensor/formats/format_table.h"
#include "tensor/random.h"

namespace pith {
namespace {

Tensor normal(const Shape& shape, uint64_t item) {
  Tensor t = Tensor::empty(shape);
  fill_normal(t, 0, 0.3, {.seed = 41, .item = item});
  return t;
}

std::shared_ptr<const PackedMatrix> packed(const char* format, const Tensor& w) {
  return find_format(format)->pack({.weight = w, .mask = {}, .quant = {}, .input = {}});
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST(LstmStep, IsTheFormulaOfHochreiterAndSchmidhuberInEveryFormat) {
  constexpr int64_t in = 5, hidden = 7, n = 2;
  Tensor w_ih = normal({4 * hidden, in}, 1), w_hh = normal({4 * hidden, hidden}, 2);
  for (Tensor* w : {&w_ih, &w_hh})
    for (int64_t i = 0; i < w->numel(); ++i)
      if (i % w->shape()[1] % 4 != 1) w->mutable_data<float>()[i] = 0;  // one of four kept: every format holds that
  const Tensor bias = normal({4 * hidden}, 3), x = normal({n, in}, 4), h = normal({n, hidden}, 5);
  const Tensor c = normal({n, hidden}, 6);
  const auto at = [](const Tensor& t, int64_t i, int64_t j) { return double{t.data<float>()[i * t.shape()[1] + j]}; };
  for (const char* format : {"dense", "csr", "block_16x1", "block_4x4", "1_of_4"}) {
    const LstmStepState after = lstm_step({packed(format, w_ih), packed(format, w_hh), bias}, x, {h, c});
    for (int64_t r = 0; r < n; ++r)
      for (int64_t k = 0; k < hidden; ++k) {
        double gate[4];
        for (int64_t g = 0; g < 4; ++g) {
          gate[g] = double{bias.data<float>()[g * hidden + k]};
          for (int64_t j = 0; j < in; ++j) gate[g] += at(w_ih, g * hidden + k, j) * at(x, r, j);
          for (int64_t j = 0; j < hidden; ++j) gate[g] += at(w_hh, g * hidden + k, j) * at(h, r, j);
        }
        const double cell = sigmoid(gate[1]) * at(c, r, k) + sigmoid(gate[0]) * std::tanh(gate[2]);
        EXPECT_NEAR(at(after.c, r, k), cell, 1e-5) << format;
        EXPECT_NEAR(at(after.h, r, k), sigmoid(gate[3]) * std::tanh(cell), 1e-5) << format;
      }
  }
}

TEST(LstmStep, RefusesWhatDoesNotFit) {
  const PackedLstm w{packed("dense", normal({28, 5}, 1)), packed("dense", normal({28, 7}, 2)), Tensor()};
  const Tensor x = normal({1, 5}, 3), h = normal({1, 7}, 4);
  EXPECT_THROW(lstm_step(w, normal({1, 6}, 3), {h, h}), ShapeError);
  EXPECT_THROW(lstm_step(w, x, {normal({2, 7}, 4), h}), ShapeError);
  EXPECT_THROW(lstm_step(w, x, {h, normal({1, 8}, 4)}), ShapeError);
  EXPECT_THROW(lstm_step({w.w_ih, packed("dense", normal({27, 7}, 2)), Tensor()}, x, {h, h}), ShapeError);
}

}  // namespace
}  // namespace pith
