// The learning-rate schedulers that a schedule file may name, by PyTorch's names and settings.
#pragma once

#include "compress/schedule/fields.h"
#include "compress/schedule/schedule.h"

namespace pith::compress {

/// StepLR, MultiStepLR, MultiStepMultiGammaLR, ExponentialLR, CosineAnnealingLR, PolynomialLR, ReduceLROnPlateau. The
/// class's other settings are refused.
RateUse make_rate(Fields& fields);

}  // namespace pith::compress
