// The report of one run in full: a real run of LeNet-5 on drawn digits, pruned, studied, quantized, measured.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "apps/charts/line_chart.h"
#include "apps/run_report/html.h"
#include "apps/run_report/mask_picture.h"
#include "apps/run_report/sensitivity_study.h"
#include "data/image_file.h"
#include "tensor/error.h"
#include "tests/apps/program.h"
#include "tests/apps/tiny_data.h"

namespace pith::apps {
namespace {

using test::Outcome;
using test::run_program;
using Json = nlohmann::json;

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto* const first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}

TEST(Base64, EqualsRfc4648) {
  EXPECT_EQ(base64({}), "");
  EXPECT_EQ(base64(bytes_of("f")), "Zg==");
  EXPECT_EQ(base64(bytes_of("fo")), "Zm8=");
  EXPECT_EQ(base64(bytes_of("foo")), "Zm9v");
  EXPECT_EQ(base64(bytes_of("foob")), "Zm9vYg==");
  EXPECT_EQ(base64(bytes_of("foobar")), "Zm9vYmFy");
  EXPECT_EQ(base64(bytes_of("\xff\xfe\xfb")), "//77");
}

TEST(MaskPicture, ShowsWhatIsKeptDark) {
  const Tensor w = Tensor::from(std::vector<float>{0, 2, 0, -1, 0, 0}, Shape{2, 3});
  const data::Image image = data::decode_image(mask_picture(w), 1, "mask");
  EXPECT_EQ(image.height, 2);
  EXPECT_EQ(image.width, 3);
  EXPECT_EQ(image.pixels, (std::vector<uint8_t>{255, 0, 255, 0, 255, 255}));
}

TEST(MaskPicture, AveragesWhatIsTooLarge) {
  std::vector<float> values(512 * 2, 0.0F);
  for (size_t i = 0; i < values.size(); i += 4) values[i] = 1;  // every second row, one of its two columns
  const data::Image image = data::decode_image(mask_picture(Tensor::from(values, Shape{512, 1, 1, 2})), 1, "mask");
  EXPECT_EQ(image.height, 256);
  EXPECT_EQ(image.width, 2);
  EXPECT_EQ(image.pixels[0], 128);  // one of two kept
  EXPECT_EQ(image.pixels[1], 255);
}

TEST(ParetoFront, LeavesOutWhatAnotherBeatsInBoth) {
  const std::vector<Series> points{{"a", {{1, 50}}}, {"b", {{2, 40}}},  {"c", {{3, 60}}},
                                   {"d", {{3, 55}}}, {"e", {{4, NAN}}}, {"f", {{5, 60}}}};
  EXPECT_EQ(pareto_front(points), (std::vector<std::pair<double, double>>{{1, 50}, {3, 60}}));
}

TEST(SensitivityStudy, ReadsWhatSenseWrites) {
  const test::TemporaryDirectory folder;
  const std::string path = folder.file("sensitivity.csv"), head = "parameter,sparsity,top1,top5,loss\n";
  test::write_text(path,
                   head + "b,0,90,99,1\nb,0.5,80,99,1\na,b,0,70,99,1\na,b,0.9,6");  // a name with a comma, a cut line
  const auto s = read_sensitivity(path);
  EXPECT_EQ(s->weights, (std::vector<std::string>{"b", "a,b"}));
  EXPECT_EQ(s->levels, (std::vector<double>{0, 0.5}));
  EXPECT_EQ(s->top1[0], (std::vector<double>{90, 80}));
  EXPECT_EQ(s->top1[1][0], 70);
  EXPECT_TRUE(std::isnan(s->top1[1][1]));
  const auto refused = [&](const std::string& text, const std::string& says) {
    test::write_text(path, text);
    EXPECT_NE(test::message_of<FormatError>([&] { read_sensitivity(path); }).find(says), std::string::npos) << text;
  };
  refused("something,else\n", ":1:");
  refused(head, "found none");
  refused(head + "a,0,90\n", ":2:");
  refused(head + "a,0,ninety,99,1\n", "expected a number");
  refused(head + "a,nan,90,99,1\n", "expected a number");
}

class FullReport : public testing::Test {
 protected:
  void SetUp() override {
    root_ = test::tiny_mnist(folder_, 300, 60);
    const std::string schedule = folder_.file("schedule.yaml");
    test::write_text(schedule,
                     "version: 1\npruners:\n  p:\n    class: AutomatedGradualPruner\n    initial_sparsity: 0.1\n"
                     "    final_sparsity: 0.6\n    weights: ['/.*weight/']\npolicies:\n  - pruner:\n"
                     "      instance_name: p\n    starting_epoch: 0\n    ending_epoch: 2\n    frequency: 1\n");
    run_ok(test::tiny_training(root_, run_, {"--compress", schedule}));
  }
  Outcome run_ok(const std::vector<std::string>& arguments) const {
    Outcome o = run_program(folder_, arguments);
    EXPECT_EQ(o.code, 0) << o.err;
    return o;
  }
  std::string packed() const {
    const std::string out = folder_.file("packed.safetensors");
    run_ok({"quantize", "--model", "lenet5", "--weights", run_ + "/checkpoints/best.safetensors", "--data", "mnist",
            "--data-root", root_, "--calibration", "40", "--clip", "mse", "--quiet", "--out", out});
    return out;
  }
  test::TemporaryDirectory folder_;
  std::string run_ = folder_.file("run"), root_;
};

TEST_F(FullReport, TellsEverythingAndAgreesWithEval) {
  const std::string weights = run_ + "/checkpoints/best.safetensors", quantized = packed();
  run_ok({"sense", "--model", "lenet5", "--weights", weights, "--data", "mnist", "--data-root", root_, "--subset", "20",
          "--levels", "0,0.5", "--quiet", "--out", folder_.file("sense")});
  const Json json = Json::parse(
      run_ok({"report", run_, "--packed", quantized, "--sensitivity", folder_.file("sense/sensitivity.csv"), "--json"})
          .out);
  EXPECT_LE(json["bytes"], 500000);
  const Json& forms = json["runs"][0]["forms"];
  ASSERT_EQ(forms.size(), 3u);  // dense kernels, masked, packed
  EXPECT_EQ(forms[2]["bytes"].get<uintmax_t>(), std::filesystem::file_size(quantized));
  for (const auto& [form, file] : {std::pair(1, weights), std::pair(2, quantized)}) {
    const Json e = Json::parse(
        run_ok({"eval", "--weights", file, "--model", "lenet5", "--data", "mnist", "--data-root", root_, "--json"})
            .out);
    EXPECT_EQ(forms[static_cast<size_t>(form)]["top1"], e["top1"]);
  }
  const std::string page = test::read_text(run_ + "/report.html");
  for (const char* words : {"Forms of this network", "Latency by layer", "Masks", "Sensitivity by weight",
                            "Weights and their", "Activations and their", "Confusion", "Accuracy by class",
                            "Most confidently wrong", "--seed 3", "final_sparsity: 0.6", "img-src data:", "<caption>"})
    EXPECT_NE(page.find(words), std::string::npos) << words;
}

TEST_F(FullReport, EvalShowsClassesAndMistakes) {
  const Json e = Json::parse(run_ok({"eval", "--run", run_, "--worst", "4", "--json"}).out);
  ASSERT_EQ(e["classes"].size(), 10u);
  int64_t images = 0, correct = 0;
  for (const Json& c : e["classes"]) images += c["images"].get<int64_t>(), correct += c["correct"].get<int64_t>();
  EXPECT_EQ(images, 60);
  EXPECT_EQ(e["correct"], correct);
  EXPECT_LE(e["worst"].size(), 4u);
  for (const Json& w : e["worst"]) EXPECT_EQ(w["class"], std::to_string(w["image"].get<int>() % 10));
  const std::string text = run_ok({"eval", "--run", run_, "--worst", "2", "--confusion"}).out;
  for (const char* words : {"confusion", "by class", "mostly taken for", "most confidently wrong"})
    EXPECT_NE(text.find(words), std::string::npos) << text;
}

TEST_F(FullReport, ShowsTheCrossoverAsAPicture) {
  const std::string svg = folder_.file("crossover.svg"), words = "<svg xmlns=\"http://www.w3.org/2000/svg\"/>";
  test::write_text(svg, words);
  run_ok({"report", run_, "--no-latency", "--no-evaluation", "--crossover", svg});
  EXPECT_NE(test::read_text(run_ + "/report.html").find("src=\"data:image/svg+xml;base64," + base64(bytes_of(words))),
            std::string::npos);
}

TEST_F(FullReport, SurvivesWithoutItsData) {
  std::filesystem::remove_all(root_);
  const Outcome o = run_ok({"report", run_});
  EXPECT_NE(test::read_text(run_ + "/report.html").find("No latency of run"), std::string::npos);
}

TEST_F(FullReport, RefusesInOneSentence) {
  const auto refused = [&](std::vector<std::string> arguments, int code, const std::string& says) {
    arguments.insert(arguments.begin(), "report");
    const Outcome o = run_program(folder_, arguments);
    EXPECT_EQ(o.code, code) << o.err;
    EXPECT_TRUE(test::is_one_line(o.err)) << o.err;
    EXPECT_NE(o.err.find(says), std::string::npos) << o.err;
    EXPECT_EQ(o.out, "");
  };
  const std::string weights = run_ + "/checkpoints/best.safetensors";
  refused({run_, "--packed", weights, "--quiet"}, 3, "best.safetensors");
  refused({run_, run_, "--packed", weights}, 2, "--packed");
  refused({run_, "--images", "-1"}, 2, "--images");
  refused({run_, "--crossover", weights, "--quiet"}, 1, "best.safetensors");  // too large to be looked at
  refused({run_, "--crossover", run_ + "/config.json", "--quiet"}, 3, "expected an SVG");
  refused({run_, "--no-latency", "--no-evaluation", "--sensitivity", folder_.file("none.csv")}, 1, "none.csv");
  refused({run_, "--no-latency", "--no-evaluation", "--out", folder_.path() + "/none/r.html"}, 1, "none/r.html");
  std::filesystem::create_directory(folder_.path() + "/taken");
  refused({run_, "--no-latency", "--no-evaluation", "--out", folder_.path() + "/taken"}, 1, "taken");
}

}  // namespace
}  // namespace pith::apps
