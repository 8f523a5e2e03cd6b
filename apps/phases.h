// Where the seconds of an epoch go: the loop says which phase begins, the clock runs on for that phase.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

namespace pith::apps {

/// schedule: what --compress does between the others. Whatever belongs to none (progress, checkpoints) is `other`.
enum class Phase : uint8_t { data, forward, backward, schedule, step, other };
inline constexpr size_t kPhases = 6;

class Phases {
 public:
  void begin(Phase phase) {
    const auto now = std::chrono::steady_clock::now();
    seconds_[static_cast<size_t>(current_)] += std::chrono::duration<double>(now - since_).count();
    current_ = phase;
    since_ = now;
  }
  double seconds(Phase phase) const { return seconds_[static_cast<size_t>(phase)]; }

 private:
  std::array<double, kPhases> seconds_{};
  Phase current_ = Phase::other;
  std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
};

}  // namespace pith::apps
