#include "compress/schedule/schedule.h"

#include <algorithm>

namespace pith::compress {
namespace {

bool meet_in_time(const PolicySpec& a, const PolicySpec& b) {
  return a.timing.start() < b.timing.end() && b.timing.start() < a.timing.end();
}

const Method* method_of(const PolicySpec& p) {
  if (const auto* use = std::get_if<PrunerUse>(&p.what)) return use->method.get();
  if (const auto* use = std::get_if<RegularizerUse>(&p.what)) return use->method.get();
  return nullptr;
}

bool changes_masks(const PolicySpec& p) {
  if (std::holds_alternative<PrunerUse>(p.what)) return true;
  const auto* use = std::get_if<RegularizerUse>(&p.what);
  return use != nullptr && use->method->has_threshold();
}

/// A name or pattern of `a` that takes a name of `b` or is the same pattern; "" for none. Two different patterns that
/// meet in a third name are seen when the model is known.
std::string shared_selector(const Method& a, const Method& b) {
  for (const Selector& x : a.selectors())
    for (const Selector& y : b.selectors()) {
      if (x.is_default() || y.is_default()) continue;
      if (x.pattern() == y.pattern() || x.matches(y.pattern())) return y.pattern();
      if (y.matches(x.pattern())) return x.pattern();
    }
  return "";
}

std::string named(const PolicySpec& p) {
  const std::string line = p.place.file.empty() ? "" : " (line " + std::to_string(p.place.line) + ")";
  return "'" + p.instance + "'" + line;
}

void check_pair(const PolicySpec& a, const PolicySpec& b) {
  if (std::holds_alternative<RateUse>(a.what) && std::holds_alternative<RateUse>(b.what))
    b.place.refuse("a second learning-rate policy, '" + b.instance + "', beside " + named(a) + "; one can be given");
  if (!meet_in_time(a, b)) return;
  if (changes_masks(a) && changes_masks(b)) {
    const std::string shared = shared_selector(*method_of(a), *method_of(b));
    if (!shared.empty())
      b.place.refuse("'" + b.instance + "' and " + named(a) + " both choose masks for " + shared +
                     " in the same epochs; let one end before the other starts");
  }
}

void check_extension(const Schedule& schedule, const PolicySpec& p) {
  for (const PolicySpec& other : schedule.policies) {
    const bool thins = std::holds_alternative<ThinUse>(p.what), releases = std::holds_alternative<ReleaseUse>(p.what);
    if (!changes_masks(other)) continue;
    // Thinning acts behind its epoch, releasing before.
    if (thins && p.timing.start() < other.timing.last())
      p.place.refuse("'" + p.instance + "' thins in epoch " + std::to_string(p.timing.start()) + ", but " +
                     named(other) + " still changes masks until epoch " + std::to_string(other.timing.last()));
    if (releases && other.timing.start() < p.timing.last() && p.timing.start() < other.timing.end())
      p.place.refuse("'" + p.instance + "' releases masks in epoch " + std::to_string(p.timing.start()) + ", but " +
                     named(other) + " is at work until epoch " + std::to_string(other.timing.end() - 1));
  }
  if (const auto* rewind = std::get_if<RewindUse>(&p.what); rewind != nullptr && p.timing.start() <= rewind->to)
    p.place.refuse("'" + p.instance + "' rewinds in epoch " + std::to_string(p.timing.start()) + " to epoch " +
                   std::to_string(rewind->to) + ", which is not before it");
}

}  // namespace

void check(const Schedule& schedule) {
  for (size_t b = 0; b < schedule.policies.size(); ++b) {
    for (size_t a = 0; a < b; ++a) check_pair(schedule.policies[a], schedule.policies[b]);
    check_extension(schedule, schedule.policies[b]);
  }
}

int64_t last_mask_change(const Schedule& schedule) {
  int64_t last = -1;
  for (const PolicySpec& p : schedule.policies) {
    const auto* pruner = std::get_if<PrunerUse>(&p.what);
    const bool soft = pruner != nullptr && pruner->options.mask_on_forward_only;
    if (changes_masks(p)) last = std::max(last, soft ? p.timing.end() - 1 : p.timing.last());
  }
  return last;
}

int64_t last_change(const Schedule& schedule) {
  int64_t last = last_mask_change(schedule);
  for (const PolicySpec& p : schedule.policies)
    if (method_of(p) == nullptr && !std::holds_alternative<RateUse>(p.what)) last = std::max(last, p.timing.last());
  return last;
}

void check_epochs(const Schedule& schedule, int64_t epochs) {
  for (const PolicySpec& p : schedule.policies) {
    if (std::holds_alternative<RateUse>(p.what)) continue;
    const int64_t last = std::holds_alternative<RegularizerUse>(p.what) ? p.timing.start() : p.timing.last();
    if (last >= epochs)
      p.place.refuse("'" + p.instance + "' acts in epoch " + std::to_string(last) +
                     ", but the run has the epochs 0 to " + std::to_string(epochs - 1));
  }
}

}  // namespace pith::compress
