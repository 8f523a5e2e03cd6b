// `pith data` and `pith info`: what they tell of data sets and models.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/apps/program.h"
#include "tests/apps/tiny_data.h"

namespace pith {
namespace {

using test::Outcome;
using test::run_program;

TEST(DataCommand, ListsWhatIsHere) {
  const test::TemporaryDirectory folder;
  const std::string root = test::tiny_mnist(folder, 20, 10);
  const Outcome o = run_program(folder, {"data", "list", "--data-root", root, "--json"});
  ASSERT_EQ(o.code, 0) << o.err;
  const nlohmann::json listed = nlohmann::json::parse(o.out);
  for (const auto& set : listed.at("data")) {
    const bool expected = set.at("name") == "mnist" || set.at("name") == "digits";
    EXPECT_EQ(set.at("here"), expected) << set;
  }
}

TEST(DataCommand, CountsClasses) {
  const test::TemporaryDirectory folder;
  const std::string root = test::tiny_mnist(folder, 20, 10);
  const Outcome o = run_program(folder, {"data", "show", "mnist", "--data-root", root, "--json"});
  ASSERT_EQ(o.code, 0) << o.err;
  const auto json = nlohmann::json::parse(o.out);
  EXPECT_EQ(json.at("image"), nlohmann::json({1, 28, 28}));
  EXPECT_EQ(json.at("train").at("per_class"), nlohmann::json(std::vector<int>(10, 2)));
  EXPECT_EQ(json.at("test").at("images"), 10);

  // The mean again, from the bytes of the file.
  const auto bytes = test::read_bytes(root + "/mnist/train-images-idx3-ubyte");
  double sum = 0;
  for (size_t i = 16; i < bytes.size(); ++i) sum += bytes[i];
  EXPECT_NEAR(json.at("train").at("mean")[0], sum / 255 / static_cast<double>(bytes.size() - 16), 1e-12);
}

TEST(DataCommand, SaysHowToGetWhatIsMissing) {
  const test::TemporaryDirectory folder;
  const Outcome o = run_program(folder, {"data", "show", "cifar10", "--data-root", folder.path()});
  EXPECT_EQ(o.code, 1);
  EXPECT_TRUE(test::is_one_line(o.err)) << o.err;
  EXPECT_NE(o.err.find("data get cifar10"), std::string::npos) << o.err;
}

TEST(DataCommand, RefusesToFetchWhatItDoesNotKnow) {
  const test::TemporaryDirectory folder;
  const Outcome o = run_program(folder, {"data", "get", "imagenet", "--data-root", folder.path()});
  EXPECT_EQ(o.code, 2);
  EXPECT_TRUE(test::is_one_line(o.err)) << o.err;
}

// Parameters and multiply-adds as Distiller publishes them for its ResNet-20 (its compute summary).
TEST(InfoCommand, CountsWhatAModelCosts) {
  const test::TemporaryDirectory folder;
  const Outcome o = run_program(folder, {"info", "resnet20-cifar", "--json"});
  ASSERT_EQ(o.code, 0) << o.err;
  const auto json = nlohmann::json::parse(o.out);
  EXPECT_EQ(json.at("parameters"), 272474);
  EXPECT_EQ(json.at("macs"), 40813184);
  EXPECT_EQ(json.at("layers").size(), 22u);
}

TEST(InfoCommand, ObeysTheThreadsItIsGiven) {
  const test::TemporaryDirectory folder;
  const Outcome o = run_program(folder, {"info", "--threads", "3", "--json"});
  ASSERT_EQ(o.code, 0) << o.err;
  const auto json = nlohmann::json::parse(o.out);
  EXPECT_EQ(json.at("machine").at("threads"), 3);
  EXPECT_GE(json.at("models").size(), 20u);
}

// Distiller's published network: 91.71 % by PyTorch's evaluation of that file (9171 of 10,000), loss 0.3561.
TEST(EvalCommand, AgreesWithThePublishedNetwork) {
  const std::string weights = test::real_data("checkpoints") + "/checkpoint_trained_dense.safetensors";
  if (test::real_data("checkpoints").empty() || test::real_data("cifar-10").empty()) {
    GTEST_SKIP() << "PITH_DATA names no folder with checkpoints/ and cifar-10/";
  }
  const test::TemporaryDirectory folder;
  const Outcome o = run_program(
      folder, {"eval", "--model", "resnet20_cifar", "--weights", weights, "--data", "cifar10", "--json", "--quiet"});
  ASSERT_EQ(o.code, 0) << o.err;
  const auto json = nlohmann::json::parse(o.out);
  EXPECT_NEAR(json.at("correct").get<int>(), 9171, 2);
  EXPECT_NEAR(json.at("loss").get<double>(), 0.3561, 1e-4);
}

}  // namespace
}  // namespace pith
