#include "apps/cli.h"

#include "apps/checks.h"
#include "tensor/parallel.h"

namespace pith::apps {

CLI::App& add_command(CLI::App& program, const std::string& name, const std::string& description, CommonOptions& common,
                      const std::string& examples) {
  CLI::App& command = *program.add_subcommand(name, description);
  command.add_flag("--json", common.console.json, "print one JSON document on stdout")->group("Output");
  command.add_flag("-q,--quiet", common.console.quiet, "no progress, only the result")->group("Output");
  command.add_option("--color", common.console.color, "auto, always or never")->capture_default_str()->group("Output");
  command.add_option("-t,--threads", common.threads, "threads; 0 = the machine's cores")
      ->capture_default_str()
      ->group("This process");
  command.footer(examples);
  return command;
}

void apply(const CommonOptions& common) {
  const std::string& color = common.console.color;
  if (color != "auto" && color != "always" && color != "never") {
    throw ArgumentError("--color takes auto, always or never, not \"" + color + "\"");
  }
  check_at_least("--threads", common.threads, 0);
  if (common.threads > 1024)
    throw ArgumentError("--threads must be at most 1024, not " + std::to_string(common.threads));
  if (common.threads > 0) set_threads(static_cast<int>(common.threads));
}

}  // namespace pith::apps
