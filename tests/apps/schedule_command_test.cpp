// `pith schedule` as a user meets it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/apps/program.h"

namespace pith {
namespace {

using nlohmann::json;
using test::Outcome;

constexpr const char* kDistiller = R"(version: 1
pruners:
  fine:
    class: 'L1RankedStructureParameterPruner_AGP'
    initial_sparsity : 0.05
    final_sparsity: 0.50
    group_type: Rows
    weights: [module.fc1.weight]
policies:
  - pruner:
      instance_name : fine
    starting_epoch: 0
    ending_epoch: 30
    frequency: 2
)";

class ScheduleCommand : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }
  Outcome schedule(std::vector<std::string> more) const {
    more.insert(more.begin(), "schedule");
    return test::run_program(folder_, more);
  }
  const test::TemporaryDirectory folder_;
};

TEST_F(ScheduleCommand, TranslatesDistillersFileToOneThatPasses) {
  test::write_text(path("distiller.yaml"), kDistiller);
  ASSERT_EQ(schedule({"from-distiller", path("distiller.yaml"), "--out", path("ours.yaml")}).code, 0);
  const std::string ours = test::read_text(path("ours.yaml"));
  EXPECT_EQ(ours.find("module."), std::string::npos) << ours;
  EXPECT_NE(ours.find("Cols"), std::string::npos) << ours;  // its ranked rows are stored columns
  const Outcome printed = schedule({"from-distiller", path("distiller.yaml")});
  EXPECT_EQ(printed.out, ours);
  const Outcome o = schedule({"check", path("ours.yaml"), "--model", "lenet5", "--epochs", "30", "--json"});
  ASSERT_EQ(o.code, 0) << o.err;
  const json document = json::parse(o.out);
  EXPECT_EQ(document.at("ok"), true);
  EXPECT_EQ(document.at("last_change"), 28);
  ASSERT_EQ(document.at("policies").size(), 1u);
  const json& policy = document.at("policies")[0];
  EXPECT_EQ(policy.at("instance"), "fine");
  EXPECT_EQ(policy.at("parameters"), json::array({"fc1.weight"}));
  EXPECT_EQ(policy.at("frequency"), 2);
}

TEST_F(ScheduleCommand, RefusesWithFileAndLine) {
  std::string bad = kDistiller;
  bad.replace(bad.find("0.50"), 4, "1.50");
  test::write_text(path("bad.yaml"), bad);
  for (const char* verb : {"check", "from-distiller"}) {
    const Outcome o = schedule({verb, path("bad.yaml")});
    EXPECT_EQ(o.code, 3);
    EXPECT_TRUE(test::is_one_line(o.err)) << o.err;
    EXPECT_NE(o.err.find("bad.yaml:6: "), std::string::npos) << o.err;
    EXPECT_EQ(o.out, "");
  }
  const Outcome o = schedule({"check", path("bad.yaml"), "--json"});
  EXPECT_EQ(o.code, 3);
  EXPECT_EQ(json::parse(o.out).at("ok"), false);
  EXPECT_NE(json::parse(o.out).at("refusal").get<std::string>().find("bad.yaml:6: "), std::string::npos);
}

TEST_F(ScheduleCommand, ChecksAgainstModelAndEpochs) {
  std::string ours = kDistiller;
  ours.erase(ours.find("module."), 7);
  test::write_text(path("s.yaml"), ours);
  EXPECT_EQ(schedule({"check", path("s.yaml")}).code, 0);
  EXPECT_NE(schedule({"check", path("s.yaml")}).out.find("is in order"), std::string::npos);
  const Outcome model = schedule({"check", path("s.yaml"), "--model", "resnet20-cifar"});
  EXPECT_EQ(model.code, 3);
  EXPECT_NE(model.err.find("no parameter of the model is called fc1.weight"), std::string::npos) << model.err;
  const Outcome epochs = schedule({"check", path("s.yaml"), "--epochs", "20"});
  EXPECT_EQ(epochs.code, 3);
  EXPECT_NE(epochs.err.find("s.yaml:10: "), std::string::npos) << epochs.err;
  EXPECT_EQ(schedule({"check", path("nowhere.yaml")}).code, 1);
}

}  // namespace
}  // namespace pith
