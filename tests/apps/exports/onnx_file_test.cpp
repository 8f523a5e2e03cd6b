// ONNX files are read by onnx's own checker, and run in PyTorch node by node (tests/oracle/onnx_check.py).
#include "apps/exports/onnx_file.h"

#include <gtest/gtest.h>

#include "nn/fold.h"
#include "nn/models.h"
#include "tensor/random.h"
#include "tests/apps/exports/onnx_check.h"

namespace pith::apps {
namespace {

constexpr int64_t kImages = 3;

/// Running statistics, scales and shifts that are not 0 and 1, so that a lost one shows.
void disturb(nn::Module& model) {
  uint64_t seed = 1;
  model.visit_parameters([&](const std::string&, nn::Parameter& p) {
    if (p.shape().rank() != 1) return;
    Tensor t = Tensor::empty(p.shape());
    fill_uniform(t, 0.5, 1.5, {.seed = ++seed});
    p.load(t);
  });
  model.visit_buffers([&](const std::string& name, Tensor& b) {
    if (b.dtype() == DType::f32) fill_uniform(b, name.ends_with("var") ? 0.5 : -0.5, 1, {.seed = ++seed});
  });
}

/// Exit code of the other reader.
int checked(nn::Module& model, const Shape& image, const std::string& name) {
  model.set_training(false);
  Tensor x = Tensor::empty({kImages, image[0], image[1], image[2]});
  fill_normal(x, 0, 1, {.seed = 9});
  const NoGradient inference;
  return test::onnx_check(onnx_text(model, image, name), x, model.call(Variable(x)).value());
}

void expect_same_logits(const std::string& name) {
  const nn::ModelInfo& info = nn::model_info(name);
  const auto model = nn::make_model(name);
  disturb(*model);
  const int code = checked(*model, info.input, name);
  if (code == 77) GTEST_SKIP() << "python3-onnx or python3-torch is not installed";
  EXPECT_EQ(code, 0) << name;
  nn::fold_batch_norm(*model);
  EXPECT_EQ(checked(*model, info.input, name), 0) << name << ", folded";
}

TEST(OnnxFile, GivesTheLogitsOfLeNet) { expect_same_logits("lenet5"); }
TEST(OnnxFile, GivesTheLogitsOfResNet20) { expect_same_logits("resnet20-cifar"); }
TEST(OnnxFile, GivesTheLogitsOfPreactResNet20) { expect_same_logits("preact-resnet20-cifar"); }
TEST(OnnxFile, GivesTheLogitsOfGoogLeNet) { expect_same_logits("googlenet-cifar"); }
TEST(OnnxFile, GivesTheLogitsOfVgg11) { expect_same_logits("vgg11-cifar"); }
TEST(OnnxFile, GivesTheLogitsOfMobileNet) { expect_same_logits("mobilenet-cifar"); }
TEST(OnnxFile, GivesTheLogitsOfSimpleNet) { expect_same_logits("simplenet-cifar"); }

TEST(SummaryCommand, WritesAnOnnxFileAndItsPath) {
  const test::TemporaryDirectory folder;
  const auto o =
      test::run_program(folder, {"summary", "lenet5", "--kind", "onnx", "--fold", "--out", folder.file("new/folder")});
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(o.out, folder.file("new/folder") + "/lenet5.onnx\n");
  EXPECT_GT(test::read_text(folder.file("new/folder") + "/lenet5.onnx").size(), size_t{61706 * 4});
}

}  // namespace
}  // namespace pith::apps
