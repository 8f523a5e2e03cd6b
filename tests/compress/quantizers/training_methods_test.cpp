// Each method of training in whole numbers (nn/training_method.h): its integers are those of packed inference, also
// after steps; its grid is the paper's function in compress/quantizers/levels.h; what evaluation must not move stays.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "autograd/ops/arithmetic.h"
#include "autograd/ops/quantize.h"
#include "autograd/ops/softmax_loss.h"
#include "compress/proofs/bounds.h"
#include "compress/quantizers/inq.h"
#include "compress/quantizers/levels.h"
#include "compress/quantizers/post_training.h"
#include "compress/quantizers/training_choice.h"
#include "nn/checkpoint.h"
#include "nn/fold.h"
#include "nn/models.h"
#include "nn/optim/optimizer.h"
#include "nn/packed_network.h"
#include "nn/quantized_training.h"
#include "tensor/container.h"
#include "tensor/error.h"
#include "tensor/ops/binary_conv2d.h"
#include "tensor/ops/conv2d_s8.h"
#include "tensor/ops/several_signs.h"
#include "tensor/random.h"
#include "tests/support/files.h"
#include "tests/support/golden.h"
#include "tests/support/integer_comparison.h"
#include "tests/support/tables.h"

namespace pith::compress {
namespace {

using nn::ValueTraining;
using nn::WeightTraining;
using Floats = std::vector<float>;

struct Method {
  WeightTraining weights;
  ValueTraining values;
  int bits_weights, bits_activations;
  int accumulator = 0;
  nn::NormTraining norm = nn::NormTraining::folded;
};

std::string text(const Method& m) {
  return std::string(name(m.weights)) + std::to_string(m.bits_weights) + " " + std::string(name(m.values)) +
         std::to_string(m.bits_activations) + (m.accumulator > 0 ? " P" + std::to_string(m.accumulator) : "") + " " +
         std::string(name(m.norm));
}

std::vector<Method> methods() {
  return {{WeightTraining::ternary, ValueTraining::pact, 2, 4},
          {WeightTraining::binary, ValueTraining::ema, 1, 1},
          {WeightTraining::dorefa, ValueTraining::fixed, 4, 4},
          {WeightTraining::dorefa, ValueTraining::pact, 1, 2},
          {WeightTraining::wrpn, ValueTraining::ema, 4, 8},
          {WeightTraining::lsq, ValueTraining::pact, 8, 8},
          {WeightTraining::inq, ValueTraining::lsq, 5, 4},
          {WeightTraining::inq, ValueTraining::pact, 2, 4},
          {WeightTraining::lsq, ValueTraining::pact, 4, 4, 11},
          {WeightTraining::dorefa, ValueTraining::lsq, 4, 8, 14},
          {WeightTraining::wrpn, ValueTraining::lsq, 8, 3, 10},
          {WeightTraining::ttq, ValueTraining::pact, 4, 4},
          {WeightTraining::abc, ValueTraining::lsq, 3, 1},
          {WeightTraining::abc, ValueTraining::pact, 5, 4, 0, nn::NormTraining::batch},
          {WeightTraining::lsq, ValueTraining::lsq, 2, 2, 0, nn::NormTraining::batch},
          {WeightTraining::binary, ValueTraining::ema, 1, 1, 0, nn::NormTraining::batch},
          {WeightTraining::ternary, ValueTraining::pact, 2, 4, 0, nn::NormTraining::batch}};
}

Tensor waves(int64_t n, const Shape& image, double phase) {
  return test::wave({n, image[0], image[1], image[2]}, phase, DType::f32);
}

nn::IntegerSpec start(const char* model_name, const Shape& image, const Method& m, bool is_dynamic = false) {
  const auto model = nn::make_model(model_name, {.input = image, .seed = 7});
  nn::fold_batch_norm(*model);
  const nn::Graph graph = nn::graph_of(*model, image);
  Calibration c(graph);
  c.add_extremes(waves(4, image, 1));
  c.add_moments(waves(4, image, 1));
  nn::IntegerSpec spec = quantize_after_training(
      graph, c.finish(),
      {.bits_weights = m.bits_weights, .bits_activations = m.bits_activations, .clip = {}, .is_dynamic = is_dynamic},
      model_name);
  return chosen_training(std::move(spec), {m.weights, m.values, m.norm, m.accumulator}, m.bits_weights);
}

void train(nn::QuantizedTraining& training, const Shape& image, int steps) {
  const auto optimizer = nn::make_sgd(training, {.momentum = 0.9, .weight_decay = 1e-4});
  const Tensor labels = Tensor::from(std::vector<int32_t>{1, 3, 5, 7}, {4});
  for (int i = 0; i < steps; ++i) {
    training.clear_gradients();
    softmax_cross_entropy(training.run(Variable(waves(4, image, 1 + i))), labels).backward();
    optimizer->step(0.01);
  }
}

/// Integers of all values that differ between the graph in evaluation and the packed network.
int64_t differing(nn::QuantizedTraining& training, const Tensor& x, const KernelTable& table, int64_t& seen) {
  training.set_training(false);
  const int64_t count = test::differing(training, training.spec(), x, table, seen);
  training.set_training(true);
  return count;
}

TEST(TrainingMethods, AreIntegerInferenceBeforeAndAfterSteps) {
  const std::vector<std::pair<const char*, Shape>> models{
      {"lenet5", {1, 12, 12}}, {"resnet20-cifar", {3, 8, 8}}, {"simplenet-v2-mnist", {1, 16, 16}}};
  for (const auto& [model, image] : models)
    for (const Method& m : methods()) {
      nn::QuantizedTraining training(start(model, image, m));
      for (const int steps : {0, 3}) {
        train(training, image, steps);
        freeze_by_inq(training, 0, 4);
        for (const KernelTable* const table : test::tables())
          for (const int64_t n : {1, 5}) {
            int64_t seen = 0;
            EXPECT_EQ(differing(training, waves(n, image, 3), *table, seen), 0)
                << model << " " << text(m) << " batch " << n << " " << table->isa << " after " << steps;
            EXPECT_GT(seen, 100);
          }
      }
    }
}

/// The weights of a layer as real numbers, and those of the paper's function on its shadows.
Floats real_weights(const nn::IntegerLayer& layer) {
  const size_t each = static_cast<size_t>(layer.weights.numel() / layer.weights.shape()[0]);
  Floats real = layer.weights.to_vector<float>();
  for (size_t i = 0; i < real.size(); ++i) real[i] *= layer.weight_scale[i / each];
  return real;
}

template <class F>
Floats row_by_row(const nn::IntegerLayer& layer, const F& f) {
  const Floats w = layer.shape.weight.to_vector<float>();
  const int64_t each = layer.weights.numel() / layer.weights.shape()[0];
  Floats all;
  for (auto row = w.begin(); row != w.end(); row += each) {
    const Floats made = f(Floats(row, row + each));
    all.insert(all.end(), made.begin(), made.end());
  }
  return all;
}

void expect_near(const Floats& found, const Floats& expected, const std::string& what) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  for (size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found[i], expected[i], 1e-6) << what << " " << i;
}

TEST(TrainingMethods, HaveTheGridsOfTheirPapers) {
  const Shape image{1, 12, 12};
  const auto trained = [&](const Method& m) {
    nn::QuantizedTraining training(start("lenet5", image, m));
    train(training, image, 3);
    return training.spec().layers[2];  // conv2, which has inner bits
  };
  const nn::IntegerLayer ternary = trained({WeightTraining::ternary, ValueTraining::lsq, 2, 4});
  ASSERT_EQ(ternary.shape.name, "conv2");
  ASSERT_EQ(ternary.bits, 2);
  expect_near(real_weights(ternary), row_by_row(ternary, ternary_weights), "ternary");
  const nn::IntegerLayer binary = trained({WeightTraining::binary, ValueTraining::lsq, 1, 4});
  expect_near(real_weights(binary), row_by_row(binary, [](const Floats& w) { return dorefa_weights(w, 1); }), "binary");
  const nn::IntegerLayer signs = trained({WeightTraining::dorefa, ValueTraining::lsq, 1, 4});
  expect_near(real_weights(signs), dorefa_weights(signs.shape.weight.to_vector<float>(), 1), "dorefa, 1 bit");
}

TEST(TrainingMethods, HaveWrpnsGridWhereTheStepIsItsOwn) {
  const Shape image{1, 12, 12};
  nn::IntegerSpec spec = start("lenet5", image, {WeightTraining::wrpn, ValueTraining::fixed, 4, 4});
  nn::IntegerLayer& conv2 = spec.layers[2];
  conv2.weight_scale.assign(conv2.weight_scale.size(), 1 / 7.0f);
  float* const w = conv2.shape.weight.mutable_data<float>();
  for (int64_t i = 0; i < conv2.weights.numel(); ++i) w[i] *= 9;  // beyond -1 and 1, too
  nn::QuantizedTraining training(spec);
  train(training, image, 2);
  const nn::IntegerLayer after = training.spec().layers[2];
  EXPECT_EQ(after.weight_scale, conv2.weight_scale);
  expect_near(real_weights(after), wrpn_weights(after.shape.weight.to_vector<float>(), 4), "wrpn");
}

/// DoReFa's own 2^k levels have no 0; ours are 2^k - 1 with 0 among them, the nearest to tanh(w).
TEST(TrainingMethods, HaveTheNearestLevelsOfDoReFasTanh) {
  const Shape image{1, 12, 12};
  nn::QuantizedTraining training(start("lenet5", image, {WeightTraining::dorefa, ValueTraining::lsq, 3, 4}));
  train(training, image, 2);
  const nn::IntegerLayer conv2 = training.spec().layers[2];
  const Floats levels = row_by_row(conv2, [](const Floats& w) {
    float largest = 0;
    for (const float v : w) largest = std::max(largest, std::abs(std::tanh(v)));
    Floats q;
    for (const float v : w) q.push_back(std::nearbyint(std::tanh(v) / (largest / 3)) * largest / 3);
    return q;
  });
  expect_near(real_weights(conv2), levels, "dorefa");
}

TEST(TrainingMethods, GivePactsGradients) {
  const std::string path = test::reference_file("quant_functions_reference.json");
  if (path.empty()) GTEST_SKIP() << "PITH_REFERENCE names no folder with quant_functions_reference.json";
  const nlohmann::json all = nlohmann::json::parse(std::ifstream(path)), golden = all.at("pact4_alpha0.8");
  const auto numbers = all.at("dorefa_wrpn_w").get<std::vector<double>>();
  const Variable x(Tensor::from(numbers, {std::ssize(numbers), 1}), true);
  const Variable alpha(Tensor::full({1}, 0.8, DType::f64), true), one(Tensor::full({1}, 1, DType::f64));
  const Variable step = affine(alpha, 1 / 15.0), none(Tensor::full({1}, 0, DType::f64));
  const Variable y = mul(requantize_pact(x, none, requantization_scale(one, one, step.detach()), {}, {}, step,
                                         {.lowest = 0, .highest = 15}),
                         step);
  sum(y).backward();
  const auto near = [](const Tensor& t, const nlohmann::json& expected) {
    const auto found = t.to_vector<double>(), wanted = expected.get<std::vector<double>>();
    for (size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 2e-6) << i;
  };
  near(y.value(), golden.at("out"));
  nlohmann::json by_x = golden.at("grad_x");
  ASSERT_EQ(numbers[3], 0);
  by_x[3] = 1;  // exactly at the kink Distiller lets nothing pass, we do
  near(x.gradient(), by_x);
  EXPECT_NEAR(alpha.gradient().item(), golden.at("grad_alpha").get<double>(), 1e-12);
}

TEST(TrainingMethods, LearnAlphaWithItsDecayAndNothingWithFixedRanges) {
  const Shape image{1, 12, 12};
  const auto scales = [&](ValueTraining values, int steps) {
    nn::QuantizedTraining training(start("lenet5", image, {WeightTraining::lsq, values, 4, 2}));
    bool decays = false;
    training.visit_parameters([&](const std::string& name, nn::Parameter& p) {
      if (name == "conv1.value_alpha") decays = p.decays;
    });
    EXPECT_EQ(decays, values == ValueTraining::pact);
    train(training, image, steps);
    return training.spec().values[1].scale;
  };
  EXPECT_NE(scales(ValueTraining::pact, 0), scales(ValueTraining::pact, 3));
  EXPECT_EQ(scales(ValueTraining::fixed, 0), scales(ValueTraining::fixed, 3));
}

TEST(TrainingMethods, TrackRangesInTrainingAlone) {
  const Shape image{1, 12, 12};
  nn::QuantizedTraining training(start("lenet5", image, {WeightTraining::lsq, ValueTraining::ema, 8, 8}));
  const auto scale = [&] { return training.spec().values[1].scale; };
  const float calibrated = scale();
  training.set_training(false);
  training.run(Variable(waves(4, image, 2)));
  EXPECT_EQ(scale(), calibrated);
  // What two batches reach, by hand: behind a ReLU the range begins at 0.
  std::vector<double> reached;
  training.set_training(true);
  for (const double phase : {1.0, 2.0}) {
    Floats real;
    const Tensor x = waves(4, image, phase);
    const auto model = nn::make_model("lenet5", {.input = image, .seed = 7});
    nn::QuantizedTraining wide(start("lenet5", image, {WeightTraining::lsq, ValueTraining::fixed, 8, 8}));
    nn::IntegerSpec spec = wide.spec();
    spec.values[1].scale *= 2;  // nothing is cut
    nn::QuantizedTraining(spec).run(Variable(x), [&](int64_t value, const Tensor& v) {
      if (value == 1)
        for (const float q : v.to_vector<float>()) real.push_back(q * spec.values[1].scale);
    });
    reached.push_back(*std::max_element(real.begin(), real.end()));
    training.run(Variable(x));
  }
  const double average = (0.999 * reached[0] + reached[1]) / 1.999;  // 0.001 (0.999 a + b) / (1 - 0.999^2)
  EXPECT_NEAR(scale() * 255, average, calibrated);                   // the twin's levels are two steps wide
  EXPECT_NE(scale(), calibrated);
}

/// +p, 0 and -n of a channel: those learned, to half a step, by the sign of what is above the layer's threshold.
TEST(TrainingMethods, LearnTwoScalesForTernaryWeights) {
  const Shape image{1, 12, 12};
  nn::QuantizedTraining training(start("lenet5", image, {WeightTraining::ttq, ValueTraining::lsq, 4, 4}));
  const auto scale = [&](const std::string& what) {
    Floats found;
    training.visit_parameters([&](const std::string& name, nn::Parameter& p) {
      if (name == "conv2." + what) found = p.value().to_vector<float>();
    });
    return found;
  };
  const Floats first = scale("weight_up");
  train(training, image, 4);
  const Floats up = scale("weight_up"), down = scale("weight_down");
  EXPECT_NE(first, up);
  const nn::IntegerLayer conv2 = training.spec().layers[2];
  const Floats w = conv2.shape.weight.to_vector<float>(), real = real_weights(conv2);
  float largest = 0;
  for (const float v : w) largest = std::max(largest, std::abs(v));
  const size_t each = w.size() / up.size();
  bool differ = false;
  for (size_t i = 0; i < w.size(); ++i) {
    const size_t k = i / each;
    const float expected = w[i] > 0.05f * largest ? up[k] : w[i] < -0.05f * largest ? -down[k] : 0;
    ASSERT_NEAR(real[i], expected, 0.5001f * conv2.weight_scale[k]) << i;
    EXPECT_LE(conv2.weight_scale[k], std::max(up[k], down[k]) / 6.99f);
    differ = differ || std::abs(up[k] - down[k]) > conv2.weight_scale[k];
  }
  EXPECT_TRUE(differ);
}

/// The signs of w - mean + u std of the paper, u evenly from 1 to -1, a channel: the layer is the sum of as many binary
/// convolutions, each times a whole number, and that sum is what the packed layer's integers give.
TEST(TrainingMethods, AreSeveralBinaryConvolutionsByAbc) {
  const Shape image{1, 12, 12};
  nn::QuantizedTraining training(start("lenet5", image, {WeightTraining::abc, ValueTraining::lsq, 3, 1}));
  train(training, image, 3);
  const nn::IntegerLayer conv2 = training.spec().layers[2];
  const Shape shape = conv2.weights.shape();
  const int64_t filters = shape[0], each = shape.numel() / filters;
  const auto w = conv2.shape.weight.to_vector<float>();
  const auto q = conv2.weights.to_vector<int8_t>();
  Random random({.seed = 5, .purpose = Purpose::test});
  std::vector<int8_t> x(static_cast<size_t>(3 * shape[1] * 36));
  for (int8_t& v : x) v = random.below(2) ? 1 : -1;
  const Tensor signs = Tensor::from(x, {3, shape[1], 6, 6});

  std::vector<std::vector<int8_t>> bases(3);
  std::vector<std::vector<int64_t>> factors;
  for (int64_t k = 0; k < filters; ++k) {
    const std::span row(w.data() + k * each, static_cast<size_t>(each));
    double mean = 0, variance = 0;
    for (const float v : row) mean += v / static_cast<double>(each);
    for (const float v : row) variance += (v - mean) * (v - mean) / static_cast<double>(each);
    for (size_t m = 0; m < 3; ++m)
      for (const float v : row)
        bases[m].push_back(v - mean + (1 - static_cast<double>(m)) * std::sqrt(variance) >= 0 ? 1 : -1);
    factors.push_back(ops::several_signs(row, 3, 3).factors);
    for (int64_t i = k * each; i < (k + 1) * each; ++i) {
      int64_t sum = 0;
      for (size_t m = 0; m < 3; ++m) sum += factors.back()[m] * bases[m][static_cast<size_t>(i)];
      ASSERT_EQ(q[static_cast<size_t>(i)], sum) << i;
    }
  }
  std::vector<int32_t> sums;
  for (size_t m = 0; m < 3; ++m) {
    const ops::BinaryWeights packed = ops::pack_binary_weights(Tensor::from(bases[m], shape));
    const auto y = to_plain(ops::binary_conv2d(signs, packed, conv2.shape.window, {})).to_vector<int32_t>();
    sums.resize(y.size());
    const size_t pixels = y.size() / static_cast<size_t>(3 * filters);
    for (size_t i = 0; i < y.size(); ++i)
      sums[i] += static_cast<int32_t>(factors[i / pixels % static_cast<size_t>(filters)][m]) * y[i];
  }
  const ops::QuantizedTensor bytes = ops::quantize(signs.to(DType::f32), 1, 1, 0);  // q - 1 is -1 or 1
  const Tensor whole = ops::conv2d_s8(bytes, ops::pack_int_weights(conv2.weights, {}, 1), conv2.shape.window,
                                      {.dtype = DType::s32});
  EXPECT_EQ(to_plain(whole).to_vector<int32_t>(), sums);
}

/// In every step, and not by much less than there is; the ends of other widths have no limit.
TEST(TrainingMethods, HoldEverySumToItsAccumulator) {
  const Shape image{1, 12, 12};
  for (const Method& m : methods()) {
    if (m.accumulator == 0) continue;
    for (const int bits : {m.accumulator, m.accumulator + 2}) {
      Method held = m, free = m;
      held.accumulator = bits, free.accumulator = 0;
      nn::QuantizedTraining training(start("lenet5", image, held)), wide(start("lenet5", image, free));
      int64_t most = 0;
      for (int step = 0; step < 4; ++step) {
        const nn::IntegerSpec spec = training.spec();
        for (const AccumulatorBound& b : accumulator_bounds(spec))
          if (spec.layers[static_cast<size_t>(b.index)].bits == m.bits_weights) {
            EXPECT_LE(b.bits, bits) << text(held) << " " << b.layer;
            most = std::max({most, b.highest, -b.lowest});
          }
        train(training, image, 1);
      }
      EXPECT_GT(most, 0.8 * std::exp2(bits - 1)) << text(held);
      int widest = 0;
      for (const AccumulatorBound& b : accumulator_bounds(wide.spec())) widest = std::max(widest, b.bits);
      EXPECT_GT(widest, bits) << text(held) << ": without a limit it fits, too";
    }
  }
}

TEST(TrainingMethods, HoldDynamicSumsToTheirAccumulatorWhateverTheZeroPoint) {
  const Shape image{1, 12, 12};
  nn::QuantizedTraining training(start("lenet5", image, {WeightTraining::lsq, ValueTraining::lsq, 4, 4, 11}, true));
  train(training, image, 2);
  for (const AccumulatorBound& b : accumulator_bounds(training.spec())) {
    if (b.layer == "conv2" || b.layer == "fc1") {
      EXPECT_LE(b.bits, 11) << b.layer;
    }
  }
}

/// A channel whose learned step is wide enough goes on to learn it; of the others it waits.
TEST(TrainingMethods, LearnTheStepsThatTheirAccumulatorLeavesAlone) {
  const Variable step(Tensor::from(std::vector<float>{1, 2, 3}, {3}), true);
  const Variable wide = widened(step, Tensor::from(std::vector<float>{1, 5, 3}, {3}));
  sum(mul(wide, Variable(Tensor::from(std::vector<float>{10, 20, 30}, {3})))).backward();
  EXPECT_EQ(wide.value().to_vector<float>(), (Floats{1, 5, 3}));
  EXPECT_EQ(step.gradient().to_vector<float>(), (Floats{10, 0, 30}));
}

TEST(TrainingMethods, KeepPrunedWeightsAtZeroWhereTheGridHasOne) {
  const Shape image{1, 12, 12};
  for (const Method& m : methods()) {
    if (m.bits_weights == 1) continue;  // -1 and +1
    nn::QuantizedTraining training(start("lenet5", image, m));
    std::shared_ptr<const Mask> mask;
    training.visit_parameters([&](const std::string& name, nn::Parameter& p) {
      if (name != "fc1.weight") return;
      std::vector<uint8_t> keep(static_cast<size_t>(p.shape().numel()));
      for (size_t i = 0; i < keep.size(); ++i) keep[i] = i % 5 == 0 && i > 200;  // the first channels: none at all
      mask = std::make_shared<const Mask>(Mask::from(Tensor::from(keep, p.shape())));
      p.set_mask(mask);
    });
    train(training, image, 3);
    freeze_by_inq(training, 0, 4);
    train(training, image, 3);
    for (const nn::IntegerLayer& layer : training.spec().layers) {
      if (layer.shape.name != "fc1") continue;
      int64_t revived = 0;
      for (int64_t i = 0; i < layer.weights.numel(); ++i)
        revived += !mask->keeps(i) && layer.weights.data<int8_t>()[i] != 0;
      EXPECT_EQ(revived, 0) << text(m);
    }
    int64_t seen = 0;
    EXPECT_EQ(differing(training, waves(2, image, 3), kernels(), seen), 0) << text(m);
  }
}

TEST(TrainingMethods, ComeBackFromFilesAndFromCheckpoints) {
  const test::TemporaryDirectory folder;
  const Shape image{1, 12, 12};
  for (const Method& m : methods()) {
    const std::string path = folder.file("start.safetensors"), state = folder.file("state.safetensors");
    nn::write_packed_network(path, start("lenet5", image, m), nn::FloatWeights::kept);
    nn::QuantizedTraining training(nn::read_packed_network(path)), again(nn::read_packed_network(path));
    EXPECT_EQ(training.spec().layers[2].weight_training, m.weights);
    EXPECT_EQ(training.spec().layers[2].value_training, m.values);
    EXPECT_EQ(training.spec().layers[2].accumulator, m.accumulator);
    EXPECT_EQ(training.spec().layers[0].weight_training,
              m.bits_weights == 8 ? m.weights : WeightTraining::lsq);  // the first keeps 8 bits
    train(training, image, 2);
    freeze_by_inq(training, 1, 4);
    nn::save_checkpoint(state, training, nullptr, nullptr);
    nn::load_weights(state, again);
    for (nn::QuantizedTraining* const t : {&training, &again}) train(*t, image, 2);
    const nn::IntegerSpec a = training.spec(), b = again.spec();
    EXPECT_EQ(a.values, b.values) << text(m);
    for (size_t i = 0; i < a.layers.size(); ++i) {
      if (!a.layers[i].shape.has_weights()) continue;
      EXPECT_EQ(a.layers[i].shape.weight.to_vector<float>(), b.layers[i].shape.weight.to_vector<float>()) << text(m);
    }
  }
}

/// Levels by the middle between neighbours, and the first share of the largest for good.
TEST(TrainingMethods, FreezePowersOfTwoTheLargestFirst) {
  const Shape image{1, 12, 12};
  nn::QuantizedTraining training(start("lenet5", image, {WeightTraining::inq, ValueTraining::lsq, 5, 4}));
  const size_t conv2 = 2;
  const auto levels = [&] { return training.spec().layers[conv2].weights.to_vector<int8_t>(); };
  const Floats w = training.weight(conv2).to_vector<float>(), scale = training.spec().layers[conv2].weight_scale;
  std::vector<int8_t> before = levels();
  for (size_t i = 0; i < w.size(); ++i) {
    const float v = std::abs(w[i]) / scale[i / (w.size() / scale.size())];
    const int expected = v < 0.5f ? 0 : v < 1.5f ? 1 : v < 3 ? 2 : v < 6 ? 4 : 8;
    ASSERT_EQ(std::abs(before[i]), expected) << v;
  }
  for (const auto& [epoch, share] : {std::pair{0, 0.5}, {2, 0.75}, {5, 0.875}, {7, 1.0}}) {
    freeze_by_inq(training, epoch, 8);
    const std::vector<int8_t> frozen_at = levels();
    EXPECT_EQ(frozen_at, before) << "freezing changes no level";
    const Floats shadows = training.weight(conv2).to_vector<float>(),
                 free = training.free_weights(conv2).to_vector<float>();
    EXPECT_EQ(std::count(free.begin(), free.end(), 0.0f), std::ceil(share * static_cast<double>(w.size())));
    float least_frozen = 1e9f, largest_free = 0;
    for (size_t i = 0; i < w.size(); ++i) {
      if (free[i] == 0)
        least_frozen = std::min(least_frozen, std::abs(shadows[i]));
      else
        largest_free = std::max(largest_free, std::abs(shadows[i]));
    }
    EXPECT_TRUE(epoch > 0 || least_frozen >= largest_free);
    train(training, image, 8);
    before = levels();
    int64_t moved = 0, moved_frozen = 0;
    for (size_t i = 0; i < w.size(); ++i) (free[i] == 0 ? moved_frozen : moved) += before[i] != frozen_at[i];
    EXPECT_EQ(moved_frozen, 0);
    EXPECT_EQ(moved > 0, share < 1) << share;
    EXPECT_EQ(training.spec().layers[conv2].weight_scale, scale);
  }
}

TEST(TrainingMethods, FreezeHalfThenHalfOfTheRest) {
  EXPECT_EQ(inq_share(0, 8), 0.5);
  EXPECT_EQ(inq_share(1, 8), 0.5);
  EXPECT_EQ(inq_share(2, 8), 0.75);
  EXPECT_EQ(inq_share(5, 8), 0.875);
  EXPECT_EQ(inq_share(6, 8), 1);
  EXPECT_EQ(inq_share(0, 1), 0.5);
}

TEST(TrainingMethods, AreRefusedWhereTheyMeanNothing) {
  const Shape image{1, 12, 12};
  const auto refused = [&](const Method& m, const std::string& says) {
    const std::string message = test::message_of<ArgumentError>([&] { start("lenet5", image, m); });
    EXPECT_NE(message.find(says), std::string::npos) << message;
  };
  refused({WeightTraining::ternary, ValueTraining::lsq, 3, 4}, "ternary takes 2 bits; layer conv2 has 3");
  refused({WeightTraining::binary, ValueTraining::lsq, 2, 4}, "binary takes 1 bit; layer conv2 has 2");
  refused({WeightTraining::wrpn, ValueTraining::lsq, 1, 4}, "wrpn takes 2 to 8 bits; layer conv2 has 1");
  refused({WeightTraining::ttq, ValueTraining::lsq, 2, 4}, "ttq takes 3 to 8 bits; layer conv2 has 2");
  refused({WeightTraining::abc, ValueTraining::lsq, 2, 4}, "abc takes 3 to 8 bits; layer conv2 has 2");
  refused({WeightTraining::ternary, ValueTraining::lsq, 2, 4, 12},
          "by lsq, dorefa or wrpn; layer conv2 has 2 by ternary");
  refused({WeightTraining::lsq, ValueTraining::lsq, 1, 4, 12}, "layer conv2 has 1 by lsq");
  refused({WeightTraining::lsq, ValueTraining::lsq, 4, 4, 7}, "8 to 24 bits, not 7");
  EXPECT_NE(test::message_of<ArgumentError>([] { nn::weight_training("bnn"); }).find("ttq or abc, not \"bnn\""),
            std::string::npos);
}

TEST(TrainingMethods, AreRefusedInFilesThatKeepNoFloatsOrNameOthers) {
  const test::TemporaryDirectory folder;
  const std::string path = folder.file("start.safetensors"), bad = folder.file("bad.safetensors");
  nn::write_packed_network(path, start("lenet5", {1, 12, 12}, {WeightTraining::ternary, ValueTraining::pact, 2, 4}),
                           nn::FloatWeights::kept);
  const auto refused = [&](const auto& change, const std::string& says) {
    Container file = read_container(path);
    change(file);
    write_container(bad, file);
    const std::string message = test::message_of<FormatError>([&] { nn::read_packed_network(bad); });
    EXPECT_NE(message.find(says), std::string::npos) << message;
  };
  refused(
      [](Container& f) {
        std::erase_if(f.sections, [](const Section& s) { return s.name.find("float") != std::string::npos; });
      },
      "names a method but holds integers alone");
  const auto replace = [](Container& f, const std::string& from, const std::string& to) {
    std::string& json = f.metadata["pith.network"];
    json.replace(json.find(from), from.size(), to);
  };
  refused([&](Container& f) { replace(f, "\"ternary\"", "\"magic\""); }, "not \"magic\"");
  refused([&](Container& f) { replace(f, "\"ternary\"", "\"binary\""); }, "takes 1 bit");
}

}  // namespace
}  // namespace pith::compress
