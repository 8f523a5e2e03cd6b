// The program `pith`: chooses the subcommand, and is the one place that turns an error into a sentence and an exit
// code.
//   0 ok   1 failed   2 usage   3 input refused   4 numeric failure   128 + signal interrupted after saving
#include <fmt/format.h>

#include <new>

#include "apps/cli.h"
#include "apps/interrupt.h"
#include "tensor/error.h"

namespace {

enum ExitCode { kOk = 0, kFailed = 1, kUsage = 2, kRefused = 3, kNumeric = 4 };

/// Names of files and tensors come from outside: no control character of theirs reaches a terminal.
std::string harmless(std::string_view message) {
  std::string out;
  for (const char c : message) {
    const auto byte = static_cast<unsigned char>(c);
    byte < 32 || byte == 127 ? void(out += fmt::format("\\x{:02x}", byte)) : out.push_back(c);
  }
  return out;
}

int report(int code, std::string_view message) {
  fmt::print(stderr, "pith: {}\n", harmless(message));
  return code;
}

/// The result's way out: a full disk or a closed pipe behind stdout is a failure.
int finish() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return kOk;
  return report(kFailed, "stdout: cannot write the result");
}

int run(const std::function<void()>& action) try {
  if (action) action();
  return finish();
} catch (const pith::apps::Interrupted& e) {
  return report(128 + e.signal(), e.what());
} catch (const pith::ArgumentError& e) {
  return report(kUsage, e.what());
} catch (const pith::FormatError& e) {
  return report(kRefused, e.what());
} catch (const pith::ShapeError& e) {
  return report(kRefused, e.what());
} catch (const pith::NumericError& e) {
  return report(kNumeric, e.what());
} catch (const std::bad_alloc&) {
  return report(kFailed, "out of memory; a smaller --batch-size needs less");
} catch (const std::exception& e) {
  return report(kFailed, e.what());
}

/// CLI11's messages, cut to one sentence; help and version are no errors.
int usage(const CLI::App& program, const CLI::ParseError& e, std::string_view first) {
  if (e.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    program.exit(e);
    return finish();
  }
  if (program.get_subcommands().empty() && !first.empty() && first.front() != '-') {
    std::string known;
    for (const CLI::App* command : program.get_subcommands({})) known += " " + command->get_name();
    return report(kUsage, fmt::format("there is no command \"{}\"; the commands are{}", first, known));
  }
  std::string message = e.what();
  while (!message.empty() && message.back() == '\n') message.pop_back();
  const auto chosen = program.get_subcommands();
  const std::string command = chosen.empty() ? "" : chosen.front()->get_name() + " ";
  return report(kUsage, fmt::format("{} (`pith {}--help` lists what it takes)", message, command));
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App program("pith: trains, evaluates and compresses neural networks on CPUs.", "pith");
  program.set_version_flag("--version", "pith " PITH_VERSION);
  program.require_subcommand(1);
  program.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);  // so that scripts can override
  program.footer(
      "Exit codes: 0 ok, 1 failed, 2 usage, 3 input refused, 4 numeric failure, 130 interrupted.\n"
      "First steps: pith train --model lenet5 --data digits --epochs 3");
  pith::apps::watch_signals();
  pith::apps::Action action;
  pith::apps::add_train(program, action);
  pith::apps::add_eval(program, action);
  pith::apps::add_quantize(program, action);
  pith::apps::add_pack(program, action);
  pith::apps::add_explain(program, action);
  pith::apps::add_prove(program, action);
  pith::apps::add_export(program, action);
  pith::apps::add_data(program, action);
  pith::apps::add_schedule(program, action);
  pith::apps::add_info(program, action);
  pith::apps::add_summary(program, action);
  pith::apps::add_sense(program, action);
  pith::apps::add_report(program, action);
  pith::apps::add_classify(program, action);
  pith::apps::add_compare(program, action);
  pith::apps::add_bench(program, action);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return usage(program, e, argc > 1 ? argv[1] : "");
  }
  return run(action);
}
