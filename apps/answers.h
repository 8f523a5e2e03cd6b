// What a network answered, image by image: how well it knows each class, and where it was most confidently wrong.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/evaluate.h"
#include "apps/summaries/table.h"
#include "data/dataset.h"

namespace pith::apps {

/// An image that was taken for another class.
struct Mistake {
  int64_t image = 0;  ///< place in the data set
  int32_t label = 0, prediction = 0;
  double probability = 0;  ///< softmax of the prediction
};

/// The `keep` most confident mistakes of a data set whose images come in order.
class Mistakes {
 public:
  Mistakes(std::shared_ptr<const data::Dataset> images, int64_t keep) : images_(std::move(images)), keep_(keep) {}
  /// logits: f32 [n, classes], of the next n images. Equal logits fall to the lower class; where a
  /// wrong row is not finite its probability is 1.
  void add(const Tensor& logits);
  /// The most confident first; equal ones in the order of the images.
  const std::vector<Mistake>& worst() const { return worst_; }

 private:
  std::shared_ptr<const data::Dataset> images_;
  int64_t keep_, seen_ = 0;
  std::vector<Mistake> worst_;
};

/// What is known of one class from a confusion.
struct ClassScore {
  int64_t images = 0, correct = 0;
  int64_t confused_with = -1, confused = 0;  ///< the class that most of its images were wrongly taken for, and how many
  double top1() const { return images == 0 ? 0 : 100.0 * static_cast<double>(correct) / static_cast<double>(images); }
};
std::vector<ClassScore> class_scores(const Evaluation& evaluation);

/// class, images, correct, top1 (percent), mostly taken for, times.
Table class_table(const Evaluation& evaluation, const std::vector<std::string>& classes);
/// image, class, taken for, probability.
Table mistake_table(const std::vector<Mistake>& mistakes, const std::vector<std::string>& classes);

}  // namespace pith::apps
