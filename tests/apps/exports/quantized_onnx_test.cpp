// QDQ files: read by onnx's own checker and run node by node in PyTorch, in double precision
// (tests/oracle/onnx_check.py).
#include "apps/exports/quantized_onnx.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tensor/error.h"
#include "tests/apps/program.h"
#include "tests/support/proved_networks.h"

namespace pith::apps {
namespace {

constexpr int64_t kImages = 3;

std::string bytes_of(const Tensor& t) {
  const std::vector<float> values = t.to_vector<float>();
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

/// Exit code of the other reader. A value at a rounding's edge may become its neighbour there, so logits are near, not
/// equal: within a hundredth of the largest.
int checked(const nn::IntegerSpec& spec, double logit_factor = 1) {
  const test::TemporaryDirectory folder;
  const Tensor x = test::waves(kImages, spec.input, 3);
  Tensor logits = nn::IntegerNetwork(spec).run(x);
  for (int64_t i = 0; i < logits.numel(); ++i) logits.mutable_data<float>()[i] *= static_cast<float>(logit_factor);
  test::write_text(folder.file("x.f32"), bytes_of(x));
  test::write_text(folder.file("y.f32"), bytes_of(logits));
  test::write_text(folder.file("m.onnx"), quantized_onnx(spec, "net"));
  const std::string command = std::string(PITH_DOCS) + "/../tests/oracle/onnx_check.py " + folder.file("m.onnx") + " " +
                              folder.file("x.f32") + " " + folder.file("y.f32") + " " + std::to_string(kImages) +
                              " 0.01";
  return WEXITSTATUS(std::system(("/usr/bin/python3 " + command).c_str()));
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
