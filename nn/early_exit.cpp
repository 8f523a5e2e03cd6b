#include "nn/early_exit.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "autograd/ops/arithmetic.h"
#include "autograd/ops/softmax_loss.h"
#include "nn/compute.h"
#include "nn/layers/linear.h"
#include "nn/layers/pool.h"
#include "tensor/error.h"

namespace pith::nn {
namespace {

constexpr int64_t kLanes = 16;  ///< images from which on kernels compute each image as in any larger batch

double entropy(std::span<const float> logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0, weighted = 0;  // of e^z, and of z e^z
  for (const float logit : logits) {
    const double z = logit - largest, e = std::exp(z);
    sum += e;
    weighted += e == 0 ? 0 : z * e;
  }
  return std::log(sum) - weighted / sum;
}

/// These rows of x, then zeros up to `count` rows; plain.
Tensor rows_of(const Tensor& x, std::span<const int64_t> rows, int64_t count) {
  const Tensor from = x.contiguous();
  std::vector<int64_t> extents(from.shape().extents().begin(), from.shape().extents().end());
  const int64_t each = from.numel() / extents[0];
  extents[0] = count;
  Tensor to = Tensor::zeros(Shape(extents));
  for (size_t i = 0; i < rows.size(); ++i)
    std::memcpy(to.mutable_data<float>() + static_cast<int64_t>(i) * each, from.data<float>() + rows[i] * each,
                static_cast<size_t>(each) * sizeof(float));
  return to;
}

/// A batch on its way: which images are still in it, and what those that left took along.
class Passage {
 public:
  explicit Passage(int64_t images) : exit_(static_cast<size_t>(images), -1), in_lanes_(images >= kLanes) {
    for (int64_t i = 0; i < images; ++i) alive_.push_back(i);
  }

  bool is_empty() const { return alive_.empty(); }
  /// Lets images go whose entropy is below the threshold, and returns x of the others.
  Tensor let_go(int64_t exit, const Tensor& logits, double threshold, const Tensor& x) {
    const std::vector<float> values = logits.to_vector<float>();
    const size_t classes = static_cast<size_t>(logits.shape()[1]);
    std::vector<int64_t> staying, rows;
    for (size_t i = 0; i < alive_.size(); ++i) {
      const std::span<const float> row(values.data() + i * classes, classes);
      if (entropy(row) < threshold) {
        leave(alive_[i], exit, row);
      } else {
        staying.push_back(alive_[i]);
        rows.push_back(static_cast<int64_t>(i));
      }
    }
    const bool all_stay = staying.size() == alive_.size();
    alive_ = std::move(staying);
    if (all_stay || is_empty()) return x;
    return rows_of(x, rows, in_lanes_ ? std::max(kLanes, std::ssize(rows)) : std::ssize(rows));
  }
  /// All that are left take the last answer.
  EarlyAnswers finish(int64_t last, const Tensor& logits) {
    if (!is_empty()) {
      const std::vector<float> values = logits.to_vector<float>();
      const size_t classes = static_cast<size_t>(logits.shape()[1]);
      for (size_t i = 0; i < alive_.size(); ++i) leave(alive_[i], last, {values.data() + i * classes, classes});
    }
    const int64_t images = std::ssize(exit_);
    return {Tensor::from(logits_, {images, std::ssize(logits_) / images}), exit_};
  }

 private:
  void leave(int64_t image, int64_t exit, std::span<const float> logits) {
    logits_.resize(exit_.size() * logits.size());
    std::copy(logits.begin(), logits.end(), logits_.begin() + image * std::ssize(logits));
    exit_[static_cast<size_t>(image)] = exit;
  }

  std::vector<int64_t> alive_, exit_;
  std::vector<float> logits_;
  bool in_lanes_;
};

void check_thresholds(const EarlyExits& network, std::span<const double> thresholds) {
  if (std::ssize(thresholds) != network.answers() - 1)
    throw ArgumentError("early exit: " + std::to_string(thresholds.size()) + " thresholds for a network of " +
                        std::to_string(network.answers() - 1) + " exits; it takes one an exit");
  for (const double t : thresholds)
    if (!(t >= 0)) throw ArgumentError("early exit: a threshold is an entropy, at least 0, not " + std::to_string(t));
}

}  // namespace

std::unique_ptr<Sequential> make_exit(const Shape& features, int64_t pool, int64_t classes) {
  auto exit = std::make_unique<Sequential>("Exit");
  const int64_t h = features[1] / pool, w = features[2] / pool;
  if (pool > 1) exit->add("avgpool", std::make_unique<AvgPool2d>(PoolOptions{.kernel = pool}));
  exit->add("flatten", std::make_unique<Flatten>());
  exit->add("fc", std::make_unique<Linear>(features[0] * h * w, classes));
  return exit;
}

Variable last_answer(EarlyExits& network, const Variable& x, bool is_tapped) {
  Variable y = x;
  const int64_t last = network.answers() - 1;
  for (int64_t i = 0; i <= last; ++i) {
    y = network.run_part(i, y);
    if (is_tapped && i < last) network.answer(i, y);
  }
  return network.answer(last, y);
}

std::vector<Variable> answers_of(Module& model, const Variable& x) {
  auto* const network = dynamic_cast<EarlyExits*>(&model);
  if (network == nullptr) return {model.call(x)};
  std::vector<Variable> answers;
  Variable y = x;
  for (int64_t i = 0; i < network->answers(); ++i) {
    y = network->run_part(i, y);
    answers.push_back(network->answer(i, y));
  }
  return answers;
}

Variable joint_loss(std::span<const Variable> answers, const Tensor& labels, std::span<const double> weights,
                    double label_smoothing) {
  double rest = 1;
  for (const double w : weights) rest = w >= 0 ? rest - w : -1;
  if (weights.size() + 1 != answers.size() || !(rest > 0))
    throw ArgumentError("joint loss: " + std::to_string(weights.size()) + " weights for " +
                        std::to_string(answers.size()) +
                        " answers; it takes one an exit, none below 0, their sum below 1");
  Variable loss = softmax_cross_entropy(answers.back(), labels, label_smoothing);
  if (weights.empty()) return loss;
  loss = affine(loss, rest);
  for (size_t i = 0; i < weights.size(); ++i)
    loss = add(loss, affine(softmax_cross_entropy(answers[i], labels, label_smoothing), weights[i]));
  return loss;
}

EarlyAnswers answer_early(EarlyExits& network, const Tensor& images, std::span<const double> thresholds) {
  check_thresholds(network, thresholds);
  const NoGradient inference;
  const int64_t last = network.answers() - 1;
  Passage passage(images.shape()[0]);
  Variable x(images);
  for (int64_t i = 0; i < last && !passage.is_empty(); ++i) {
    x = network.run_part(i, x);
    const Tensor logits = network.answer(i, x).value();
    x = Variable(passage.let_go(i, logits, thresholds[static_cast<size_t>(i)], x.value()));
  }
  if (passage.is_empty()) return passage.finish(last, {});
  return passage.finish(last, network.answer(last, network.run_part(last, x)).value());
}

std::vector<int64_t> macs_by_exit(Module& model, const Shape& image) {
  auto& network = dynamic_cast<EarlyExits&>(model);
  std::vector<int64_t> macs;
  int64_t so_far = 0;
  Variable x(Tensor::zeros({1, image[0], image[1], image[2]}));
  for (int64_t i = 0; i < network.answers(); ++i) {
    const auto run = [&] {
      x = network.run_part(i, x);
      network.answer(i, x);
    };
    for (const LayerCompute& layer : compute_table(model, run)) so_far += layer.macs;
    macs.push_back(so_far);
  }
  return macs;
}

}  // namespace pith::nn
