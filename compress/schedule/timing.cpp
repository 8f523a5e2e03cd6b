#include "compress/schedule/timing.h"

#include <algorithm>
#include <string>

#include "tensor/error.h"

namespace pith::compress {

Timing::Timing(const Period& period) : period_(period) {
  if (period.start < 0) throw ArgumentError("starting_epoch " + std::to_string(period.start) + " is before epoch 0");
  if (period.end <= period.start)
    throw ArgumentError("ending_epoch " + std::to_string(period.end) + " is not after starting_epoch " +
                        std::to_string(period.start));
  if (period.frequency < 1)
    throw ArgumentError("frequency " + std::to_string(period.frequency) + " is not at least 1 epoch");
}

Timing::Timing(std::vector<int64_t> epochs) : epochs_(std::move(epochs)) {
  if (epochs_.empty()) throw ArgumentError("epochs is an empty list");
  if (epochs_.front() < 0) throw ArgumentError("epochs begin at " + std::to_string(epochs_.front()) + ", before 0");
  const auto bad = std::adjacent_find(epochs_.begin(), epochs_.end(), std::greater_equal<>());
  if (bad != epochs_.end())
    throw ArgumentError("epochs do not rise: " + std::to_string(bad[1]) + " follows " + std::to_string(bad[0]));
}

bool Timing::acts(int64_t epoch) const {
  return epochs_.empty() ? period_.acts(epoch) : std::binary_search(epochs_.begin(), epochs_.end(), epoch);
}

int64_t Timing::start() const { return epochs_.empty() ? period_.start : epochs_.front(); }
int64_t Timing::end() const { return epochs_.empty() ? period_.end : epochs_.back() + 1; }
int64_t Timing::last() const { return epochs_.empty() ? period_.last() : epochs_.back(); }

double Timing::way(int64_t epoch) const {
  return compress::way(epochs_.empty() ? period_ : Period{start(), end(), 1}, static_cast<double>(epoch));
}

}  // namespace pith::compress
