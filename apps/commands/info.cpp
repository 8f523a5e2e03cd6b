// `pith info`: the machine and the version; with models, once there are some.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/cli.h"
#include "apps/machine.h"

namespace pith::apps {
namespace {

using Json = nlohmann::ordered_json;

struct InfoOptions {
  CommonOptions common;
};

Json machine_json(const Machine& m) {
  return {{"cpu", m.cpu}, {"cores", m.cores}, {"memory_bytes", m.memory_bytes}, {"isa", m.isa}, {"threads", m.threads}};
}

void info(const InfoOptions& options) {
  apply(options.common);
  Console console(options.common.console);
  const Machine m = this_machine();
  if (console.json()) {
    console.document(Json{{"version", PITH_VERSION}, {"machine", machine_json(m)}}.dump(2));
    return;
  }
  console.result(fmt::format("pith {}", PITH_VERSION));
  console.result(fmt::format("{}, {} cores, {:.1f} GB, kernels {}, {} threads", m.cpu, m.cores,
                             static_cast<double>(m.memory_bytes) / 1e9, m.isa, m.threads));
}

}  // namespace

void add_info(CLI::App& program, Action& action) {
  auto options = std::make_shared<InfoOptions>();
  CLI::App& command =
      add_command(program, "info", "show the version and the machine", options->common, "Example:\n  pith info --json");
  command.callback([options, &action] { action = [options] { info(*options); }; });
}

}  // namespace pith::apps
