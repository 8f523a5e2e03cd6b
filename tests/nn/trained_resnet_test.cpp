// The published ResNet-20 through our layers: the logits that PyTorch computed for the same images
// (golden/make_golden.py), whole and with its batch norms folded.
#include <gtest/gtest.h>

#include "nn/checkpoint.h"
#include "nn/fold.h"
#include "nn/models.h"
#include "tests/support/files.h"
#include "tests/support/golden.h"

namespace pith::nn {
namespace {

/// The trained network in evaluation, or null where its file is not there.
std::unique_ptr<Module> trained() {
  const std::string path = test::real_data("checkpoints/checkpoint_trained_dense.safetensors");
  if (path.empty()) return nullptr;
  auto model = make_model("resnet20-cifar");
  load_weights(path, *model);
  model->set_training(false);
  return model;
}

void expect_logits(Module& model, int64_t n, const std::string& what) {
  const NoGradient inference;
  const Tensor logits = model.call(Variable(test::wave({n, 3, 32, 32}, static_cast<double>(n), DType::f32))).value();
  const std::vector<double> expected = test::read_golden("resnet20_logits.txt").at("logits" + std::to_string(n));
  const std::vector<double> found = logits.to_vector<double>();
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], 1e-4) << what << " batch " << n << " logit " << i;
}

TEST(TrainedResNet, GivesPyTorchsLogits) {
  const auto model = trained();
  if (!model) GTEST_SKIP() << "PITH_DATA names no folder with checkpoints/checkpoint_trained_dense.safetensors";
  expect_logits(*model, 1, "plain");
  expect_logits(*model, 3, "plain");
}

TEST(TrainedResNet, GivesThemFolded) {
  const auto model = trained();
  if (!model) GTEST_SKIP() << "PITH_DATA names no folder with checkpoints/checkpoint_trained_dense.safetensors";
  EXPECT_EQ(fold_batch_norm(*model), 21);
  expect_logits(*model, 1, "folded");
  expect_logits(*model, 3, "folded");
}

TEST(TrainedResNet, GivesThemOverLanes) {
  const auto model = trained();
  if (!model) GTEST_SKIP() << "PITH_DATA names no folder with checkpoints/checkpoint_trained_dense.safetensors";
  expect_logits(*model, 3, "gradients off");
  const Tensor logits =
      model->call(Variable(test::wave({3, 3, 32, 32}, 3, DType::f32))).value();  // gradients on: lanes
  test::expect_close(logits, test::read_golden("resnet20_logits.txt").at("logits3"), 1e-4, "lanes");
}

}  // namespace
}  // namespace pith::nn
