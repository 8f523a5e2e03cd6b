// Matrices used in whole numbers while they train: against packed weights and lstm_step, which know nothing of
// training.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <optional>

#include "autograd/ops/matmul.h"
#include "autograd/ops/recurrent.h"
#include "autograd/ops/shape.h"
#include "autograd/ops/softmax_loss.h"
#include "autograd/ops/whole_linear.h"
#include "nn/language_model.h"
#include "nn/optim/optimizer.h"
#include "nn/whole_weights.h"
#include "tensor/error.h"
#include "tensor/formats/format_table.h"
#include "tensor/formats/lstm_step.h"
#include "tensor/ops/linear_s8_rows.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace pith::nn {
namespace {

using Floats = std::vector<float>;

constexpr int64_t kWords = 50, kHidden = 20, kSteps = 6, kColumns = 3;

Tensor normal(const Shape& shape, uint64_t item, double deviation = 1) {
  Tensor t = Tensor::empty(shape);
  fill_normal(t, 0, deviation, {.seed = 71, .item = item});
  return t;
}

std::unique_ptr<LanguageModel> whole_model(int bits, bool tied) {
  auto model = make_language_model(
      {.words = kWords, .embedding = tied ? kHidden : 24, .hidden = kHidden, .layers = 2, .dropout = 0, .tied = tied},
      5);
  model->use_whole_numbers(bits);
  return model;
}

Parameter& parameter(Module& model, const std::string& name) {
  Parameter* found = nullptr;
  model.visit_parameters([&](const std::string& n, Parameter& p) {
    if (n == name) found = &p;
  });
  return *found;
}

Tensor text_of(int64_t steps, int64_t columns) {
  Random random({.seed = 72, .purpose = Purpose::test});
  std::vector<int32_t> words;
  for (int64_t i = 0; i < steps * columns; ++i) words.push_back(static_cast<int32_t>(random.below(kWords)));
  return Tensor::from(words, {steps, columns});
}

/// What lies in a file, packed for the kernels of inference.
struct Inference {
  std::map<std::string, std::shared_ptr<const PackedMatrix>> packed;
  std::map<std::string, Tensor> bias;

  Inference(Module& model, int bits) {
    Container file;
    std::vector<WholeWeights> all;
    std::map<std::string, Parameter*> parameters;
    model.visit_parameters([&](const std::string& name, Parameter& p) { parameters[name] = &p; });
    for (const auto& [name, p] : parameters) {
      const auto step = parameters.find(name + kStepSuffix);
      if (step != parameters.end()) all.push_back(learned_weights(name, p->value(), step->second->value(), bits));
      if (p->shape().rank() == 1) bias[name] = p->value();
    }
    add_whole_weights(file, all);
    const Container real = with_real_weights(file, "file");
    for (const WholeWeights& w : all) {
      const auto quant = std::make_shared<const QuantParams>(
          QuantParams{.scale = real.find(w.name + kStepSuffix)->tensor().to_vector<float>(), .zero_point = {}});
      packed[w.name] =
          find_format("int8")->pack({.weight = real.find(w.name)->tensor(), .mask = {}, .quant = quant, .input = {}});
    }
  }

  PackedLstm layer(const std::string& end) const {
    Tensor both = Tensor::empty({4 * kHidden});
    for (int64_t i = 0; i < both.numel(); ++i)
      both.mutable_data<float>()[i] =
          bias.at("rnn.bias_ih" + end).data<float>()[i] + bias.at("rnn.bias_hh" + end).data<float>()[i];
    return {packed.at("rnn.weight_ih" + end), packed.at("rnn.weight_hh" + end), both};
  }

  /// Logits of one column of text, a word at a time.
  Floats logits(const Tensor& text, int64_t column, const std::string& decoder) const {
    const LstmStepState zero{Tensor::zeros({1, kHidden}), Tensor::zeros({1, kHidden})};
    LstmStepState first = zero, second = zero;
    Floats out;
    for (int64_t t = 0; t < text.shape()[0]; ++t) {
      const Tensor word = text.narrow(0, t, 1).narrow(1, column, 1).clone().view({1});
      first = lstm_step(layer("_l0"), packed_embedding(*packed.at("encoder.weight"), word), first);
      second = lstm_step(layer("_l1"), first.h, second);
      for (const float v : packed.at(decoder)->linear(second.h, bias.at("decoder.bias")).to_vector<float>())
        out.push_back(v);
    }
    return out;
  }
};

TEST(WholeNumbers, OfTrainingAreThoseOfInferenceToTheBit) {
  const Tensor text = text_of(kSteps, kColumns);
  for (const int bits : {2, 3, 4, 8})
    for (const bool tied : {false, true}) {
      const auto model = whole_model(bits, tied);
      const Inference inference(*model, bits);
      for (const bool learns : {true, false})
        for (const int threads : {1, 2}) {
          set_threads(threads);
          model->reset_state();
          std::optional<NoGradient> none;
          if (!learns) none.emplace();
          const Tensor y = model->call(Variable(text)).value();
          for (int64_t column = 0; column < kColumns; ++column)
            ASSERT_EQ(y.narrow(1, column, 1).clone().to_vector<float>(),
                      inference.logits(text, column, tied ? "encoder.weight" : "decoder.weight"))
                << bits << " bits, tied " << tied << ", learns " << learns;
        }
    }
  set_threads(1);
}

TEST(WholeNumbers, StepsBeginWithTheLargestWeightOrLess) {
  Parameter w(Tensor::from(Floats{7, -1, 1, 1, 0, 0, 0, 0, 2, 2, -2, 2}, {3, 4}));
  // 4 bits: levels to 7. Row 0: min(7 / 7, 2 x 2.5 / sqrt 7); row 2: min(2 / 7, 2 x 2 / sqrt 7).
  EXPECT_EQ(w.first_steps(4).to_vector<float>(), (Floats{1, 1, 2.0f / 7}));
  // 2 bits: levels to 1. Row 0: min(7, 2 x 2.5); row 2: min(2, 2 x 2).
  EXPECT_EQ(w.first_steps(2).to_vector<float>(), (Floats{5, 1, 2}));
}

TEST(WholeNumbers, GradientsOfWeightsAndStepsAreThoseOfEsserEtAl) {
  const Variable w(Tensor::from(Floats{0.6f, -3.4f, 9, 0}, {1, 4}), true), step(Tensor::from(Floats{1}, {1}), true);
  const Variable y = whole_values(w, step, 3);  // levels to 3
  EXPECT_EQ(y.value().to_vector<float>(), (Floats{1, -3, 3, 0}));
  y.backward(Tensor::from(Floats{1, 10, 100, 1000}, {1, 4}));
  EXPECT_EQ(w.gradient().to_vector<float>(), (Floats{1, 0, 0, 1000}));
  // round(v) - v within, +/- 3 beyond: 0.4 x 1 - 3 x 10 + 3 x 100 + 0, times 1 / sqrt(4 x 3).
  EXPECT_NEAR(step.gradient().to_vector<float>()[0], (0.4 - 30 + 300) / std::sqrt(12), 1e-3);
}

/// Of the rounded x: straight through.
TEST(WholeNumbers, GradientsOfAProductAreThoseOfLinear) {
  Parameter w(normal({5, 70}, 1)), step(w.first_steps(4));
  w.use_whole_numbers(4, step);
  const Variable real(w.whole()->unpack(), true), same(w.whole()->unpack(), true);
  const Tensor dy = normal({2, 3, 5}, 3);
  const Variable b(normal({5}, 4), true), c(b.value(), true);
  const Variable x(normal({2, 3, 70}, 2), true);
  const Variable rounded(ops::byte_rounded(x.value().view({6, 70})).view({2, 3, 70}), true);
  whole_linear(x, real, b, w.whole()).backward(dy);
  linear(rounded, same, c).backward(dy);
  for (const auto& [mine, theirs] : {std::pair(x, rounded), std::pair(real, same), std::pair(b, c)}) {
    const Floats a = mine.gradient().to_vector<float>(), e = theirs.gradient().to_vector<float>();
    ASSERT_EQ(a.size(), e.size());
    for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], e[i], 1e-5);
  }
}

/// 8 bits are so fine that the LSTM's gradients are nearly those of the real one at the same weights.
TEST(WholeNumbers, GradientsOfAnLstmAreNearlyThoseOfTheRealOne) {
  Parameter ih(normal({80, 30}, 5, 0.3)), hh(normal({80, 20}, 6, 0.3));
  Parameter ih_step(ih.first_steps(8)), hh_step(hh.first_steps(8));
  ih.use_whole_numbers(8, ih_step), hh.use_whole_numbers(8, hh_step);
  std::vector<Floats> gradients[2];
  for (const bool is_whole : {false, true}) {
    const Variable x(normal({4, 3, 30}, 7), true), h(normal({3, 20}, 8, 0.5), true), c(normal({3, 20}, 9, 0.5), true);
    LstmWeights w{Variable(ih.whole()->unpack(), true), Variable(hh.whole()->unpack(), true), {}, {}};
    if (is_whole) w.packed_ih = ih.whole(), w.packed_hh = hh.whole();
    const LstmResult r = lstm(x, h, c, w);
    r.output.backward(normal({4, 3, 20}, 10));
    for (const Variable& v : {x, h, c, w.w_ih, w.w_hh}) gradients[is_whole].push_back(v.gradient().to_vector<float>());
  }
  for (size_t k = 0; k < gradients[0].size(); ++k) {
    double difference = 0, size = 0;
    for (size_t i = 0; i < gradients[0][k].size(); ++i) {
      const double real = gradients[0][k][i];
      difference += (gradients[1][k][i] - real) * (gradients[1][k][i] - real), size += real * real;
    }
    EXPECT_GT(difference, 0) << k;
    EXPECT_LT(std::sqrt(difference / size), 0.03) << k;
  }
}

TEST(WholeNumbers, LearnAndLeavePrunedWeightsOut) {
  const auto model = whole_model(4, false);
  std::vector<uint8_t> keep(4 * kHidden * kHidden);
  for (size_t i = 0; i < keep.size(); ++i) keep[i] = i % 3 == 0;
  Parameter& w = parameter(*model, "rnn.weight_hh_l1");
  w.set_mask(std::make_shared<const Mask>(Mask::from(Tensor::from(keep, w.shape()))));
  const auto optimizer = make_sgd(*model, {.momentum = 0.9});
  const Tensor text = text_of(kSteps, kColumns), next = text.clone().view({kSteps * kColumns});
  const Floats steps = parameter(*model, "rnn.weight_hh_l1_step").value().to_vector<float>();
  double first = 0, last = 0;
  for (int i = 0; i < 120; ++i) {
    model->reset_state();
    const Variable y = reshape(model->call(Variable(text)), Shape{kSteps * kColumns, kWords});
    const Variable loss = softmax_cross_entropy(y, next);
    (i == 0 ? first : last) = loss.value().item();
    model->clear_gradients();
    loss.backward();
    optimizer->step(0.3);
  }
  EXPECT_NEAR(first, std::log(50), 0.1);
  EXPECT_LT(last, first / 2);
  EXPECT_NE(parameter(*model, "rnn.weight_hh_l1_step").value().to_vector<float>(), steps);
  const Floats used = w.whole()->unpack().to_vector<float>();
  for (size_t i = 0; i < keep.size(); ++i) ASSERT_TRUE(keep[i] == 1 || used[i] == 0) << i;
}

TEST(WholeNumbers, AreMadeAnewWhereAValueHasChanged) {
  Parameter w(normal({3, 8}, 11)), step(w.first_steps(8));
  w.use_whole_numbers(8, step);
  const auto before = w.whole();
  EXPECT_EQ(w.whole(), before);
  step.mutable_value().mutable_data<float>()[0] *= 2;
  const auto wider = w.whole();
  EXPECT_NE(wider->unpack().to_vector<float>(), before->unpack().to_vector<float>());
  w.mutable_value().mutable_data<float>()[8] += 1;
  EXPECT_NE(w.whole()->unpack().to_vector<float>(), wider->unpack().to_vector<float>());
}

TEST(WholeNumbers, RefuseWhatDoesNotFit) {
  Parameter w(normal({3, 8}, 12)), step(Tensor::full({3}, 1)), other(Tensor::full({4}, 1));
  for (const int bits : {0, 1, 9}) EXPECT_THROW(w.use_whole_numbers(bits, step), ArgumentError) << bits;
  EXPECT_THROW(w.use_whole_numbers(4, other), ShapeError);
  w.use_whole_numbers(8, step);
  EXPECT_THROW(w.replace(Tensor::zeros({2, 8}), nullptr), Error);
  EXPECT_THROW(whole_linear(Variable(normal({2, 7}, 13)), w.variable(), {}, w.whole()), ShapeError);
  const Variable x(normal({4, 3, 8}, 14)), h(normal({3, 8}, 15));
  LstmWeights half{Variable(normal({32, 8}, 16)), Variable(normal({32, 8}, 17)), {}, {}};
  half.packed_ih = w.whole();
  EXPECT_THROW(lstm(x, h, h, half), ArgumentError);
}

}  // namespace
}  // namespace pith::nn
