// What `pith sense` wrote (sensitivity.csv), read for a picture.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace pith::apps {

struct SensitivityStudy {
  std::vector<std::string> weights;       ///< in the file's order
  std::vector<double> levels;             ///< ascending
  std::vector<std::vector<double>> top1;  ///< [weight][level], percent; NaN where there is no row
};

/// Reads "parameter,sparsity,top1,..." lines; a last line without end (a killed process) is left out. Throws IoError,
/// or FormatError (file:line) for another header, too few cells, a cell that is no number, or no row at all.
std::shared_ptr<const SensitivityStudy> read_sensitivity(const std::string& path);

}  // namespace pith::apps
