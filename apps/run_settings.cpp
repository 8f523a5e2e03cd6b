#include "apps/run_settings.h"

#include "apps/run_directory.h"

namespace pith::apps {

TrainingOptions settings_of_run(const std::string& path) {
  TrainingOptions o = training_options_from_json(read_config(path), path + "/config.json");
  if (const std::string kept = kept_start(path); !kept.empty()) o.init = kept;
  return o;
}

}  // namespace pith::apps
