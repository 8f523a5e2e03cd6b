// `pith report`: runs as one page.
#include <fmt/format.h>

#include <span>

#include "apps/checks.h"
#include "apps/classification_task.h"
#include "apps/cli.h"
#include "apps/interrupt.h"
#include "apps/machine.h"
#include "apps/run_report/measured.h"
#include "apps/run_report/page.h"
#include "apps/run_report/sensitivity_study.h"
#include "apps/run_settings.h"
#include "nn/checkpoint.h"
#include "nn/fold.h"
#include "nn/models.h"
#include "tensor/atomic_file.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  pith report runs/r20                                  # writes runs/r20/report.html\n"
    "  pith report runs/agp --packed w8a8.safetensors --sensitivity sense/sensitivity.csv\n"
    "  pith report runs/dense runs/agp runs/filters --out compared.html";

struct Options {
  CommonOptions common;
  std::vector<std::string> runs;
  std::string out, data_root;
  std::string sensitivity, crossover;
  std::vector<std::string> packed;
  int64_t images = 0;
  bool no_latency = false, no_evaluation = false;
};

/// Of the best weights, folded, one image. The data set is opened for its classes and the size of its images.
LayerLatency latency_of(const RunRecord& run, const std::string& data_root) {
  TrainingOptions t = settings_of_run(run.path);
  if (t.is_language()) throw ArgumentError("a language model reads words, not images");
  if (!data_root.empty()) t.data_root = data_root;
  t.init.clear();
  const DataParts parts = open_parts(t);
  const auto model = make_network(t, *parts.test);
  nn::load_weights(run.path + "/checkpoints/best.safetensors", *model);
  nn::fold_batch_norm(*model);
  return network_latency(*model, parts.test->image_shape(), 1);
}

/// Everything about one run: its forms, layers, values and answers. What cannot be measured is no failure of the
/// report.
void measure_all(RunRecord& run, const Options& o, Console& console) {
  if (o.no_latency && o.no_evaluation) return;
  try {
    run.measured = std::make_shared<const Measured>(
        measure_run(run, {o.data_root, o.packed, o.images, !o.no_evaluation, !o.no_latency}, console));
  } catch (const Error& e) {
    check_interrupted();
    if (!o.packed.empty()) throw;  // asked for by name
    console.end_progress();
    run.no_latency = e.what();
  }
  if (run.measured == nullptr) return;
  for (const Form& f : run.measured->forms)
    if (f.is_run) run.latency = f.latency;
}

void measure(RunRecord& run, const Options& o) {
  if (o.no_latency) return;
  try {
    run.latency = latency_of(run, o.data_root);
  } catch (const Error& e) {
    check_interrupted();
    run.no_latency = e.what();
  }
}

/// The text of an SVG file. Throws IoError, FormatError.
std::string svg_of(const std::string& path) {
  constexpr size_t kLimit = 200'000;
  const std::vector<std::byte> bytes = read_file(path, kLimit);
  std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with("<svg") && !(text.starts_with("<?xml") && text.find("<svg") != std::string::npos))
    throw FormatError(visible(path) + ": expected an SVG file of `pith bench crossover`");
  return text;
}

Json number_or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

Json forms_json(const Measured& m) {
  Json forms = Json::array();
  for (const Form& f : m.forms) {
    forms.push_back(
        {{"form", f.name}, {"bytes", f.bytes > 0 ? Json(f.bytes) : Json()}, {"top1", number_or_null(f.top1)}});
    if (f.latency) forms.back()["latency_us"] = {{"best", f.latency->best}, {"median", f.latency->median}};
  }
  return forms;
}

Json to_json(const RunRecord& r) {
  Json json{{"run", r.path}, {"epochs", r.metrics.rows.size()}, {"top1", number_or_null(r.top1())}};
  if (r.perplexity()) json["perplexity"] = *r.perplexity();
  if (r.file_bytes > 0) {
    json["sparsity"] = r.sparsity();
    json["kept"] = r.kept();
    json["dense_bytes"] = r.dense_bytes();
    json["packed_bytes"] = r.packed_bytes();
    json["file_bytes"] = r.file_bytes;
  }
  if (r.measured != nullptr) json["forms"] = forms_json(*r.measured);
  if (r.latency) json["latency_us"] = {{"best", r.latency->best}, {"median", r.latency->median}};
  return json;
}

void report(Options o) {
  apply(o.common);
  check_at_least("--images", o.images, 0);
  if (o.runs.size() > 1 && (!o.packed.empty() || !o.sensitivity.empty()))
    throw ArgumentError("--packed and --sensitivity belong to one run: report it alone");
  Console console(o.common.console);
  if (o.out.empty()) o.out = o.runs.size() == 1 ? o.runs[0] + "/report.html" : "report.html";
  const std::string crossover = o.crossover.empty() ? "" : svg_of(o.crossover);
  std::vector<RunRecord> runs;
  for (const std::string& path : o.runs) {
    check_interrupted();
    runs.push_back(read_run(path));
  }
  if (!o.sensitivity.empty()) runs[0].sensitivity = read_sensitivity(o.sensitivity);
  if (runs.size() == 1) measure_all(runs[0], o, console);
  if (runs.size() > 1)
    for (RunRecord& run : runs) measure(run, o);
  const Machine m = this_machine();
  const std::string page =
      report_page(runs, fmt::format("{}, kernels {}, {} threads", m.cpu, m.isa, m.threads), crossover);
  write_file_atomically(o.out, std::as_bytes(std::span(page.data(), page.size())));
  console.result(fmt::format("{}  {} kB, {} run{}", visible(o.out), (page.size() + 999) / 1000, runs.size(),
                             runs.size() == 1 ? "" : "s"));
  if (!console.json()) return;
  Json json{{"report", o.out}, {"bytes", page.size()}, {"runs", Json::array()}};
  for (const RunRecord& run : runs) json["runs"].push_back(to_json(run));
  console.document(json.dump(2, ' ', false, Json::error_handler_t::replace));
}

}  // namespace

void add_report(CLI::App& program, Action& action) {
  auto o = std::make_shared<Options>();
  CLI::App& c = add_command(program, "report", "draw runs as one page that needs nothing else", o->common, kExamples);
  c.add_option("run", o->runs, "folders of runs")->required();
  c.add_option("-o,--out", o->out, "the page; default: report.html in the run's folder, or here for several runs");
  c.add_option("--packed", o->packed, "files of `pith quantize` made from this run: shown beside it")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  c.add_option("--sensitivity", o->sensitivity,
               "sensitivity.csv of `pith sense`; default: the one in the run's folder");
  c.add_option("--crossover", o->crossover, "crossover.svg of `pith bench crossover`: shown at the end");
  c.add_option("--images", o->images, "evaluate on the first N test images; 0: all")->capture_default_str();
  c.add_flag("--no-evaluation", o->no_evaluation, "do not evaluate: no forms' accuracy, confusion and worst images");
  c.add_flag("--no-latency", o->no_latency, "do not measure how long one image and each layer take");
  c.add_option("--data-root", o->data_root, "where data sets lie; default: the run's own setting");
  c.callback([o, &action] { action = [o] { report(*o); }; });
}

}  // namespace pith::apps
