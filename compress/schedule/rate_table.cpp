#include "compress/schedule/rate_table.h"

#include <charconv>

#include "nn/optim/rate_policy.h"

namespace pith::compress {
namespace {

std::string word(double value) {
  char buffer[32];
  return std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

/// Joined by slashes, as nn::make_rate_policy takes lists.
std::string words(const std::vector<double>& values) {
  std::string out;
  for (const double v : values) {
    if (!out.empty()) out += '/';
    out += word(v);
  }
  return out;
}

double optional(Fields& f, const std::string& key, double otherwise) { return f.number(key, otherwise); }

RateUse multi_gamma(Fields& f) {
  const std::vector<double> at = f.numbers("milestones"), gammas = f.numbers("gammas");
  if (at.size() != gammas.size())
    f.refuse("gammas",
             "has " + std::to_string(gammas.size()) + " values for " + std::to_string(at.size()) + " milestones");
  return {"multigamma:milestones=" + words(at) + ",gammas=" + words(gammas)};
}

RateUse plateau(Fields& f) {
  f.find("mode");
  if (f.has("mode")) f.choice("mode", {"min"});
  return {"plateau:factor=" + word(optional(f, "factor", 0.1)) + ",patience=" + word(optional(f, "patience", 10)) +
          ",threshold=" + word(optional(f, "threshold", 1e-4)) + ",min=" + word(optional(f, "min_lr", 0))};
}

RateUse make(Fields& f) {
  const std::vector<std::string> known = {"StepLR",           "MultiStepLR",       "MultiStepMultiGammaLR",
                                          "ExponentialLR",    "CosineAnnealingLR", "PolynomialLR",
                                          "ReduceLROnPlateau"};
  switch (f.choice("class", known)) {
    case 0:
      return {"step:size=" + std::to_string(f.integer("step_size", 1)) + ",gamma=" + word(optional(f, "gamma", 0.1))};
    case 1: {
      const std::string milestones = words(f.numbers("milestones"));
      return {"multistep:milestones=" + milestones + ",gamma=" + word(optional(f, "gamma", 0.1))};
    }
    case 2:
      return multi_gamma(f);
    case 3:
      return {"exponential:gamma=" + word(f.number("gamma"))};
    case 4: {
      const int64_t length = f.integer("T_max", 1);
      return {"cosine:min=" + word(optional(f, "eta_min", 0)), length};
    }
    case 5: {
      const int64_t length = f.integer("T_max", 1);
      return {"polynomial:power=" + word(f.number("power")), length};
    }
    default:
      return plateau(f);
  }
}

}  // namespace

RateUse make_rate(Fields& f) {
  RateUse use = make(f);
  f.finish();
  try {
    nn::make_rate_policy(use.line, 1, use.length > 0 ? use.length : 1);
  } catch (const ArgumentError& e) {
    f.place().refuse(f.what() + ": " + e.what());
  }
  return use;
}

}  // namespace pith::compress
