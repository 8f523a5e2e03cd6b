#include "apps/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>

#include <algorithm>

namespace pith::apps {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kCells = 10;

/// tqdm's ascii bar: full cells '#', then a digit for the tenth part of the next one.
std::string cells(double share) {
  const int tenths = std::clamp(static_cast<int>(share * kCells * 10), 0, kCells * 10);
  std::string bar(static_cast<size_t>(tenths / 10), '#');
  if (tenths % 10 != 0) bar += static_cast<char>('0' + tenths % 10);
  bar.resize(kCells, ' ');
  return bar;
}

size_t terminal_width(std::FILE* out) {
  winsize size{};
  if (::ioctl(::fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col < 20) return 80;
  return size.ws_col;
}

}  // namespace

std::string clock_text(double seconds) {
  const int64_t s = static_cast<int64_t>(std::min(seconds, 1e9));
  if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  return fmt::format("{:02}:{:02}", s / 60, s % 60);
}

std::string text(const ProgressLine& line) {
  const double share = line.total > 0 ? static_cast<double>(line.done) / static_cast<double>(line.total) : 1;
  const double rate = line.seconds > 0 ? static_cast<double>(line.done - line.first) / line.seconds : 0;
  const std::string left = rate > 0 ? clock_text(static_cast<double>(line.total - line.done) / rate) : "?";
  return fmt::format("{} {:3}%|{}| {}/{} [{}<{}, {}it/s{}{}]", line.label, static_cast<int>(share * 100), cells(share),
                     line.done, line.total, clock_text(line.seconds), left,
                     rate > 0 ? fmt::format("{:.1f}", rate) : "?", line.postfix.empty() ? "" : ", ", line.postfix);
}

Progress::Progress(ProgressStyle style, std::FILE* out, std::string label, int64_t total, int64_t first)
    : style_(style), out_(out), label_(std::move(label)), total_(total), first_(first), start_(Clock::now()) {
  shown_ = style == ProgressStyle::bar ? Time{} : start_;
}

Progress::~Progress() { clear(); }

double Progress::seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

bool Progress::due() const {
  if (style_ == ProgressStyle::none) return false;
  using namespace std::chrono_literals;
  // Asked once a step, so the lines come a little more often than every ten seconds.
  return Clock::now() - shown_ >= (style_ == ProgressStyle::bar ? Clock::duration(100ms) : Clock::duration(9s));
}

void Progress::show(int64_t done, std::string_view postfix) {
  if (style_ == ProgressStyle::none) return;
  shown_ = Clock::now();
  std::string line = text({label_, done, total_, first_, seconds(), postfix});
  if (style_ == ProgressStyle::lines) {
    fmt::print(out_, "{}\n", line);
  } else {
    line.resize(std::min(line.size(), terminal_width(out_) - 1));
    fmt::print(out_, "\r{}\x1b[K", line);
    drawn_ = true;
  }
  std::fflush(out_);
}

void Progress::clear() {
  if (!drawn_) return;
  fmt::print(out_, "\r\x1b[K");
  std::fflush(out_);
  drawn_ = false;
}

}  // namespace pith::apps
