// The classes of regularizers that a schedule may name.
#pragma once

#include <memory>

#include "compress/schedule/fields.h"
#include "compress/schedule/method.h"

namespace pith::compress {

using RegularizerFactory = std::shared_ptr<const RegularizationMethod> (*)(Fields& fields);

std::shared_ptr<const RegularizationMethod> l1_regularizer(Fields& fields);
std::shared_ptr<const RegularizationMethod> l2_regularizer(Fields& fields);
std::shared_ptr<const RegularizationMethod> group_lasso_regularizer(Fields& fields);
std::shared_ptr<const RegularizationMethod> group_variance_regularizer(Fields& fields);

}  // namespace pith::compress
