// `pith train`: a new run, or one that goes on.
#include <fmt/format.h>

#include "apps/cli.h"
#include "apps/language_training.h"
#include "apps/machine.h"
#include "apps/report.h"
#include "apps/run_settings.h"
#include "apps/training.h"
#include "compress/schedule/schedule_file.h"
#include "nn/packed_network.h"
#include "tensor/atomic_file.h"
#include "tensor/error.h"
#include "tensor/parallel.h"

namespace pith::apps {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  pith train --model lenet5 --data digits --epochs 3\n"
    "  pith train --model resnet20-cifar --data cifar10 --epochs 60 --lr 0.1 --lr-policy onecycle --out runs/r20\n"
    "  pith train --resume runs/r20\n"
    "  pith train --model resnet20-cifar --init dense.safetensors --compress schedule.yaml --epochs 40 --lr 0.05\n"
    "  pith train --model resnet20-cifar --init w4a4.train.safetensors --epochs 20 --lr 0.001   (pith quantize "
    "--keep-float)\n"
    "  pith train --model lenet5-earlyexit --data digits --epochs 3 --exit-loss-weights 0.4 --out runs/early\n"
    "  pith train --model lstm-lm --data wikitext-2 --epochs 5\n"
    "  pith train --model lstm-lm --data wikitext-2 --bits-weights 4 --epochs 5 --out runs/lm4";
constexpr size_t kScheduleLimit = 1 << 20;  ///< bytes

struct Options {
  CommonOptions common;
  TrainingOptions training;
  std::string resume, out;
  std::vector<double> distill_weights;
};

std::string read_schedule_text(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path, kScheduleLimit);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// --compress may be said again, with the schedule that the run began with.
void check_same_schedule(const Options& o, const TrainingOptions& saved) {
  if (read_schedule_text(o.training.compress) == saved.schedule) return;
  throw FormatError(o.training.compress + ": expected the schedule that " + o.resume + " began with (" +
                    (saved.schedule.empty() ? "none" : saved.compress) +
                    "), found another; for a new run from its weights use --init " + o.resume +
                    "/checkpoints/best.safetensors");
}

/// Settings that change no bit of the result may differ in a run that goes on; any other stays what it was.
TrainingOptions settings_of_resumed(const CLI::App& command, const Options& o) {
  TrainingOptions saved = settings_of_run(o.resume);
  if (!o.training.compress.empty()) check_same_schedule(o, saved);
  for (const CLI::Option* option : command.get_options()) {
    const std::string name = option->get_name();
    if (option->count() == 0 || option->get_group() == "This process" || option->get_group() == "Output") continue;
    if (name == "--resume" || name == "--compress") continue;
    throw ArgumentError(
        name + " cannot change in a run that goes on with --resume; for a new run from its weights use --init " +
        o.resume + "/checkpoints/best.safetensors");
  }
  const auto take = [&](const char* name, auto& into, const auto& from) {
    if (command.get_option(name)->count() > 0) into = from;
  };
  take("--workers", saved.workers, o.training.workers);
  take("--print-freq", saved.print_every, o.training.print_every);
  take("--anomaly", saved.anomaly, o.training.anomaly);
  take("--checkpoint-steps", saved.checkpoint_steps, o.training.checkpoint_steps);
  return resolved(saved);
}

/// The schedule's text, and what it says of the run where the command line says nothing.
void take_schedule(const CLI::App& command, TrainingOptions& t) {
  t.schedule = read_schedule_text(t.compress);
  const compress::RunSettings run = compress::parse_schedule(t.schedule, t.compress).run;
  const auto take = [&](const char* name, auto& into, const auto& from) {
    if (from && command.get_option(name)->count() == 0) into = *from;
  };
  take("--epochs", t.epochs, run.stop.epochs);
  if (const auto& o = run.optimizer) {
    take("--optimizer", t.optimizer, std::optional(o->name));
    take("--lr", t.rate, o->rate);
    take("--momentum", t.momentum, o->momentum);
    take("--weight-decay", t.weight_decay, o->weight_decay);
    take("--nesterov", t.nesterov, o->nesterov);
  }
  if (const auto& d = run.data) {
    take("--data", t.data, d->name);
    take("--augment", t.augment, d->augment);
    take("--batch-size", t.batch_size, d->batch_size);
    take("--valid", t.validation, d->validation);
  }
  if (const auto& d = run.distillation) {
    take("--teacher", t.teacher, std::optional(d->teacher));
    take("--teacher-model", t.teacher_model, std::optional(d->model));
    take("--distill-temperature", t.distill_temperature, std::optional(d->temperature));
    take("--distill-weights", t.distill_weight, std::optional(d->distill));
    take("--distill-weights", t.student_weight, std::optional(d->student));
    take("--distill-start", t.distill_start, std::optional(d->start_epoch));
  }
}

/// What the language model is trained with unless told otherwise (PyTorch's and Distiller's word language example).
void take_language_defaults(const CLI::App& command, TrainingOptions& t) {
  const auto set = [&](const char* name, auto& value, const auto& preferred) {
    if (command.get_option(name)->count() == 0) value = preferred;
  };
  set("--batch-size", t.batch_size, 20);
  set("--lr", t.rate, 20);
  set("--lr-policy", t.rate_policy, "plateau:factor=0.25,patience=0");
  set("--momentum", t.momentum, 0);
  set("--weight-decay", t.weight_decay, 0);
  set("--clip-norm", t.clip_norm, 0.25);
}

void print_start(Console& console, const TrainingOptions& t, const RunDirectory& run) {
  const std::string methods = !t.init.empty() && nn::is_packed_network(t.init)
                                  ? "; in whole numbers: " + nn::training_methods(nn::read_packed_network(t.init))
                                  : "";
  console.note(fmt::format("run {}: {} on {}, {} epochs, batch {}, {} at {} ({}), seed {}, {} threads{}", run.path(),
                           t.model, t.data, t.epochs, t.batch_size, t.optimizer, t.rate, t.rate_policy, t.seed,
                           threads(), methods));
  const Machine m = this_machine();
  console.note(fmt::format("machine {}, {} cores, kernels {}", m.cpu, m.cores, m.isa));
  if (!t.schedule.empty()) console.note("schedule " + t.compress);
}

/// The result's three ways: result.json, a line, the document of --json.
void report(Console& console, const RunDirectory& run, const Compression& compression, Json json,
            const std::string& line) {
  if (compression.active()) json["compression"] = compression.to_json();
  const std::string file = json.dump(2) + "\n";
  write_file_atomically(run.result_path(), std::as_bytes(std::span(file.data(), file.size())));
  console.result(compression.active() ? line + "  " + compression.summary() : line);
  if (!console.json()) return;
  json["epochs"] = csv_json(run.path() + "/metrics.csv");
  json["timing"] = csv_json(run.path() + "/timing.csv");
  console.document(json.dump(2));
}

void finish(Console& console, const TrainingOptions& t, const RunDirectory& run, const Compression& compression,
            const TrainingResult& r) {
  Json json{{"run", run.path()}, {"model", t.model}, {"data", t.data}, {"best_epoch", r.best_epoch + 1}};
  json["test"] = to_json(r.test.score);
  report(console, run, compression, json,
         fmt::format("test: {}  (weights of epoch {}, {})", console.strong(text(r.test.score)), r.best_epoch + 1,
                     run.best_checkpoint()));
}

void finish(Console& console, const TrainingOptions& t, const RunDirectory& run, const Compression& compression,
            const LanguageResult& r) {
  Json json{{"run", run.path()}, {"model", t.model}, {"data", t.data.empty() ? t.text : t.data}};
  json["best_epoch"] = r.best_epoch + 1;
  json["test"] = {{"perplexity", r.test.perplexity()}, {"loss", r.test.loss()}, {"words", r.test.words}};
  const std::string words = fmt::format("perplexity {:.2f}  loss {:.4f}", r.test.perplexity(), r.test.loss());
  report(console, run, compression, json,
         fmt::format("test: {}  (weights of epoch {}, {})", console.strong(words), r.best_epoch + 1,
                     run.best_checkpoint()));
}

/// The run's folder, made or taken, with what it will be told.
RunDirectory begin(const Options& o, const TrainingOptions& t) {
  if (!o.resume.empty()) return RunDirectory::open(o.resume);
  return RunDirectory::create(o.out.empty() ? default_run_path(t.model) : o.out, to_json(t), t.init);
}

/// Opens the task first, so that refused data or weights leave no folder behind; then `run_it` trains in it.
template <class Task, class RunIt>
void train_task(const Options& o, const TrainingOptions& t, Console& console, const Task& task, const RunIt& run_it) {
  RunDirectory run = begin(o, t);
  console.set_log([&run](std::string_view line) { run.log(line); });
  print_start(console, t, run);
  try {
    const auto result = run_it(t, task, run, console);
    finish(console, t, run, *task.compression, result);
  } catch (const std::exception& e) {
    console.end_progress();
    run.log(e.what());
    throw;
  }
}

/// One rate: the schedule's or the command's.
void check_rate(const CLI::App& command, const Compression& compression) {
  if (command.get_option("--lr-policy")->count() == 0) return;
  for (const compress::PolicySpec& p : compression.schedule().policies)
    if (std::holds_alternative<compress::RateUse>(p.what))
      throw ArgumentError("--lr-policy stands beside the schedule's own learning rate, '" + p.instance + "' (line " +
                          std::to_string(p.place.line) + "); one can be given");
}

/// A file to train in whole numbers from says itself what it is of.
void take_packed_model(const std::string& file, std::string& model) {
  if (file.empty() || !nn::is_packed_network(file)) return;
  const std::string found = nn::read_packed_network(file).model;
  if (!model.empty() && model != found)
    throw FormatError(file + ": expected a packed " + model + ", found one of " + found);
  model = found;
}

void train(const CLI::App& command, Options o) {
  apply(o.common);
  Console console(o.common.console);
  const bool resumes = !o.resume.empty();
  if (o.distill_weights.size() == 2) {
    o.training.distill_weight = o.distill_weights[0];
    o.training.student_weight = o.distill_weights[1];
  }
  if (resumes && !o.out.empty()) {
    throw ArgumentError("--resume and --out exclude each other: a resumed run stays where it is");
  }
  if (!resumes) take_packed_model(o.training.init, o.training.model);
  if (o.training.model == "lstm_lm") o.training.model = "lstm-lm";
  if (o.training.is_language()) take_language_defaults(command, o.training);
  if (!o.training.compress.empty() && !resumes) take_schedule(command, o.training);
  if (!o.training.teacher.empty() && !resumes) {
    o.training.teacher_sum = checksum_of_file(o.training.teacher);
    take_packed_model(o.training.teacher, o.training.teacher_model);
  }
  const TrainingOptions t = resumes ? settings_of_resumed(command, o) : resolved(o.training);
  if (t.is_language()) {
    const TextTask task = open_text_task(t);
    check_rate(command, *task.compression);
    train_task(o, t, console, task, train_language);
  } else {
    const Task task = open_task(t);
    check_rate(command, *task.compression);
    train_task(o, t, console, task, apps::train);
  }
}

void add_settings(CLI::App& c, TrainingOptions& t) {
  const std::string settings = "Settings";
  const auto option = [&](const std::string& name, auto& value, const std::string& description) {
    return c.add_option(name, value, description)->capture_default_str()->group(settings);
  };
  option("-m,--model,-a,--arch", t.model, "network; `pith info` lists them");
  option("-d,--data", t.data,
         "data set by name (`pith data list`) or a folder; default: what the model's name speaks of");
  option("--data-root", t.data_root, "where data sets lie; default: $PITH_DATA, then ~/.cache/pith");
  option("--init,--weights", t.init, "weights to begin with: .safetensors, .npz or .pth");
  option("--compress", t.compress, "schedule of pruning and regularization (YAML; compress/schedule/README.md)");
  option("-e,--epochs", t.epochs, "passes over the training set");
  option("-b,--batch-size", t.batch_size, "images a step");
  option("--lr,--learning-rate", t.rate, "learning rate; default 0.05 for sgd, 0.001 for adam")->default_str("auto");
  option("--lr-policy", t.rate_policy,
         "constant, step:size=30,gamma=0.1, multistep:milestones=40/60, cosine, onecycle, ...");
  option("--optimizer", t.optimizer, "sgd, adam or adamw");
  option("--momentum", t.momentum, "of sgd");
  c.add_flag("--nesterov", t.nesterov, "Nesterov's momentum")->group(settings);
  option("--weight-decay,--wd", t.weight_decay, "times the weights, added to the gradient");
  option("--label-smoothing", t.label_smoothing, "share of the target spread over all classes");
  c.add_option("--exit-loss-weights", t.exit_loss_weights,
               "W,...: weights of the exits' losses, of a network with exits; the last answer has the rest")
      ->default_str("0.3 each")
      ->delimiter(',')
      ->group(settings);
  option("--clip-norm", t.clip_norm, "largest norm of the whole gradient; 0 = no limit");
  option("--augment", t.augment, "crop4, flip, crop4,flip, none or auto (crop4,flip for cifar10)");
  option("--valid,--validation-split", t.validation, "share of the training set to choose the best epoch by; 0 = none");
  option("--seed", t.seed, "of weights, order, augmentation and split");
  option("--evaluate-every", t.evaluate_every, "epochs from one evaluation to the next");
  c.add_flag("--param-hist", t.histograms, "histograms of weights and activations among the TensorBoard events")
      ->group(settings);
}

void add_language(CLI::App& c, TrainingOptions& t) {
  const auto option = [&](const std::string& name, auto& value, const std::string& description) {
    return c.add_option(name, value, description)->capture_default_str()->group("Language model (--model lstm-lm)");
  };
  option("--text", t.text, "text to train on, instead of --data");
  option("--text-test", t.text_test, "text to test with");
  option("--embed", t.embedding, "width of the embedding");
  option("--hidden", t.hidden, "width of the LSTM layers");
  option("--layers", t.layers, "LSTM layers");
  option("--bptt", t.bptt, "words a step looks back");
  option("--dropout", t.dropout, "probability, in training");
  option("--bits-weights", t.bits_weights,
         "train all matrices in whole numbers of 2 to 8 bits, and what they multiply in 8; 0: real");
  c.add_flag("--tied", t.tied, "the decoder's weight is the embedding's")->group("Language model (--model lstm-lm)");
}

void add_distillation(CLI::App& c, Options& o) {
  const std::string group = "Distillation (also: distillation, in a schedule)";
  TrainingOptions& t = o.training;
  c.add_option("--teacher", t.teacher,
               "a network to learn from: trained weights, or a packed file, which answers sooner")
      ->group(group);
  c.add_option("--teacher-model", t.teacher_model, "its name; default: the student's, or what a packed file says")
      ->group(group);
  c.add_option("--distill-temperature", t.distill_temperature, "softens both answers")
      ->capture_default_str()
      ->group(group);
  c.add_option("--distill-weights", o.distill_weights, "DISTILL,STUDENT: weights of the teacher's and the labels' loss")
      ->default_str("0.5,0.5")
      ->delimiter(',')
      ->expected(2)
      ->group(group);
  c.add_option("--distill-start", t.distill_start, "first epoch with the teacher, from 0")
      ->capture_default_str()
      ->group(group);
}

void add_process(CLI::App& c, Options& o) {
  const std::string process = "This process";
  c.add_option("-o,--out", o.out, "folder of the new run; default: runs/MODEL-DATE")->group(process);
  c.add_option("--resume", o.resume, "folder of a run to go on with")->group(process);
  c.add_option("-j,--workers", o.training.workers, "threads that prepare batches")
      ->capture_default_str()
      ->group(process);
  c.add_option("-p,--print-freq", o.training.print_every, "a line every N steps")
      ->capture_default_str()
      ->group(process);
  c.add_option("--checkpoint-steps", o.training.checkpoint_steps, "a checkpoint every N steps too")->group(process);
  c.add_flag("--anomaly", o.training.anomaly, "name the operator and layer of the first value that is not finite")
      ->group(process);
}

}  // namespace

void add_train(CLI::App& program, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App& command = add_command(program, "train", "train a network", options->common, kExamples);
  add_settings(command, options->training);
  add_language(command, options->training);
  add_distillation(command, *options);
  add_process(command, *options);
  command.callback([&command, options, &action] { action = [&command, options] { train(command, *options); }; });
}

}  // namespace pith::apps
