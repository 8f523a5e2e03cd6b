// Choosing integers by what layers answer: moments against plain loops, biases by the means they must give, networks
// that equalisation must not change, and searches that must not end dearer than they began.
#include "compress/quantizers/reconstruction.h"

#include <gtest/gtest.h>

#include <cmath>

#include "compress/quantizers/equalisation.h"
#include "compress/quantizers/post_training.h"
#include "compress/quantizers/range_search.h"
#include "nn/fold.h"
#include "nn/models.h"
#include "nn/quantized_training.h"
#include "tensor/error.h"
#include "tensor/parallel.h"
#include "tests/support/files.h"
#include "tests/support/golden.h"

namespace pith::compress {
namespace {

nn::Graph graph(const char* name, const Shape& image) {
  const auto model = nn::make_model(name, {.input = image, .seed = 5});
  model->visit_parameters([](const std::string& p, nn::Parameter& parameter) {
    if (parameter.shape().rank() == 1 && p.find("bias") != std::string::npos)
      parameter.load(test::wave(parameter.shape(), 2, DType::f32));
  });
  nn::fold_batch_norm(*model);
  return nn::graph_of(*model, image);
}

Tensor images(int64_t n, const Shape& image, double phase = 1) {
  return test::wave({n, image[0], image[1], image[2]}, phase, DType::f32);
}

nn::IntegerSpec quantized(const nn::Graph& g, int bits) {
  Calibration c(g);
  c.add_extremes(images(8, g.input));
  c.add_moments(images(8, g.input));
  return quantize_after_training(g, c.finish(), {.bits_weights = bits, .clip = {}}, "m");
}

/// What layer i of the quantized network sees and the float one answers, by loops over one image after another.
struct Twin {
  std::vector<double> input, target;  ///< means
  std::vector<double> gram, cross;    ///< centred
};

Twin twin_of(const nn::Graph& g, const nn::IntegerSpec& spec, size_t i, const Tensor& x) {
  const nn::GraphLayer& layer = g.layers[i];
  const Shape& in = g.shape(layer.input);
  std::vector<double> u, real, residual, answered;
  nn::run_graph(g, x, [&](int64_t v, const Tensor& t) {
    const std::vector<float> f = t.to_vector<float>();
    if (v == layer.input) real.assign(f.begin(), f.end());
    if (v == layer.residual) residual.assign(f.begin(), f.end());
  });
  nn::IntegerNetwork(spec).run(x, [&](int64_t v, const ops::QuantizedTensor& q) {
    if (v != layer.input && v != layer.residual) return;
    const std::vector<uint8_t> integers = q.values.to_vector<uint8_t>();
    if (v == layer.input)
      for (const uint8_t e : integers) u.push_back(e - q.zero_point);
    if (v == layer.residual)
      for (const uint8_t e : integers) answered.push_back(static_cast<double>(q.scale) * (e - q.zero_point));
  });
  const int64_t rows = layer.weight.shape()[0], depth = layer.weight.numel() / rows, c = in[0], h = in[1], w = in[2];
  const int64_t oh = layer.output[1], ow = layer.output[2], n = x.shape()[0];
  Twin t{std::vector<double>(static_cast<size_t>(depth)), std::vector<double>(static_cast<size_t>(rows)),
         std::vector<double>(static_cast<size_t>(depth * depth)),
         std::vector<double>(static_cast<size_t>(rows * depth))};
  const double count = static_cast<double>(n * oh * ow);
  for (int64_t image = 0; image < n; ++image)
    for (int64_t y = 0; y < oh; ++y)
      for (int64_t px = 0; px < ow; ++px) {
        std::vector<double> patch, exact;
        for (int64_t ch = 0; ch < c; ++ch)
          for (int64_t r = 0; r < 3; ++r)
            for (int64_t s = 0; s < 3; ++s) {
              const int64_t iy = y * layer.window.stride[0] + r - 1, ix = px * layer.window.stride[1] + s - 1;
              const bool inside = iy >= 0 && iy < h && ix >= 0 && ix < w;
              const size_t at = static_cast<size_t>(((image * c + ch) * h + iy) * w + ix);
              patch.push_back(inside ? u[at] : 0), exact.push_back(inside ? real[at] : 0);
            }
        for (int64_t k = 0; k < rows; ++k) {
          double sum = layer.bias.data<float>()[k];
          for (int64_t d = 0; d < depth; ++d)
            sum += static_cast<double>(layer.weight.data<float>()[k * depth + d]) * exact[static_cast<size_t>(d)];
          const size_t at = static_cast<size_t>(((image * rows + k) * oh + y) * ow + px);
          if (!residual.empty()) sum += residual[at] - answered[at];
          t.target[static_cast<size_t>(k)] += sum / count;
          for (size_t d = 0; d < patch.size(); ++d)
            t.cross[static_cast<size_t>(k * depth) + d] += sum * patch[d] / count;
        }
        for (size_t a = 0; a < patch.size(); ++a) {
          t.input[a] += patch[a] / count;
          for (size_t b = 0; b < patch.size(); ++b) t.gram[a * patch.size() + b] += patch[a] * patch[b] / count;
        }
      }
  const size_t d = t.input.size();
  for (size_t a = 0; a < t.gram.size(); ++a) t.gram[a] -= t.input[a / d] * t.input[a % d];
  for (size_t a = 0; a < t.cross.size(); ++a) t.cross[a] -= t.target[a / d] * t.input[a % d];
  return t;
}

void expect_near(const std::vector<double>& found, const std::vector<double>& expected, const char* what) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  double largest = 0;
  for (const double v : expected) largest = std::max(largest, std::abs(v));
  for (size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found[i], expected[i], 2e-5 * largest) << what << " " << i;
}

TEST(QuantizedReconstruction, MomentsAreThoseOfPlainLoops) {
  const nn::Graph g = graph("resnet20-cifar", {3, 8, 8});
  const nn::IntegerSpec spec = quantized(g, 4);
  const Tensor x = images(3, g.input, 3);
  for (const size_t i : {size_t{0}, size_t{2}, size_t{8}}) {  // the first layer, one with a residual, one of stride 2
    const std::vector<GroupMoments> m = layer_moments(g, spec, i, std::vector<Tensor>{x});
    ASSERT_EQ(m.size(), 1u);
    const Twin t = twin_of(g, spec, i, x);
    expect_near(m[0].input, t.input, "input");
    expect_near(m[0].target, t.target, "target");
    expect_near(m[0].gram, t.gram, "gram");
    expect_near(m[0].cross, t.cross, "cross");
  }
}

TEST(QuantizedReconstruction, CorrectsEveryMeanToHalfAUnit) {
  const nn::Graph g = graph("resnet20-cifar", {3, 8, 8});
  const std::vector<Tensor> batches{images(16, g.input), images(5, g.input, 2)};
  const nn::IntegerSpec before = quantized(g, 3), after = reconstructed(g, before, batches, {});
  const nn::IntegerSpec trained = nn::QuantizedTraining(after).spec();  // what training goes on from
  double worst_before = 0, worst_after = 0;
  for (size_t i = 0; i < g.layers.size(); ++i) {
    if (!g.layers[i].has_weights()) continue;
    EXPECT_EQ(after.layers[i].weights.to_vector<int8_t>(), before.layers[i].weights.to_vector<int8_t>());
    EXPECT_EQ(trained.layers[i].bias.to_vector<int32_t>(), after.layers[i].bias.to_vector<int32_t>());
    const GroupMoments m = layer_moments(g, after, i, batches)[0];
    const float x_scale = after.values[static_cast<size_t>(g.layers[i].input)].scale;
    for (size_t k = 0; k < m.target.size(); ++k) {
      const double unit = static_cast<double>(x_scale) * after.layers[i].weight_scale[k];
      const auto mean = [&](const nn::IntegerSpec& spec) {
        double sum = spec.layers[i].bias.data<int32_t>()[k];
        for (size_t d = 0; d < m.input.size(); ++d)
          sum += spec.layers[i].weights.data<int8_t>()[k * m.input.size() + d] * m.input[d];
        return std::abs(sum - m.target[k] / unit);
      };
      worst_after = std::max(worst_after, mean(after));
      worst_before = std::max(worst_before, mean(before));
    }
  }
  EXPECT_LE(worst_after, 0.51);
  EXPECT_GT(worst_before, 5);
}

/// Mean squared distance of logits from the float network's, on other images than those fitted to.
double distance(const nn::Graph& g, const nn::IntegerSpec& spec) {
  const Tensor x = images(48, g.input, 5);
  const std::vector<float> a = run_graph(g, x).to_vector<float>(),
                           b = nn::IntegerNetwork(spec).run(x).to_vector<float>();
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::pow(a[i] - b[i], 2);
  return sum / static_cast<double>(a.size());
}

TEST(QuantizedReconstruction, BringsTheNetworkNearerAndIsTheSameAtAnyThreadCount) {
  const nn::Graph g = graph("simplenet-cifar", {3, 16, 16});
  const std::vector<Tensor> batches{images(32, g.input), images(32, g.input, 2)};
  const nn::IntegerSpec plain = quantized(g, 3);
  const int before = threads();
  for (const Rounding rounding : {Rounding::descent, Rounding::adaround}) {
    std::vector<nn::IntegerSpec> made;
    for (const int n : {1, 3}) {
      set_threads(n);
      made.push_back(reconstructed(g, plain, batches, {.rounding = rounding, .adaround_steps = 200}));
    }
    set_threads(before);
    for (size_t i = 0; i < g.layers.size(); ++i) {
      if (!g.layers[i].has_weights()) continue;
      EXPECT_EQ(made[0].layers[i].weights.to_vector<int8_t>(), made[1].layers[i].weights.to_vector<int8_t>());
      EXPECT_EQ(made[0].layers[i].bias.to_vector<int32_t>(), made[1].layers[i].bias.to_vector<int32_t>());
      EXPECT_EQ(made[0].layers[i].weight_scale, made[1].layers[i].weight_scale);
    }
    EXPECT_LT(distance(g, made[0]), distance(g, plain)) << static_cast<int>(rounding);
  }
}

TEST(QuantizedReconstruction, RefusesWhatItCannotFit) {
  const nn::Graph g = graph("lenet5", {1, 12, 12});
  nn::IntegerSpec spec = quantized(g, 4);
  EXPECT_THROW(layer_moments(g, spec, 0, {}), ArgumentError);
  spec.is_dynamic = true;
  EXPECT_THROW(reconstructed(g, spec, std::vector<Tensor>{images(1, g.input)}, {}), ArgumentError);
  EXPECT_THROW(searched_ranges(g, spec, [](const nn::IntegerSpec&) { return 0.0; }, {}), ArgumentError);
}

TEST(Equalisation, KeepsTheFunctionAndEvensTheRanges) {
  for (const auto& [name, image, pairs] :
       {std::tuple{"resnet20-cifar", Shape{3, 8, 8}, 9}, std::tuple{"simplenet-cifar", Shape{3, 16, 16}, 4},
        std::tuple{"lenet5", Shape{1, 12, 12}, 4}}) {
    const nn::Graph before = graph(name, image);
    nn::Graph after = before;
    EXPECT_EQ(equalise(after), pairs) << name;
    const Tensor x = images(7, image);
    const std::vector<float> a = run_graph(before, x).to_vector<float>(), b = run_graph(after, x).to_vector<float>();
    double largest = 0;
    for (const float v : a) largest = std::max<double>(largest, std::abs(v));
    for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-5 * largest) << name;
    // The last pair of each network is two linear layers or a block's two convolutions: ranges of channel 0.
    const auto range = [](const Tensor& w, int64_t axis) {
      const int64_t rows = w.shape()[0], depth = w.numel() / rows, part = depth / w.shape()[1];
      float most = 0;
      for (int64_t i = 0; i < (axis == 0 ? depth : rows); ++i)
        for (int64_t p = 0; p < (axis == 0 ? 1 : part); ++p)
          most = std::max(most, std::abs(w.data<float>()[axis == 0 ? i : i * depth + p]));
      return most;
    };
    const auto at = [&](const char* layer) {
      for (const nn::GraphLayer& l : after.layers)
        if (l.name == layer) return l.weight;
      return Tensor();
    };
    for (size_t i = 0; i < before.layers.size(); ++i) {  // a channel's bias, scale and shift are divided alike
      const nn::GraphLayer &l = before.layers[i], &e = after.layers[i];
      for (int64_t k = 0; l.norm_scale.defined() && k < l.norm_scale.numel(); ++k) {
        const double share = e.norm_scale.data<float>()[k] / l.norm_scale.data<float>()[k];
        EXPECT_NEAR(e.bias.data<float>()[k], share * l.bias.data<float>()[k], 1e-5 * share) << l.name;
        EXPECT_NEAR(e.norm_shift.data<float>()[k], share * l.norm_shift.data<float>()[k], 1e-5 * share) << l.name;
      }
    }
    const bool residual = std::string(name) == "resnet20-cifar";
    const Tensor first = at(residual ? "layer3.2.conv1" : "fc1"), second = at(residual ? "layer3.2.conv2" : "fc2");
    ASSERT_TRUE(first.defined() && second.defined()) << name;
    EXPECT_NEAR(range(first, 0) / range(second, 1), 1, 0.03) << name;
  }
}

TEST(RangeSearch, EndsNoDearerAndSaysWhatItFound) {
  const nn::Graph g = graph("lenet5", {1, 12, 12});
  const nn::IntegerSpec spec = quantized(g, 2);
  int64_t asked = 0, last = 0;
  const NetworkCost cost = [&](const nn::IntegerSpec& s) { return ++asked, distance(g, s); };
  const SearchedRanges found = searched_ranges(g, spec, cost, {.rounds = 1, .progress = [&](int64_t d, int64_t of) {
                                                                 last = d;
                                                                 EXPECT_LE(d, of);
                                                               }});
  EXPECT_DOUBLE_EQ(found.before, distance(g, spec));
  EXPECT_DOUBLE_EQ(found.after, distance(g, found.spec));
  EXPECT_LT(found.after, 0.9 * found.before);
  EXPECT_GT(last, 5);
  // Integers of weights follow the scale that was found.
  for (size_t i = 0; i < g.layers.size(); ++i) {
    if (!g.layers[i].has_weights()) continue;
    const nn::IntegerLayer& layer = found.spec.layers[i];
    const int32_t most = (1 << (layer.bits - 1)) - 1;
    const LinearScale s{layer.weight_scale[0], 0, -most, most};
    EXPECT_EQ(layer.weights.data<int8_t>()[0], pith::quantized(g.layers[i].weight.data<float>()[0], s))
        << layer.shape.name;
  }
}

}  // namespace
}  // namespace pith::compress
