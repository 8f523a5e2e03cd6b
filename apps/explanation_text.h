// nn/explanation.h as words at 80 columns, and as JSON.
#pragma once

#include <string>

#include "apps/report.h"
#include "nn/explanation.h"

namespace pith::apps {

/// What an explanation stands beside: the proved bounds of its channel and what the network itself computed.
struct ExplanationContext {
  std::string model, image;
  int64_t lowest = 0, highest = 0;  ///< of the channel's sums, whatever the input
  int accumulator = 32;             ///< bits that the kernel adds in
  bool has_bounds = false;
  double network = 0;  ///< the integer, or logit, of the packed network
};

/// Steps 1 to 5. At most `products` products in a table, the ones of the largest magnitude kept in their order; 0: all.
std::string text(const nn::Explanation& e, const ExplanationContext& context, int64_t products);
/// Everything, all products included.
Json to_json(const nn::Explanation& e, const ExplanationContext& context);

}  // namespace pith::apps
