// A network with exits, evaluated as it is used: images leave where they are sure enough (nn/early_exit.h).
#pragma once

#include <string>
#include <vector>

#include "apps/evaluate.h"
#include "apps/summaries/table.h"
#include "nn/early_exit.h"

namespace pith::apps {

/// Throws ArgumentError unless the model has exits and there is one threshold for each, finite and at least 0.
void check_exit_thresholds(const std::string& model, const std::vector<double>& thresholds);
/// What --exit-loss-weights are for this model: those given, or 0.3 for each exit, or none without exits. Throws
/// ArgumentError for another number of them, one below 0, or a sum of 1 and more.
std::vector<double> resolved_exit_weights(const std::string& model, std::vector<double> weights);

/// Answers batches and counts who left where. The model outlives it and is in evaluation.
class ExitCounts {
 public:
  /// image: [c, h, w]. Throws ArgumentError for thresholds that do not fit.
  ExitCounts(nn::Module& model, std::vector<double> thresholds, const Shape& image);
  /// Logits [n, classes], each of the answer with which its image left.
  Tensor answer(const data::Batch& batch);

  /// A row an answer: exit, entropy below, images, share (percent), top1 (percent; null where nobody left), macs of one
  /// image. The total's macs are the mean over all images.
  Table table() const;
  double mean_macs() const;
  /// Of an image that goes all the way.
  int64_t most_macs() const { return macs_.back(); }

 private:
  nn::EarlyExits& network_;
  std::vector<double> thresholds_;
  std::vector<int64_t> macs_;
  std::vector<Score> scores_;
};

}  // namespace pith::apps
