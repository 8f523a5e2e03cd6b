// Names, shapes and counts of every image model: against totals written here, and, where PITH_REFERENCE names a folder
// with Distiller's tables, against those line by line.
#include "nn/models.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "nn/compute.h"
#include "tensor/error.h"
#include "tests/support/files.h"

namespace pith::nn {
namespace {

struct Totals {
  const char* name;
  int64_t parameters, weights, macs, layers;  ///< weights and MACs of the Conv2d and Linear layers
};
/// Distiller's own counts (its summaries, run on its models); of those it does not have: lenet5 by hand arithmetic
/// (6*784*25 + 16*100*150 + 48000 + 10080 + 840), resnet18 as torchvision has it, MobileNet as published (4.2 M, 569
/// M), googlenet-cifar by hand from its table of widths.
constexpr Totals kTotals[] = {
    {"lenet5", 61706, 61470, 416520, 5},
    {"simplenet-mnist", 431080, 430500, 2293000, 4},
    {"simplenet-v2-mnist", 26080, 26000, 1888500, 3},
    {"simplenet-cifar", 62006, 61770, 651720, 5},
    {"plain20-cifar", 269722, 268336, 40551040, 20},
    {"resnet20-cifar", 272474, 270896, 40813184, 22},
    {"resnet32-cifar", 466906, 464432, 69124736, 34},
    {"resnet44-cifar", 661338, 657968, 97436288, 46},
    {"resnet56-cifar", 855770, 851504, 125747840, 58},
    {"preact-resnet20-cifar", 269722, 268336, 40551040, 20},
    {"preact-resnet32-cifar", 464154, 461872, 68862592, 32},
    {"preact-resnet44-cifar", 658586, 655408, 97174144, 44},
    {"preact-resnet56-cifar", 853018, 848944, 125485696, 56},
    {"vgg11-cifar", 9225610, 9222848, 152769536, 9},
    {"vgg13-cifar", 9410122, 9407168, 228267008, 11},
    {"vgg16-cifar", 14719818, 14715584, 313201664, 14},
    {"vgg19-cifar", 20029514, 20024000, 398136320, 17},
    {"mobilenet-cifar", 3217226, 3195328, 46354432, 28},
    {"mobilenet", 4231976, 4209088, 568740352, 28},
    {"resnet18", 11689512, 11678912, 1814073344, 21},
    {"googlenet-cifar", 372578, 368992, 91449856, 56},
    // An exit of 10 classes reads 6 x 14 x 14 values, or 16 x 10 x 10 and 32 x 5 x 5 behind pooling.
    {"lenet5-earlyexit", 61706 + 11770, 61470 + 11760, 416520 + 11760, 6},
    {"resnet20-cifar-earlyexit", 272474 + 16010 + 8010, 270896 + 24000, 40813184 + 24000, 24},
    // Twice the channels: four times the weights between two such layers, twice those at an end (and of batch norm).
    {"lenet5-2x", 243900 + 462, 2 * 150 + 4 * (2400 + 48000 + 10080) + 2 * 840, 1429200, 5},
    {"resnet20-2x-cifar", 1081440 + 3146, 2 * 432 + 4 * 269824 + 2 * 640, 162366720, 22},
};

std::string reference(const std::string& file) {
  const char* const root = std::getenv("PITH_REFERENCE");
  if (root == nullptr) return "";
  const std::filesystem::path p = std::filesystem::path(root) / "tables" / file;
  return std::filesystem::exists(p) ? p.string() : "";
}

/// Fields of one line; a quoted field may hold commas.
std::vector<std::string> fields(const std::string& line) {
  std::vector<std::string> all(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      all.emplace_back();
    } else if (c != '\r') {
      all.back() += c;
    }
  }
  return all;
}

/// Lines of a table behind its header.
std::vector<std::vector<std::string>> rows(const std::string& path) {
  std::ifstream in(path);
  std::vector<std::vector<std::string>> all;
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) all.push_back(fields(line));
  return all;
}

/// "(1, 3, 32, 32)".
std::string parentheses(const Shape& s) {
  std::string t = text(s);
  t.front() = '(';
  t.back() = ')';
  return t;
}

std::string underscored(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

TEST(Models, HaveTheCountsOfTheirParametersAndMultiplyAdds) {
  for (const Totals& t : kTotals) {
    const auto model = make_model(t.name);
    EXPECT_EQ(model->parameter_count(), t.parameters) << t.name;
    int64_t weights = 0, macs = 0;
    const std::vector<LayerCompute> table = compute_table(*model, model_info(t.name).input);
    for (const LayerCompute& r : table) {
      weights += r.weights;
      macs += r.macs;
    }
    EXPECT_EQ(static_cast<int64_t>(table.size()), t.layers) << t.name;
    EXPECT_EQ(weights, t.weights) << t.name;
    EXPECT_EQ(macs, t.macs) << t.name;
  }
}

TEST(Models, AreAllInTheTableAbove) {
  std::vector<std::string> tested, known;
  for (const Totals& t : kTotals) tested.emplace_back(t.name);
  for (const ModelInfo& info : image_models()) known.push_back(info.name);
  EXPECT_EQ(tested, known);
}

TEST(Models, EqualDistillersComputeTablesLineByLine) {
  int compared = 0;
  for (const ModelInfo& info : image_models()) {
    const std::string path = reference("arch_" + underscored(info.name) + ".compute.csv");
    if (path.empty()) continue;
    ++compared;
    const auto expected = rows(path);
    const auto found = compute_table(*make_model(info.name), info.input);
    ASSERT_EQ(found.size(), expected.size()) << info.name;
    for (size_t i = 0; i < found.size(); ++i) {
      const LayerCompute& r = found[i];
      const std::vector<std::string> line{r.name,
                                          r.type,
                                          r.attributes,
                                          parentheses(r.input),
                                          std::to_string(r.input.numel()),
                                          parentheses(r.output),
                                          std::to_string(r.output.numel()),
                                          std::to_string(r.weights),
                                          std::to_string(r.macs)};
      EXPECT_EQ(line, expected[i]) << info.name;
    }
  }
  if (compared == 0) GTEST_SKIP() << "PITH_REFERENCE names no folder with Distiller's tables";
  EXPECT_EQ(compared, 16);
}

TEST(Models, ListTheModulesOfResNet20AsDistillerDoes) {
  std::vector<std::vector<std::string>> leaves;
  make_model("resnet20-cifar")->visit_modules([&](const std::string& name, Module& m) {
    if (m.is_leaf()) leaves.push_back({name, std::string(m.type())});
  });
  EXPECT_EQ(leaves.size(), 72u);
  const std::string path = reference("checkpoint_trained_dense.modules.csv");
  if (path.empty()) GTEST_SKIP() << "PITH_REFERENCE names no folder with Distiller's tables";
  EXPECT_EQ(leaves, rows(path));
}

TEST(Models, NameTheTensorsOfResNet20AsPyTorchDoes) {
  const std::string path = reference("checkpoint_trained_dense.state_dict_shapes.csv");
  if (path.empty()) GTEST_SKIP() << "PITH_REFERENCE names no folder with Distiller's tables";
  std::set<std::string> expected, found;
  for (const auto& r : rows(path))
    if (r[0].find("num_batches_tracked") == std::string::npos) expected.insert(r[0] + " " + r[1]);
  const auto line = [](const std::string& name, const Shape& shape) {
    std::string s = name + " ";
    for (int i = 0; i < shape.rank(); ++i) s += std::string(i == 0 ? "" : "x").append(std::to_string(shape[i]));
    return s;
  };
  const auto model = make_model("resnet20_cifar");
  model->visit_parameters([&](const std::string& n, Parameter& p) { found.insert(line(n, p.shape())); });
  model->visit_buffers([&](const std::string& n, Tensor& b) { found.insert(line(n, b.shape())); });
  EXPECT_EQ(found, expected);
}

TEST(Models, NameTheTensorsOfOtherFamilies) {
  const auto names = [](const char* model) {
    std::set<std::string> all;
    make_model(model)->visit_parameters([&](const std::string& n, Parameter&) { all.insert(n); });
    return all;
  };
  EXPECT_EQ(names("lenet5"),
            (std::set<std::string>{"conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias", "fc1.weight", "fc1.bias",
                                   "fc2.weight", "fc2.bias", "fc3.weight", "fc3.bias"}));
  EXPECT_TRUE(names("resnet18").contains("layer4.0.downsample.0.weight"));
  EXPECT_TRUE(names("mobilenet").contains("model.13.3.weight"));
  EXPECT_TRUE(names("vgg16-cifar").contains("features.28.bias"));
  EXPECT_TRUE(names("preact-resnet20-cifar").contains("layer3.2.pre_bn.weight"));
  EXPECT_TRUE(names("googlenet-cifar").contains("a3.b3.3.weight"));
}

TEST(Models, TakeOtherInputsAndClasses) {
  const auto logits = [](const char* name, const ModelOptions& o) {
    const auto model = make_model(name, o);
    model->set_training(false);
    const NoGradient inference;
    return model->call(Variable(Tensor::zeros({2, o.input[0], o.input[1], o.input[2]}))).shape();
  };
  EXPECT_EQ(logits("lenet5", {.classes = 3, .input = {2, 12, 20}}), (Shape{2, 3}));
  EXPECT_EQ(logits("simplenet-cifar", {.classes = 7, .input = {1, 28, 28}}), (Shape{2, 7}));
  EXPECT_EQ(logits("resnet20-cifar", {.classes = 4, .input = {1, 9, 7}}), (Shape{2, 4}));
  EXPECT_EQ(logits("preact-resnet20-cifar", {.classes = 4, .input = {1, 9, 7}}), (Shape{2, 4}));
  EXPECT_EQ(logits("vgg11-cifar", {.classes = 5, .input = {3, 64, 32}}), (Shape{2, 5}));
  EXPECT_EQ(logits("googlenet-cifar", {.classes = 5, .input = {3, 16, 16}}), (Shape{2, 5}));
}

TEST(Models, RefuseAnUnknownNameWithTheNearestOne) {
  EXPECT_EQ(test::message_of<ArgumentError>([] { make_model("resnet-20-cifar"); }),
            "there is no model \"resnet-20-cifar\"; the nearest name is resnet20-cifar");
  EXPECT_THROW(model_info(""), ArgumentError);
}

TEST(Models, RefuseInputsTheyCannotTake) {
  EXPECT_THROW(make_model("lenet5", {.input = {1, 11, 28}}), ArgumentError);
  EXPECT_THROW(make_model("vgg11-cifar", {.input = {3, 28, 28}}), ArgumentError);
  EXPECT_THROW(make_model("lenet5", {.input = {28, 28}}), ArgumentError);
  EXPECT_THROW(make_model("lenet5", {.input = {0, 28, 28}}), ArgumentError);
  EXPECT_THROW(make_model("lenet5", {.classes = -1}), ArgumentError);
}

TEST(Models, RunOnTheirLeastInput) {
  for (const ModelInfo& info : image_models()) {
    std::unique_ptr<Module> model;
    int64_t least = 0;
    while (!model && ++least < 64) try {
        model = make_model(info.name, {.input = {1, least, least}});
      } catch (const ArgumentError&) {
      }
    ASSERT_TRUE(model) << info.name;
    model->set_training(false);
    const NoGradient inference;
    EXPECT_EQ(model->call(Variable(Tensor::zeros({1, 1, least, least}))).shape(), (Shape{1, info.classes}))
        << info.name;
  }
}

TEST(Models, StartFromTheSeedAlone) {
  const auto weights = [](uint64_t seed) {
    std::vector<float> all;
    make_model("lenet5", {.seed = seed})->visit_parameters([&](const std::string&, Parameter& p) {
      const std::vector<float> values = p.value().to_vector<float>();
      all.insert(all.end(), values.begin(), values.end());
    });
    return all;
  };
  EXPECT_EQ(weights(1), weights(1));
  EXPECT_NE(weights(1), weights(2));
}

}  // namespace
}  // namespace pith::nn
