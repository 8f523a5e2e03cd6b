// `pith pack`: what it measures is there, what it chooses follows from what it shows, and what it writes is that.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "apps/format_choice.h"
#include "nn/checkpoint.h"
#include "nn/models.h"
#include "nn/packed_network.h"
#include "tests/apps/program.h"
#include "tests/apps/tiny_data.h"

namespace pith {
namespace {

using test::Outcome;
using test::run_program;
using Json = nlohmann::json;

class PackCommand : public testing::Test {
 protected:
  void SetUp() override {
    root_ = test::tiny_mnist(folder_);
    const Outcome o = run_program(folder_, test::tiny_training(root_, folder_.file("run")));
    ASSERT_EQ(o.code, 0) << o.err;
    weights_ = folder_.file("run/checkpoints/best.safetensors");
  }
  /// Its weights with `sparsity` of conv2 and of fc1 set to zero, no mask.
  std::string pruned(double sparsity) const {
    const auto model = nn::make_model("lenet5");
    nn::load_weights(weights_, *model);
    model->visit_parameters([&](const std::string& name, nn::Parameter& p) {
      if (name != "conv2.weight" && name != "fc1.weight") return;
      Tensor w = p.value().clone();
      for (int64_t i = 0; i < w.numel(); ++i)
        if (i * 7919 % 1000 < static_cast<int64_t>(sparsity * 1000)) w.mutable_data<float>()[i] = 0;
      p.load(w);
    });
    nn::save_checkpoint(folder_.file("pruned.safetensors"), *model, nullptr, nullptr);
    return folder_.file("pruned.safetensors");
  }
  std::vector<std::string> pack(const std::string& weights, const std::vector<std::string>& more) const {
    std::vector<std::string> a{"pack",
                               "--model",
                               "lenet5",
                               "--weights",
                               weights,
                               "--data",
                               "mnist",
                               "--data-root",
                               root_,
                               "--out",
                               folder_.file("out.safetensors"),
                               "--calibration",
                               "40",
                               "--quiet"};
    a.insert(a.end(), more.begin(), more.end());
    return a;
  }
  Json packed(const std::string& weights, std::vector<std::string> more) const {
    more.emplace_back("--json");
    const Outcome o = run_program(folder_, pack(weights, more));
    EXPECT_EQ(o.code, 0) << o.err;
    return Json::parse(o.out);
  }
  Json evaluated(const std::vector<std::string>& more) const {
    std::vector<std::string> a{"eval", "--weights", folder_.file("out.safetensors"), "--data", "mnist", "--data-root",
                               root_,  "--json"};
    a.insert(a.end(), more.begin(), more.end());
    const Outcome o = run_program(folder_, a);
    EXPECT_EQ(o.code, 0) << o.err;
    return Json::parse(o.out);
  }

  test::TemporaryDirectory folder_;
  std::string root_, weights_;
};

const Json& form(const Json& document, const std::string& name) {
  for (const Json& f : document.at("forms"))
    if (f.at("form") == name) return f;
  ADD_FAILURE() << "no " << name << " in " << document.at("forms").dump();
  return document;
}

TEST_F(PackCommand, WritesTheSmallestFormWithinThePoints) {
  const Json d = packed(weights_, {"--budget-points", "100"});
  EXPECT_EQ(d.at("chosen"), "bits a layer");
  EXPECT_EQ(d.at("bytes"), std::filesystem::file_size(folder_.file("out.safetensors")));
  EXPECT_LT(d.at("bytes"), form(d, "8 bits").at("bytes"));
  EXPECT_EQ(form(d, "f32").at("bytes"), 61706 * 4);
  for (const Json& layer : d.at("layers")) EXPECT_LT(layer.at("bits"), 8) << layer;
  EXPECT_EQ(evaluated({}).at("model"), "lenet5");
}

TEST_F(PackCommand, WritesTheFastestAndShowsWhy) {
  const Json d = packed(pruned(0.9), {"--for", "time", "--batch-size", "32", "--budget-points", "100"});
  double fastest = form(d, "f32").at("us").at("median");
  std::string best = "f32";
  for (const Json& f : d.at("forms")) {
    EXPECT_GT(f.at("us").at("best"), 0);
    if (f.at("us").at("median") >= fastest) continue;
    fastest = f.at("us").at("median");
    best = f.at("form");
  }
  EXPECT_EQ(d.at("chosen"), best);
  for (const Json& layer : d.at("layers")) EXPECT_EQ(layer.at("bits"), best.starts_with("f32") ? 32 : 8) << layer;
  ASSERT_EQ(d.at("layers").size(), 5U);
  const Json &first = d.at("layers")[0], &pruned = d.at("layers")[1];
  EXPECT_TRUE(first.at("us_f32_kept").is_null());
  EXPECT_TRUE(first.at("us_s8_blocks").is_null());
  EXPECT_NEAR(pruned.at("density"), 0.1, 1e-2);
  EXPECT_LT(pruned.at("blocks"), 1);
  for (const char* key : {"us_f32", "us_f32_kept", "us_s8", "us_s8_blocks"})
    EXPECT_GT(pruned.at(key).at("median"), 0) << key;
}

TEST_F(PackCommand, WritesRealWeightsAsMaskedAsTheyAre) {
  apps::QuantizationOptions o;
  o.model = "lenet5";
  o.data = "mnist";
  o.data_root = root_;
  o.weights = pruned(0.9);
  apps::write_real(o, folder_.file("out.safetensors"));
  const auto before = nn::make_model("lenet5"), after = nn::make_model("lenet5");
  nn::load_weights(o.weights, *before);
  nn::load_weights(folder_.file("out.safetensors"), *after);
  std::map<std::string, std::vector<float>> values;
  before->visit_parameters([&](const std::string& n, nn::Parameter& p) { values[n] = p.value().to_vector<float>(); });
  after->visit_parameters([&](const std::string& n, nn::Parameter& p) {
    EXPECT_EQ(p.value().to_vector<float>(), values.at(n)) << n;
    EXPECT_EQ(p.mask() != nullptr, n == "conv2.weight" || n == "fc1.weight") << n;
  });
  EXPECT_EQ(evaluated({"--model", "lenet5"}).at("model"), "lenet5");
}

TEST(FormatChoice, TakesTheCheapestThatLosesNoMoreThanThePoints) {
  using apps::Form;
  const std::vector<apps::NetworkFormat> forms = {{Form::f32, 400, 90, {.best = 9, .median = 10, .runs = 1}},
                                                  {Form::f32_kept, 150, 90, {.best = 4, .median = 4, .runs = 1}},
                                                  {Form::s8, 100, 89.5, {.best = 2, .median = 5, .runs = 1}},
                                                  {Form::s8_blocks, 100, 89.5, {.best = 2, .median = 3, .runs = 1}},
                                                  {Form::bits, 40, 88, {.best = 3, .median = 5, .runs = 1}}};
  EXPECT_EQ(apps::best_form(forms, 0, false), 1U);
  EXPECT_EQ(apps::best_form(forms, 0.5, false), 2U);
  EXPECT_EQ(apps::best_form(forms, 2, false), 4U);
  EXPECT_EQ(apps::best_form(forms, 0.4, true), 1U);
  EXPECT_EQ(apps::best_form(forms, 0.5, true), 3U);
  EXPECT_EQ(apps::best_form({forms.data(), 1}, 0, true), 0U);
}

TEST_F(PackCommand, RefusesWhatItCannotPack) {
  const auto refused = [&](const std::vector<std::string>& more, int code, const std::string& says) {
    test::expect_refused(folder_, pack(weights_, more), code, says);
  };
  refused({"--for", "size"}, 2, "--for takes bytes or time");
  refused({"--batch-size", "0"}, 2, "--batch-size");
  refused({"--budget-points", "-1"}, 2, "--budget-points takes 0 to 100");
  refused({"--run", folder_.file("run")}, 2, "--weights FILE or --run RUN");
  refused({"--clip", "tight"}, 2, "tight");
  ASSERT_EQ(run_program(folder_, {"quantize", "--run", folder_.file("run"), "--calibration", "40", "--keep-float",
                                  "--out", folder_.file("start.safetensors"), "--quiet"})
                .code,
            0);
  std::vector<std::string> on = test::tiny_training(root_, folder_.file("on"));
  on.insert(on.end(), {"--init", folder_.file("start.safetensors")});
  const Outcome trained = run_program(folder_, on);
  ASSERT_EQ(trained.code, 0) << trained.err;
  test::expect_refused(folder_, {"pack", "--run", folder_.file("on"), "--out", folder_.file("out.safetensors")}, 3,
                       "found one in whole numbers");
  ASSERT_EQ(run_program(folder_, pack(weights_, {})).code, 0);
  test::expect_refused(folder_, pack(folder_.file("out.safetensors"), {}), 2, "is a packed network");
}

}  // namespace
}  // namespace pith
