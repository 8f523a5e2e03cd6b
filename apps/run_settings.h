// The settings of a run that lies on the disk, for whoever goes on from it.
#pragma once

#include <string>

#include "apps/training_options.h"

namespace pith::apps {

/// config.json of the run at `path`; `init` is the run's own copy of the weights that it began with, where it has one
/// (runs of before have none, and name the original). Throws IoError where no run is there, FormatError naming the file
/// where a setting is missing or of another type.
TrainingOptions settings_of_run(const std::string& path);

}  // namespace pith::apps
