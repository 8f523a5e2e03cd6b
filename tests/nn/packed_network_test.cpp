// The packed file: what goes in comes out, bytes are real, and damage is refused.
#include "nn/packed_network.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "nn/fold.h"
#include "nn/graph.h"
#include "nn/models.h"
#include "tensor/container.h"
#include "tests/support/files.h"
#include "tests/support/golden.h"
#include "tests/support/hostile_bytes.h"

namespace pith::nn {
namespace {

using Floats = std::vector<float>;

IntegerSpec small(int bits) {
  IntegerSpec spec{.model = "lenet5", .input = {4, 4, 4}, .is_dynamic = false, .values = {}, .layers = {}};
  spec.values = {{0.5f, 3, 8}, {0.25f, 0, 4}, {0.25f, 0, 4}, {1, 0, 8}};
  const auto weights = [&](const Shape& shape) {
    std::vector<int8_t> w(static_cast<size_t>(shape.numel()));
    const int most = bits == 1 ? 1 : (1 << (bits - 1)) - 1;
    for (size_t i = 0; i < w.size(); ++i)
      w[i] = static_cast<int8_t>(bits == 1 ? (i % 3 == 0 ? 1 : -1) : static_cast<int>(i * 7 % (2 * most + 1)) - most);
    return Tensor::from(w, shape);
  };
  IntegerLayer conv, flat, linear;
  conv.shape = {.kind = LayerKind::conv, .name = "conv", .input = 0, .relu = true, .output = {4, 2, 2}};
  conv.bits = linear.bits = bits;
  conv.weights = weights({4, 4, 3, 3});
  conv.weight_scale = {0.5f, 1, 2, 0.125f};
  conv.bias = Tensor::from(std::vector<int32_t>{1, -2, 3, -70000}, {4});
  flat.shape = {.kind = LayerKind::flatten, .name = "flatten", .input = 1, .output = {16}};
  linear.shape = {.kind = LayerKind::linear, .name = "fc", .input = 2, .output = {3}};
  linear.weights = weights({3, 16});
  linear.weight_scale = {1, 1, 0.5f};
  linear.bias = Tensor::from(std::vector<int32_t>{0, 9, -9}, {3});
  spec.layers = {conv, flat, linear};
  return spec;
}

void expect_equal(const IntegerSpec& a, const IntegerSpec& b) {
  EXPECT_EQ(a.model, b.model);
  EXPECT_EQ(a.values, b.values);
  ASSERT_EQ(a.layers.size(), b.layers.size());
  for (size_t i = 0; i < a.layers.size(); ++i) {
    const IntegerLayer &x = a.layers[i], &y = b.layers[i];
    EXPECT_EQ(x.shape.name, y.shape.name);
    EXPECT_EQ(x.shape.kind, y.shape.kind);
    EXPECT_EQ(x.shape.input, y.shape.input);
    EXPECT_EQ(x.shape.relu, y.shape.relu);
    EXPECT_EQ(x.shape.output, y.shape.output);
    EXPECT_EQ(x.bits, y.bits);
    EXPECT_EQ(x.weight_scale, y.weight_scale);
    if (!x.shape.has_weights()) continue;
    EXPECT_EQ(x.weights.shape(), y.weights.shape());
    EXPECT_EQ(x.weights.to_vector<int8_t>(), y.weights.to_vector<int8_t>());
    EXPECT_EQ(x.bias.to_vector<int32_t>(), y.bias.to_vector<int32_t>());
  }
}

TEST(PackedNetwork, ComesBackFromItsFileAtEveryWidth) {
  const test::TemporaryDirectory folder;
  for (const int bits : {1, 2, 3, 4, 5, 6, 7, 8}) {
    const std::string path = folder.file(std::to_string(bits) + ".safetensors");
    write_packed_network(path, small(bits));
    EXPECT_TRUE(is_packed_network(path));
    expect_equal(read_packed_network(path), small(bits));
  }
}

TEST(PackedNetwork, KeepsTheNonzeroWeightsAloneWhereMostAreZero) {
  const test::TemporaryDirectory folder;
  IntegerSpec spec = small(8);
  std::vector<int8_t> w(16 * 64 * 9, 0);
  for (size_t i = 0; i < w.size(); i += 10) w[i] = static_cast<int8_t>(i % 100 + 1);
  spec.input = {64, 4, 4};
  spec.layers[0].weights = Tensor::from(w, {16, 64, 3, 3});
  spec.layers[0].weight_scale.assign(16, 1);
  spec.layers[0].bias = Tensor::zeros({16}, DType::s32);
  spec.layers[0].shape.output = {16, 2, 2};
  spec.layers[1].shape.output = {64};
  spec.layers[2].weights = Tensor::full({3, 64}, 3, DType::s8);
  const std::string path = folder.file("sparse.safetensors");
  write_packed_network(path, spec);
  expect_equal(read_packed_network(path), spec);
  EXPECT_LT(std::filesystem::file_size(path), w.size() / 2);
}

TEST(PackedNetwork, KeepsMasksBesideTheRealWeightsAlone) {
  const test::TemporaryDirectory folder;
  IntegerSpec spec = small(4);
  std::vector<float> real(4 * 4 * 9, 0.5f);
  std::vector<uint8_t> keeps(real.size(), 1);
  for (size_t i = 0; i < real.size(); i += 3) real[i] = 0, keeps[i] = 0;
  spec.layers[0].shape.weight = Tensor::from(real, {4, 4, 3, 3});
  spec.layers[0].shape.bias = Tensor::zeros({4});
  spec.layers[0].shape.mask =
      std::make_shared<const Mask>(Mask::from(Tensor::from(keeps, {4, 4, 3, 3}), Granularity::kernel));
  spec.layers[2].shape.weight = Tensor::zeros({3, 16});
  spec.layers[2].shape.bias = Tensor::zeros({3});
  const std::string kept = folder.file("kept.safetensors"), none = folder.file("none.safetensors");
  write_packed_network(kept, spec, FloatWeights::kept);
  write_packed_network(none, spec);
  const IntegerSpec back = read_packed_network(kept);
  ASSERT_NE(back.layers[0].shape.mask, nullptr);
  EXPECT_EQ(*back.layers[0].shape.mask, *spec.layers[0].shape.mask);
  EXPECT_EQ(back.layers[0].shape.mask->granularity(), Granularity::kernel);
  EXPECT_EQ(back.layers[2].shape.mask, nullptr);
  EXPECT_EQ(read_packed_network(none).layers[0].shape.mask, nullptr);

  real[0] = 1;
  spec.layers[0].shape.weight = Tensor::from(real, {4, 4, 3, 3});
  write_packed_network(kept, spec, FloatWeights::kept);
  EXPECT_NE(test::message_of<FormatError>([&] { read_packed_network(kept); }).find("zeros where conv.mask prunes"),
            std::string::npos);
}

TEST(PackedNetwork, KeepsTheNormThatTrainingGoesOnWith) {
  const test::TemporaryDirectory folder;
  IntegerSpec spec = small(4);
  GraphLayer& conv = spec.layers[0].shape;
  conv.weight = Tensor::full({4, 4, 3, 3}, 0.5), conv.bias = Tensor::zeros({4});
  conv.norm_scale = Tensor::from(std::vector<float>{0, 1, 2, 0.5F}, {4});
  conv.norm_shift = Tensor::from(std::vector<float>{-1, 0, 1, 2}, {4});
  spec.layers[2].shape.weight = Tensor::zeros({3, 16}), spec.layers[2].shape.bias = Tensor::zeros({3});
  const std::string path = folder.file("norm.safetensors");
  const auto back = [&](FloatWeights floats) {
    write_packed_network(path, spec, floats);
    return read_packed_network(path).layers[0].shape;
  };
  EXPECT_FALSE(back(FloatWeights::kept).norm_scale.defined());  // folded for good
  spec.layers[0].norm_training = NormTraining::batch;
  EXPECT_EQ(back(FloatWeights::kept).norm_scale.to_vector<float>(), conv.norm_scale.to_vector<float>());
  EXPECT_EQ(back(FloatWeights::kept).norm_shift.to_vector<float>(), conv.norm_shift.to_vector<float>());
  EXPECT_FALSE(back(FloatWeights::none).norm_scale.defined());
  for (const float bad : {-1.0F, std::nanf(""), std::numeric_limits<float>::infinity()}) {
    conv.norm_scale = Tensor::full({4}, bad);
    EXPECT_NE(test::message_of<FormatError>([&] { back(FloatWeights::kept); }).find("conv.norm_scale"),
              std::string::npos);
  }
}

TEST(PackedNetwork, SurvivesEveryDamageWithASentence) {
  const test::TemporaryDirectory folder;
  const std::string path = folder.file("p.safetensors"), bad = folder.file("bad.safetensors");
  write_packed_network(path, small(4));
  const std::vector<uint8_t> good = test::read_bytes(path);
  const auto raw = std::as_bytes(std::span<const uint8_t>(good));
  int refused = 0;
  test::for_each_random_damage({raw.begin(), raw.end()}, 300, 11, [&](const test::Bytes& bytes, const std::string&) {
    test::write_bytes(bad, std::span<const std::byte>(bytes));
    try {
      read_packed_network(bad);
    } catch (const FormatError& e) {
      ++refused;
      EXPECT_NE(std::string(e.what()).find(bad), std::string::npos) << e.what();
    }
  });
  EXPECT_GE(refused, 295);  // a damage may leave the bytes as they were
}

TEST(PackedNetwork, RefusesOtherFiles) {
  const test::TemporaryDirectory folder;
  const std::string path = folder.file("other.safetensors");
  Container file;
  file.sections.push_back(Section::of("x", Tensor::zeros({2})));
  write_container(path, file);
  EXPECT_FALSE(is_packed_network(path));
  EXPECT_FALSE(is_packed_network(folder.file("absent.safetensors")));
  EXPECT_NE(test::message_of<FormatError>([&] { read_packed_network(path); }).find("packed network"),
            std::string::npos);
}

TEST(IntegerNetwork, RefusesASpecThatMeansNothing) {
  IntegerSpec spec = small(8);
  spec.values[1].zero_point = 16;
  EXPECT_THROW(IntegerNetwork{spec}, ArgumentError);
  spec = small(8);
  spec.layers[2].shape.input = 3;
  EXPECT_THROW(IntegerNetwork{spec}, ArgumentError);
  spec = small(8);
  spec.layers[0].weight_scale.pop_back();
  EXPECT_THROW(IntegerNetwork{spec}, ArgumentError);
  spec = small(8);
  spec.values.pop_back();
  EXPECT_THROW(IntegerNetwork{spec}, ArgumentError);
}

TEST(Graph, ComputesWhatTheModelComputes) {
  for (const char* name : {"lenet5", "simplenet-mnist", "simplenet-v2-mnist", "simplenet-cifar", "plain20-cifar",
                           "resnet20-cifar", "vgg11-cifar", "mobilenet-cifar", "resnet18"}) {
    const Shape image{3, 32, 32};
    const auto model = make_model(name, {.input = image});
    fold_batch_norm(*model);
    const Tensor x = test::wave({2, 3, 32, 32}, 1, DType::f32);
    const NoGradient inference;
    test::expect_close(run_graph(graph_of(*model, image), x), model->call(Variable(x)).value().to_vector<double>(),
                       2e-4, name);
  }
}

TEST(Graph, RemembersTheBatchNormsThatWereFolded) {
  const auto model = make_model("resnet20-cifar");
  Floats scales;
  model->visit_parameters([&](const std::string& name, Parameter& p) {
    if (name != "layer2.0.downsample.1.weight") return;
    for (int64_t k = 0; k < p.shape()[0]; ++k) scales.push_back(static_cast<float>(k) - 7);
    p.load(Tensor::from(scales, p.shape()));
  });
  fold_batch_norm(*model);
  for (float& s : scales) s = std::abs(s);
  const Graph graph = graph_of(*model, {3, 32, 32});
  for (const GraphLayer& layer : graph.layers) {
    EXPECT_EQ(layer.norm_scale.defined(), layer.kind == LayerKind::conv) << layer.name;
    EXPECT_EQ(layer.norm_shift.defined(), layer.kind == LayerKind::conv) << layer.name;
    if (layer.name != "layer2.0.downsample.0") continue;
    EXPECT_EQ(layer.norm_scale.to_vector<float>(), scales);
    EXPECT_EQ(layer.norm_shift.to_vector<float>(), Floats(scales.size(), 0));
  }
}

TEST(Graph, NamesWhatItDoesNotKnow) {
  const auto model = make_model("googlenet-cifar");
  fold_batch_norm(*model);
  EXPECT_NE(test::message_of<ArgumentError>([&] {
              graph_of(*model, {3, 32, 32});
            }).find("Inception"),
            std::string::npos);
  const auto unfolded = make_model("resnet20-cifar");
  EXPECT_NE(test::message_of<ArgumentError>([&] {
              graph_of(*unfolded, {3, 32, 32});
            }).find("folded"),
            std::string::npos);
}

}  // namespace
}  // namespace pith::nn
