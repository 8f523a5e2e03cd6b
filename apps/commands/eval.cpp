// `pith eval`: how good weights are on a data set.
#include <fmt/format.h>

#include <optional>

#include "apps/answers.h"
#include "apps/checks.h"
#include "apps/classification_task.h"
#include "apps/cli.h"
#include "apps/early_exit.h"
#include "apps/interrupt.h"
#include "apps/language_training.h"
#include "apps/report.h"
#include "apps/run_settings.h"
#include "nn/checkpoint.h"
#include "nn/packed_network.h"
#include "tensor/container.h"
#include "tensor/error.h"
#include "tensor/npz_file.h"

namespace pith::apps {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  pith eval --run runs/r20\n"
    "  pith eval --model resnet20-cifar --weights resnet20.safetensors --data cifar10 --json\n"
    "  pith eval --run runs/early --exit-thresholds 0.1     (a network with exits)\n"
    "  pith eval --weights w8a8.safetensors --data cifar10      (a file of `pith quantize`)";

struct Options {
  CommonOptions common;
  TrainingOptions what;
  std::string run, weights, split = "test", logits;
  int64_t batch_size = 256;
  std::vector<double> exit_thresholds;
  bool confusion = false;
  int64_t worst = 0;
  bool is_packed = false;
};

/// Settings and weights of the run, where one is named; what the command line says itself goes first.
void take_run(Options& o) {
  if (o.run.empty()) return;
  TrainingOptions saved = settings_of_run(o.run);
  if (!o.what.model.empty()) saved.model = o.what.model;
  if (!o.what.data.empty()) saved.data = o.what.data;
  if (!o.what.data_root.empty()) saved.data_root = o.what.data_root;
  if (!nn::is_packed_network(saved.init)) saved.init.clear();  // else it says what network that is
  o.what = saved;
  if (o.weights.empty()) o.weights = o.run + "/checkpoints/best.safetensors";
}

std::shared_ptr<const data::Dataset> part_of(const DataParts& parts, const std::string& split) {
  if (split == "test") return parts.test;
  if (split == "train") return parts.train;
  if (split != "valid") throw ArgumentError("--split takes test, train or valid, not \"" + split + "\"");
  if (parts.validation == nullptr)
    throw ArgumentError("--split valid needs a --run that was trained with a validation set");
  return parts.validation;
}

bool ends_with(const std::string& text, std::string_view end) { return std::string_view(text).ends_with(end); }

void check(const Options& o) {
  if (o.weights.empty()) throw ArgumentError("--weights FILE or --run RUN says what to evaluate");
  check_at_least("--batch-size", o.batch_size, 1);
  check_at_least("--worst", o.worst, 0);
  if (!o.logits.empty() && !ends_with(o.logits, ".npz") && !ends_with(o.logits, ".safetensors")) {
    throw ArgumentError("--logits takes a file named .npz or .safetensors, not \"" + o.logits + "\"");
  }
}

/// Rows of logits gathered over batches, and where they go.
class LogitsFile {
 public:
  void add(const Tensor& logits) {
    const std::vector<float> rows = logits.to_vector<float>();
    values_.insert(values_.end(), rows.begin(), rows.end());
    classes_ = logits.shape()[1];
  }
  void write(const std::string& path) const {
    const int64_t rows = std::ssize(values_) / classes_;
    Container file;
    file.sections.push_back(Section::of("logits", Tensor::from(values_, Shape{rows, classes_})));
    ends_with(path, ".npz") ? write_npz(path, file) : write_container(path, file);
  }

 private:
  std::vector<float> values_;
  int64_t classes_ = 1;
};

/// The float network of this name with these weights, or the integer network that the file is.
std::unique_ptr<nn::Module> network_of(const Options& o, const data::Dataset& part) {
  if (o.is_packed) return std::make_unique<nn::IntegerNetwork>(nn::read_packed_network(o.weights));
  auto model = make_network(o.what, part);
  nn::load_weights(o.weights, *model);
  return model;
}

/// A packed network says itself what it is of.
void take_packed(Options& o) {
  o.is_packed = nn::is_packed_network(o.weights);
  if (!o.is_packed) return;
  const std::string model = nn::read_packed_network(o.weights).model;
  if (!o.what.model.empty() && o.what.model != model)
    throw FormatError(o.weights + ": expected a packed " + o.what.model + ", found one of " + model);
  o.what.model = model;
}

/// What came out, and what is shown of it.
struct Answers {
  Evaluation evaluation;
  std::vector<Mistake> worst;
  std::vector<std::string> classes;
  std::optional<ExitCounts> exits;
};

Answers run_evaluation(const Options& o, Console& console) {
  const DataParts parts = open_parts(o.what);
  const auto part = part_of(parts, o.split);
  const auto model = network_of(o, *part);
  data::Loader loader = evaluation_loader(part, parts.normalization, o.batch_size, 1);
  Progress& bar = console.progress(o.split, loader.batches());
  LogitsFile logits;
  Mistakes mistakes(part, o.worst);
  std::optional<ExitCounts> exits;
  if (!o.exit_thresholds.empty()) exits.emplace(*model, o.exit_thresholds, part->image_shape());
  const OnBatch on_batch = [&](int64_t batch, const Tensor& y, const Score& so_far) {
    check_interrupted();
    if (!o.logits.empty()) logits.add(y);
    if (o.worst > 0) mistakes.add(y);
    if (bar.due()) bar.show(batch, fmt::format("acc={:.4f}", so_far.top1() / 100));
  };
  const Evaluation e =
      exits ? evaluate(
                  *model, loader, [&](const data::Batch& batch) { return exits->answer(batch); }, on_batch)
            : evaluate(*model, loader, on_batch);
  console.end_progress();
  if (!o.logits.empty()) logits.write(o.logits);
  return {e, mistakes.worst(), part->classes(), std::move(exits)};
}

/// The confusion's columns are the classes in order.
Table confusion_table(const Answers& a) {
  Table t{.title = "confusion", .columns = {"label \\ prediction"}};
  const Evaluation& e = a.evaluation;
  for (int64_t c = 0; c < e.classes; ++c) t.columns.push_back(visible(a.classes[static_cast<size_t>(c)]));
  for (int64_t label = 0; label < e.classes; ++label) {
    t.rows.push_back({a.classes[static_cast<size_t>(label)]});
    for (int64_t c = 0; c < e.classes; ++c)
      t.rows.back().push_back(e.confusion[static_cast<size_t>(label * e.classes + c)]);
  }
  return t;
}

void show(const Answers& a, const Options& o, Console& console) {
  const Evaluation& e = a.evaluation;
  console.result(fmt::format("{}  {:.0f} images/s", console.strong(text(e.score)), e.images_per_second()));
  if (a.exits) {
    console.result("\nexits (entropy in nats; multiply-adds of one image)\n" + text(a.exits->table()));
    console.result(fmt::format("\n{:.1f} % of the multiply-adds of an image that goes all the way",
                               100 * a.exits->mean_macs() / static_cast<double>(a.exits->most_macs())));
  }
  if (o.confusion) {
    console.result("\nconfusion (rows: label, columns: prediction)\n" + text(confusion_table(a)));
    console.result("\nby class\n" + text(class_table(e, a.classes)));
  }
  if (o.worst > 0) console.result("\nmost confidently wrong\n" + text(mistake_table(a.worst, a.classes)));
}

void eval_language(const Options& o, Console& console) {
  if (!o.exit_thresholds.empty()) throw ArgumentError("--exit-thresholds needs a network with exits; lstm-lm has none");
  if (o.run.empty()) throw ArgumentError("eval: a language model needs --run, whose settings say its sizes and text");
  const TextTask task = open_text_task(o.what);
  nn::load_weights(o.weights, *task.model);
  const TextScore s = evaluate_text(*task.model, task.test, o.what, check_interrupted);
  console.result(console.strong(fmt::format("perplexity {:.2f}  loss {:.4f}", s.perplexity(), s.loss())));
  if (!console.json()) return;
  console.document(Json{
      {"model", o.what.model},
      {"weights", o.weights},
      {"perplexity", s.perplexity()},
      {"loss", s.loss()},
      {"words",
       s.words}}.dump(2));
}

void eval(Options o) {
  apply(o.common);
  Console console(o.common.console);
  take_run(o);
  check(o);
  take_packed(o);
  o.what = resolved(o.what);
  if (o.what.is_language()) return eval_language(o, console);
  if (!o.exit_thresholds.empty()) check_exit_thresholds(o.what.model, o.exit_thresholds);
  const Answers a = run_evaluation(o, console);
  show(a, o, console);
  if (!console.json()) return;
  Json json{{"model", o.what.model}, {"weights", o.weights}, {"data", o.what.data}, {"split", o.split}};
  json.update(to_json(a.evaluation));
  json["confusion"] = confusion_json(a.evaluation);
  json["classes"] = to_json(class_table(a.evaluation, a.classes))["rows"];
  if (a.exits) json["exits"] = to_json(a.exits->table());
  if (o.worst > 0) json["worst"] = to_json(mistake_table(a.worst, a.classes))["rows"];
  console.document(json.dump(2, ' ', false, Json::error_handler_t::replace));
}

}  // namespace

void add_eval(CLI::App& program, Action& action) {
  auto o = std::make_shared<Options>();
  o->what.validation = 0;
  CLI::App& c = add_command(program, "eval", "evaluate weights on a data set", o->common, kExamples);
  c.add_option("-m,--model,-a,--arch", o->what.model, "network; `pith info` lists them");
  c.add_option("-w,--weights", o->weights, ".safetensors, .npz or .pth with PyTorch's names, or a packed network");
  c.add_option("--run", o->run, "folder of a run: its settings and best weights");
  c.add_option("-d,--data", o->what.data, "data set by name or a folder; default: what the model's name speaks of");
  c.add_option("--data-root", o->what.data_root, "where data sets lie; default: $PITH_DATA, then ~/.cache/pith");
  c.add_option("--split", o->split, "test, train or valid")->capture_default_str();
  c.add_option("-b,--batch-size", o->batch_size, "images at a time")->capture_default_str();
  c.add_option("--logits", o->logits, "write the logits to this .npz or .safetensors");
  c.add_option("--exit-thresholds", o->exit_thresholds,
               "T,...: images leave at the first exit whose entropy (nats) is below its threshold")
      ->delimiter(',');
  c.add_flag("--confusion", o->confusion, "print labels against predictions, and each class's accuracy");
  c.add_option("--worst", o->worst, "list the N images that were most confidently taken for another class");
  c.callback([o, &action] { action = [o] { eval(*o); }; });
}

}  // namespace pith::apps
