// A sensitivity study: every listed weight is pruned alone, at every level, and the network is evaluated.
//
// Invariant: the result is a function of weights, images, kind, levels and batch size; a study that goes on from saved
// sums ends with the same numbers.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/evaluate.h"
#include "compress/groups.h"
#include "nn/module.h"

namespace pith::apps {

/// What is pruned together, and how much: element (smallest |w|), filter or channel (smallest mean |w|).
struct StudyPlan {
  compress::GroupType kind = compress::GroupType::element;
  std::vector<double> levels;        ///< ascending, in [0, 1)
  std::vector<std::string> weights;  ///< names; their layers are these without ".weight"
  /// Memory for what the dense network's layers put out for a batch: a pruned layer's network runs from that layer on.
  /// No result depends on it.
  size_t kept_bytes = size_t{1} << 30;
};

/// "element", "filter" or "channel"; throws ArgumentError otherwise.
compress::GroupType study_kind(const std::string& word);
/// "0:0.95:0.05" (start, stop, step; the stop is included where a step falls on it) or "0,0.3,0.5". Throws
/// ArgumentError for anything but ascending numbers in [0, 1).
std::vector<double> parse_levels(const std::string& words);
/// The mask of one weight at one level. Exactly nothing is pruned at level 0.
Mask study_mask(const Tensor& weight, compress::GroupType kind, double level);

/// Sums so far: base of the dense network, scores[weight][level].
struct StudySums {
  int64_t batches = 0;  ///< that they cover
  Score base;
  std::vector<std::vector<Score>> scores;
};

/// Called after every batch with the sums; may throw to stop.
using OnStudyBatch = std::function<void(const StudySums& sums)>;
/// Called within a batch, after each weight: done of all.
using OnStudyStep = std::function<void(int64_t done, int64_t all)>;

/// model: the network as trained; `folded`: the same network, folded for inference, whose weights are changed while it
/// runs and restored. loader: batches in order. Goes on behind sums.batches.
void run_study(nn::Module& model, nn::Module& folded, data::Loader& loader, const StudyPlan& plan, StudySums& sums,
               const OnStudyStep& on_step, const OnStudyBatch& on_batch);

}  // namespace pith::apps
