// `pith classify`: pictures from the disk through a trained network, float and packed, and the pictures it refuses.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "data/image_file.h"
#include "tests/apps/program.h"
#include "tests/apps/tiny_data.h"

namespace pith {
namespace {

using test::Outcome;
using test::run_program;
using Json = nlohmann::json;

class ClassifyCommand : public testing::Test {
 protected:
  void SetUp() override {
    root_ = test::tiny_mnist(folder_, 600, 50);
    const Outcome o = run_program(folder_, test::tiny_training(root_, run_));
    ASSERT_EQ(o.code, 0) << o.err;
  }
  /// Digit i of the test set as a file.
  std::string picture(int64_t i) const {
    const auto set = data::draw_digits(600, 50, 7);
    const std::string path = folder_.file("digit" + std::to_string(i) + ".png");
    test::write_bytes(path, data::encode_png(data::interleaved(set->pixels(i), set->image_shape())));
    return path;
  }
  Json classified(const std::vector<std::string>& arguments) const {
    std::vector<std::string> all{"classify"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    all.insert(all.end(), {"--json"});
    const Outcome o = run_program(folder_, all);
    EXPECT_EQ(o.code, 0) << o.err;
    return Json::parse(o.out);
  }

  test::TemporaryDirectory folder_;
  std::string run_ = folder_.file("run"), root_;
};

TEST_F(ClassifyCommand, SaysWhatEvalSaysOfTheSameImages) {
  std::vector<std::string> arguments{run_};
  for (int64_t i = 0; i < 50; ++i) arguments.push_back(picture(i));
  const Json json = classified(arguments);
  ASSERT_EQ(json["images"].size(), 50u);
  int64_t correct = 0;
  for (size_t i = 0; i < 50; ++i) {
    const Json& top = json["images"][i]["top"];
    ASSERT_EQ(top.size(), 5u);
    for (size_t k = 1; k < 5; ++k) EXPECT_GE(top[k - 1]["probability"], top[k]["probability"]);
    EXPECT_EQ(top[0]["name"], std::to_string(top[0]["class"].get<int>()));
    correct += top[0]["class"] == static_cast<int>(i % 10);  // the series' labels
  }
  const Outcome e = run_program(folder_, {"eval", "--run", run_, "--json"});
  ASSERT_EQ(e.code, 0) << e.err;
  EXPECT_EQ(Json::parse(e.out)["correct"], correct);
}

TEST_F(ClassifyCommand, GivesProbabilitiesThatAddUpToOne) {
  const Json top = classified({run_, picture(3), "--top", "10"})["images"][0]["top"];
  double sum = 0;
  for (const Json& guess : top) sum += guess["probability"].get<double>();
  EXPECT_NEAR(sum, 1, 1e-12);
}

TEST_F(ClassifyCommand, TakesAPackedNetworkAndAFileOfWeights) {
  const std::string weights = run_ + "/checkpoints/best.safetensors", packed = folder_.file("packed.safetensors");
  const Outcome o = run_program(folder_, {"quantize", "--model", "lenet5", "--weights", weights, "--data", "mnist",
                                          "--data-root", root_, "--calibration", "40", "--quiet", "--out", packed});
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(classified({packed, picture(1)})["model"], "lenet5");
  const Json run = classified({run_, picture(1)}), file = classified({weights, picture(1), "--model", "lenet5"});
  EXPECT_EQ(run["images"], file["images"]);
}

TEST_F(ClassifyCommand, FitsPicturesOfOtherSizes) {
  const std::string wide = folder_.file("wide.ppm");
  test::write_text(wide, "P6 60 20 255\n" + std::string(3600, 'x'));
  EXPECT_EQ(classified({run_, wide})["images"][0]["top"].size(), 5u);
  EXPECT_EQ(classified({run_, wide, "--fit", "stretch"})["images"][0]["top"].size(), 5u);
}

TEST_F(ClassifyCommand, RefusesInOneSentence) {
  const auto refused = [&](const std::vector<std::string>& arguments, int code, const std::string& says) {
    std::vector<std::string> all{"classify"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const Outcome o = run_program(folder_, all);
    EXPECT_EQ(o.code, code) << o.err;
    EXPECT_TRUE(test::is_one_line(o.err)) << o.err;
    EXPECT_NE(o.err.find(says), std::string::npos) << o.err;
    EXPECT_EQ(o.out, "");
  };
  const std::string text = folder_.file("text.png"), empty = folder_.file("empty.png");
  test::write_text(text, "no picture");
  test::write_text(empty, "");
  refused({run_, picture(0), text}, 3, "text.png");
  refused({run_, empty}, 3, "empty");
  refused({run_, folder_.file("nowhere.png")}, 1, "nowhere.png");
  refused({run_ + "/checkpoints/best.safetensors", picture(0)}, 2, "--model");
  refused({run_, picture(0), "--top", "0"}, 2, "--top");
  refused({run_, picture(0), "--fit", "bend"}, 2, "--fit");
  refused({folder_.file("none"), picture(0)}, 1, "none");
  refused({run_ + "/checkpoints/best.safetensors", picture(0), "--model", "resnet20-cifar"}, 3, "best.safetensors");
}

/// Every hostile picture of the data: refused in one sentence or classified, never a crash.
TEST_F(ClassifyCommand, SurvivesHostilePictures) {
  const char* const data = std::getenv("PITH_DATA");
  if (data == nullptr) GTEST_SKIP() << "PITH_DATA is not set";
  int64_t seen = 0;
  for (const char* kind : {"bmp-bad", "jpeg-bad", "tga-bad"}) {
    const std::filesystem::path folder = std::filesystem::path(data) / "images" / kind;
    if (!std::filesystem::is_directory(folder)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      if (!entry.is_regular_file()) continue;
      ++seen;
      const Outcome o = run_program(folder_, {"classify", run_, entry.path().string()});
      EXPECT_TRUE(o.code == 0 || (o.code == 3 && test::is_one_line(o.err))) << entry.path() << o.code << o.err;
    }
  }
  if (seen == 0) GTEST_SKIP() << "PITH_DATA holds no images";
}

}  // namespace
}  // namespace pith
