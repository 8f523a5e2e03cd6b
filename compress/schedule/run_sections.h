// The sections of a schedule file that speak of the run: optimizer, data, distillation, stop.
#pragma once

#include "compress/schedule/fields.h"
#include "compress/schedule/run_settings.h"

namespace pith::compress {

OptimizerSettings optimizer_from(Fields& fields);
DataSettings data_from(Fields& fields);
DistillationSettings distillation_from(Fields& fields);
StopSettings stop_from(Fields& fields);

}  // namespace pith::compress
