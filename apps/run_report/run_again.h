// What is needed to run it again.
#pragma once

#include <string>

#include "apps/run_report/run_record.h"

namespace pith::apps {

/// `pith train` with every setting that differs from its default, quoted for a POSIX shell.
std::string train_command(const Json& config);
/// Command, schedule, settings, machine and version as HTML.
std::string run_again(const RunRecord& run);

}  // namespace pith::apps
