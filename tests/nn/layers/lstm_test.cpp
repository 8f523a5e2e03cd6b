// Lstm and the language model against PyTorch (golden/make_golden.py), in f64.
#include "nn/layers/lstm.h"

#include <gtest/gtest.h>

#include "autograd/ops/shape.h"
#include "autograd/ops/softmax_loss.h"
#include "nn/language_model.h"
#include "tensor/error.h"
#include "tests/support/golden.h"

namespace pith::nn {
namespace {

using test::expect_close;
using test::wave;

/// What make_golden.py's fill() does.
void fill(Module& m) {
  m.convert(DType::f64);
  double phase = 0;
  m.visit_parameters([&](const std::string&, Parameter& p) {
    Tensor t = wave(p.shape(), phase++);
    for (int64_t i = 0; i < t.numel(); ++i) t.mutable_data<double>()[i] *= 0.5;
    p.load(t);
  });
}

TEST(Lstm, AgreesWithPyTorchForwardAndBack) {
  const test::Golden golden = test::read_golden("lstm.txt");
  Lstm lstm(3, 4, {.layers = 2});
  fill(lstm);
  const Variable x(wave({5, 2, 3}, 9), true);
  const Tensor h = wave({2, 2, 4}, 10), c = wave({2, 2, 4}, 11);
  LstmState state;
  for (int64_t layer = 0; layer < 2; ++layer) {
    state.h.emplace_back(h.select(0, layer));
    state.c.emplace_back(c.select(0, layer));
  }
  const Variable y = lstm.call(x, state);
  expect_close(y.value(), golden.at("y"), 1e-12, "y");
  for (size_t layer = 0; layer < 2; ++layer) {
    const auto half = [&](const std::string& name) {
      const auto begin = golden.at(name).begin() + static_cast<int64_t>(8 * layer);
      return std::vector<double>(begin, begin + 8);
    };
    expect_close(state.h[layer].value(), half("h"), 1e-12, "h");
    expect_close(state.c[layer].value(), half("c"), 1e-12, "c");
  }
  y.backward(wave(y.shape(), 12));
  expect_close(x.gradient(), golden.at("x.grad"), 1e-12, "x.grad");
  lstm.visit_parameters(
      [&](const std::string& name, Parameter& p) { expect_close(p.gradient(), golden.at(name), 1e-12, name); });
}

TEST(Lstm, StartsFromZerosWhereNothingIsCarried) {
  Lstm lstm(3, 4);
  fill(lstm);
  const Variable x(wave({5, 2, 3}, 9));
  LstmState empty, zeros{{Variable(Tensor::zeros({2, 4}, DType::f64))}, {Variable(Tensor::zeros({2, 4}, DType::f64))}};
  expect_close(lstm.call(x, empty).value(), lstm.call(x, zeros).value().to_vector<double>(), 0, "y");
}

TEST(Lstm, DropsBetweenItsLayersInTrainingOnly) {
  Lstm plain(3, 4, {.layers = 2}), dropping(3, 4, {.layers = 2, .dropout = 0.5});
  fill(plain);
  fill(dropping);
  const Variable x(wave({5, 2, 3}, 9));
  const auto run = [&](Lstm& l) { return static_cast<Module&>(l).call(x).value().to_vector<double>(); };
  EXPECT_NE(run(dropping), run(plain));
  dropping.set_training(false);
  EXPECT_EQ(run(dropping), run(plain));
}

TEST(Lstm, RefusesWrongSizes) {
  EXPECT_THROW(Lstm(3, 4, {.layers = 0}), ArgumentError);
  EXPECT_THROW(Lstm(3, 4, {.layers = 2, .dropout = 1}), ArgumentError);
  Lstm lstm(3, 4);
  EXPECT_THROW(static_cast<Module&>(lstm).call(Variable(Tensor::zeros({5, 3}))), ShapeError);
  EXPECT_THROW(static_cast<Module&>(lstm).call(Variable(Tensor::zeros({5, 2, 7}))), ShapeError);
}

/// Words of window w: [3, 2].
Variable window(int64_t w) {
  std::vector<int32_t> words;
  for (int64_t i = 6 * w; i < 6 * w + 6; ++i) words.push_back(static_cast<int32_t>(7 * i % 6));
  return Variable(Tensor::from(words, {3, 2}));
}

Variable loss_of(const Variable& logits) {
  std::vector<int32_t> labels;
  for (int i = 0; i < 6; ++i) labels.push_back((5 * i + 1) % 6);
  return softmax_cross_entropy(reshape(logits, {6, 6}), Tensor::from(labels, {6}));
}

TEST(LanguageModel, AgreesWithPyTorchOverTwoWindows) {
  const test::Golden golden = test::read_golden("language_model.txt");
  for (const bool tied : {false, true}) {
    LanguageModel model({.words = 6, .embedding = 4, .hidden = 4, .layers = 2, .dropout = 0, .tied = tied});
    fill(model);
    const std::string start = tied ? "tied1." : "tied0.";
    for (int64_t w = 0; w < 2; ++w) {
      const std::string name = start + "window" + std::to_string(w);
      const Variable y = model.call(window(w));
      expect_close(y.value(), golden.at(name + ".logits"), 1e-12, name);
      model.clear_gradients();
      const Variable loss = loss_of(y);
      expect_close(loss.value(), golden.at(name + ".loss"), 1e-12, name + " loss");
      loss.backward();
    }
    model.visit_parameters([&](const std::string& name, Parameter& p) {
      expect_close(p.gradient(), golden.at(start + "grad." + name), 1e-12, start + name);
    });
  }
}

TEST(LanguageModel, NamesItsTensorsAsPyTorchDoes) {
  const auto names = [](bool tied) {
    std::vector<std::string> all;
    LanguageModel({.words = 9, .embedding = 4, .hidden = 4, .layers = 1, .dropout = 0, .tied = tied})
        .visit_parameters([&](const std::string& name, Parameter&) { all.push_back(name); });
    return all;
  };
  const std::vector<std::string> rnn{"rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0", "rnn.bias_hh_l0"};
  std::vector<std::string> expected{"encoder.weight"};
  expected.insert(expected.end(), rnn.begin(), rnn.end());
  expected.push_back("decoder.bias");
  EXPECT_EQ(names(true), expected);
  expected.insert(expected.end() - 1, "decoder.weight");
  EXPECT_EQ(names(false), expected);
}

TEST(LanguageModel, ForgetsWhatItCarriedWhenReset) {
  LanguageModel model({.words = 6, .embedding = 4, .hidden = 4, .layers = 1, .dropout = 0});
  fill(model);
  const auto run = [&] { return model.call(window(0)).value().to_vector<double>(); };
  const std::vector<double> first = run();
  EXPECT_NE(run(), first);
  model.reset_state();
  EXPECT_EQ(run(), first);
}

TEST(LanguageModel, StartsAsPyTorchsExampleDoes) {
  const auto model = make_language_model({.words = 500, .embedding = 20, .hidden = 16, .layers = 2}, 3);
  model->visit_parameters([](const std::string& name, Parameter& p) {
    double largest = 0;
    for (const double v : p.value().to_vector<double>()) largest = std::max(largest, std::abs(v));
    const double bound = name.find("rnn") == 0 ? 0.25 : name == "decoder.bias" ? 0 : 0.1;
    EXPECT_LE(largest, bound) << name;
    EXPECT_GE(largest, 0.9 * bound) << name;
  });
}

TEST(LanguageModel, RefusesSizesThatMakeNoModel) {
  EXPECT_THROW(LanguageModel({.words = 0}), ArgumentError);
  EXPECT_THROW(LanguageModel({.words = 5, .embedding = 4, .hidden = 3, .tied = true}), ArgumentError);
  EXPECT_THROW(LanguageModel({.words = 5, .dropout = 1.5}), ArgumentError);
}

}  // namespace
}  // namespace pith::nn
