// The ready schedules of docs/schedules: each fits the network that its second line names, those for LeNet-5 train it
// on drawn digits, and docs/pruning.md speaks of every one of them and of every class that a schedule may name.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/apps/program.h"
#include "tests/apps/tiny_data.h"

namespace pith {
namespace {

namespace fs = std::filesystem;
using test::Outcome;

std::vector<fs::path> schedules() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(PITH_DOCS "/schedules"))
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

/// What follows `option` in the command of a schedule's second line.
std::string named(const std::string& text, const std::string& option) {
  std::istringstream words(text.substr(0, text.find('\n', text.find('\n') + 1)));
  for (std::string word; words >> word;)
    if (word == option && words >> word) return word;
  return "";
}

TEST(ReadySchedules, FitTheirNetworks) {
  const test::TemporaryDirectory folder;
  ASSERT_GE(schedules().size(), 35u);
  for (const fs::path& file : schedules()) {
    const std::string text = test::read_text(file.string()), model = named(text, "--model");
    EXPECT_TRUE(named(text, "--compress") == "docs/schedules/" + file.filename().string()) << file;
    const Outcome o = test::run_program(folder, {"schedule", "check", file.string(), "--model", model});
    EXPECT_EQ(o.code, 0) << file << " " << o.err;
  }
}

/// No mask at the end.
bool ends_dense(const std::string& name) {
  return name == "dense-sparse-dense" || name == "drop-filter" || name == "filters-thinned";
}

/// Thresholds and penalties may prune nothing of weights that hardly grew.
bool depends_on_training(const std::string& name) {
  const std::string all[] = {"magnitude", "structure-threshold", "baidu-rnn", "group-lasso", "l1"};
  return std::find(std::begin(all), std::end(all), name) != std::end(all);
}

TEST(ReadySchedules, TrainLeNet5OnDrawnDigits) {
  const test::TemporaryDirectory folder;
  const std::string root = test::tiny_mnist(folder, 64, 10);
  ASSERT_EQ(test::run_program(folder, test::tiny_training(root, folder.file("teacher"), {"--epochs", "1"})).code, 0);
  fs::copy_file(folder.file("teacher/checkpoints/best.safetensors"), folder.file("teacher.safetensors"));
  int trained = 0;
  for (const fs::path& file : schedules()) {
    const std::string text = test::read_text(file.string()), name = file.stem().string();
    if (named(text, "--model") != "lenet5" || named(text, "--data") != "digits") continue;
    std::vector<std::string> arguments = {
        "train",     "--model", "lenet5", "--data",          "mnist",      "--data-root", root,       "--quiet",
        "--threads", "1",       "--out",  folder.file(name), "--compress", file.string(), "--epochs", "6"};
    if (name.find("distill") != std::string::npos)
      for (const std::string& word : {std::string("--teacher"), folder.file("teacher.safetensors")})
        arguments.push_back(word);
    const Outcome o = test::run_program(folder, arguments);
    ASSERT_EQ(o.code, 0) << name << ": " << o.err;
    const auto result = nlohmann::json::parse(test::read_text(folder.file(name + "/result.json")));
    const auto& compression = result.at("compression");
    if (ends_dense(name)) {
      for (const auto& weight : compression.at("weights")) EXPECT_EQ(weight.at("mask"), "") << name;
    } else if (!depends_on_training(name)) {
      EXPECT_GT(compression.at("sparsity").get<double>(), 0.005) << name;
    }
    ++trained;
  }
  EXPECT_GE(trained, 30);
}

TEST(ReadySchedules, StandInTheBookOfMethodsWithEveryClass) {
  const std::string book = test::read_text(PITH_DOCS "/pruning.md");
  for (const fs::path& file : schedules())
    EXPECT_NE(book.find("schedules/" + file.filename().string()), std::string::npos) << file;
  // A class that is no class is answered with the list of all.
  const test::TemporaryDirectory folder;
  for (const std::string kind : {"pruner", "regularizer"}) {
    test::write_text(folder.file("s.yaml"),
                     kind + "s:\n  a: {class: None}\npolicies:\n  - {" + kind + ": {instance_name: a}, epochs: [0]}\n");
    const std::string list = test::run_program(folder, {"schedule", "check", folder.file("s.yaml")}).err;
    std::istringstream words(list.substr(list.find("there are") + 9));
    int classes = 0;
    for (std::string word; std::getline(words, word, ',');) {
      word.erase(std::remove_if(word.begin(), word.end(), [](char c) { return c == ' ' || c == '\n'; }), word.end());
      EXPECT_NE(book.find("`" + word + "`"), std::string::npos) << word;
      ++classes;
    }
    EXPECT_GE(classes, 4);
  }
}

}  // namespace
}  // namespace pith
