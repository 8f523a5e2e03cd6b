// Weights in whole numbers, all else real: the file read back against hand arithmetic, and what is refused.
#include "compress/quantizers/weight_only.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "nn/checkpoint.h"
#include "nn/models.h"
#include "nn/whole_weights.h"
#include "tensor/error.h"
#include "tests/support/files.h"
#include "tests/support/golden.h"

namespace pith::compress {
namespace {

using Floats = std::vector<float>;

Container file_of(const Floats& w, const Shape& shape) {
  Container file;
  file.sections.push_back(Section::of("fc.bias", Tensor::from(Floats{0.25f, -1}, {2})));
  file.sections.push_back(Section::of("fc.weight", Tensor::from(w, shape)));
  return file;
}

Floats real(const WeightOnly& made, const std::string& name = "fc.weight") {
  return nn::with_real_weights(made.file, "f").find(name)->tensor().to_vector<float>();
}

TEST(WeightOnly, IsTheNearestOfEveryRowsLevels) {
  // 3 bits are -3 to 3 steps: of 1 in the first row, of 0.5 in the second.
  const WeightOnly made = weight_only(file_of({3, -1.2f, 0, 0.4f, 1.5f, -0.7f, 0.2f, 0}, {2, 4}), {.bits = 3});
  EXPECT_EQ(real(made), (Floats{3, -1, 0, 0, 1.5f, -0.5f, 0, 0}));
  EXPECT_EQ(real(made, "fc.bias"), (Floats{0.25f, -1}));
  EXPECT_EQ(made.tensors, 1);
  EXPECT_EQ(made.weights, 8);
}

TEST(WeightOnly, HasAScaleAGroupAndTheLastOneMayBeShorter) {
  const WeightOnly made =
      weight_only(file_of({3, -1.2f, 0.75f, 0.3f, 30, 6, -3, 1, 0.1f, 0.1f}, {2, 5}), {.bits = 3, .group = 2});
  EXPECT_EQ(made.file.find("fc.weight.scale")->shape, (Shape{2, 3}));
  const Floats found = real(made), by_hand{3, -1, 0.75f, 0.25f, 30, 6, -4, 1, 0, 0.1f};
  ASSERT_EQ(found.size(), by_hand.size());
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], by_hand[i], 1e-6) << i;
}

TEST(WeightOnly, OfEveryWidthIsWithinHalfAStepAndKeepsZeros) {
  Floats w = test::wave({4, 3, 5, 5}, 3, DType::f32).to_vector<float>();
  for (size_t i = 0; i < w.size(); i += 3) w[i] = 0;
  for (const int bits : {2, 3, 4, 5, 6, 7, 8, 16}) {
    Container file;
    file.sections.push_back(Section::of("conv.weight", Tensor::from(w, {4, 3, 5, 5})));
    const Floats back = real(weight_only(file, {.bits = bits}), "conv.weight");
    for (size_t i = 0; i < w.size(); ++i) {
      const size_t row = i / 75 * 75;
      float largest = 0;
      for (size_t j = row; j < row + 75; ++j) largest = std::max(largest, std::abs(w[j]));
      EXPECT_NEAR(back[i], w[i], 0.5001f * largest / static_cast<float>((1 << (bits - 1)) - 1) + 2e-7f * largest) << bits;
      if (w[i] == 0) {
        EXPECT_EQ(back[i], 0);
      }
    }
  }
}

TEST(WeightOnly, ComesBackIntoEveryNetworkThroughLoadWeights) {
  const test::TemporaryDirectory folder;
  for (const char* name : {"lenet5", "resnet20-cifar"}) {
    const auto model = nn::make_model(name, {.seed = 3}), back = nn::make_model(name, {.seed = 4});
    const std::string real_file = folder.file("real.safetensors"), whole_file = folder.file("whole.safetensors");
    nn::save_checkpoint(real_file, *model, nullptr, nullptr);
    const WeightOnly made = weight_only(read_container(real_file), {.bits = 8});
    write_container(whole_file, made.file);
    nn::load_weights(whole_file, *back);
    std::vector<Tensor> before;
    model->visit_parameters([&](const std::string&, nn::Parameter& p) { before.push_back(p.value()); });
    size_t i = 0;
    back->visit_parameters([&](const std::string& parameter, nn::Parameter& p) {
      const Floats a = before[i++].to_vector<float>(), b = p.value().to_vector<float>();
      float largest = 0;
      for (const float v : a) largest = std::max(largest, std::abs(v));
      for (size_t j = 0; j < a.size(); ++j)
        ASSERT_NEAR(a[j], b[j], p.shape().rank() > 1 ? largest / 253 : 0) << parameter;
    });
    EXPECT_LT(std::filesystem::file_size(whole_file), 0.3 * static_cast<double>(std::filesystem::file_size(real_file)));
  }
}

TEST(WeightOnly, LeavesRunAndMasksBehindAndKeepsThePrunedAtZero) {
  const test::TemporaryDirectory folder;
  const auto model = nn::make_model("lenet5", {.seed = 3}), back = nn::make_model("lenet5", {.seed = 4});
  std::vector<uint8_t> keeps;
  model->visit_parameters([&](const std::string& name, nn::Parameter& p) {
    if (name != "fc1.weight") return;
    for (int64_t i = 0; i < p.shape().numel(); ++i) keeps.push_back(i % 10 == 0);
    p.set_mask(std::make_shared<const Mask>(Mask::from(Tensor::from(keeps, p.shape()))));
  });
  const auto optimizer = nn::make_sgd(*model, {.momentum = 0.9});
  const nn::RunState run;
  const std::string real_file = folder.file("real.safetensors"), whole_file = folder.file("whole.safetensors");
  nn::save_checkpoint(real_file, *model, optimizer.get(), &run);
  write_container(whole_file, weight_only(read_container(real_file), {.bits = 4}).file);
  nn::load_weights(whole_file, *back);
  back->visit_parameters([&](const std::string& name, nn::Parameter& p) {
    if (name != "fc1.weight") return;
    const Floats w = p.value().to_vector<float>();
    for (size_t i = 0; i < w.size(); ++i)
      if (keeps[i] == 0) {
        EXPECT_EQ(w[i], 0);
      }
  });
}

TEST(WeightOnly, TakesOtherBitsForWhatAnOverrideNames) {
  const Container file = file_of({3, -1.2f, 0, 0.4f, 1.5f, -0.7f, 0.2f, 0}, {2, 4});
  const WeightOnly one = weight_only(file, {.bits = 8, .overrides = {{.layers = "fc.*", .bits_weights = 3}}});
  EXPECT_EQ(real(one), (Floats{3, -1, 0, 0, 1.5f, -0.5f, 0, 0}));
}

TEST(WeightOnly, TakesTheStepsThatWereLearned) {
  Container file = file_of({2.6f, -9, 0.2f, 0.6f}, {2, 2});
  file.sections.push_back(Section::of("fc.weight_step", Tensor::from(std::vector<float>{1, -0.5f}, {2})));
  const WeightOnly made = learned_weights(file, 3);  // levels to 3; a step is |step|
  EXPECT_EQ(made.tensors, 1);
  const Container back = nn::with_real_weights(made.file, "f");
  EXPECT_EQ(back.find("fc.weight")->tensor().to_vector<float>(), (std::vector<float>{3, -3, 0, 0.5f}));
  EXPECT_EQ(back.find("fc.weight_step")->tensor().to_vector<float>(), (std::vector<float>{1, 0.5f}));
  EXPECT_THROW(learned_weights(file_of({1, 2, 3, 4}, {2, 2}), 3), ArgumentError);
}

TEST(WeightOnly, IsRefusedWithOneSentence) {
  const Container file = file_of({1, 2, 3, 4}, {2, 2});
  const auto refused = [&](const Container& f, const WeightOnlyOptions& o, const std::string& says) {
    const std::string message = test::message_of<Error>([&] { weight_only(f, o); });
    EXPECT_NE(message.find(says), std::string::npos) << message;
  };
  refused(file, {.bits = 9}, "9 bits");
  refused(file, {.overrides = {{.layers = "fc.*", .bits_weights = 12}}}, "12 bits");
  refused(file, {.group = -1}, "not -1");
  refused(file, {.overrides = {{.layers = "conv9", .bits_weights = 4}}}, "\"conv9\" names no weight");
  refused(file_of({1, NAN, 3, 4}, {2, 2}), {}, "not finite");
  refused(weight_only(file, {}).file, {}, "whole numbers already");
  Container none;
  none.sections.push_back(Section::of("b", Tensor::zeros({2})));
  refused(none, {}, "no weights of two axes");
}

TEST(WeightOnly, SurvivesEveryDamageOfItsFileWithASentence) {
  const test::TemporaryDirectory folder;
  WeightOnly made = weight_only(file_of({1, 2, 3, 4, 5, 6, 7, 8}, {2, 4}), {.bits = 4, .group = 3});
  const auto refused = [&](const std::string& from, const std::string& to, const std::string& says) {
    Container bad = made.file;
    std::string& json = bad.metadata["pith.whole_weights"];
    ASSERT_NE(json.find(from), std::string::npos) << json;
    json.replace(json.find(from), from.size(), to);
    const std::string message = test::message_of<FormatError>([&] { nn::with_real_weights(bad, "f"); });
    EXPECT_NE(message.find(says), std::string::npos) << message;
  };
  refused("\"bits\":4", "\"bits\":9", "1 to 8 or 16 as \"bits\"");
  refused("\"bits\":4", "\"bits\":16", "I16");
  refused("\"bits\":4", "\"bits\":3", "bytes");
  refused("\"group\":3", "\"group\":5", "1 to 4 as \"group\"");
  refused("\"group\":3", "\"group\":1", "fc.weight.scale");
  refused("[2,4]", "[2]", "2 to 6 extents");
  refused("[2,4]", "[16777216,4000]", "bytes");
  refused("\"fc.weight\"", "\"fc.other\"", "bytes");
  refused("\"group\":3", "\"learned\":1,\"group\":3", "learned steps one a row");
  refused("\"group\":3", "\"learned\":2,\"group\":3", "1 to 1 as \"learned\"");
}

}  // namespace
}  // namespace pith::compress
