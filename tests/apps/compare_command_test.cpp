// `pith compare`: figures of runs and files side by side, counted by hand.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tensor/container.h"
#include "tests/apps/program.h"

namespace pith {
namespace {

using test::Outcome;
using test::run_program;
using Json = nlohmann::json;

void write_weights(const std::string& path, const std::vector<float>& values) {
  Container c;
  c.sections.push_back(Section::of("fc.weight", Tensor::from(values, Shape{2, std::ssize(values) / 2})));
  write_container(path, c);
}

/// A run of one epoch with this accuracy and these weights.
std::string write_run(const test::TemporaryDirectory& folder, const std::string& name, const std::string& top1,
                      const std::string& rate, const std::vector<float>& weights) {
  const std::string run = folder.path() + "/" + name;
  test::write_text(folder.file(name + "/config.json"),
                   R"({"model": "lenet5", "data": "mnist", "seed": 7, "rate": )" + rate + "}");
  test::write_text(run + "/metrics.csv", "epoch,train_loss\n1,2\n");
  test::write_text(run + "/result.json", R"({"test": {"top1": )" + top1 + "}}");
  write_weights(folder.file(name + "/checkpoints/best.safetensors"), weights);
  return run;
}

TEST(CompareCommand, CountsAndMarksTheFront) {
  const test::TemporaryDirectory folder;
  const std::vector<float> dense(400, 1.0F);
  std::vector<float> sparse(400, 0.0F);
  sparse[7] = 1;
  const std::string a = write_run(folder, "a", "90", "0.1", dense), b = write_run(folder, "b", "90", "0.2", sparse);
  const Outcome o = run_program(folder, {"compare", a, b, "--json"});
  ASSERT_EQ(o.code, 0) << o.err;
  const Json json = Json::parse(o.out), &first = json["sides"][0], &second = json["sides"][1];
  EXPECT_EQ(first["weights not 0"], 400);
  EXPECT_EQ(first["packed bytes"], 1600);
  EXPECT_EQ(second["weights not 0"], 1);
  EXPECT_EQ(second["sparsity %"], 99.75);
  EXPECT_LT(second["packed bytes"], 400);
  EXPECT_EQ(first["on the Pareto front"], "no");
  EXPECT_EQ(second["on the Pareto front"], "yes");
  EXPECT_EQ(json["settings"], Json({{"rate", {0.1, 0.2}}}));
}

TEST(CompareCommand, PrintsATableAndCsv) {
  const test::TemporaryDirectory folder;
  const std::string a = write_run(folder, "a", "90", "0.1", {1, 0, 0, 0}), file = folder.file("w.safetensors");
  write_weights(file, {1, 1, 0, 1});
  const Outcome o = run_program(folder, {"compare", a, file, "--csv"});
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_NE(o.out.find(",a,w.safetensors\n"), std::string::npos) << o.out;
  EXPECT_NE(o.out.find("\nsparsity %,75,25\n"), std::string::npos) << o.out;
  EXPECT_NE(o.out.find("\ntop1 %,90,\n"), std::string::npos) << o.out;
}

TEST(CompareCommand, ShowsHostileNamesAndSettingsEscaped) {
  const test::TemporaryDirectory folder;
  const std::string a = write_run(folder, "a\x1b[2J", "90", "\"\\u001b[31m\"", {1, 0});
  const std::string b = write_run(folder, "b", "80", "0.2", {1, 0});
  const Outcome o = run_program(folder, {"compare", a, b});
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(o.out.find('\x1b'), std::string::npos);
  EXPECT_NE(o.out.find("a\\x1b[2J"), std::string::npos) << o.out;
}

TEST(CompareCommand, RefusesInOneSentence) {
  const test::TemporaryDirectory folder;
  const std::string a = write_run(folder, "a", "90", "0.1", {1, 0}), bad = folder.file("bad.safetensors");
  test::write_text(bad, "not safetensors at all");
  const auto refused = [&](const std::vector<std::string>& arguments, int code, const std::string& says) {
    std::vector<std::string> all{"compare"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const Outcome o = run_program(folder, all);
    EXPECT_EQ(o.code, code) << o.err;
    EXPECT_TRUE(test::is_one_line(o.err)) << o.err;
    EXPECT_NE(o.err.find(says), std::string::npos) << o.err;
    EXPECT_EQ(o.out, "");
  };
  refused({a}, 2, "two or more");
  refused({a, folder.path() + "/nothing"}, 1, "nothing");
  refused({a, bad}, 3, "bad.safetensors");
  refused({a, a, "--csv", "--json"}, 2, "--csv");
  std::filesystem::remove(a + "/metrics.csv");
  refused({a, a}, 3, "metrics.csv");
}

}  // namespace
}  // namespace pith
