// `pith info`: the version, the machine and the models; `pith info MODEL`: its layers and what they cost.
#include <fmt/format.h>

#include "apps/cli.h"
#include "apps/interrupt.h"
#include "apps/machine.h"
#include "apps/report.h"
#include "nn/compute.h"
#include "nn/models.h"

namespace pith::apps {
namespace {

struct Options {
  CommonOptions common;
  std::string model;
};

std::string thousands(int64_t n) {
  std::string digits = std::to_string(n);
  for (int64_t at = std::ssize(digits) - 3; at > 0; at -= 3) digits.insert(static_cast<size_t>(at), " ");
  return digits;
}

Json machine_json(const Machine& m) {
  return {{"cpu", m.cpu}, {"cores", m.cores}, {"memory_bytes", m.memory_bytes}, {"isa", m.isa}, {"threads", m.threads}};
}

Json extents(const Shape& shape) {
  Json json = Json::array();
  for (int a = 0; a < shape.rank(); ++a) json.push_back(shape[a]);
  return json;
}

/// A model with what it costs.
struct Summary {
  int64_t parameters = 0, macs = 0;
  std::vector<nn::LayerCompute> layers;
};

Summary summary_of(const nn::ModelInfo& m) {
  check_interrupted();
  const auto model = nn::make_model(m.name);
  Summary s{model->parameter_count(), 0, nn::compute_table(*model, m.input)};
  for (const nn::LayerCompute& layer : s.layers) s.macs += layer.macs;
  return s;
}

Json model_json(const nn::ModelInfo& m, const Summary& s) {
  return {{"name", m.name},       {"description", m.description}, {"input", extents(m.input)},
          {"classes", m.classes}, {"parameters", s.parameters},   {"macs", s.macs}};
}

void info_all(Console& console) {
  const Machine m = this_machine();
  console.result(fmt::format("pith {}", PITH_VERSION));
  console.result(fmt::format("{}, {} cores, {:.1f} GB, kernels {}, {} threads", m.cpu, m.cores,
                             static_cast<double>(m.memory_bytes) / 1e9, m.isa, m.threads));
  console.result(fmt::format("\n{:<24}{:<16}{:>8}{:>13}{:>15}", "model", "input", "classes", "parameters", "MACs"));
  Json models = Json::array();
  for (const nn::ModelInfo& model : nn::image_models()) {
    const Summary s = summary_of(model);
    models.push_back(model_json(model, s));
    console.result(fmt::format("{:<24}{:<16}{:>8}{:>13}{:>15}  {}", model.name, text(model.input), model.classes,
                               thousands(s.parameters), thousands(s.macs), model.description));
  }
  console.result("lstm-lm                 text: word-level language model, sizes by --embed, --hidden, --layers");
  if (console.json()) {
    console.document(Json{{"version", PITH_VERSION}, {"machine", machine_json(m)}, {"models", models}}.dump(2));
  }
}

void info_model(Console& console, const nn::ModelInfo& m) {
  const Summary s = summary_of(m);
  console.result(fmt::format("{}: {}; input {}, {} classes, {} parameters", m.name, m.description, text(m.input),
                             m.classes, thousands(s.parameters)));
  const auto row = [&](const auto&... cells) {
    console.result(fmt::format("{:<32}{:<9}{:<20}{:<18}{:<18}{:>12}{:>15}", cells...));
  };
  row("layer", "type", "attributes", "input", "output", "weights", "MACs");
  Json layers = Json::array();
  for (const nn::LayerCompute& l : s.layers) {
    row(l.name, l.type, l.attributes, text(l.input), text(l.output), thousands(l.weights), thousands(l.macs));
    layers.push_back({{"name", l.name},
                      {"type", l.type},
                      {"attributes", l.attributes},
                      {"input", extents(l.input)},
                      {"output", extents(l.output)},
                      {"weights", l.weights},
                      {"macs", l.macs}});
  }
  row("total", "", "", "", "", "", thousands(s.macs));
  if (!console.json()) return;
  Json json = model_json(m, s);
  json["layers"] = layers;
  console.document(json.dump(2));
}

void info(const Options& options) {
  apply(options.common);
  Console console(options.common.console);
  options.model.empty() ? info_all(console) : info_model(console, nn::model_info(options.model));
}

}  // namespace

void add_info(CLI::App& program, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App& command = add_command(program, "info", "show the version, the machine and the models", options->common,
                                  "Examples:\n  pith info\n  pith info resnet20-cifar --json");
  command.add_option("model", options->model, "one model, layer by layer");
  command.callback([options, &action] { action = [options] { info(*options); }; });
}

}  // namespace pith::apps
