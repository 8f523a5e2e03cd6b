// Early exit (Teerapittayanon et al. 2016, "BranchyNet"): a network with small classifiers on the way. It is trained on
// a weighted sum of all their losses; in use, an image leaves at the first answer that is sure enough, and only the
// others go on through the layers behind.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nn/layers/sequential.h"
#include "nn/module.h"

namespace pith::nn {

/// A module whose layers are parts in a row with an answer behind each: the exits, then the network's own. forward()
/// gives the last answer; with a tap it runs the exits, too, so that summaries and thinning see every layer.
class EarlyExits {
 public:
  virtual ~EarlyExits() = default;
  /// Answers, the last one included; at least 2.
  virtual int64_t answers() const = 0;
  /// Part i of the way: images [n, c, h, w] for i = 0, else what part i - 1 put out.
  virtual Variable run_part(int64_t i, const Variable& x) = 0;
  /// Logits [n, classes] from what part i put out.
  virtual Variable answer(int64_t i, const Variable& x) = 0;
};

/// An exit: average pooling over pool x pool pixels (1: none), flatten, fc. features: [c, h, w] of one image.
std::unique_ptr<Sequential> make_exit(const Shape& features, int64_t pool, int64_t classes);

/// What forward() of such a network is.
Variable last_answer(EarlyExits& network, const Variable& x, bool is_tapped);

/// Logits of every answer in order; of a network without exits its only one.
std::vector<Variable> answers_of(Module& model, const Variable& x);

/// sum of w_i CE_i over the exits + (1 - sum of w_i) CE of the last answer, CE the mean softmax cross entropy. weights:
/// one an exit, each at least 0, their sum below 1; throws ArgumentError otherwise. labels: s32 [n].
Variable joint_loss(std::span<const Variable> answers, const Tensor& labels, std::span<const double> weights,
                    double label_smoothing = 0);

struct EarlyAnswers {
  Tensor logits;                   ///< f32 [n, classes], plain: of each image the answer with which it left
  std::vector<int64_t> exit = {};  ///< of each image: which answer that was, from 0
};

/// An image leaves at the first exit whose entropy, - sum of p ln p in nats with p = softmax(logits), lies below the
/// exit's threshold; what is left of the batch goes on. images: f32 [n, c, h, w], the network in evaluation without
/// gradients. Batches of 16 and more give the same bits however they are cut; smaller ones run on kernels that round
/// in another order. Throws ArgumentError unless there is one threshold an exit, a number of at least 0.
EarlyAnswers answer_early(EarlyExits& network, const Tensor& images, std::span<const double> thresholds);

/// Multiply-adds for one image [c, h, w] that leaves with each answer: the parts and the exits up to there.
std::vector<int64_t> macs_by_exit(Module& model, const Shape& image);

}  // namespace pith::nn
