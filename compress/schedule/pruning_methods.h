// The classes of pruners that a schedule may name, each made from its fields. One row a class in method_table.cpp.
#pragma once

#include <memory>

#include "compress/schedule/fields.h"
#include "compress/schedule/method.h"

namespace pith::compress {

using PrunerFactory = std::shared_ptr<const PruningMethod> (*)(Fields& fields);

// Element by element: elementwise_methods.cpp.
std::shared_ptr<const PruningMethod> magnitude_method(Fields& fields);
std::shared_ptr<const PruningMethod> level_method(Fields& fields);
std::shared_ptr<const PruningMethod> gradual_method(Fields& fields);
std::shared_ptr<const PruningMethod> sensitivity_method(Fields& fields);
std::shared_ptr<const PruningMethod> splicing_method(Fields& fields);
std::shared_ptr<const PruningMethod> ramped_threshold_method(Fields& fields);
std::shared_ptr<const PruningMethod> n_of_m_method(Fields& fields);

// Structures: structure_methods.cpp.
std::shared_ptr<const PruningMethod> structure_threshold_method(Fields& fields);
std::shared_ptr<const PruningMethod> l1_ranked_method(Fields& fields);
std::shared_ptr<const PruningMethod> l1_ranked_gradual_method(Fields& fields);
std::shared_ptr<const PruningMethod> l2_ranked_method(Fields& fields);
std::shared_ptr<const PruningMethod> l2_ranked_gradual_method(Fields& fields);
std::shared_ptr<const PruningMethod> apoz_ranked_method(Fields& fields);
std::shared_ptr<const PruningMethod> apoz_ranked_gradual_method(Fields& fields);
std::shared_ptr<const PruningMethod> mean_ranked_method(Fields& fields);
std::shared_ptr<const PruningMethod> mean_ranked_gradual_method(Fields& fields);
std::shared_ptr<const PruningMethod> gradient_ranked_method(Fields& fields);
std::shared_ptr<const PruningMethod> gradient_ranked_gradual_method(Fields& fields);
std::shared_ptr<const PruningMethod> random_ranked_method(Fields& fields);
std::shared_ptr<const PruningMethod> random_ranked_gradual_method(Fields& fields);
std::shared_ptr<const PruningMethod> bernoulli_method(Fields& fields);
std::shared_ptr<const PruningMethod> bernoulli_gradual_method(Fields& fields);
std::shared_ptr<const PruningMethod> random_level_method(Fields& fields);

// Several criteria, and a compute budget: hybrid_methods.cpp. New weights too: reconstruction_methods.cpp.
std::shared_ptr<const PruningMethod> hybrid_ranked_method(Fields& fields);
std::shared_ptr<const PruningMethod> hybrid_ranked_gradual_method(Fields& fields);
std::shared_ptr<const PruningMethod> greedy_method(Fields& fields);
std::shared_ptr<const PruningMethod> scale_ranked_method(Fields& fields);
std::shared_ptr<const PruningMethod> scale_ranked_gradual_method(Fields& fields);
std::shared_ptr<const PruningMethod> reconstruction_method(Fields& fields);
std::shared_ptr<const PruningMethod> reconstruction_gradual_method(Fields& fields);

// All targets at once, and masks that move: network_methods.cpp.
std::shared_ptr<const PruningMethod> global_method(Fields& fields);
std::shared_ptr<const PruningMethod> movement_method(Fields& fields);
std::shared_ptr<const PruningMethod> random_method(Fields& fields);
std::shared_ptr<const PruningMethod> set_method(Fields& fields);
std::shared_ptr<const PruningMethod> rigl_method(Fields& fields);

}  // namespace pith::compress
