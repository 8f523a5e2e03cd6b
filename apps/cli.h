// The command line's front: what every command takes, and how a command joins the program.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "apps/console.h"

namespace pith::apps {

/// What every command takes: --json --quiet --color --threads.
struct CommonOptions {
  ConsoleOptions console;
  int64_t threads = 0;  ///< 0: the machine's cores
};

/// A command that was chosen and parsed: to be run after parsing, outside CLI11.
using Action = std::function<void()>;

/// A subcommand with the common options and `examples` below its help.
CLI::App& add_command(CLI::App& program, const std::string& name, const std::string& description, CommonOptions& common,
                      const std::string& examples);
/// Checks the common options and sets the thread count. Throws ArgumentError.
void apply(const CommonOptions& common);

// One function a command (apps/commands/): declares it on `program` and sets `action` when it was chosen.
void add_train(CLI::App& program, Action& action);
void add_eval(CLI::App& program, Action& action);
void add_quantize(CLI::App& program, Action& action);
void add_pack(CLI::App& program, Action& action);
void add_data(CLI::App& program, Action& action);
void add_schedule(CLI::App& program, Action& action);
void add_info(CLI::App& program, Action& action);
void add_summary(CLI::App& program, Action& action);
void add_sense(CLI::App& program, Action& action);
void add_export(CLI::App& program, Action& action);
void add_explain(CLI::App& program, Action& action);
void add_prove(CLI::App& program, Action& action);
void add_report(CLI::App& program, Action& action);
void add_classify(CLI::App& program, Action& action);
void add_compare(CLI::App& program, Action& action);
void add_bench(CLI::App& program, Action& action);

}  // namespace pith::apps
