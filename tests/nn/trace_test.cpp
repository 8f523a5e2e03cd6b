#include "nn/trace.h"

#include <gtest/gtest.h>

#include "autograd/ops/arithmetic.h"
#include "nn/layers/activation.h"
#include "nn/layers/sequential.h"
#include "nn/models.h"
#include "tensor/error.h"

namespace pith::nn {
namespace {

int64_t place(const std::vector<TraceStep>& steps, const std::string& name) {
  for (size_t i = 0; i < steps.size(); ++i)
    if (steps[i].name == name) return static_cast<int64_t>(i);
  return -2;
}

TEST(Trace, FollowsAResidualNetwork) {
  const auto model = make_model("resnet20-cifar");
  model->set_training(true);
  const std::vector<TraceStep> steps = trace(*model, {3, 32, 32});
  EXPECT_TRUE(model->training());
  ASSERT_EQ(steps.front().name, "conv1");
  EXPECT_EQ(steps.front().inputs, (std::vector<int64_t>{-1}));
  EXPECT_EQ(steps.front().output, (Shape{1, 16, 32, 32}));
  const auto inputs = [&](const std::string& name) { return steps[static_cast<size_t>(place(steps, name))].inputs; };
  EXPECT_EQ(inputs("layer1.0.residual_eltwiseadd"),
            (std::vector<int64_t>{place(steps, "layer1.0.bn2"), place(steps, "relu")}));
  EXPECT_EQ(inputs("layer2.0.residual_eltwiseadd"),
            (std::vector<int64_t>{place(steps, "layer2.0.bn2"), place(steps, "layer2.0.downsample.1")}));
  EXPECT_EQ(inputs("layer2.0.downsample.0"), (std::vector<int64_t>{place(steps, "layer1.2.relu2")}));
  EXPECT_EQ(inputs("fc"), (std::vector<int64_t>{place(steps, "avgpool")}));
  EXPECT_EQ(steps.back().input, (Shape{1, 64}));  // flattened on the way
}

TEST(Trace, NamesEveryInputOfAConcatenation) {
  const auto model = make_model("googlenet-cifar");
  const std::vector<TraceStep> steps = trace(*model, {3, 32, 32});
  const TraceStep& concat = steps[static_cast<size_t>(place(steps, "a3.concat"))];
  ASSERT_EQ(concat.inputs.size(), 4u);
  const char* const kLast[] = {"a3.b1.2", "a3.b2.5", "a3.b3.5", "a3.b4.3"};
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(concat.inputs[i], place(steps, kLast[i]));
}

/// relu(2 x): what doubles is no layer.
class Doubled : public Module {
 public:
  Doubled() { relu_ = &add_module("relu", std::make_unique<ReLU>()); }
  std::string_view type() const override { return "Doubled"; }

 protected:
  Variable forward(const Variable& x) override { return relu_->call(add(x, x)); }

 private:
  ReLU* relu_;
};

TEST(Trace, RefusesAnInputThatNoLayerWrote) {
  Doubled model;
  try {
    trace(model, {1, 2, 2});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("of relu"), std::string::npos) << error.what();
  }
  EXPECT_FALSE(model.is_tapped());
}

}  // namespace
}  // namespace pith::nn
