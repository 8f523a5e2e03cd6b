// A progress bar in tqdm's look, on stderr:
//   epoch 3/10  45%|####5     | 180/400 [00:12<00:15, 14.6it/s, loss=0.231, acc=0.93]
// On a terminal it redraws itself ten times a second; elsewhere it prints a plain line every ten seconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace pith::apps {

/// What one line of a bar shows.
struct ProgressLine {
  std::string_view label;
  int64_t done = 0, total = 1;
  int64_t first = 0;   ///< where this process began (a resumed epoch): not counted into the rate
  double seconds = 0;  ///< since then
  std::string_view postfix;
};
/// The line itself, without end. Pure.
std::string text(const ProgressLine& line);
/// "02:05", "1:00:00". seconds >= 0.
std::string clock_text(double seconds);

enum class ProgressStyle { none, lines, bar };

class Progress {
 public:
  Progress(ProgressStyle style, std::FILE* out, std::string label, int64_t total, int64_t first = 0);
  /// Clears the bar.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Is it time to show() again? Ask first, so that the postfix is built only when it is seen.
  bool due() const;
  void show(int64_t done, std::string_view postfix);
  /// Removes the bar so that another line can be printed; the next show() draws it again.
  void clear();
  double seconds() const;

 private:
  using Time = std::chrono::steady_clock::time_point;
  ProgressStyle style_;
  std::FILE* out_;
  std::string label_;
  int64_t total_, first_;
  Time start_, shown_;
  bool drawn_ = false;
};

}  // namespace pith::apps
