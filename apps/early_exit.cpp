#include "apps/early_exit.h"

#include <fmt/format.h>

#include <numeric>

#include "apps/checks.h"
#include "nn/models.h"

namespace pith::apps {
namespace {

constexpr double kExitWeight = 0.3;

std::string models_with_exits() {
  std::string names;
  for (const nn::ModelInfo& m : nn::image_models())
    if (m.exits > 0) names += (names.empty() ? "" : ", ") + m.name;
  return names;
}

/// One value an exit, each finite and at least 0.
void check_values(const char* option, const nn::ModelInfo& model, const std::vector<double>& values) {
  if (model.exits == 0)
    throw ArgumentError(
        fmt::format("{} needs a network with exits ({}), {} has none", option, models_with_exits(), model.name));
  if (std::ssize(values) != model.exits)
    throw ArgumentError(
        fmt::format("{} takes {} numbers for {}, one an exit, not {}", option, model.exits, model.name, values.size()));
  for (const double v : values) check_not_negative(option, v);
}

}  // namespace

void check_exit_thresholds(const std::string& model, const std::vector<double>& thresholds) {
  check_values("--exit-thresholds", nn::model_info(model), thresholds);
}

std::vector<double> resolved_exit_weights(const std::string& model, std::vector<double> weights) {
  const nn::ModelInfo& info = nn::model_info(model);
  if (weights.empty()) return std::vector<double>(static_cast<size_t>(info.exits), kExitWeight);
  check_values("--exit-loss-weights", info, weights);
  check_within("the sum of --exit-loss-weights", std::accumulate(weights.begin(), weights.end(), 0.0), 0, 1);
  return weights;
}

ExitCounts::ExitCounts(nn::Module& model, std::vector<double> thresholds, const Shape& image)
    : network_(dynamic_cast<nn::EarlyExits&>(model)),
      thresholds_(std::move(thresholds)),
      macs_(nn::macs_by_exit(model, image)),
      scores_(macs_.size()) {}

Tensor ExitCounts::answer(const data::Batch& batch) {
  nn::EarlyAnswers answers = nn::answer_early(network_, batch.images, thresholds_);
  const int64_t classes = answers.logits.shape()[1];
  const std::vector<float> logits = answers.logits.to_vector<float>();
  const std::vector<int32_t> labels = batch.labels.to_vector<int32_t>();
  for (size_t exit = 0; exit < scores_.size(); ++exit) {
    std::vector<float> own;
    std::vector<int32_t> own_labels;
    for (size_t i = 0; i < labels.size(); ++i) {
      if (answers.exit[i] != static_cast<int64_t>(exit)) continue;
      const auto row = logits.begin() + static_cast<int64_t>(i) * classes;
      own.insert(own.end(), row, row + classes);
      own_labels.push_back(labels[i]);
    }
    const int64_t images = std::ssize(own_labels);
    if (images > 0) add_batch(scores_[exit], Tensor::from(own, {images, classes}), Tensor::from(own_labels, {images}));
  }
  return std::move(answers.logits);
}

double ExitCounts::mean_macs() const {
  double sum = 0;
  int64_t images = 0;
  for (size_t i = 0; i < scores_.size(); ++i) {
    sum += static_cast<double>(scores_[i].seen) * static_cast<double>(macs_[i]);
    images += scores_[i].seen;
  }
  return sum / static_cast<double>(images);
}

Table ExitCounts::table() const {
  Table t{.title = "exits", .columns = {"exit", "entropy below", "images", "share", "top1", "macs"}};
  Score all;
  for (const Score& s : scores_) {
    all.seen += s.seen;
    all.correct += s.correct;
  }
  for (size_t i = 0; i < scores_.size(); ++i) {
    const Score& s = scores_[i];
    const bool last = i == thresholds_.size();
    t.rows.push_back({last ? "end" : fmt::format("exit{}", i + 1), last ? Json() : Json(thresholds_[i]), s.seen,
                      100 * static_cast<double>(s.seen) / static_cast<double>(all.seen),
                      s.seen > 0 ? Json(s.top1()) : Json(), macs_[i]});
  }
  t.total = {"all", Json(), all.seen, 100.0, all.top1(), mean_macs()};
  return t;
}

}  // namespace pith::apps
