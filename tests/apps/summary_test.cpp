// Summaries against Distiller's own tables ($PITH_REFERENCE/tables), against hand arithmetic, and by the command.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "apps/charts/markup.h"
#include "apps/summaries/compute_table.h"
#include "apps/summaries/module_listing.h"
#include "apps/summaries/network_graph.h"
#include "apps/summaries/sparsity_table.h"
#include "compress/thinning/thinning.h"
#include "nn/checkpoint.h"
#include "nn/models.h"
#include "tests/apps/program.h"

namespace pith::apps {
namespace {

/// Lines of a CSV file with quoted fields, header included.
std::vector<std::vector<std::string>> read_csv(const std::string& path) {
  std::istringstream in(test::read_text(path));
  std::vector<std::vector<std::string>> lines;
  for (std::string line; std::getline(in, line);) {
    std::vector<std::string> cells(1);
    bool quoted = false;
    for (const char c : line) {
      if (c == '"') {
        quoted = !quoted;
      } else if (c == ',' && !quoted) {
        cells.emplace_back();
      } else if (c != '\r') {
        cells.back() += c;
      }
    }
    lines.push_back(cells);
  }
  return lines;
}

std::string reference_table(const std::string& name) { return test::reference_file("tables/" + name); }

std::unique_ptr<nn::Module> published(const std::string& checkpoint) {
  const std::string path = test::real_data("checkpoints/" + checkpoint + ".safetensors");
  if (path.empty()) return nullptr;
  auto model = nn::make_model("resnet20-cifar");
  nn::load_weights(path, *model);
  return model;
}

/// A cell against its reference: words and whole numbers equal, doubles equal as printed with 5 decimals.
void expect_cell(const Json& cell, const std::string& expected, const std::string& where) {
  if (cell.is_string()) {
    EXPECT_EQ(cell.get<std::string>(), expected) << where;
  } else if (cell.is_number_integer()) {
    EXPECT_EQ(std::to_string(cell.get<int64_t>()), expected) << where;
  } else {
    EXPECT_LT(std::fabs(cell.get<double>() - std::stod(expected)), 1e-5) << where;
  }
}

/// Percentages to the printed digit.
void expect_printed(const Json& cell, const std::string& expected, const std::string& where) {
  char a[64], b[64];
  std::snprintf(a, sizeof a, "%.5f", cell.get<double>());
  std::snprintf(b, sizeof b, "%.5f", std::stod(expected));
  EXPECT_STREQ(a, b) << where;
}

void expect_table(const Table& found, const std::vector<std::vector<std::string>>& expected, const std::string& name) {
  const size_t columns = expected.at(0).size();
  for (size_t c = 0; c < columns; ++c) EXPECT_EQ(found.columns.at(c), expected[0][c]) << name;
  auto lines = found.rows;
  lines.push_back(found.total);
  ASSERT_EQ(lines.size(), expected.size() - 1) << name;
  for (size_t r = 0; r < lines.size(); ++r) {
    for (size_t c = 0; c < columns; ++c) {
      const std::string where = name + ", line " + std::to_string(r + 2) + ", " + expected[0][c];
      const Json& cell = lines[r][c];
      if (cell.is_null()) continue;
      cell.is_number_float() && c >= 4 && c <= 9 ? expect_printed(cell, expected[r + 1][c], where)
                                                 : expect_cell(cell, expected[r + 1][c], where);
    }
  }
}

TEST(SparsityTable, EqualsDistillersForEveryPublishedCheckpointThatIsHere) {
  int compared = 0;
  for (const char* name : {"checkpoint_trained_dense", "checkpoint_trained_ch_regularized_dense"}) {
    const std::string path = reference_table(std::string(name) + ".sparsity.csv");
    const auto model = published(name);
    if (path.empty() || model == nullptr) continue;
    expect_table(sparsity_table(weight_sparsities(*model)), read_csv(path), name);
    ++compared;
  }
  if (compared == 0) GTEST_SKIP() << "PITH_REFERENCE and PITH_DATA name no folder with the tables and checkpoints";
  EXPECT_EQ(compared, 2);
}

TEST(SparsityTable, HasTheFiguresOfTheArticlesCheckpoint) {
  const auto model = published("checkpoint_trained_ch_regularized_dense");
  if (model == nullptr) GTEST_SKIP() << "PITH_DATA names no folder with the checkpoint";
  const auto weights = weight_sparsities(*model);
  int64_t sparse = 0, dense = 0;
  std::vector<double> channels;
  for (const WeightSparsity& w : weights) {
    sparse += w.sparse;
    dense += w.dense;
    if (w.channels > 0) channels.push_back(w.channels);
  }
  EXPECT_EQ(sparse, 246848);
  EXPECT_NEAR(100.0 * static_cast<double>(dense - sparse) / static_cast<double>(dense), 8.877, 5e-4);
  EXPECT_EQ(channels, (std::vector<double>{31.25, 50, 50, 28.125, 43.75, 20.3125, 18.75}));
}

TEST(SparsityTable, CountsStructuresByHand) {
  // Stored [3 outputs, 4 inputs]: output 1 is zero, input 2 is zero.
  const WeightSparsity m =
      sparsity_of("m", Tensor::from(std::vector<float>{1, 2, 0, -3, 0, 0, 0, 0, 5, 0, 0, 6}, Shape{3, 4}));
  EXPECT_EQ(m.sparse, 5);
  EXPECT_NEAR(m.columns, 100.0 / 3, 1e-12);
  EXPECT_NEAR(m.kernels, 100.0 / 3, 1e-12);
  EXPECT_EQ(m.rows, 25);
  EXPECT_EQ(m.channels, 0);
  EXPECT_NEAR(m.mean, 11.0 / 12, 1e-12);
  EXPECT_NEAR(m.mean_magnitude, 17.0 / 12, 1e-12);
  EXPECT_NEAR(m.deviation, std::sqrt((75 - 121.0 / 12) / 11), 1e-12);
  // [2 filters, 3 channels, 1, 2]: filter 1 is zero, so is channel 0 and 4 of 6 kernels.
  const WeightSparsity w =
      sparsity_of("w", Tensor::from(std::vector<float>{0, 0, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0}, Shape{2, 3, 1, 2}));
  EXPECT_EQ(w.filters, 50);
  EXPECT_NEAR(w.channels, 100.0 / 3, 1e-12);
  EXPECT_NEAR(w.kernels, 200.0 / 3, 1e-12);
  EXPECT_NEAR(w.fine, 1000.0 / 12, 1e-12);
}

TEST(ComputeTable, EqualsDistillersForEveryArchitecture) {
  int compared = 0;
  for (const nn::ModelInfo& info : nn::image_models()) {
    std::string name = info.name;
    std::replace(name.begin(), name.end(), '-', '_');
    const std::string path = reference_table("arch_" + name + ".compute.csv");
    if (path.empty()) continue;
    auto expected = read_csv(path);
    Table found = compute_summary(*nn::make_model(info.name), info.input);
    int64_t macs = 0;
    for (size_t r = 1; r < expected.size(); ++r) macs += std::stoll(expected[r].back());
    EXPECT_EQ(found.total.at(8).get<int64_t>(), macs) << name;
    found.total = found.rows.back();  // the file has no total
    found.rows.pop_back();
    expect_table(found, expected, name);
    ++compared;
  }
  if (compared == 0) GTEST_SKIP() << "PITH_REFERENCE names no folder with Distiller's tables";
  EXPECT_EQ(compared, 16);
}

TEST(ComputeTable, EqualsDistillersForThePublishedCheckpoints) {
  int compared = 0;
  for (const char* name : {"checkpoint_trained_dense", "checkpoint_trained_ch_regularized_dense"}) {
    const std::string path = reference_table(std::string(name) + ".compute.csv");
    const auto model = published(name);
    if (path.empty() || model == nullptr) continue;
    Table found = compute_summary(*model, Shape{3, 32, 32});
    EXPECT_EQ(found.total.at(8).get<int64_t>(), 40813184) << name;
    found.total = found.rows.back();
    found.rows.pop_back();
    expect_table(found, read_csv(path), name);
    ++compared;
  }
  if (compared == 0) GTEST_SKIP() << "PITH_REFERENCE and PITH_DATA name no folder with the tables and checkpoints";
}

/// Of the checkpoints whose weights are not here the shapes are: a network thinned to them has their table.
TEST(ComputeTable, EqualsDistillersForTheThinnedCheckpointsByTheirShapes) {
  int compared = 0;
  for (const char* name :
       {"checkpoint_trained_channel_regularized_resnet20", "checkpoint_trained_channel_regularized_resnet20_finetuned",
        "checkpoint_trained_4D_regularized_5Lremoved", "checkpoint_trained_4D_regularized_5Lremoved_finetuned"}) {
    const std::string path = reference_table(std::string(name) + ".compute.csv");
    if (path.empty()) continue;
    const auto expected = read_csv(path);
    const auto model = nn::make_model("resnet20-cifar");
    model->visit_parameters([&](const std::string& parameter, nn::Parameter& p) {
      for (const auto& row : expected) {
        if (row[0] + ".weight" != parameter || p.shape().rank() != 4) continue;
        const int64_t filters = std::stoll(row[5].substr(row[5].find(',') + 1));  // OFM "(1, 11, 32, 32)"
        Tensor w = p.value().clone();
        w.narrow(0, filters, w.shape()[0] - filters).fill(0);
        p.load(w);
      }
    });
    compress::thin(*model, {3, 32, 32});
    Table found = compute_summary(*model, Shape{3, 32, 32});
    found.total = found.rows.back();
    found.rows.pop_back();
    expect_table(found, expected, name);
    ++compared;
  }
  if (compared == 0) GTEST_SKIP() << "PITH_REFERENCE names no folder with Distiller's tables";
  EXPECT_EQ(compared, 4);
}

TEST(ComputeTable, SubtractsZerosFromEffectiveMacs) {
  const auto model = nn::make_model("lenet5");
  model->visit_parameters([](const std::string& name, nn::Parameter& p) {
    if (name != "conv1.weight") return;
    Tensor kept = p.value().clone();
    kept.narrow(0, 0, 5).fill(0);  // 5 of 6 filters of 1 x 5 x 5
    kept.narrow(0, 5, 1).fill(1);
    p.load(kept);
  });
  const Table t = compute_summary(*model, nn::model_info("lenet5").input);
  EXPECT_EQ(t.rows[0][8], 28 * 28 * 150);
  EXPECT_EQ(t.rows[0][10], 28 * 28 * 25);
  EXPECT_EQ(t.rows[0][11], 16 + 5);  // 25 products: ceil(log2 25) = 5
}

TEST(ModuleTable, EqualsDistillersList) {
  const std::string path = reference_table("checkpoint_trained_dense.modules.csv");
  if (path.empty()) GTEST_SKIP() << "PITH_REFERENCE names no folder with Distiller's tables";
  const auto expected = read_csv(path);
  const Table found = module_table(*nn::make_model("resnet20-cifar"));
  ASSERT_EQ(found.rows.size(), expected.size() - 1);
  for (size_t i = 0; i < found.rows.size(); ++i) {
    EXPECT_EQ(found.rows[i][0], expected[i + 1][0]);
    EXPECT_EQ(found.rows[i][1], expected[i + 1][1]);
  }
}

TEST(NetworkGraph, JoinsTheResidualSumsOfResNet20) {
  const auto model = nn::make_model("resnet20-cifar");
  const auto graph = network_graph(*model, Shape{3, 32, 32});
  const auto place = [&](const std::string& name) {
    return std::find_if(graph.begin(), graph.end(), [&](const GraphNode& n) { return n.name == name; }) - graph.begin();
  };
  EXPECT_EQ(graph.at(place("conv1")).inputs, std::vector<int64_t>{-1});
  const GraphNode& first = graph.at(place("layer1.0.residual_eltwiseadd"));
  EXPECT_EQ(first.inputs, (std::vector<int64_t>{place("layer1.0.bn2"), place("relu")}));
  const GraphNode& second = graph.at(place("layer2.0.residual_eltwiseadd"));
  EXPECT_EQ(second.inputs, (std::vector<int64_t>{place("layer2.0.bn2"), place("layer2.0.downsample.1")}));
  EXPECT_EQ(graph.at(place("fc")).inputs, std::vector<int64_t>{place("avgpool")});
}

TEST(NetworkGraph, JoinsTheBranchesOfInception) {
  const auto graph = network_graph(*nn::make_model("googlenet-cifar"), Shape{3, 32, 32});
  const auto concats = std::count_if(graph.begin(), graph.end(),
                                     [](const GraphNode& n) { return n.type == "Concat" && n.inputs.size() == 4; });
  EXPECT_EQ(concats, 9);
}

TEST(NetworkGraph, KeepsHostileNamesInTheirQuotes) {
  GraphNode n{"evil\"]; x [label=\"\x1b[31m<b>", "Conv2d", "", Shape{1, 2}, {-1}};
  const std::string dot = dot_text({n}, Shape{3, 4, 4}, "title\"", false);
  EXPECT_NE(dot.find(R"(evil\"]; x [label=\"\\x1b[31m<b>)"), std::string::npos) << dot;
  EXPECT_EQ(dot.find('\x1b'), std::string::npos);
}

TEST(Table, MakesNamesSafeForTerminalsAndPages) {
  Table t{.title = "t", .columns = {"Name", "N"}, .rows = {{"a\x1b[2J,\"b\"\n", 1}}, .total = {}};
  EXPECT_EQ(text(t).find('\x1b'), std::string::npos);
  EXPECT_EQ(csv(t), "Name,N\n\"a\\x1b[2J,\"\"b\"\"\\x0a\",1\n");
  EXPECT_EQ(escaped("<script>\"'&\x07"), "&lt;script&gt;&quot;&#39;&amp;\\x07");
}

TEST(SummaryCommand, PrintsOneJsonDocumentOfSeveralKinds) {
  const test::TemporaryDirectory folder;
  const auto o = test::run_program(folder, {"summary", "lenet5", "--kind", "sparsity", "--kind", "compute", "--json"});
  ASSERT_EQ(o.code, 0) << o.err;
  const Json json = Json::parse(o.out);
  EXPECT_EQ(json["sparsity"]["total"]["NNZ (dense)"], 61470);
  EXPECT_EQ(json["compute"]["total"]["MACs"], 416520);
}

TEST(SummaryCommand, RefusesAnUnknownKindNamingTheKnownOnes) {
  const test::TemporaryDirectory folder;
  const auto o = test::run_program(folder, {"summary", "lenet5", "--kind", "caffe"});
  EXPECT_EQ(o.code, 2);
  EXPECT_TRUE(test::is_one_line(o.err)) << o.err;
  EXPECT_NE(o.err.find("sparsity, compute, model, modules, png, png-params"), std::string::npos) << o.err;
}

TEST(SummaryCommand, SaysWhatToInstallWhereGraphvizIsMissing) {
  const test::TemporaryDirectory folder;
  const auto o = test::run_program(folder, {"summary", "lenet5", "--kind", "png", "--out", folder.path()},
                                   {.environment = {{"PATH", "/nowhere"}}});
  EXPECT_EQ(o.code, 1);
  EXPECT_TRUE(test::is_one_line(o.err)) << o.err;
  EXPECT_NE(o.err.find("graphviz"), std::string::npos) << o.err;
}

}  // namespace
}  // namespace pith::apps
