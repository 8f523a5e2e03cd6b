// QDQ files: read by onnx's own checker and run node by node in PyTorch, in double precision
// (tests/oracle/onnx_check.py).
#include "apps/exports/quantized_onnx.h"

#include <gtest/gtest.h>

#include "tensor/error.h"
#include "tests/apps/exports/onnx_check.h"
#include "tests/support/proved_networks.h"

namespace pith::apps {
namespace {

/// Exit code of the other reader. A value at a rounding's edge may become its neighbour there, so logits are near, not
/// equal: within two hundredths of the largest.
int checked(const nn::IntegerSpec& spec, double logit_factor = 1) {
  const Tensor x = test::waves(3, spec.input, 3);
  Tensor logits = nn::IntegerNetwork(spec).run(x);
  for (int64_t i = 0; i < logits.numel(); ++i) logits.mutable_data<float>()[i] *= static_cast<float>(logit_factor);
  return test::onnx_check(quantized_onnx(spec, "net"), x, logits, 0.02);
}

TEST(QuantizedOnnx, GivesTheLogitsOfTheIntegers) {
  const nn::IntegerSpec lenet =
      test::quantized_network("lenet5", {1, 28, 28}, {.bits_weights = 4, .bits_activations = 5});
  const int code = checked(lenet);
  if (code == 77) GTEST_SKIP() << "python3-onnx or python3-torch is not installed";
  EXPECT_EQ(code, 0);
  EXPECT_EQ(checked(lenet, 1.1), 1);  // the comparison can fail
  EXPECT_EQ(checked(test::quantized_network("resnet20-cifar", {3, 16, 16}, {})), 0);
}

TEST(QuantizedOnnx, RefusesDynamicRanges) {
  const nn::IntegerSpec spec = test::quantized_network("lenet5", {1, 28, 28}, {.is_dynamic = true});
  EXPECT_NE(test::message_of<ArgumentError>([&] { quantized_onnx(spec, "x"); }).find("dynamic ranges"),
            std::string::npos);
}

}  // namespace
}  // namespace pith::apps
