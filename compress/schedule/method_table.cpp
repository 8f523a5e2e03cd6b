#include "compress/schedule/method_table.h"

#include <algorithm>

#include "tensor/refusal.h"

namespace pith::compress {
namespace {

template <class Factory>
struct Row {
  const char* name;
  Factory make;
};

// The first block has the model's names, the second is ours.
constexpr Row<PrunerFactory> kPruners[] = {
    {"MagnitudeParameterPruner", magnitude_method},
    {"SparsityLevelParameterPruner", level_method},
    {"AutomatedGradualPruner", gradual_method},
    {"SensitivityPruner", sensitivity_method},
    {"SplicingPruner", splicing_method},
    {"BaiduRNNPruner", ramped_threshold_method},
    {"StructureParameterPruner", structure_threshold_method},
    {"L1RankedStructureParameterPruner", l1_ranked_method},
    {"L1RankedStructureParameterPruner_AGP", l1_ranked_gradual_method},
    {"L2RankedStructureParameterPruner", l2_ranked_method},
    {"L2RankedStructureParameterPruner_AGP", l2_ranked_gradual_method},
    {"RandomLevelStructureParameterPruner", random_level_method},
    {"ActivationAPoZRankedFilterPruner", apoz_ranked_method},
    {"ActivationAPoZRankedFilterPruner_AGP", apoz_ranked_gradual_method},
    {"ActivationMeanRankedFilterPruner", mean_ranked_method},
    {"ActivationMeanRankedFilterPruner_AGP", mean_ranked_gradual_method},
    {"GradientRankedFilterPruner", gradient_ranked_method},
    {"GradientRankedFilterPruner_AGP", gradient_ranked_gradual_method},
    {"RandomRankedFilterPruner", random_ranked_method},
    {"RandomRankedFilterPruner_AGP", random_ranked_gradual_method},
    {"BernoulliFilterPruner", bernoulli_method},
    {"BernoulliFilterPruner_AGP", bernoulli_gradual_method},

    {"FMReconstructionChannelPruner", reconstruction_method},

    {"FMReconstructionChannelPruner_AGP", reconstruction_gradual_method},
    {"HybridRankedStructureParameterPruner", hybrid_ranked_method},
    {"HybridRankedStructureParameterPruner_AGP", hybrid_ranked_gradual_method},
    {"GreedyFilterPruner", greedy_method},
    {"ScaleRankedFilterPruner", scale_ranked_method},
    {"ScaleRankedFilterPruner_AGP", scale_ranked_gradual_method},
    {"NMPruner", n_of_m_method},
    {"GlobalPruner", global_method},
    {"MovementPruner", movement_method},
    {"RandomPruner", random_method},
    {"SETPruner", set_method},
    {"RigLPruner", rigl_method},
};

constexpr Row<RegularizerFactory> kRegularizers[] = {
    {"L1Regularizer", l1_regularizer},
    {"L2Regularizer", l2_regularizer},
    {"GroupLassoRegularizer", group_lasso_regularizer},
    {"GroupVarianceRegularizer", group_variance_regularizer},
};

template <class Rows>
auto make(const Rows& rows, Fields& fields, const char* kind) {
  const std::string name = fields.text("class");
  std::string known;
  for (const auto& row : rows) {
    if (name == row.name) {
      auto method = row.make(fields);
      fields.finish();
      return method;
    }
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  fields.refuse("class", printable(name) + " is no " + kind + "; there are " + known);
}

}  // namespace

std::shared_ptr<const PruningMethod> make_pruner(Fields& fields) { return make(kPruners, fields, "pruner"); }
std::shared_ptr<const RegularizationMethod> make_regularizer(Fields& fields) {
  return make(kRegularizers, fields, "regularizer");
}

bool ranks_structures(const std::string& name) {
  return name.find("Ranked") != std::string::npos || name == "RandomLevelStructureParameterPruner";
}

}  // namespace pith::compress
