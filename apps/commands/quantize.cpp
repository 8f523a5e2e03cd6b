// `pith quantize`: a trained float network becomes an integer network, packed into a file with real bytes.
#include <fmt/format.h>

#include <filesystem>

#include "apps/checks.h"
#include "apps/classification_task.h"
#include "apps/cli.h"
#include "apps/interrupt.h"
#include "apps/quantization.h"
#include "apps/report.h"
#include "apps/run_settings.h"
#include "apps/training_options.h"
#include "compress/proofs/bounds.h"
#include "nn/packed_network.h"
#include "tensor/error.h"
#include "tensor/weights_file.h"

namespace pith::apps {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  pith quantize --model resnet20-cifar --weights resnet20.safetensors --data cifar10 --out w8a8.safetensors\n"
    "  pith quantize --model resnet20-cifar --weights resnet20.safetensors --data cifar10 --bits-weights 4 \\\n"
    "      --bits-activations 4 --clip mse --weight-range mse --out w4a4.safetensors\n"
    "  pith quantize ... --bits-weights 4 --weight-range mse --rounding descent --out w4a8.safetensors\n"
    "  pith quantize --model resnet20-cifar --weights resnet20.safetensors --data cifar10 --bits-weights 2 \\\n"
    "      --bits-activations 4 --clip mse --keep-float --train-weights ternary --train-activations pact \\\n"
    "      --out ternary.train.safetensors                       (then: pith train --init)\n"
    "  pith quantize ... --bits-weights 4 --bits-activations 4 --keep-float --train-accumulator 14 \\\n"
    "      --out narrow.train.safetensors                        (then `pith prove` shows sums of 14 bits at most)\n"
    "  pith quantize ... --budget-bytes 120000 --weight-range mse --rounding descent --out mixed.safetensors\n"
    "  pith quantize --run runs/r20 --out w8a8.safetensors\n"
    "  pith quantize --run runs/w4a4 --out w4a4.safetensors        (after training in whole numbers)\n"
    "  pith quantize --method weight-only --weights resnet20.safetensors --bits-weights 4 --group-size 32 \\\n"
    "      --out small.safetensors           (any network; then: pith eval --model resnet20-cifar --weights)\n"
    "  pith eval --weights w8a8.safetensors --data cifar10";

struct Options {
  CommonOptions common;
  QuantizationOptions what;
  std::string out, run;
  bool keeps_float = false;
};

std::string mode_of(const nn::ValueQuant& q) { return fmt::format("u{} x {:.6g} - {}", q.bits, q.scale, q.zero_point); }

Json layer_json(const nn::IntegerSpec& spec, const compress::AccumulatorBound& bound, const nn::IntegerLayer& layer) {
  const nn::ValueQuant& x = spec.values[static_cast<size_t>(layer.shape.input)];
  return {{"layer", bound.layer},        {"bits_weights", layer.bits},       {"bits_input", x.bits},
          {"input_scale", x.scale},      {"input_zero_point", x.zero_point}, {"depth", bound.depth},
          {"lowest_sum", bound.lowest},  {"highest_sum", bound.highest},     {"accumulator_bits", bound.bits},
          {"rule_bits", bound.rule_bits}};
}

void report(const Options& o, const nn::IntegerSpec& spec, Console& console) {
  const auto bytes = std::filesystem::file_size(o.out), before = std::filesystem::file_size(o.what.weights);
  const std::vector<compress::AccumulatorBound> bounds = compress::accumulator_bounds(spec);
  Json layers = Json::array();
  console.result(fmt::format("{:<24}{:>8}{:>28}{:>8}{:>14}{:>13}{:>6}{:>6}", "layer", "weights", "input", "depth",
                             "lowest sum", "highest", "bits", "rule"));
  for (const compress::AccumulatorBound& b : bounds) {
    const nn::IntegerLayer& layer = spec.layers[static_cast<size_t>(b.index)];
    if (!layer.shape.has_weights()) continue;
    console.result(fmt::format("{:<24}{:>8}{:>28}{:>8}{:>14}{:>13}{:>6}{:>6}", b.layer, fmt::format("s{}", layer.bits),
                               mode_of(spec.values[static_cast<size_t>(layer.shape.input)]), b.depth, b.lowest,
                               b.highest, b.bits, b.rule_bits));
    layers.push_back(layer_json(spec, b, layer));
  }
  const double share = static_cast<double>(bytes) / static_cast<double>(before);
  console.result(console.strong(fmt::format("{}: {} bytes, {:.4f} of {} bytes", o.out, bytes, share, before)));
  if (!console.json()) return;
  console.document(Json{
      {"model", spec.model},
      {"out", o.out},
      {"bytes", bytes},
      {"float_bytes", before},
      {"share", share},
      {"dynamic", spec.is_dynamic},
      {"layers",
       layers}}.dump(2));
}

void write_weights(const Options& o, const compress::WeightOnly& made, Console& console) {
  write_container(o.out, made.file);
  const auto bytes = std::filesystem::file_size(o.out), before = std::filesystem::file_size(o.what.weights);
  const double share = static_cast<double>(bytes) / static_cast<double>(before);
  console.result(
      fmt::format("{} weights of {} tensors in whole numbers; all else is real", made.weights, made.tensors));
  console.result(console.strong(fmt::format("{}: {} bytes, {:.4f} of {} bytes", o.out, bytes, share, before)));
  if (!console.json()) return;
  console.document(Json{
      {"out", o.out},
      {"bytes", bytes},
      {"float_bytes", before},
      {"share", share},
      {"tensors", made.tensors},
      {"weights",
       made.weights}}.dump(2));
}

/// No network is made: what becomes whole numbers are the weights of the file, whoever they belong to.
void quantize_weights_only(const Options& o, Console& console) {
  if (o.keeps_float || !o.run.empty())
    throw ArgumentError("--method weight-only rounds the weights of --weights; it has no --run and no --keep-float");
  const compress::WeightOnlyOptions options = weight_only_options(o.what);
  if (nn::is_packed_network(o.what.weights))
    throw ArgumentError("--weights " + o.what.weights +
                        " is a packed network, whose weights are whole numbers already");
  write_weights(o, compress::weight_only(read_weights(o.what.weights), options), console);
}

/// A language model that was trained in whole numbers.
void pack_language_run(const Options& o, int bits, Console& console) {
  if (bits == 0)
    throw FormatError(o.run +
                      "/config.json: expected a run in whole numbers (`pith train --bits-weights`), found one "
                      "with real weights; --method weight-only --weights rounds those");
  write_weights(o, compress::learned_weights(read_weights(o.what.weights), bits), console);
}

void check_names(const Options& o, bool is_weight_only) {
  if (!o.run.empty() && !o.what.weights.empty()) throw ArgumentError("--run and --weights exclude each other");
  if (o.run.empty() && o.what.model.empty() && !is_weight_only)
    throw ArgumentError("--model NAME says what the weights belong to");
  if (o.run.empty() && o.what.weights.empty()) throw ArgumentError("--weights FILE or --run RUN says what to quantize");
  if (o.out.empty() || !o.out.ends_with(".safetensors"))
    throw ArgumentError("--out takes the packed file, named .safetensors");
}

void quantize(Options o) {
  apply(o.common);
  Console console(o.common.console);
  const bool is_weight_only = o.what.method == "weight-only";
  check_names(o, is_weight_only);
  if (!o.run.empty()) o.what.weights = o.run + "/checkpoints/best.safetensors";
  if (is_weight_only) return quantize_weights_only(o, console);
  bool is_trained = false;  // in whole numbers
  if (!o.run.empty()) {
    const TrainingOptions saved = settings_of_run(o.run);
    if (saved.is_language()) return pack_language_run(o, static_cast<int>(saved.bits_weights), console);
    is_trained = nn::is_packed_network(saved.init);
    if (!is_trained) take_run(o.run, o.what);
  }
  if (o.what.chooses_training() && (!o.keeps_float || is_trained))
    throw ArgumentError("--train-weights and the other --train options go on from real weights and want --keep-float");
  const nn::IntegerSpec spec = is_trained ? trained(o.run) : quantized(o.what, console);
  nn::write_packed_network(o.out, spec, o.keeps_float ? nn::FloatWeights::kept : nn::FloatWeights::none);
  report(o, spec, console);
}

void add_method(CLI::App& c, QuantizationOptions& o) {
  c.add_option("--bits-weights", o.bits_weights, "1 to 8; of weight-only 16, too")
      ->capture_default_str()
      ->group("Method");
  c.add_option("--bits-activations", o.bits_activations, "1 to 8")->capture_default_str()->group("Method");
  c.add_option("--bits-ends", o.bits_ends, "first and last layer's weights, last one's input; 0: as the rest")
      ->capture_default_str()
      ->group("Method");
  c.add_option("--bits-residual", o.bits_residual,
               "residual sums, rounded to --bits-activations where they are\nmultiplied; default: --bits-activations")
      ->group("Method");
  c.add_option(
       "--bits-shortcuts", o.bits_shortcuts,
       "weights of shortcuts' convolutions, which then read residual sums\nunrounded; default: --bits-weights, rounded")
      ->group("Method");
  c.add_option("--method", o.method,
               "static (calibrated), dynamic (ranges of every batch) or\n"
               "weight-only (activations stay real; takes no data)")
      ->capture_default_str()
      ->group("Method");
  c.add_option("--mode", o.mode, "asymmetric, symmetric or restricted: activations")
      ->capture_default_str()
      ->group("Method");
  c.add_option("--clip", o.clip, "none, avg, n_std, gauss, laplace, percentile, mse or kl: activations")
      ->capture_default_str()
      ->group("Method");
  c.add_option("--n-stds", o.deviations, "of --clip n_std")->capture_default_str()->group("Method");
  c.add_option("--percentile", o.percentile, "of --clip percentile, as a share")
      ->capture_default_str()
      ->group("Method");
  c.add_option("--weight-range", o.weight_range, "largest or mse")->capture_default_str()->group("Method");
  c.add_option("--group-size", o.group_size, "of weight-only: weights that share a scale; default: an output channel")
      ->group("Method");
  c.add_flag("--per-tensor", o.is_per_tensor, "one weight scale a layer, not one a channel")->group("Method");
  c.add_flag("--equalise", o.equalises, "cross-layer equalisation before anything else")->group("Method");
  c.add_option("--rounding", o.rounding, "of weights: nearest, descent or adaround")
      ->capture_default_str()
      ->group("Method");
  c.add_flag("--bias-correction", o.corrects_bias, "right means of every channel; part of descent and adaround")
      ->group("Method");
  c.add_option("--search", o.search, "rounds of a search for the ranges that cost the network least")
      ->capture_default_str()
      ->group("Method");
  c.add_option("--fit-images", o.fit_images, "calibration images that rounding, bias correction and search look at")
      ->capture_default_str()
      ->group("Method");
  c.add_option("--budget-bytes", o.budget_bytes, "bits a layer, chosen so that the packed file has at most these bytes")
      ->group("Method");
  c.add_option("--budget-points", o.budget_points,
               "bits a layer, chosen so that the file is the smallest that loses at most\n"
               "these points of top-1 on the images held out")
      ->group("Method");
  c.add_option("--budget-widths", o.budget_widths, "bits that a budget chooses from")
      ->delimiter(',')
      ->capture_default_str()
      ->group("Method");
  c.add_option("--override", o.overrides, "LAYERS:w=BITS,a=BITS; a name, glob or /expression/; first match counts")
      ->group("Method")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

}  // namespace

void add_quantize(CLI::App& program, Action& action) {
  auto o = std::make_shared<Options>();
  CLI::App& c = add_command(program, "quantize", "quantize a trained network and pack it", o->common, kExamples);
  c.add_option("-m,--model,-a,--arch", o->what.model, "network; `pith info` lists them");
  c.add_option("-w,--weights", o->what.weights, "trained weights: .safetensors, .npz or .pth");
  c.add_option("-d,--data", o->what.data, "data set to calibrate on; default: what the model's name speaks of");
  c.add_option("--data-root", o->what.data_root, "where data sets lie; default: $PITH_DATA, then ~/.cache/pith");
  c.add_option("-o,--out", o->out, "the packed file, .safetensors");
  c.add_option("--calibration", o->what.images,
               "training images to calibrate on, held out as `pith train` does;\n"
               "0: 5,000, or all where there are fewer")
      ->capture_default_str();
  c.add_option("--seed", o->what.seed, "of the split that holds them out; with --run, the run's own")
      ->capture_default_str();
  c.add_option("--statistics", o->what.statistics_in, "take the statistics from this file instead");
  c.add_option("--write-statistics", o->what.statistics_out, "write the statistics to this file");
  c.add_option("--run", o->run,
               "a folder of `pith train`, instead: its best weights, its network, its data. What it trained in\n"
               "whole numbers (--init FILE.train.safetensors) is packed as it is");
  c.add_flag("--keep-float", o->keeps_float, "keep the real weights too: a file that `pith train --init` goes on from");
  c.add_option("--train-weights", o->what.train_weights,
               "then by lsq, dorefa, wrpn, ternary (2 bits), binary (1 bit), inq, ttq or abc (both 3 to 8); layers of\n"
               "other widths by lsq")
      ->capture_default_str();
  c.add_option("--train-norm", o->what.train_norm,
               "folded, or batch: batch norm behind every convolution, folded anew by the statistics of every batch")
      ->capture_default_str();
  c.add_option("--train-activations", o->what.train_activations, "and by lsq, pact, ema or fixed")
      ->capture_default_str();
  c.add_option("--train-accumulator", o->what.train_accumulator,
               "and with sums that provably fit so many bits (8 to 24; lsq, dorefa, wrpn), in the same layers");
  add_method(c, o->what);
  c.callback([o, &action] { action = [o] { quantize(*o); }; });
}

}  // namespace pith::apps
