// `pith pack`: measures what a trained network can lie and run in, and writes the smallest or fastest form of it.
#include <fmt/format.h>

#include <filesystem>

#include "apps/checks.h"
#include "apps/cli.h"
#include "apps/format_choice.h"
#include "apps/report.h"
#include "apps/run_settings.h"
#include "apps/summaries/table.h"
#include "nn/packed_network.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  pith pack --run runs/pruned --out small.safetensors            (the fewest bytes for half a point)\n"
    "  pith pack --model resnet20-cifar --weights pruned.safetensors --for time --budget-points 0.3 \\\n"
    "      --batch-size 32 --out fast.safetensors\n"
    "Real layers are timed alone, integer ones within their network, with rounding, sums and ReLU.\n"
    "Top-1 is of training images held out, never of the test set; a network that was trained on them,\n"
    "too (--valid 0), loses less there than elsewhere. bits: of a weight in the file.\n"
    "Then: pith eval --weights small.safetensors";

struct Options {
  CommonOptions common;
  QuantizationOptions what;
  std::string out, run, aim = "bytes";
  double points = 0.5;
  int64_t batch = 1;
};

std::string micros(const std::optional<LayerLatency>& l) { return l ? fmt::format("{:.1f}", l->median) : "-"; }

std::string_view short_name(Form form) {
  constexpr std::string_view kNames[] = {"f32", "kept", "s8", "1x4", "bits"};
  return kNames[static_cast<size_t>(form)];
}

void show_layers(const FormatChoice& c, Console& console) {
  console.result(fmt::format("{:<22}{:>8}{:>7}{:>8}{:>8}{:>8}{:>8}{:>5}  {}", "layer, microseconds", "density",
                             "blocks", "f32", "kept", "s8", "1x4", "bits", "best"));
  for (const LayerFormats& l : c.layers)
    console.result(fmt::format("{:<22}{:>8.3f}{:>7.3f}{:>8}{:>8}{:>8}{:>8}{:>5}  {}", visible(l.layer), l.density,
                               l.blocks, micros(l.f32), micros(l.f32_kept), micros(l.s8), micros(l.s8_blocks), l.bits,
                               short_name(l.fastest())));
}

void show_forms(const FormatChoice& c, int64_t batch, Console& console) {
  console.result(fmt::format("\n{:<34}{:>11}{:>9}{:>13}{:>11}", "network", "bytes", "top-1",
                             fmt::format("us / {}", batch), "best"));
  for (const NetworkFormat& f : c.forms)
    console.result(fmt::format("{:<34}{:>11}{:>9.2f}{:>13.1f}{:>11.1f}", name(f.form), f.bytes, f.top1,
                               f.latency.median, f.latency.best));
}

Json to_json(const std::optional<LayerLatency>& l) {
  return l ? Json{{"median", l->median}, {"best", l->best}, {"runs", l->runs}} : Json();
}

Json to_json(const FormatChoice& c) {
  Json layers = Json::array(), forms = Json::array();
  for (const LayerFormats& l : c.layers)
    layers.push_back({{"layer", l.layer},
                      {"density", l.density},
                      {"blocks", l.blocks},
                      {"bits", l.bits},
                      {"us_f32", to_json(l.f32)},
                      {"us_f32_kept", to_json(l.f32_kept)},
                      {"us_s8", to_json(l.s8)},
                      {"us_s8_blocks", to_json(l.s8_blocks)},
                      {"fastest", name(l.fastest())}});
  for (const NetworkFormat& f : c.forms)
    forms.push_back(
        {{"form", name(f.form)}, {"bytes", f.bytes}, {"top1_held_out", f.top1}, {"us", to_json(f.latency)}});
  return {{"layers", layers}, {"forms", forms}, {"images", c.images}, {"chosen", name(c.forms[c.chosen].form)}};
}

void check(const Options& o) {
  if (o.run.empty() == o.what.weights.empty()) throw ArgumentError("--weights FILE or --run RUN says what to pack");
  if (o.run.empty() && o.what.model.empty()) throw ArgumentError("--model NAME says what the weights belong to");
  if (o.out.empty() || !o.out.ends_with(".safetensors"))
    throw ArgumentError("--out takes the packed file, named .safetensors");
  if (o.aim != "bytes" && o.aim != "time") throw ArgumentError("--for takes bytes or time, not \"" + o.aim + "\"");
  check_at_least("--batch-size", o.batch, 1);
}

/// Runs whose networks have one form alone.
void check_run(const std::string& run) {
  const TrainingOptions saved = settings_of_run(run);
  if (saved.is_language())
    throw FormatError(run +
                      "/config.json: expected a network that reads images, found a language model; `pith quantize "
                      "--method weight-only` rounds its weights");
  if (nn::is_packed_network(saved.init))
    throw FormatError(run +
                      "/config.json: expected a run with real weights, found one in whole numbers; `pith quantize "
                      "--run` packs it as it is");
}

void pack(Options o) {
  apply(o.common);
  check(o);
  Console console(o.common.console);
  if (!o.run.empty()) {
    check_run(o.run);
    take_run(o.run, o.what);
  }
  if (nn::is_packed_network(o.what.weights))
    throw ArgumentError("--weights " + o.what.weights +
                        " is a packed network, whose weights are whole numbers already");
  o.what.budget_points = o.points;
  const FormatChoice c = choose_format(o.what, o.aim == "time", o.batch, console);
  c.integers.layers.empty() ? write_real(o.what, o.out) : nn::write_packed_network(o.out, c.integers);
  show_layers(c, console);
  show_forms(c, o.batch, console);
  const auto bytes = std::filesystem::file_size(o.out);
  console.result(console.strong(fmt::format("\n{}: {}, {} bytes; the {} that loses at most {} points on {} images",
                                            o.out, name(c.forms[c.chosen].form), bytes,
                                            o.aim == "time" ? "fastest" : "smallest", o.points, c.images)));
  if (!console.json()) return;
  Json document = to_json(c);
  document["out"] = o.out;
  document["bytes"] = bytes;
  document["batch"] = o.batch;
  document["budget_points"] = o.points;
  console.document(document.dump(2));
}

}  // namespace

void add_pack(CLI::App& program, Action& action) {
  auto o = std::make_shared<Options>();
  o->what.clip = o->what.weight_range = "mse";
  CLI::App& c =
      add_command(program, "pack", "measure every format a network can take, write the best", o->common, kExamples);
  c.add_option("-m,--model,-a,--arch", o->what.model, "network; `pith info` lists them");
  c.add_option("-w,--weights", o->what.weights, "trained weights: .safetensors, .npz or .pth");
  c.add_option("--run", o->run, "a folder of `pith train`, instead: its best weights, network and data");
  c.add_option("-d,--data", o->what.data, "data set to calibrate on; default: what the model's name speaks of");
  c.add_option("--data-root", o->what.data_root, "where data sets lie; default: $PITH_DATA, then ~/.cache/pith");
  c.add_option("-o,--out", o->out, "the file, .safetensors");
  c.add_option("--for", o->aim, "bytes or time")->capture_default_str();
  c.add_option("--budget-points", o->points, "of top-1 on the images held out, that it may lose")
      ->capture_default_str();
  c.add_option("-b,--batch-size", o->batch, "images at a time, for times")->capture_default_str();
  c.add_option("--calibration", o->what.images,
               "training images held out to calibrate on and to judge by;\n0: 5,000, or all where there are fewer")
      ->capture_default_str();
  c.add_option("--seed", o->what.seed, "of the split that holds them out; with --run, the run's own")
      ->capture_default_str();
  c.add_option("--clip", o->what.clip, "of activations, as `pith quantize` has it")->capture_default_str();
  c.add_option("--weight-range", o->what.weight_range, "largest or mse")->capture_default_str();
  c.add_option("--rounding", o->what.rounding, "of weights: nearest, descent or adaround")->capture_default_str();
  c.add_option("--budget-widths", o->what.budget_widths, "bits a layer to choose from, for bytes")
      ->delimiter(',')
      ->capture_default_str();
  c.callback([o, &action] { action = [o] { pack(*o); }; });
}

}  // namespace pith::apps
