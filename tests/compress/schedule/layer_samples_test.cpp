// Samples of layers against the definition of the layer: w times a window is the output there.
#include "compress/schedule/layer_samples.h"

#include <gtest/gtest.h>

#include "autograd/variable.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/linear.h"
#include "tensor/error.h"
#include "tensor/random.h"

namespace pith::compress {
namespace {

Tensor normal(const Shape& shape, uint64_t item) {
  Tensor t = Tensor::empty(shape);
  fill_normal(t, 0, 1, {.seed = 12, .item = item});
  return t;
}

/// Largest difference between outputs and inputs w^T, by hand in double.
double misfit(const Samples& s, const Tensor& weight) {
  const std::vector<double> x = s.inputs.to_vector<double>(), y = s.outputs.to_vector<double>(),
                            w = weight.to_vector<double>();
  const size_t points = static_cast<size_t>(s.inputs.shape()[0]), width = static_cast<size_t>(s.inputs.shape()[1]),
               out = static_cast<size_t>(s.outputs.shape()[1]);
  double worst = 0;
  for (size_t p = 0; p < points; ++p)
    for (size_t o = 0; o < out; ++o) {
      double sum = 0;
      for (size_t i = 0; i < width; ++i) sum += w[o * width + i] * x[p * width + i];
      worst = std::max(worst, std::abs(sum - y[p * out + o]));
    }
  return worst;
}

template <class Layer>
void look(LayerSamples& samples, Layer& layer, const Tensor& x) {
  const NoGradient no_gradient;
  samples.look("layer", layer, x, layer.call(Variable(x)).value());
}

TEST(LayerSamples, ShowWhatAConvolutionMakesOfAWindow) {
  nn::ConvOptions options;
  options.kernel = {3, 2};
  options.window.stride = {2, 1};
  options.window.padding = {1, 2};
  options.window.dilation = {2, 1};
  nn::Conv2d conv(5, 4, options);
  conv.weight().load(normal({4, 5, 3, 2}, 1));
  conv.bias()->load(normal({4}, 2));
  LayerSamples samples;
  samples.start({"layer"}, 3);
  look(samples, conv, normal({20, 5, 9, 8}, 4));
  look(samples, conv, normal({3, 5, 9, 8}, 5));
  const Samples s = samples.of("layer");
  EXPECT_EQ(s.inputs.shape(), (Shape{256 + 3 * 4 * 11, 30}));  // the second batch has no more pixels
  EXPECT_LT(misfit(s, conv.weight().value()), 1e-4);
}

TEST(LayerSamples, ShowWhatALinearLayerMakesOfARow) {
  nn::Linear linear(7, 3);
  linear.weight().load(normal({3, 7}, 1));
  linear.bias()->load(normal({3}, 2));
  LayerSamples samples;
  samples.start({"layer"}, 3);
  look(samples, linear, normal({10, 7}, 4));
  EXPECT_EQ(samples.of("layer").inputs.shape(), (Shape{10, 7}));  // no more than there are
  EXPECT_LT(misfit(samples.of("layer"), linear.weight().value()), 1e-5);
}

TEST(LayerSamples, GoOnFromTheirState) {
  nn::Conv2d conv(2, 2, nn::square(3));
  conv.weight().load(normal({2, 2, 3, 3}, 1));
  LayerSamples whole, cut, other;
  whole.start({"layer"}, 3);
  cut.start({"layer"}, 3);
  for (LayerSamples* s : {&whole, &cut}) look(*s, conv, normal({4, 2, 12, 12}, 6));
  State state;
  cut.save(state, "p/");
  other.load(state, "p/");
  for (LayerSamples* s : {&whole, &other}) look(*s, conv, normal({4, 2, 12, 12}, 7));
  EXPECT_EQ(whole.of("layer").inputs.to_vector<float>(), other.of("layer").inputs.to_vector<float>());
  EXPECT_EQ(whole.of("layer").outputs.to_vector<float>(), other.of("layer").outputs.to_vector<float>());
}

TEST(LayerSamples, RefuseWhatTheyCannotSee) {
  nn::ConvOptions options;
  options.window.groups = 2;
  nn::Conv2d grouped(4, 4, options);
  LayerSamples samples;
  samples.start({"layer"}, 3);
  EXPECT_THROW(samples.of("layer"), ArgumentError);
  EXPECT_THROW(look(samples, grouped, normal({1, 4, 8, 8}, 1)), ArgumentError);
}

}  // namespace
}  // namespace pith::compress
