#include "apps/quantization.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "apps/bit_budget.h"
#include "apps/checks.h"
#include "apps/classification_task.h"
#include "apps/evaluate.h"
#include "apps/interrupt.h"
#include "apps/run_settings.h"
#include "compress/quantizers/equalisation.h"
#include "compress/quantizers/mixed_precision.h"
#include "compress/quantizers/range_search.h"
#include "compress/quantizers/reconstruction.h"
#include "compress/quantizers/residual_sums.h"
#include "compress/quantizers/training_choice.h"
#include "nn/checkpoint.h"
#include "nn/fold.h"
#include "nn/packed_network.h"
#include "nn/quantized_training.h"
#include "tensor/error.h"
#include "tensor/ops/softmax.h"

namespace pith::apps {
namespace {

QuantMode mode_of(const std::string& name) {
  if (name == "asymmetric") return QuantMode::asymmetric_unsigned;
  if (name == "symmetric") return QuantMode::symmetric;
  if (name == "restricted") return QuantMode::symmetric_restricted;
  throw ArgumentError("--mode takes asymmetric, symmetric or restricted, not \"" + name + "\"");
}

int bits_of(const char* option, int64_t bits, int64_t least) {
  if (bits < least || bits > 8) throw ArgumentError(fmt::format("{} takes {} to 8, not {}", option, least, bits));
  return static_cast<int>(bits);
}

compress::WeightRange weight_range_of(const std::string& name) {
  if (name != "largest" && name != "mse")
    throw ArgumentError("--weight-range takes largest or mse, not \"" + name + "\"");
  return name == "mse" ? compress::WeightRange::mse : compress::WeightRange::largest;
}

/// Weights alone may have 16 bits, too: nothing multiplies them as they lie.
int weight_only_bits(const char* option, int64_t bits) {
  if (bits != 16 && (bits < 1 || bits > 8))
    throw ArgumentError(fmt::format("{} takes 1 to 8 or 16, not {}", option, bits));
  return static_cast<int>(bits);
}

/// "LAYERS:w=4,a=8", either of both.
compress::QuantOverride override_of(const std::string& text, bool is_weight_only) {
  const auto refuse = [&] { throw ArgumentError("--override takes LAYERS:w=BITS,a=BITS, not \"" + text + "\""); };
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) refuse();
  compress::QuantOverride o{.layers = text.substr(0, colon)};
  std::string rest = text.substr(colon + 1);
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    const std::string part = rest.substr(0, comma);
    rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
    int bits = 0;
    const auto [end, error] = part.size() < 3 ? std::from_chars_result{part.data(), std::errc::invalid_argument}
                                              : std::from_chars(part.data() + 2, part.data() + part.size(), bits);
    if (error != std::errc() || end != part.data() + part.size() || part[1] != '=' ||
        (part[0] != 'w' && part[0] != 'a'))
      refuse();
    (part[0] == 'w' ? o.bits_weights : o.bits_activations) =
        is_weight_only ? weight_only_bits("--override", bits) : bits_of("--override", bits, 1);
  }
  return o;
}

compress::Statistics calibrated(const nn::Graph& graph, const data::DataSource& source, const QuantizationOptions& o,
                                Console& console) {
  data::Loader loader = evaluation_loader(images_held_out(source, o), source.normalization, 96, 1);
  compress::Calibration calibration(graph);
  Progress& bar = console.progress("calibration", 2 * loader.batches());
  for (int64_t pass = 0; pass < 2; ++pass) {
    loader.start(0);
    for (int64_t i = 0; i < loader.batches(); ++i) {
      check_interrupted();
      const data::Batch batch = loader.next();
      pass == 0 ? calibration.add_extremes(batch.images) : calibration.add_moments(batch.images);
      if (bar.due()) bar.show(pass * loader.batches() + i, "");
    }
  }
  console.end_progress();
  return calibration.finish();
}

/// The first of the images held out, in memory: what reconstruction and the search for ranges look at again and again.
std::vector<data::Batch> kept_batches(const data::DataSource& source, const QuantizationOptions& o) {
  data::Loader loader = evaluation_loader(images_held_out(source, o), source.normalization, 128, 1);
  loader.start(0);
  std::vector<data::Batch> kept;
  for (int64_t images = 0; images < o.fit_images && std::ssize(kept) < loader.batches();) {
    kept.push_back(loader.next());
    images += kept.back().images.shape()[0];
  }
  return kept;
}

/// Mean cross entropy of an integer network.
double cost_of(const nn::IntegerSpec& spec, const std::vector<data::Batch>& batches) {
  check_interrupted();
  const nn::IntegerNetwork network(spec);
  double sum = 0, images = 0;
  for (const data::Batch& batch : batches) {
    const double n = static_cast<double>(batch.images.shape()[0]);
    sum += n * ops::cross_entropy(network.run(batch.images), batch.labels, 0).loss;
    images += n;
  }
  return sum / images;
}

/// Share of the images held out that a network answers right, in percent. answers: images -> logits.
double accuracy_of(const data::DataSource& source, const QuantizationOptions& o,
                   const std::function<Tensor(const Tensor&)>& answers) {
  data::Loader loader = evaluation_loader(images_held_out(source, o), source.normalization, 128, 1);
  loader.start(0);
  Score score;
  for (int64_t i = 0; i < loader.batches(); ++i) {
    check_interrupted();
    const data::Batch batch = loader.next();
    add_batch(score, answers(batch.images), batch.labels);
  }
  return score.top1();
}

nn::IntegerSpec search_ranges(const nn::Graph& graph, nn::IntegerSpec spec, const std::vector<data::Batch>& batches,
                              const QuantizationOptions& o, Console& console) {
  Progress* bar = nullptr;
  const compress::RangeSearch search{.rounds = static_cast<int>(o.search), .progress = [&](int64_t done, int64_t of) {
                                       if (bar == nullptr) bar = &console.progress("range search", of);
                                       if (bar->due()) bar->show(done, "");
                                     }};
  compress::SearchedRanges found = compress::searched_ranges(
      graph, std::move(spec), [&](const nn::IntegerSpec& tried) { return cost_of(tried, batches); }, search);
  if (bar != nullptr) console.end_progress();
  console.note(
      fmt::format("range search: loss {:.4f} -> {:.4f} on the calibration's images", found.before, found.after));
  return std::move(found.spec);
}

nn::IntegerSpec fitted(const nn::Graph& graph, nn::IntegerSpec spec, const data::DataSource& source,
                       const QuantizationOptions& o, Console& console) {
  const compress::Rounding rounding = compress::rounding(o.rounding);
  const bool reconstructs = o.corrects_bias || rounding != compress::Rounding::nearest;
  if (!reconstructs && o.search == 0) return spec;
  const std::vector<data::Batch> batches = kept_batches(source, o);
  if (o.search > 0) spec = search_ranges(graph, std::move(spec), batches, o, console);
  if (!reconstructs) return spec;
  std::vector<Tensor> images;
  for (const data::Batch& batch : batches) images.push_back(batch.images);
  Progress& bar = console.progress("reconstruction", std::ssize(graph.layers));
  int64_t done = 0;
  spec = compress::reconstructed(graph, std::move(spec), images, {.rounding = rounding}, [&](const std::string& layer) {
    check_interrupted();
    if (++done; bar.due()) bar.show(done, layer);
  });
  console.end_progress();
  return spec;
}

/// The network with bits a layer, by what each width of each layer costs.
nn::IntegerSpec within_budget(BudgetCase c, const data::DataSource& source, const QuantizationOptions& o,
                              const std::function<nn::IntegerSpec(const compress::PostTrainingOptions&)>& finish,
                              Console& console) {
  const std::vector<data::Batch> batches = kept_batches(source, o);
  measure_widths(
      c, o.budget_widths, [&](const nn::IntegerSpec& tried) { return cost_of(tried, batches); }, console);
  if (o.budget_bytes > 0)
    return finish(compress::within_bytes(c.graph, c.statistics, c.options, c.layers, o.budget_bytes, c.model));
  const double real = accuracy_of(source, o, [&](const Tensor& x) { return nn::run_graph(c.graph, x); });
  const auto accuracy = [&](const nn::IntegerSpec& tried) {
    const nn::IntegerNetwork network(tried);
    return accuracy_of(source, o, [&](const Tensor& x) { return network.run(x); });
  };
  return smallest_within(c, real - *o.budget_points, finish, accuracy, console);
}

compress::TrainingChoice training_choice(const QuantizationOptions& o) {
  const compress::TrainingChoice choice{
      .weights = nn::weight_training(o.train_weights),
      .values = nn::value_training(o.train_activations),
      .norm = nn::norm_training(o.train_norm),
      .accumulator = static_cast<int>(std::clamp<int64_t>(o.train_accumulator, -1, 64))};
  const int bits = static_cast<int>(o.bits_weights);
  nn::check_bits(choice.weights, bits, "--bits-weights");
  if (o.train_accumulator != 0) nn::check_accumulator(choice.accumulator, choice.weights, bits, "--bits-weights");
  if (choice.values != nn::ValueTraining::lsq && o.method == "dynamic")
    throw ArgumentError("--train-activations " + o.train_activations +
                        " sets a range; --method dynamic takes that of every batch");
  if (choice.norm == nn::NormTraining::batch && o.method == "dynamic")
    throw ArgumentError(
        "--train-norm batch wants ranges that are known before a layer's sums; --method dynamic has none");
  if (choice.norm == nn::NormTraining::batch && choice.accumulator != 0)
    throw ArgumentError(
        "--train-norm batch knows a layer's bias after its sums; --train-accumulator bounds both before");
  return choice;
}

}  // namespace

compress::PostTrainingOptions post_training_options(const QuantizationOptions& o) {
  compress::PostTrainingOptions p;
  p.bits_weights = bits_of("--bits-weights", o.bits_weights, 1);
  p.bits_activations = bits_of("--bits-activations", o.bits_activations, 1);
  p.bits_ends = bits_of("--bits-ends", o.bits_ends, 0);
  p.bits_residual = bits_of("--bits-residual", o.bits_residual, 0);
  p.bits_shortcuts = bits_of("--bits-shortcuts", o.bits_shortcuts, 0);
  if (p.bits_shortcuts != 0 && p.bits_residual == 0)
    throw ArgumentError("--bits-shortcuts lets shortcuts read the sums that --bits-residual keeps; give both");
  p.mode = mode_of(o.mode);
  p.clip.mode = compress::clip_mode(o.clip);
  check_positive("--n-stds", o.deviations);
  p.clip.deviations = o.deviations;
  if (!(o.percentile > 0.5 && o.percentile <= 1))
    throw ArgumentError(fmt::format("--percentile must be above 0.5 and at most 1, not {}", o.percentile));
  p.clip.percentile = o.percentile;
  p.is_per_channel = !o.is_per_tensor;
  p.weight_range = weight_range_of(o.weight_range);
  if (o.method != "static" && o.method != "dynamic")
    throw ArgumentError("--method takes static, dynamic or weight-only, not \"" + o.method + "\"");
  if (o.group_size != 0) throw ArgumentError("--group-size is of --method weight-only; others have a scale a channel");
  p.is_dynamic = o.method == "dynamic";
  if (p.is_dynamic && o.bits_residual != 0)
    throw ArgumentError("--bits-residual rounds sums to ranges that are known; --method dynamic has none");
  if (p.is_dynamic && (o.corrects_bias || o.search != 0 || o.rounding != "nearest"))
    throw ArgumentError(
        "--bias-correction, --rounding and --search fit a network to fixed ranges; --method dynamic has none");
  if (o.search < 0 || o.search > 10)
    throw ArgumentError(fmt::format("--search takes 0 to 10 rounds, not {}", o.search));
  check_at_least("--fit-images", o.fit_images, 1);
  compress::rounding(o.rounding);
  if (o.budget_bytes < 0) throw ArgumentError(fmt::format("--budget-bytes takes 1 or more, not {}", o.budget_bytes));
  if (o.budget_points && !(*o.budget_points >= 0 && *o.budget_points <= 100))
    throw ArgumentError(fmt::format("--budget-points takes 0 to 100, not {}", *o.budget_points));
  if (o.budget_points && o.budget_bytes > 0)
    throw ArgumentError("--budget-bytes and --budget-points exclude each other: one is given, the other found");
  if (o.budget_widths.empty()) throw ArgumentError("--budget-widths takes bits, like 2,4,8");
  for (const int bits : o.budget_widths) bits_of("--budget-widths", bits, 1);
  for (const std::string& text : o.overrides) p.overrides.push_back(override_of(text, false));
  return p;
}

compress::WeightOnlyOptions weight_only_options(const QuantizationOptions& o) {
  const bool chooses_more = o.bits_activations != 8 || o.clip != "none" || o.mode != "asymmetric" ||
                            o.rounding != "nearest" || o.is_per_tensor || o.corrects_bias || o.equalises ||
                            o.bits_residual != 0 || o.bits_shortcuts != 0 || o.search != 0 || o.has_budget() ||
                            !o.statistics_in.empty() || !o.statistics_out.empty() || o.chooses_training();
  if (chooses_more)
    throw ArgumentError(
        "--method weight-only rounds weights and leaves all else real: of the settings it takes --bits-weights, "
        "--group-size, --weight-range and --override");
  check_at_least("--group-size", o.group_size, 0);
  compress::WeightOnlyOptions w{.bits = weight_only_bits("--bits-weights", o.bits_weights),
                                .group = o.group_size,
                                .range = weight_range_of(o.weight_range)};
  for (const std::string& text : o.overrides) {
    w.overrides.push_back(override_of(text, true));
    if (w.overrides.back().bits_activations != 0)
      throw ArgumentError("--method weight-only has no bits of activations; --override takes LAYERS:w=BITS there");
  }
  return w;
}

nn::IntegerSpec quantized(const QuantizationOptions& o, Console& console) {
  compress::PostTrainingOptions decided = post_training_options(o);
  const compress::TrainingChoice choice = training_choice(o);
  TrainingOptions what;
  what.model = o.model;
  what.data = o.data;
  what.data_root = o.data_root;
  what = resolved(what);
  const data::DataSource source = data::open_data(what.data, what.data_root);
  const auto model = make_network(what, *source.train);
  nn::load_weights(o.weights, *model);
  nn::fold_batch_norm(*model);
  nn::Graph graph = nn::graph_of(*model, source.train->image_shape());
  if (o.equalises) console.note(fmt::format("equalised {} pairs of layers", compress::equalise(graph)));
  compress::Statistics statistics = o.statistics_in.empty() ? calibrated(graph, source, o, console)
                                                            : compress::read_statistics(o.statistics_in, graph);
  if (!o.statistics_out.empty()) compress::write_statistics(o.statistics_out, statistics);
  if (decided.bits_residual != 0) {
    const size_t layers = graph.layers.size();
    graph = compress::with_requantized_sums(
        graph, decided.bits_shortcuts != 0 ? compress::WideReaders::sums_and_shortcuts : compress::WideReaders::sums);
    if (graph.layers.size() == layers) throw ArgumentError("--bits-residual: " + what.model + " adds up no residuals");
    statistics = compress::with_requantized_sums(statistics, graph);
  }
  const auto finish = [&](const compress::PostTrainingOptions& bits) {
    return fitted(graph, compress::quantize_after_training(graph, statistics, bits, what.model), source, o, console);
  };
  nn::IntegerSpec spec = o.has_budget()
                             ? within_budget({graph, statistics, decided, what.model}, source, o, finish, console)
                             : finish(decided);
  return o.chooses_training() ? compress::chosen_training(std::move(spec), choice, decided.bits_weights) : spec;
}

std::shared_ptr<const data::Dataset> images_held_out(const data::DataSource& source, const QuantizationOptions& o) {
  check_at_least("--calibration", o.images, 0);
  const int64_t all = source.train->size(), images = o.images > 0 ? o.images : std::min<int64_t>(5000, all);
  if (images > all)
    throw ArgumentError(fmt::format("--calibration asks for {} images, the training set has {}", images, all));
  if (images == all) return source.train;
  return data::split(source.train, static_cast<double>(images) / static_cast<double>(all), o.seed).validation;
}

void take_run(const std::string& run, QuantizationOptions& o) {
  const TrainingOptions saved = settings_of_run(run);
  o.weights = run + "/checkpoints/best.safetensors";
  if (o.model.empty()) o.model = saved.model;
  if (o.data.empty()) o.data = saved.data;
  if (o.data_root.empty()) o.data_root = saved.data_root;
  o.seed = saved.seed;
}

nn::IntegerSpec trained(const std::string& run) {
  const TrainingOptions saved = settings_of_run(run);
  if (!nn::is_packed_network(saved.init))
    throw FormatError(run +
                      "/config.json: expected a run that began with a file of `pith quantize --keep-float`, found " +
                      (saved.init.empty() ? "one that began anew" : saved.init));
  nn::QuantizedTraining network(nn::read_packed_network(saved.init));
  nn::load_weights(run + "/checkpoints/best.safetensors", network);
  return network.spec();
}

}  // namespace pith::apps
