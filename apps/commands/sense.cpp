// `pith sense`: how much accuracy each weight costs when it alone is pruned.
#include <fmt/format.h>

#include <filesystem>

#include "apps/charts/chart_style.h"
#include "apps/checks.h"
#include "apps/classification_task.h"
#include "apps/cli.h"
#include "apps/interrupt.h"
#include "apps/sensitivity/picture.h"
#include "apps/sensitivity/study_file.h"
#include "apps/sensitivity/suggestion.h"
#include "compress/selector.h"
#include "nn/checkpoint.h"
#include "nn/fold.h"
#include "nn/models.h"
#include "tensor/atomic_file.h"
#include "tensor/checksum.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  pith sense --model resnet20-cifar --weights dense.safetensors --data cifar10 --subset 2000\n"
    "  pith sense --model resnet20-cifar --weights dense.safetensors --data cifar10 --kind filter --levels 0,0.25,0.5 "
    "\\\n"
    "             --params 'layer3.*' --loss 0.5 --write-schedule filters.yaml";
constexpr size_t kWeightsLimit = size_t{1} << 34;

struct Options {
  CommonOptions common;
  std::string model, weights, data, data_root, split = "test", kind = "element", levels = "0:0.95:0.05";
  std::string parameters = "*", out, schedule;
  int64_t subset = 0, batch_size = 32, epochs = 30;
  double loss = 1;
  bool restart = false;
};

void check(Options& o) {
  if (o.model.empty()) throw ArgumentError("--model names the network; `pith info` lists them");
  if (o.weights.empty()) throw ArgumentError("--weights names the file of trained weights to study");
  o.model = nn::model_info(o.model).name;
  if (o.data.empty()) o.data = data_for_model(o.model);
  if (o.data.empty()) throw ArgumentError("--data names the data set; `pith data list` lists them");
  if (o.split != "test" && o.split != "train")
    throw ArgumentError("--split takes test or train, not \"" + visible(o.split) + "\"");
  check_at_least("--subset", o.subset, 0);
  check_at_least("--batch-size", o.batch_size, 1);
  check_at_least("--epochs", o.epochs, 1);
  check_not_negative("--loss", o.loss);
  if (o.out.empty()) o.out = "sense-" + o.model + "-" + o.kind;
}

/// What is studied: loaded before anything is written.
struct Work {
  std::unique_ptr<nn::Module> model, folded;
  std::shared_ptr<const data::Dataset> images;
  data::Normalization normalization;
  StudyPlan plan;
  std::vector<int64_t> elements;
};

StudyPlan plan_of(const Options& o, nn::Module& model, std::vector<int64_t>& elements) {
  StudyPlan plan{study_kind(o.kind), parse_levels(o.levels), {}};
  const compress::Selector chosen(o.parameters);
  const bool four = plan.kind != compress::GroupType::element;
  model.visit_parameters([&](const std::string& name, nn::Parameter& p) {
    const int rank = p.shape().rank();
    if (!(rank == 4 || (rank == 2 && !four)) || !name.ends_with(".weight") || !chosen.matches(name)) return;
    plan.weights.push_back(name);
    elements.push_back(p.value().numel());
  });
  if (plan.weights.empty())
    throw ArgumentError("--params " + visible(o.parameters) + " matches no weight that --kind " + o.kind +
                        " can prune");
  return plan;
}

Work work_of(const Options& o) {
  const data::DataSource source = data::open_data(o.data, o.data_root);
  Work w;
  w.images = o.split == "test" ? source.test : source.train;
  w.normalization = source.normalization;
  if (o.subset > 0 && o.subset < w.images->size()) {
    std::vector<int64_t> first(static_cast<size_t>(o.subset));
    for (size_t i = 0; i < first.size(); ++i) first[i] = static_cast<int64_t>(i);
    w.images = data::subset(w.images, first);
  }
  TrainingOptions t;
  t.model = o.model;
  t.init = o.weights;
  w.model = make_network(t, *w.images);
  w.folded = make_network(t, *w.images);
  nn::fold_batch_norm(*w.folded);
  w.plan = plan_of(o, *w.model, w.elements);
  return w;
}

std::string checksum_of(const std::string& path) {
  Checksum sum;
  sum.add(read_file(path, kWeightsLimit));
  return sum.digest();
}

void write(const std::string& path, const std::string& text) {
  write_file_atomically(path, std::as_bytes(std::span(text.data(), text.size())));
}

/// Runs what is missing, saving after every batch.
StudySums study(const Options& o, Work& w, const Json& settings, Console& console) {
  const std::string path = o.out + "/study.json";
  StudySums sums = o.restart ? StudySums{} : read_study(path, settings, w.plan);
  data::Loader loader = evaluation_loader(w.images, w.normalization, o.batch_size, 1);
  if (sums.batches > 0)
    console.note(fmt::format("goes on behind batch {} of {} ({})", sums.batches, loader.batches(), path));
  const int64_t weights = std::ssize(w.plan.weights);
  Progress& bar = console.progress(o.kind, loader.batches() * weights, sums.batches * weights);
  auto saved = std::chrono::steady_clock::now();
  run_study(
      *w.model, *w.folded, loader, w.plan, sums,
      [&](int64_t done, int64_t) {
        if (bar.due()) bar.show(done, "");
        if (!interrupted()) return;
        console.end_progress();
        if (sums.batches > 0) write_study(path, settings, sums);
        throw Interrupted(interrupted(), "stopped behind batch " + std::to_string(sums.batches) + " of " +
                                             std::to_string(loader.batches()) +
                                             "; the same command goes on from there");
      },
      [&](const StudySums& so_far) {
        const auto now = std::chrono::steady_clock::now();
        if (so_far.batches < loader.batches() && now - saved < std::chrono::seconds(5)) return;
        write_study(path, settings, so_far);
        saved = now;
      });
  console.end_progress();
  return sums;
}

void write_results(const Options& o, const Work& w, const StudySums& sums, const std::vector<Suggestion>& suggestions) {
  write(o.out + "/sensitivity.csv", sensitivity_csv(w.plan, sums));
  write(o.out + "/sensitivity.svg", standalone_svg(sensitivity_map(w.plan, sums)));
  write(o.out + "/curves.svg", standalone_svg(sensitivity_curves(w.plan, sums)));
  if (o.schedule.empty()) return;
  const bool any = std::any_of(suggestions.begin(), suggestions.end(), [](const Suggestion& s) { return s.level > 0; });
  if (!any)
    throw ArgumentError("--write-schedule: no weight may be pruned for a loss of " + fmt::format("{:g}", o.loss));
  write(o.schedule, suggested_schedule(suggestions, w.plan.kind, o.epochs,
                                       fmt::format("pith sense, --kind {} --loss {:g}, {} images of {}", o.kind, o.loss,
                                                   sums.base.seen, visible(o.data))));
}

void sense(Options o) {
  apply(o.common);
  check(o);
  Console console(o.common.console);
  Work w = work_of(o);
  const Json settings =
      study_settings(w.plan, o.model, checksum_of(o.weights), o.data + "/" + o.split, w.images->size(), o.batch_size);
  std::error_code error;
  std::filesystem::create_directories(o.out, error);
  if (error) throw IoError(o.out + ": cannot make the folder: " + error.message());
  const auto start = std::chrono::steady_clock::now();
  const StudySums sums = study(o, w, settings, console);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const auto suggestions = suggest(w.plan, sums, w.elements, o.loss);
  write_results(o, w, sums, suggestions);
  const Table table = suggestion_table(suggestions, sums.base.top1());
  console.note(
      fmt::format("{} weights at {} levels on {} images in {:.1f} s; {}/sensitivity.csv, sensitivity.svg, curves.svg",
                  w.plan.weights.size(), w.plan.levels.size(), sums.base.seen, seconds, o.out));
  console.result(console.strong(fmt::format("dense: {}", text(sums.base))));
  console.result(fmt::format("highest level that loses at most {:g} points, each weight alone:", o.loss));
  console.result(text(table));
  if (!console.json()) return;
  Json json{{"settings", settings}, {"base", to_json(sums.base)}, {"loss", o.loss}, {"suggested", to_json(table)}};
  json["seconds"] = seconds;
  json["csv"] = o.out + "/sensitivity.csv";
  console.document(json.dump(2));
}

}  // namespace

void add_sense(CLI::App& program, Action& action) {
  auto o = std::make_shared<Options>();
  CLI::App& c =
      add_command(program, "sense", "prune each weight alone and measure what it costs", o->common, kExamples);
  c.add_option("-m,--model,-a,--arch", o->model, "network; `pith info` lists them");
  c.add_option("-w,--weights", o->weights, ".safetensors, .npz or .pth with PyTorch's names");
  c.add_option("-d,--data", o->data, "data set by name or a folder; default: what the model's name speaks of");
  c.add_option("--data-root", o->data_root, "where data sets lie; default: $PITH_DATA, then ~/.cache/pith");
  c.add_option("--split", o->split, "test or train")->capture_default_str();
  c.add_option("-n,--subset", o->subset, "only the first N images; 0: all")->capture_default_str();
  c.add_option("-k,--kind", o->kind, "what is pruned: element, filter or channel")->capture_default_str();
  c.add_option("-l,--levels", o->levels, "start:stop:step with its stop, or a list: 0,0.3,0.5")->capture_default_str();
  c.add_option("--params", o->parameters, "which weights: a name, a glob or a /regular expression/")
      ->capture_default_str();
  c.add_option("--loss,--suggest", o->loss, "points of top-1 that a suggested level may lose")->capture_default_str();
  c.add_option("--write-schedule,--schedule", o->schedule, "write a schedule of the suggested levels to this file");
  c.add_option("--epochs", o->epochs, "of that schedule")->capture_default_str();
  c.add_option("-b,--batch-size", o->batch_size, "images at a time")->capture_default_str();
  c.add_option("-o,--out", o->out, "folder of the results; default: sense-MODEL-KIND");
  c.add_flag("--restart", o->restart, "begin anew where --out holds a study already");
  c.callback([o, &action] { action = [o] { sense(*o); }; });
}

}  // namespace pith::apps
