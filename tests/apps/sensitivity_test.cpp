// Sensitivity studies: against Distiller's measured rows on real data, against a slow twin that evaluates each pruned
// network whole, and by the command.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <sstream>

#include "apps/sensitivity/study_file.h"
#include "apps/sensitivity/suggestion.h"
#include "compress/schedule/schedule_file.h"
#include "nn/checkpoint.h"
#include "nn/fold.h"
#include "nn/models.h"
#include "tensor/error.h"
#include "tests/apps/program.h"
#include "tests/apps/tiny_data.h"
#include "tests/data/toy_dataset.h"

namespace pith::apps {
namespace {

using compress::GroupType;

std::shared_ptr<const data::Dataset> first_images(const std::shared_ptr<const data::Dataset>& of, int64_t count) {
  std::vector<int64_t> indices(static_cast<size_t>(count));
  for (size_t i = 0; i < indices.size(); ++i) indices[i] = static_cast<int64_t>(i);
  return data::subset(of, indices);
}

/// (parameter, level) -> top-1 of a file of Distiller's.
std::map<std::pair<std::string, double>, double> measured(const std::string& path) {
  std::map<std::pair<std::string, double>, double> all;
  std::istringstream in(test::read_text(path));
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::istringstream cells(line);
    std::string name, level, top1;
    std::getline(cells, name, ','), std::getline(cells, level, ','), std::getline(cells, top1, ',');
    all[{name, std::stod(level)}] = std::stod(top1);
  }
  return all;
}

/// Some rows; `pith sense` does the whole file (docs/results/sensitivity-resnet20.md).
void expect_agreement(GroupType kind, const std::string& file, const std::vector<std::string>& weights) {
  const std::string checkpoint = test::real_data("checkpoints/checkpoint_trained_dense.safetensors");
  const std::string reference = test::reference_file(file);
  if (checkpoint.empty() || reference.empty() || test::real_data("cifar-10").empty())
    GTEST_SKIP() << "PITH_DATA and PITH_REFERENCE name no folders with CIFAR-10, the checkpoint and " << file;
  const data::DataSource source = data::open_data("cifar10");
  data::Loader loader(first_images(source.test, 2000), source.normalization, {.batch_size = 32});
  const auto model = nn::make_model("resnet20-cifar"), folded = nn::make_model("resnet20-cifar");
  nn::load_weights(checkpoint, *model);
  nn::load_weights(checkpoint, *folded);
  nn::fold_batch_norm(*folded);
  const StudyPlan plan{kind, {0.5, 0.9}, weights};
  StudySums sums;
  run_study(*model, *folded, loader, plan, sums, nullptr, nullptr);
  EXPECT_EQ(sums.base.top1(), 92.1);
  const auto expected = measured(reference);
  for (size_t w = 0; w < weights.size(); ++w)
    for (size_t l = 0; l < plan.levels.size(); ++l)
      EXPECT_NEAR(sums.scores[w][l].top1(), expected.at({weights[w], plan.levels[l]}), 0.15)
          << weights[w] << " at " << plan.levels[l];
}

TEST(Sensitivity, AgreesWithDistillersElementwiseStudy) {
  expect_agreement(GroupType::element, "distiller-sensitivity.csv", {"layer3.0.conv1.weight"});
}

TEST(Sensitivity, AgreesWithDistillersStudyOfFilters) {
  expect_agreement(GroupType::filter, "distiller-sensitivity-filters.csv", {"layer1.1.conv1.weight"});
}

/// The network whole and unfolded, with one weight pruned.
Score whole(nn::Module& model, data::Loader& loader, const std::string& name, GroupType kind, double level) {
  Tensor dense;
  nn::Parameter* parameter = nullptr;
  model.visit_parameters([&](const std::string& n, nn::Parameter& p) {
    if (n == name) parameter = &p;
  });
  dense = parameter->value().clone();
  Tensor pruned = dense.clone();
  zero_pruned(study_mask(dense, kind, level), pruned);
  parameter->load(pruned);
  const Score score = evaluate(model, loader).score;
  parameter->load(dense);
  return score;
}

TEST(Sensitivity, EqualsTheWholeNetworkEvaluatedEachTime) {
  const std::map<std::string, std::vector<std::string>> cases{
      {"resnet20-cifar",
       {"conv1.weight", "layer1.2.conv2.weight", "layer2.0.downsample.0.weight", "layer3.0.conv1.weight"}},
      {"googlenet-cifar", {"b3.b2.0.weight", "b5.b4.1.weight"}},
      {"preact-resnet20-cifar", {"layer2.0.conv2.weight", "layer3.1.conv1.weight"}}};
  data::Loader loader(test::toy_dataset(32, {3, 32, 32}, 10), {{0.5F, 0.5F, 0.5F}, {0.5F, 0.5F, 0.5F}},
                      {.batch_size = 16});
  for (const auto& [name, weights] : cases) {
    const auto model = nn::make_model(name, {.seed = 5}), folded = nn::make_model(name, {.seed = 5});
    nn::fold_batch_norm(*folded);
    const StudyPlan plan{GroupType::filter, {0, 0.02, 0.5}, weights};
    StudySums sums;
    run_study(*model, *folded, loader, plan, sums, nullptr, nullptr);
    for (size_t w = 0; w < weights.size(); ++w) {
      for (size_t l = 0; l < plan.levels.size(); ++l) {
        const Score expected = whole(*model, loader, weights[w], plan.kind, plan.levels[l]);
        EXPECT_EQ(sums.scores[w][l].seen, 32);
        EXPECT_NEAR(sums.scores[w][l].loss(), expected.loss(), 1e-4 * expected.loss()) << name << " " << weights[w];
      }
    }
    EXPECT_NE(sums.scores[0][2].loss_sum, sums.base.loss_sum) << name << ": pruning half must be seen";
  }
}

/// Every fourth weight with nothing kept (each network runs whole), with what fits into 300 kB, and with everything
/// kept.
TEST(Sensitivity, SaysTheSameToTheBitWhateverIsKept) {
  data::Loader loader(test::toy_dataset(20, {3, 32, 32}, 10), {{0.5F, 0.5F, 0.5F}, {0.5F, 0.5F, 0.5F}},
                      {.batch_size = 16});
  for (const std::string name : {"resnet20-cifar", "googlenet-cifar", "preact-resnet20-cifar"}) {
    const auto model = nn::make_model(name, {.seed = 7}), folded = nn::make_model(name, {.seed = 7});
    nn::fold_batch_norm(*folded);
    StudyPlan plan{GroupType::element, {0, 0.6}, {}};
    int seen = 0;
    model->visit_parameters([&](const std::string& n, nn::Parameter& p) {
      if (p.shape().rank() >= 2 && seen++ % 4 == 0) plan.weights.push_back(n);
    });
    std::vector<std::string> tables;
    for (const size_t bytes : {size_t{0}, size_t{300'000}, size_t{1} << 30}) {
      plan.kept_bytes = bytes;
      StudySums sums;
      run_study(*model, *folded, loader, plan, sums, nullptr, nullptr);
      tables.push_back(sensitivity_csv(plan, sums));
      for (const auto& rows : sums.scores) EXPECT_NE(rows[1].loss_sum, sums.base.loss_sum) << name;
    }
    EXPECT_EQ(tables[0], tables[1]) << name;
    EXPECT_EQ(tables[0], tables[2]) << name;
  }
}

TEST(Sensitivity, GoesOnToTheSameNumbers) {
  data::Loader loader(test::toy_dataset(40, {1, 28, 28}, 10), {{0.5F}, {0.5F}}, {.batch_size = 16});
  const StudyPlan plan{GroupType::element, {0, 0.5, 0.9}, {"conv2.weight", "fc1.weight"}};
  const auto study = [&](StudySums& sums, const OnStudyBatch& on_batch) {
    const auto model = nn::make_model("lenet5", {.seed = 2}), folded = nn::make_model("lenet5", {.seed = 2});
    run_study(*model, *folded, loader, plan, sums, nullptr, on_batch);
  };
  StudySums whole_sums, cut;
  study(whole_sums, nullptr);
  struct Stop {};
  EXPECT_THROW(study(cut,
                     [](const StudySums& s) {
                       if (s.batches == 2) throw Stop{};
                     }),
               Stop);
  const test::TemporaryDirectory folder;
  const Json settings = study_settings(plan, "lenet5", "sum", "toy", 40, 16);
  write_study(folder.file("study.json"), settings, cut);
  StudySums resumed = read_study(folder.file("study.json"), settings, plan);
  EXPECT_EQ(resumed.batches, 2);
  study(resumed, nullptr);
  EXPECT_EQ(sensitivity_csv(plan, resumed), sensitivity_csv(plan, whole_sums));
  const Json other = study_settings(plan, "lenet5", "other", "toy", 40, 16);
  EXPECT_NE(test::message_of<FormatError>([&] { read_study(folder.file("study.json"), other, plan); }).find("weights"),
            std::string::npos);
}

TEST(Sensitivity, ReadsLevels) {
  EXPECT_EQ(parse_levels("0:0.95:0.05").size(), 20u);
  EXPECT_EQ(parse_levels("0:0.95:0.05").back(), 0.95);
  EXPECT_EQ(parse_levels("0,0.3,0.5"), (std::vector<double>{0, 0.3, 0.5}));
  for (const char* bad : {"", "0:1:0.1", "0.5,0.2", "0:0.5", "0:0.5:0", "x", "0,,1", "nan", "-0.1,0.2", "0:0.9:1e-9"})
    EXPECT_THROW(parse_levels(bad), ArgumentError) << bad;
}

TEST(Suggestion, StopsBeforeTheFirstLevelThatLosesMore) {
  const StudyPlan plan{GroupType::element, {0, 0.3, 0.6, 0.9}, {"a.weight", "b.weight"}};
  StudySums sums;
  sums.base = {100, 90, 99, 1};
  sums.scores = {{{100, 90, 99, 1}, {100, 89, 99, 1}, {100, 85, 99, 1}, {100, 90, 99, 1}},
                 {{100, 90, 99, 1}, {100, 91, 99, 1}, {100, 90, 99, 1}, {100, 89, 99, 1}}};
  const auto s = suggest(plan, sums, {100, 300}, 1);
  EXPECT_EQ(s[0].level, 0.3);
  EXPECT_EQ(s[1].level, 0.9);
  EXPECT_NEAR(suggestion_table(s, 90).total[2].get<double>(), (0.3 * 100 + 0.9 * 300) / 400, 1e-12);
  const compress::Schedule schedule =
      compress::parse_schedule(suggested_schedule(s, plan.kind, 30, "test"), "suggested.yaml");
  EXPECT_EQ(schedule.policies.size(), 2u);
}

TEST(SenseCommand, StudiesANetworkAndWritesItsFiles) {
  const test::TemporaryDirectory folder;
  const std::string root = test::tiny_mnist(folder), weights = folder.file("w.safetensors"),
                    out = folder.path() + "/out";
  nn::save_checkpoint(weights, *nn::make_model("lenet5", {.seed = 1}), nullptr, nullptr);
  const std::vector<std::string> command{"sense",
                                         "--model",
                                         "lenet5",
                                         "--weights",
                                         weights,
                                         "--data",
                                         "mnist",
                                         "--data-root",
                                         root,
                                         "--levels",
                                         "0,0.5",
                                         "--out",
                                         out,
                                         "--json",
                                         "--write-schedule",
                                         folder.file("s.yaml"),
                                         "--loss",
                                         "100"};
  const auto o = test::run_program(folder, command);
  ASSERT_EQ(o.code, 0) << o.err;
  const Json json = Json::parse(o.out);
  EXPECT_EQ(json["base"]["total"], 50);
  EXPECT_EQ(json["suggested"]["rows"].size(), 5u);
  EXPECT_NE(test::read_text(out + "/sensitivity.csv").find("fc3.weight,0.5,"), std::string::npos);
  EXPECT_NE(test::read_text(out + "/sensitivity.svg").find("</svg>"), std::string::npos);
  EXPECT_EQ(test::run_program(folder, {"schedule", "check", folder.file("s.yaml"), "--model", "lenet5"}).code, 0);
  std::vector<std::string> other = command;
  other[10] = "0,0.6";
  const auto refused = test::run_program(folder, other);
  EXPECT_EQ(refused.code, 3) << refused.err;
  EXPECT_NE(refused.err.find("levels"), std::string::npos) << refused.err;
}

TEST(SenseCommand, RefusesWhatItCannotStudy) {
  const test::TemporaryDirectory folder;
  const auto refused = [&](std::vector<std::string> more, const std::string& says) {
    std::vector<std::string> a{"sense", "--model", "lenet5", "--weights", "none.safetensors", "--data", "digits"};
    a.insert(a.end(), more.begin(), more.end());
    const auto o = test::run_program(folder, a);
    EXPECT_NE(o.code, 0);
    EXPECT_TRUE(test::is_one_line(o.err)) << o.err;
    EXPECT_NE(o.err.find(says), std::string::npos) << o.err;
  };
  refused({}, "none.safetensors");
  refused({"--loss", "-1"}, "--loss");
  refused({"--split", "valid"}, "--split");
}

}  // namespace
}  // namespace pith::apps
