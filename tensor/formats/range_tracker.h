// The running range of values in training: an exponential moving average of what batches reached, bias corrected as
// Adam's moments are (average / (1 - decay^t)), so that the first batches count fully.
#pragma once

namespace pith {

struct RangeTracker {
  double decay = 0.999;
  // The state: averages that began at 0, and decay^t.
  double low = 0, high = 0, power = 1;

  void add(double lowest, double highest) {
    low = decay * low + (1 - decay) * lowest;
    high = decay * high + (1 - decay) * highest;
    power *= decay;
  }
  /// Has nothing been added? Then the range is [0, 0].
  bool is_empty() const { return power == 1; }
  double lowest() const { return is_empty() ? 0 : low / (1 - power); }
  double highest() const { return is_empty() ? 0 : high / (1 - power); }
};

}  // namespace pith
