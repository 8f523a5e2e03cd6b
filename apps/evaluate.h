// How good a model is on a data set: loss, top-1, top-5 and the confusion of classes.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "data/loader.h"
#include "nn/module.h"

namespace pith::apps {

/// Sums over samples; adding in the order of batches makes them the same on every run.
struct Score {
  int64_t seen = 0, correct = 0, correct5 = 0;
  double loss_sum = 0;
  double loss() const { return loss_sum / static_cast<double>(seen); }
  double top1() const { return 100.0 * static_cast<double>(correct) / static_cast<double>(seen); }  ///< percent
  double top5() const { return 100.0 * static_cast<double>(correct5) / static_cast<double>(seen); }
  bool operator==(const Score&) const = default;
};

/// Adds one batch to `score`: logits f32 [n, classes] in either order, labels s32 [n]. Equal logits fall to the lower
/// class, as in PyTorch; a logit that is not a number is never right. The loss is softmax cross entropy.
void add_batch(Score& score, const Tensor& logits, const Tensor& labels);

/// Score <-> the four numbers that a checkpoint keeps of it; no numbers are an empty score. Throws FormatError for
/// another count.
std::vector<double> numbers_of(const Score& score);
Score score_from(const std::vector<double>& numbers);

struct Evaluation {
  Score score;
  int64_t classes = 0;
  std::vector<int64_t> confusion;  ///< [label][prediction]
  double seconds = 0;
  double images_per_second() const { return static_cast<double>(score.seen) / seconds; }
};

/// Called after every batch with its number (from 1) and logits; may throw to stop.
using OnBatch = std::function<void(int64_t batch, const Tensor& logits, const Score& so_far)>;

/// Logits f32 [n, classes] of a batch.
using Answer = std::function<Tensor(const data::Batch& batch)>;

/// Runs the whole loader through the model in evaluation mode, without gradients; the mode is restored.
Evaluation evaluate(nn::Module& model, data::Loader& loader, const OnBatch& on_batch = nullptr);
/// The same with another way to answer than model.call().
Evaluation evaluate(nn::Module& model, data::Loader& loader, const Answer& answer, const OnBatch& on_batch);

}  // namespace pith::apps
