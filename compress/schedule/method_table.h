// Every class of pruner and regularizer that a schedule file may name, once.
#pragma once

#include <string>

#include "compress/schedule/pruning_methods.h"
#include "compress/schedule/regularization_methods.h"

namespace pith::compress {

/// The class that the fields' key `class` names, made from the other fields; unknown classes and settings are refused.
std::shared_ptr<const PruningMethod> make_pruner(Fields& fields);
std::shared_ptr<const RegularizationMethod> make_regularizer(Fields& fields);

/// Is it a class that ranks structures? (Where the model's files call stored columns rows.)
bool ranks_structures(const std::string& class_name);

}  // namespace pith::compress
