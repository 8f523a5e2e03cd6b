// `pith export`: from a run, a packed file and a run in whole numbers to files, and the refusals.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/apps/program.h"
#include "tests/apps/tiny_data.h"

namespace pith {
namespace {

using test::Outcome;
using test::run_program;
using Json = nlohmann::json;

class ExportCommand : public testing::Test {
 protected:
  void SetUp() override {
    root_ = test::tiny_mnist(folder_);
    ASSERT_EQ(run_program(folder_, test::tiny_training(root_, path("run"))).code, 0);
    quantize("w8.safetensors", {});
  }
  std::string path(const std::string& name) const { return folder_.file(name); }
  void quantize(const std::string& out, const std::vector<std::string>& more) {
    std::vector<std::string> a{"quantize", "--run", path("run"), "--calibration", "40", "--out", path(out), "--quiet"};
    a.insert(a.end(), more.begin(), more.end());
    const Outcome o = run_program(folder_, a);
    ASSERT_EQ(o.code, 0) << o.err;
  }
  void expect_refused(const std::vector<std::string>& arguments, int code, const std::string& says) const {
    test::expect_refused(folder_, arguments, code, says);
  }
  int checked(const std::string& source) {
    const std::string build = "cc -std=c99 -DPITH_CHECK " + path(source) + " -o " + path("check");
    EXPECT_EQ(std::system(build.c_str()), 0);
    return WEXITSTATUS(std::system((path("check") + " > /dev/null").c_str()));
  }

  test::TemporaryDirectory folder_;
  std::string root_;
};

TEST_F(ExportCommand, WritesCThatChecksItself) {
  const Outcome o = run_program(folder_, {"export", path("w8.safetensors"), "--out", path("my-net.c"), "--json"});
  ASSERT_EQ(o.code, 0) << o.err;
  const Json said = Json::parse(o.out);
  EXPECT_EQ(said.at("function"), "my_net_run");
  EXPECT_EQ(said.at("bytes").get<uintmax_t>(), std::filesystem::file_size(path("my-net.c")));
  EXPECT_GE(said.at("constant_bytes").get<int64_t>(), 61470);
  EXPECT_EQ(checked("my-net.c"), 0);
}

TEST_F(ExportCommand, WritesWhatARunInWholeNumbersTrained) {
  quantize("start.safetensors", {"--bits-weights", "4", "--keep-float"});
  ASSERT_EQ(run_program(folder_, test::tiny_training(root_, path("on"), {"--init", path("start.safetensors")})).code,
            0);
  ASSERT_EQ(run_program(folder_, {"export", path("on"), "--out", path("run.c")}).code, 0);
  EXPECT_EQ(checked("run.c"), 0);
  ASSERT_EQ(run_program(folder_, {"quantize", "--run", path("on"), "--out", path("on.safetensors")}).code, 0);
  ASSERT_EQ(run_program(folder_, {"export", path("on.safetensors"), "--out", path("packed/run.c")}).code, 0);
  EXPECT_EQ(test::read_text(path("run.c")), test::read_text(path("packed/run.c")));
}

TEST_F(ExportCommand, WritesOnnxOfIntegersAndOfRealNumbers) {
  ASSERT_EQ(run_program(folder_, {"export", path("w8.safetensors"), "--out", path("q.onnx")}).code, 0);
  ASSERT_EQ(run_program(folder_, {"export", path("run"), "--out", path("f.onnx")}).code, 0);
  EXPECT_NE(test::read_text(path("q.onnx")).find("QuantizeLinear"), std::string::npos);
  EXPECT_EQ(test::read_text(path("f.onnx")).find("QuantizeLinear"), std::string::npos);
  EXPECT_LT(std::filesystem::file_size(path("q.onnx")), std::filesystem::file_size(path("f.onnx")) / 3);
}

TEST_F(ExportCommand, RefusesWithOneSentence) {
  const std::string packed = path("w8.safetensors");
  expect_refused({"export", packed, "--out", path("net.txt")}, 2, "named .c or .onnx");
  expect_refused({"export", path("run"), "--out", path("net.c")}, 2, "pith quantize");
  expect_refused({"export", path("none"), "--out", path("net.c")}, 1, "no such file");
  expect_refused({"export", packed, "--model", "resnet20-cifar", "--out", path("net.c")}, 3, "lenet5");
  quantize("d8.safetensors", {"--method", "dynamic"});
  expect_refused({"export", path("d8.safetensors"), "--out", path("net.c")}, 2, "dynamic ranges");
  EXPECT_FALSE(std::filesystem::exists(path("net.c")));
}

}  // namespace
}  // namespace pith
