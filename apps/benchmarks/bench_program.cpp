#include "apps/benchmarks/bench_program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <functional>
#include <regex>
#include <set>
#include <sstream>

#include "apps/interrupt.h"
#include "apps/machine.h"
#include "apps/summaries/table.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

/// Beside the program where it was built, or where it was installed.
std::string bench_path() {
  std::error_code error;
  const auto here = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  for (const char* place : {"../bench/pith_bench", "../libexec/pith/pith_bench"})
    if (const auto path = here / place; !error && ::access(path.c_str(), X_OK) == 0)
      return std::filesystem::weakly_canonical(path, error).string();
  throw IoError(
      "this pith was built without its benchmarks; build it with -DPITH_BENCH=ON where libbenchmark-dev and "
      "libeigen3-dev are installed");
}

/// A child and the reading end of its stdout; its stderr goes nowhere.
class Child {
 public:
  Child(const std::string& path, const std::vector<std::string>& arguments, const std::string& isa) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw IoError(fmt::format("{}: no pipe to it: {}", path, std::strerror(errno)));
    std::vector<char*> argv = {const_cast<char*>(path.c_str())};
    for (const std::string& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(ends[1], 1);
      ::dup2(::open("/dev/null", O_WRONLY | O_CLOEXEC), 2);
      if (!isa.empty()) ::setenv("PITH_ISA", isa.c_str(), 1);
      ::execv(path.c_str(), argv.data());
      ::_exit(127);
    }
    ::close(ends[1]);
    from_ = ends[0];
    if (pid_ < 0) {
      ::close(from_);
      throw IoError(fmt::format("{}: cannot start it: {}", path, std::strerror(errno)));
    }
  }
  ~Child() {
    ::close(from_);
    if (pid_ > 0) ::kill(pid_, SIGTERM), wait();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// What has come within a fifth of a second; false at the end.
  bool read(std::string& text) {
    pollfd waiting{from_, POLLIN, 0};
    if (::poll(&waiting, 1, 200) <= 0) return true;
    char buffer[1 << 16];
    const ssize_t n = ::read(from_, buffer, sizeof buffer);
    if (n > 0) text.append(buffer, static_cast<size_t>(n));
    return n > 0 || (n < 0 && errno == EINTR);
  }
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
  int from_ = -1;
};

/// All that the program prints. `heard` is called now and then with what came so far.
std::string output_of(const std::vector<std::string>& arguments, const std::string& isa,
                      const std::function<void(const std::string&)>& heard) {
  const std::string path = bench_path();
  Child child(path, arguments, isa);
  std::string text;
  while (child.read(text)) {
    heard(text);
    if (interrupted()) throw Interrupted(interrupted(), "stopped; rows that were not finished are lost");
  }
  const int code = child.wait();
  if (interrupted()) throw Interrupted(interrupted(), "stopped; rows that were not finished are lost");
  if (code != 0) throw IoError(fmt::format("{}: ended with code {}", path, code));
  return text;
}

/// The number of threads that a row's name speaks of.
int64_t threads_of(const std::string& row) {
  static const std::regex words("/(t|threads:)([0-9]+)(/|$)");
  std::smatch found;
  return std::regex_search(row, found, words) ? std::stoll(found[2]) : 1;
}

/// An expression for these names and no others.
std::string exactly(const std::vector<std::string>& rows) {
  std::string all = "^(";
  for (const std::string& row : rows) {
    if (all.size() > 2) all += '|';
    for (const char c : row) {
      if (std::strchr(".[]{}()\\*+?^$|", c) != nullptr) all += '\\';
      all += c;
    }
  }
  return all + ")$";
}

}  // namespace

std::vector<std::string> bench_rows(const std::string& filter, int64_t threads) {
  std::regex expression;
  try {
    expression.assign(filter, std::regex::extended);
  } catch (const std::regex_error& e) {
    throw ArgumentError(fmt::format("--filter \"{}\" is no regular expression: {}", visible(filter), e.what()));
  }
  std::istringstream all(output_of({"--benchmark_list_tests=true"}, "", [](const std::string&) {}));
  std::vector<std::string> rows;
  for (std::string row; std::getline(all, row);)
    if (std::regex_search(row, expression) && (threads == 0 || threads_of(row) == threads)) rows.push_back(row);
  return rows;
}

Json run_bench(const BenchRequest& r, Console& console) {
  const bool all = !r.filter.empty() && bench_rows(r.filter, 0).size() == r.rows.size();
  std::vector<std::string> arguments = {"--benchmark_format=json",
                                        "--benchmark_filter=" + (all ? r.filter : exactly(r.rows))};
  if (r.seconds > 0) arguments.push_back(fmt::format("--benchmark_min_time={}", r.seconds));
  if (r.repeats > 1) {
    arguments.push_back(fmt::format("--benchmark_repetitions={}", r.repeats));
    arguments.emplace_back("--benchmark_enable_random_interleaving=true");
    arguments.emplace_back("--benchmark_report_aggregates_only=true");
  }
  Progress& bar = console.progress("bench", std::ssize(r.rows));
  bar.show(0, "");
  const std::string text = output_of(arguments, r.isa, [&](const std::string& so_far) {
    if (!bar.due()) return;
    std::set<std::string_view> done;
    constexpr std::string_view kKey = "\"run_name\": \"";
    for (size_t at = so_far.find(kKey); at != std::string::npos; at = so_far.find(kKey, at + 1))
      done.insert(std::string_view(so_far).substr(at, so_far.find('\n', at) - at));
    bar.show(std::ssize(done), "");
  });
  console.end_progress();
  try {
    return Json::parse(text);
  } catch (const Json::exception&) {
    throw IoError("pith_bench: its answer is no JSON");
  }
}

std::string bench_machine(const Json& document) {
  const std::string cpu = this_machine().cpu;
  for (const Json& row : document.at("benchmarks"))
    if (row.contains("label")) return fmt::format("{}, kernels {}", cpu, row.at("label").get<std::string>());
  return cpu;
}

}  // namespace pith::apps
