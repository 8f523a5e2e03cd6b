#include "compress/pruners/sensitivity.h"

#include "compress/statistics.h"
#include "tensor/error.h"

namespace pith::compress {

double sensitivity_threshold(const Tensor& w, double sensitivity) {
  if (!(sensitivity >= 0))
    throw ArgumentError("sensitivity: " + std::to_string(sensitivity) + " deviations are not 0 or above");
  return sensitivity * moments(w).deviation;
}

}  // namespace pith::compress
