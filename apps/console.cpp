#include "apps/console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

namespace pith::apps {
namespace {

bool dumb_terminal() {
  const char* term = std::getenv("TERM");
  return term != nullptr && std::string_view(term) == "dumb";
}

}  // namespace

bool color_enabled(const std::string& choice, std::FILE* stream) {
  if (choice != "auto") return choice == "always";
  const char* no_color = std::getenv("NO_COLOR");
  return ::isatty(::fileno(stream)) && !(no_color != nullptr && *no_color != '\0') && !dumb_terminal();
}

Console::Console(const ConsoleOptions& options)
    : options_(options),
      bar_(::isatty(::fileno(stderr)) && !dumb_terminal()),
      color_(color_enabled(options.color, stdout)) {}

void Console::result(std::string_view line) {
  if (progress_) progress_->clear();
  if (!options_.json) {
    fmt::print("{}\n", line);
    std::fflush(stdout);
  }
  if (log_) log_(line);
}

void Console::note(std::string_view line) {
  if (progress_) progress_->clear();
  if (!options_.quiet) fmt::print(stderr, "{}\n", line);
  if (log_) log_(line);
}

void Console::document(const std::string& json) {
  end_progress();
  fmt::print("{}\n", json);
}

Progress& Console::progress(std::string label, int64_t total, int64_t first) {
  const ProgressStyle style = options_.quiet ? ProgressStyle::none : bar_ ? ProgressStyle::bar : ProgressStyle::lines;
  progress_.reset();
  progress_ = std::make_unique<Progress>(style, stderr, std::move(label), total, first);
  return *progress_;
}

void Console::end_progress() { progress_.reset(); }

std::string Console::strong(const std::string& words) const { return color_ ? "\x1b[1m" + words + "\x1b[0m" : words; }

}  // namespace pith::apps
