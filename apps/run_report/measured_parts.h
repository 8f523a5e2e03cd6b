// What was measured of a run, as HTML (measured.h).
#pragma once

#include <string>

#include "apps/run_report/measured.h"

namespace pith::apps {

/// Every form: accuracy, bytes, latency; and accuracy against bytes.
std::string forms_part(const Measured& measured);
/// Latency of every layer in every form, as bars and as a table.
std::string layers_part(const Measured& measured);
/// Histograms of activations and, where they were quantized, of folded weights, with the ranges that were chosen.
std::string values_part(const Measured& measured);
/// Confusion, accuracy by class, and the images that were most confidently taken for another class.
std::string answers_part(const Measured& measured);

}  // namespace pith::apps
