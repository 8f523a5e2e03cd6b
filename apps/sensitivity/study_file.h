// A study on the disk: its state while it runs (study.json), and its result (sensitivity.csv).
#pragma once

#include <string>

#include "apps/report.h"
#include "apps/sensitivity/study.h"

namespace pith::apps {

/// What a study is of: two with equal settings give equal numbers.
Json study_settings(const StudyPlan& plan, const std::string& model, const std::string& weights_checksum,
                    const std::string& data, int64_t images, int64_t batch_size);

/// Sums of an earlier part of the same study, or empty ones where `path` is not there. Throws FormatError where the
/// file is of another study (naming the setting) or is none.
StudySums read_study(const std::string& path, const Json& settings, const StudyPlan& plan);
/// Atomically. Throws IoError.
void write_study(const std::string& path, const Json& settings, const StudySums& sums);

/// "parameter,sparsity,top1,top5,loss", a row for every weight and level.
std::string sensitivity_csv(const StudyPlan& plan, const StudySums& sums);

}  // namespace pith::apps
