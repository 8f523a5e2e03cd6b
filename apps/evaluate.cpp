#include "apps/evaluate.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <span>

#include "tensor/error.h"

namespace pith::apps {
namespace {

using Row = std::span<const float>;

/// Classes that come before `label` when sorted by logit, ties by index; all of them where its logit is NaN.
int64_t rank(Row logits, int32_t label) {
  const float own = logits[label];
  int64_t before = 0;
  for (int64_t j = 0; j < std::ssize(logits); ++j) {
    if (j != label && (j < label ? !(logits[j] < own) : !(logits[j] <= own))) ++before;
  }
  return before;
}

double cross_entropy(Row logits, int32_t label) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float x : logits) sum += std::exp(x - largest);
  return std::log(sum) + largest - logits[label];
}

Row row_of(const std::vector<float>& values, int64_t row, int64_t classes) {
  return Row(values).subspan(static_cast<size_t>(row * classes), static_cast<size_t>(classes));
}

void add_confusion(Evaluation& e, const Tensor& logits, const Tensor& labels) {
  e.classes = logits.shape()[1];
  e.confusion.resize(static_cast<size_t>(e.classes * e.classes));
  const std::vector<float> values = logits.to_vector<float>();
  const std::vector<int32_t> truth = labels.to_vector<int32_t>();
  for (int64_t i = 0; i < std::ssize(truth); ++i) {
    const Row row = row_of(values, i, e.classes);
    ++e.confusion[truth[i] * e.classes + (std::max_element(row.begin(), row.end()) - row.begin())];
  }
}

/// Evaluation mode while it lives.
class EvaluationMode {
 public:
  explicit EvaluationMode(nn::Module& model) : model_(model), before_(model.training()) { model_.set_training(false); }
  ~EvaluationMode() { model_.set_training(before_); }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  nn::Module& model_;
  bool before_;
};

}  // namespace

void add_batch(Score& score, const Tensor& logits, const Tensor& labels) {
  const int64_t classes = logits.shape()[1];
  const std::vector<float> values = logits.to_vector<float>();
  const std::vector<int32_t> truth = labels.to_vector<int32_t>();
  for (int64_t i = 0; i < std::ssize(truth); ++i) {
    const Row row = row_of(values, i, classes);
    const int64_t before = rank(row, truth[i]);
    score.correct += before < 1;
    score.correct5 += before < 5;
    score.loss_sum += cross_entropy(row, truth[i]);
  }
  score.seen += std::ssize(truth);
}

std::vector<double> numbers_of(const Score& s) {
  return {s.loss_sum, static_cast<double>(s.correct), static_cast<double>(s.correct5), static_cast<double>(s.seen)};
}

Score score_from(const std::vector<double>& numbers) {
  if (numbers.empty()) return {};
  if (numbers.size() != 4) {
    throw FormatError("checkpoint: expected 4 running sums, found " + std::to_string(numbers.size()));
  }
  const auto whole = [&](int i) { return static_cast<int64_t>(numbers[i]); };
  return {whole(3), whole(1), whole(2), numbers[0]};
}

Evaluation evaluate(nn::Module& model, data::Loader& loader, const OnBatch& on_batch) {
  return evaluate(
      model, loader, [&](const data::Batch& b) { return model.call(Variable(b.images)).value(); }, on_batch);
}

Evaluation evaluate(nn::Module& model, data::Loader& loader, const Answer& answer, const OnBatch& on_batch) {
  const NoGradient no_gradient;
  const EvaluationMode mode(model);
  const auto start = std::chrono::steady_clock::now();
  Evaluation e;
  loader.start(0);
  for (int64_t b = 1; b <= loader.batches(); ++b) {
    const data::Batch batch = loader.next();
    const Tensor logits = answer(batch);
    add_batch(e.score, logits, batch.labels);
    add_confusion(e, logits, batch.labels);
    if (on_batch) on_batch(b, logits, e.score);
  }
  e.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return e;
}

}  // namespace pith::apps
