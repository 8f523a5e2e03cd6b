#include "apps/training_options.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tensor/error.h"

namespace pith::apps {
namespace {

TrainingOptions lenet() {
  TrainingOptions o;
  o.model = "lenet5";
  return o;
}

TEST(TrainingOptions, FindTheDataSetThatTheModelSpeaksOf) {
  EXPECT_EQ(resolved(lenet()).data, "mnist");
  EXPECT_EQ(data_for_model("resnet20-cifar"), "cifar10");
  EXPECT_EQ(data_for_model("simplenet-mnist"), "mnist");
  EXPECT_EQ(data_for_model("mobilenet"), "");
}

TEST(TrainingOptions, TakeUnderscoresForHyphens) {
  TrainingOptions o;
  o.model = "resnet20_cifar";
  EXPECT_EQ(resolved(o).model, "resnet20-cifar");
}

TEST(TrainingOptions, ChooseTheRateByTheOptimizer) {
  EXPECT_EQ(resolved(lenet()).rate, 0.05);
  TrainingOptions o = lenet();
  o.optimizer = "adam";
  EXPECT_EQ(resolved(o).rate, 0.001);
}

TEST(TrainingOptions, RefuseWhatIsOutsideItsRange) {
  const double nan = std::nan(""), infinite = std::numeric_limits<double>::infinity();
  const auto refuses = [](auto change) {
    TrainingOptions o = lenet();
    change(o);
    EXPECT_THROW(resolved(o), ArgumentError);
  };
  for (const double rate : {nan, infinite, -0.1}) refuses([&](auto& o) { o.rate = rate; });
  for (const int64_t n : {int64_t{0}, int64_t{-3}}) {
    refuses([&](auto& o) { o.epochs = n; });
    refuses([&](auto& o) { o.batch_size = n; });
    refuses([&](auto& o) { o.evaluate_every = n; });
  }
  for (const double v : {nan, 1.0, -0.1}) {
    refuses([&](auto& o) { o.validation = v; });
    refuses([&](auto& o) { o.momentum = v; });
    refuses([&](auto& o) { o.label_smoothing = v; });
  }
  for (const double v : {nan, infinite, -1e-9}) {
    refuses([&](auto& o) { o.weight_decay = v; });
    refuses([&](auto& o) { o.clip_norm = v; });
  }
  refuses([](auto& o) { o.optimizer = "lion"; });
  refuses([](auto& o) { o.augment = "rotate"; });
  refuses([](auto& o) { o.rate_policy = "zigzag"; });
  refuses([](auto& o) { o.model = "lenet6000"; });
  refuses([](auto& o) { o.model = ""; });
  refuses([](auto& o) { o.nesterov = true, o.momentum = 0; });
}

TEST(TrainingOptions, ComeBackFromTheirFile) {
  TrainingOptions o = lenet();
  o.rate = 0.1 + 0.2;
  o.seed = std::numeric_limits<uint64_t>::max();
  o.nesterov = true;
  o = resolved(o);
  const TrainingOptions back = training_options_from_json(to_json(o), "config.json");
  EXPECT_EQ(to_json(back), to_json(o));
  EXPECT_EQ(back.rate, o.rate);
  EXPECT_EQ(back.seed, o.seed);
}

TEST(TrainingOptions, RefuseADamagedFile) {
  EXPECT_THROW(training_options_from_json("", "c"), FormatError);
  EXPECT_THROW(training_options_from_json("{\"format\": 1", "c"), FormatError);
  EXPECT_THROW(training_options_from_json("{\"format\": 2}", "c"), FormatError);
  std::string text = to_json(resolved(lenet()));
  text.replace(text.find("\"epochs\": 10"), 12, "\"epochs\": []");
  EXPECT_THROW(training_options_from_json(text, "c"), FormatError);
}

}  // namespace
}  // namespace pith::apps
