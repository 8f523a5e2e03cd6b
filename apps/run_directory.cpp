#include "apps/run_directory.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <utility>

#include "apps/append_file.h"
#include "apps/csv_rows.h"
#include "tensor/atomic_file.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

namespace fs = std::filesystem;
constexpr size_t kConfigLimit = 1 << 20;  ///< bytes
constexpr size_t kStartLimit = size_t{1} << 34;

/// The event file of a run that goes on, or the name of a new one.
std::string event_path(const std::string& run) {
  for (const auto& entry : fs::directory_iterator(run)) {
    if (entry.path().filename().string().starts_with("events.out.tfevents.")) return entry.path();
  }
  return run + "/" + event_file_name();
}

void append_to_end(const std::string& path, const std::string& bytes) {
  std::error_code missing;
  const auto size = fs::file_size(path, missing);
  const int file = open_for_append(path, missing ? 0 : static_cast<int64_t>(size));
  try {
    append_and_sync(file, path, bytes);
  } catch (...) {
    ::close(file);
    throw;
  }
  ::close(file);
}

std::string lines_of(const Json& rows) {
  std::string lines;
  for (const Json& row : rows) (lines += row.dump()) += '\n';
  return lines;
}

/// metrics.jsonl of the rows that metrics.csv kept: what a killed process wrote behind them goes.
void begin_json_lines(const std::string& run) {
  const std::string csv = run + "/metrics.csv";
  const std::string lines = fs::file_size(csv) > 0 ? lines_of(csv_json(csv)) : "";
  write_file_atomically(run + "/metrics.jsonl", std::as_bytes(std::span(lines.data(), lines.size())));
}

/// Rows that were just written to metrics.csv; `from_first`: its header stands before them.
void add_json_lines(const std::string& run, std::string_view rows, bool from_first) {
  std::ifstream csv(run + "/metrics.csv");
  std::string header;
  std::getline(csv, header);
  if (from_first) rows.remove_prefix(std::min(rows.size(), header.size() + 1));
  const std::string lines = lines_of(csv_rows_json(header, rows));
  if (!lines.empty()) append_to_end(run + "/metrics.jsonl", lines);
}

/// Under the name start, with the ending that says its format; one that a killed process left goes.
void keep_start(const std::string& run, const std::string& file) {
  if (const std::string old = kept_start(run); !old.empty()) fs::remove(old);
  write_file_atomically(run + "/start" + fs::path(file).extension().string(), read_file(file, kStartLimit));
}

void make_folder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw IoError(path + ": cannot make the folder: " + error.message());
}

}  // namespace

class RunDirectory::Log {
 public:
  explicit Log(const std::string& path)
      : logger_("run", std::make_shared<spdlog::sinks::basic_file_sink_st>(path, /*truncate=*/false)) {
    logger_.set_pattern("%Y-%m-%d %H:%M:%S %v");
    logger_.set_error_handler([](const std::string&) {});  // a full disk is reported by the checkpoint, once
  }
  void write(std::string_view line) {
    logger_.info("{}", line);
    logger_.flush();
  }

 private:
  spdlog::logger logger_;
};

RunDirectory::RunDirectory(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

RunDirectory RunDirectory::locked(const std::string& path) {
  const int lock = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock < 0) throw IoError(path + ": cannot open the run's folder: " + std::strerror(errno));
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    ::close(lock);
    if (reason != EWOULDBLOCK) throw IoError(path + ": cannot lock the run's folder: " + std::strerror(reason));
    throw IoError(path + ": another process is writing this run; wait for its end or choose another --out");
  }
  return RunDirectory(path, lock);
}

RunDirectory RunDirectory::create(const std::string& path, const std::string& config, const std::string& start) {
  make_folder(path);
  RunDirectory run = locked(path);
  if (fs::exists(run.config_path())) {
    throw ArgumentError(path + " already holds a run: go on with --resume " + path + ", or choose another --out");
  }
  make_folder(path + "/checkpoints");
  if (!start.empty()) keep_start(path, start);
  write_file_atomically(run.config_path(), std::as_bytes(std::span(config.data(), config.size())));
  run.log_ = std::make_unique<Log>(path + "/log.txt");
  return run;
}

RunDirectory RunDirectory::open(const std::string& path) {
  read_config(path);
  RunDirectory run = locked(path);
  make_folder(path + "/checkpoints");
  run.log_ = std::make_unique<Log>(path + "/log.txt");
  return run;
}

RunDirectory::RunDirectory(RunDirectory&& other) noexcept
    : path_(std::move(other.path_)),
      lock_(std::exchange(other.lock_, -1)),
      metrics_(std::move(other.metrics_)),
      metrics_file_(std::exchange(other.metrics_file_, -1)),
      metrics_bytes_(other.metrics_bytes_),
      events_(std::move(other.events_)),
      log_(std::move(other.log_)) {}

RunDirectory::~RunDirectory() {
  if (metrics_file_ >= 0) ::close(metrics_file_);
  if (lock_ >= 0) ::close(lock_);
}

void RunDirectory::begin(int64_t metrics_bytes, int64_t events_bytes, std::string_view header) {
  metrics_file_ = open_for_append(path_ + "/metrics.csv", metrics_bytes);
  metrics_bytes_ = metrics_bytes;
  if (metrics_bytes == 0) add_metrics(header);
  begin_json_lines(path_);
  events_ = std::make_unique<EventFile>(event_path(path_), events_bytes);
}

RunDirectory::Lengths RunDirectory::sync() {
  append_and_sync(metrics_file_, path_ + "/metrics.csv", metrics_);
  add_json_lines(path_, metrics_, metrics_bytes_ == 0);
  metrics_bytes_ += static_cast<int64_t>(metrics_.size());
  metrics_.clear();
  return {metrics_bytes_, events_->sync()};
}

void RunDirectory::add_timing(std::string_view header, std::string_view row) {
  const std::string path = path_ + "/timing.csv";
  std::error_code missing;
  const auto size = fs::file_size(path, missing);
  const std::string first = missing || size == 0 ? std::string(header) + "\n" : "";
  append_to_end(path, first + std::string(row) + "\n");
}

void RunDirectory::log(std::string_view line) {
  if (log_) log_->write(line);
}

std::string read_config(const std::string& path) {
  const std::string config = path + "/config.json";
  if (!fs::exists(config)) throw IoError(path + ": no run is there (no config.json); name a folder that --out made");
  const auto bytes = read_file(config, kConfigLimit);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string kept_start(const std::string& path) {
  for (const auto& entry : fs::directory_iterator(path))
    if (entry.path().stem() == "start") return entry.path();
  return "";
}

std::string default_run_path(const std::string& name) {
  const std::string path = fmt::format("runs/{}-{:%Y%m%d-%H%M%S}", name, fmt::localtime(std::time(nullptr)));
  std::string free = path;
  for (int i = 2; std::filesystem::exists(free); ++i) free = fmt::format("{}-{}", path, i);
  return free;
}

}  // namespace pith::apps
