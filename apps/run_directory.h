// One folder per run:
//   config.json                      the resolved settings
//   start.*                          the weights that --init named, so that the run stands by itself
//   metrics.csv, metrics.jsonl       a row an epoch; the same bytes for the same settings, so no times
//   timing.csv                       seconds and images/s of every epoch
//   log.txt                          what the console said
//   events.out.tfevents.*            TensorBoard
//   checkpoints/last.safetensors     everything the run needs to go on to the same bits
//   checkpoints/best.safetensors     the weights of the best epoch
//   result.json                      the test result, once the run is done
//
// Invariant: one process at a time writes here, guarded by flock on the folder itself, which a killed process releases.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "apps/event_file.h"

namespace pith::apps {

class RunDirectory {
 public:
  /// Makes the folder, copies `start`, the weights to begin with ("": none), and writes config.json. Throws
  /// ArgumentError where a run is there already, IoError where the folder is in use by another process or cannot be
  /// made.
  static RunDirectory create(const std::string& path, const std::string& config, const std::string& start = "");
  /// Takes an existing run to go on. Throws IoError where none is there or it is in use.
  static RunDirectory open(const std::string& path);
  ~RunDirectory();
  RunDirectory(RunDirectory&& other) noexcept;
  RunDirectory& operator=(RunDirectory&&) = delete;

  const std::string& path() const { return path_; }
  std::string last_checkpoint() const { return path_ + "/checkpoints/last.safetensors"; }
  std::string best_checkpoint() const { return path_ + "/checkpoints/best.safetensors"; }
  std::string config_path() const { return path_ + "/config.json"; }
  std::string result_path() const { return path_ + "/result.json"; }

  /// Opens metrics.csv and the event file, cut back to these lengths (0: from the beginning). `header` is the first
  /// line of metrics.csv. Call it once, before what follows.
  void begin(int64_t metrics_bytes, int64_t events_bytes, std::string_view header);
  /// One line of metrics.csv, without its end.
  void add_metrics(std::string_view row) { (metrics_ += row) += '\n'; }
  EventFile& events() { return *events_; }
  /// Lengths on the disk after syncing both files.
  struct Lengths {
    int64_t metrics, events;
  };
  Lengths sync();

  /// A row of timing.csv, which begins with `header`.
  void add_timing(std::string_view header, std::string_view row);
  void log(std::string_view line);

 private:
  RunDirectory(std::string path, int lock);
  static RunDirectory locked(const std::string& path);

  class Log;
  std::string path_;
  int lock_;
  std::string metrics_;  ///< rows not yet written
  int metrics_file_ = -1;
  int64_t metrics_bytes_ = 0;
  std::unique_ptr<EventFile> events_;
  std::unique_ptr<Log> log_;
};

/// The settings of the run at `path` (its config.json). Throws IoError where no run is there.
std::string read_config(const std::string& path);

/// The run's own copy of the weights that it began with; "" where it has none.
std::string kept_start(const std::string& path);

/// "runs/<name>-20261124-153000", or that with "-2" and so on where it is taken: where a run goes that was told no
/// place.
std::string default_run_path(const std::string& name);

}  // namespace pith::apps
