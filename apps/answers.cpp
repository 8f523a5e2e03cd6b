#include "apps/answers.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace pith::apps {
namespace {

/// Softmax of the greatest logit; 1 where the row is not finite.
double confidence(std::span<const float> row) {
  const double largest = *std::max_element(row.begin(), row.end());
  double sum = 0;
  for (const float x : row) sum += std::exp(x - largest);
  return std::isfinite(sum) ? 1 / sum : 1;
}

const std::string& name_of(const std::vector<std::string>& classes, int64_t c) {
  return classes[static_cast<size_t>(c)];
}

}  // namespace

void Mistakes::add(const Tensor& logits) {
  const int64_t rows = logits.shape()[0], classes = logits.shape()[1];
  const std::vector<float> values = logits.to_vector<float>();
  for (int64_t i = 0; i < rows; ++i, ++seen_) {
    const auto row = std::span(values).subspan(static_cast<size_t>(i * classes), static_cast<size_t>(classes));
    const auto prediction = static_cast<int32_t>(std::max_element(row.begin(), row.end()) - row.begin());
    const int32_t label = images_->label(seen_);
    if (prediction != label) worst_.push_back({seen_, label, prediction, confidence(row)});
  }
  std::stable_sort(worst_.begin(), worst_.end(),
                   [](const Mistake& a, const Mistake& b) { return a.probability > b.probability; });
  if (std::ssize(worst_) > keep_) worst_.resize(static_cast<size_t>(keep_));
}

std::vector<ClassScore> class_scores(const Evaluation& e) {
  std::vector<ClassScore> all(static_cast<size_t>(e.classes));
  for (int64_t label = 0; label < e.classes; ++label) {
    ClassScore& c = all[static_cast<size_t>(label)];
    for (int64_t p = 0; p < e.classes; ++p) {
      const int64_t count = e.confusion[static_cast<size_t>(label * e.classes + p)];
      c.images += count;
      if (p == label) c.correct = count;
      if (p != label && count > c.confused) c.confused_with = p, c.confused = count;
    }
  }
  return all;
}

Table class_table(const Evaluation& e, const std::vector<std::string>& classes) {
  Table t{.title = "classes", .columns = {"class", "images", "correct", "top1", "mostly taken for", "times"}};
  const std::vector<ClassScore> scores = class_scores(e);
  for (size_t c = 0; c < scores.size(); ++c) {
    const ClassScore& s = scores[c];
    t.rows.push_back({classes[c], s.images, s.correct, s.images == 0 ? Json() : Json(s.top1()),
                      s.confused_with < 0 ? Json() : Json(name_of(classes, s.confused_with)), s.confused});
  }
  return t;
}

Table mistake_table(const std::vector<Mistake>& mistakes, const std::vector<std::string>& classes) {
  Table t{.title = "worst", .columns = {"image", "class", "taken for", "probability"}};
  for (const Mistake& m : mistakes)
    t.rows.push_back({m.image, name_of(classes, m.label), name_of(classes, m.prediction), m.probability});
  return t;
}

}  // namespace pith::apps
