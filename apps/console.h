// Where the program's words go: results to stdout, everything about the way there to stderr and to the run's log.
//
// With --json nothing but one JSON document reaches stdout; with --quiet only the results do.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "apps/progress.h"

namespace pith::apps {

struct ConsoleOptions {
  bool json = false;
  bool quiet = false;
  std::string color = "auto";  ///< auto, always, never
};

class Console {
 public:
  explicit Console(const ConsoleOptions& options);

  bool json() const { return options_.json; }
  /// A line of results; with --json it is dropped, since the document says it.
  void result(std::string_view line);
  /// A line about the way: stderr and log; dropped from stderr by --quiet.
  void note(std::string_view line);
  /// The one JSON document of --json.
  void document(const std::string& json);
  /// A progress bar as this terminal can show it. One at a time.
  Progress& progress(std::string label, int64_t total, int64_t first = 0);
  void end_progress();
  /// Where result() and note() go as well: the run's log.txt.
  void set_log(std::function<void(std::string_view)> log) { log_ = std::move(log); }
  /// `words` in bold where colour is on for stdout.
  std::string strong(const std::string& words) const;

 private:
  ConsoleOptions options_;
  bool bar_;    ///< stderr is a terminal that can redraw
  bool color_;  ///< of stdout
  std::unique_ptr<Progress> progress_;
  std::function<void(std::string_view)> log_;
};

/// Colour on for this stream? "always" and "never" decide; "auto" wants a terminal, no NO_COLOR and no TERM=dumb.
bool color_enabled(const std::string& choice, std::FILE* stream);

}  // namespace pith::apps
