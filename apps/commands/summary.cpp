// `pith summary`: a network as tables and pictures.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "apps/checks.h"
#include "apps/classification_task.h"
#include "apps/cli.h"
#include "apps/exports/onnx_file.h"
#include "apps/interrupt.h"
#include "apps/language_training.h"
#include "apps/run_settings.h"
#include "apps/summaries/compute_table.h"
#include "apps/summaries/module_listing.h"
#include "apps/summaries/network_graph.h"
#include "apps/summaries/packed_table.h"
#include "apps/summaries/sparsity_table.h"
#include "nn/checkpoint.h"
#include "nn/fold.h"
#include "nn/models.h"
#include "nn/packed_network.h"
#include "tensor/atomic_file.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  pith summary resnet20-cifar --kind compute\n"
    "  pith summary resnet20-cifar --weights dense.safetensors --kind sparsity --kind compute --latency\n"
    "  pith summary --run runs/r20 --kind sparsity --csv > sparsity.csv\n"
    "  pith summary --weights w8a8.safetensors            (a packed file: formats, bytes, accumulator bits)\n"
    "  pith summary lenet5 --kind png-params --out pictures\n"
    "  pith summary resnet20-cifar --weights dense.safetensors --kind onnx --fold --out exported";
const std::vector<std::string> kKinds{"sparsity", "compute", "model", "modules", "png", "png-params", "onnx"};

struct Options {
  CommonOptions common;
  std::string model, weights, run, activations, data_root, out = ".";
  std::vector<std::string> kinds;
  bool csv = false, latency = false, fold = false;
  int64_t batch_size = 1, images = 256;
};

bool asks(const Options& o, const char* kind) {
  return std::find(o.kinds.begin(), o.kinds.end(), kind) != o.kinds.end();
}

void check(Options& o) {
  if (o.kinds.empty()) o.kinds = {"sparsity"};
  for (const std::string& kind : o.kinds) {
    if (std::find(kKinds.begin(), kKinds.end(), kind) == kKinds.end())
      throw ArgumentError(fmt::format("--kind takes {}, not \"{}\"", fmt::join(kKinds, ", "), visible(kind)));
  }
  if (o.csv && o.common.console.json) throw ArgumentError("--csv and --json exclude each other");
  if (o.csv && o.kinds.size() > 1) throw ArgumentError("--csv prints one table: name one --kind");
  if (o.csv && (asks(o, "model") || asks(o, "png") || asks(o, "png-params") || asks(o, "onnx")))
    throw ArgumentError("--csv prints tables: --kind sparsity, compute or modules");
  check_at_least("--batch-size", o.batch_size, 1);
  check_at_least("--images", o.images, 1);
}

/// The network, its weights, and what they are of.
struct Subject {
  std::string name;
  Shape image;
  std::unique_ptr<nn::Module> model;
};

/// It reads words: what runs images through a network has nothing to show of it.
Subject language_subject(const Options& o, TrainingOptions saved) {
  for (const std::string& kind : o.kinds)
    if (kind != "sparsity" && kind != "model" && kind != "modules")
      throw ArgumentError("summary: " + o.run +
                          " holds a language model, which has --kind sparsity, model and modules");
  if (o.latency || !o.activations.empty())
    throw ArgumentError("summary: --latency and --activations run images, " + o.run + " holds a language model");
  saved.compress.clear(), saved.init.clear();  // what they did stands in the weights
  Subject s{saved.model, {}, open_text_task(saved).model};
  nn::load_weights(o.weights, *s.model);
  return s;
}

Subject subject_of(Options& o) {
  nn::ModelOptions shape;
  if (!o.run.empty()) {
    const TrainingOptions saved = settings_of_run(o.run);
    if (o.weights.empty()) o.weights = o.run + "/checkpoints/best.safetensors";
    if (saved.is_language()) return language_subject(o, saved);
    if (o.model.empty()) o.model = saved.model;
    const DataParts parts = open_parts(saved);
    shape.classes = std::ssize(parts.test->classes());
    shape.input = parts.test->image_shape();
  }
  if (o.model.empty()) throw ArgumentError("summary: name a MODEL or a --run; `pith info` lists the models");
  const nn::ModelInfo& info = nn::model_info(o.model);
  Subject s{info.name, shape.input.rank() == 0 ? info.input : shape.input, nn::make_model(o.model, shape)};
  if (!o.weights.empty()) nn::load_weights(o.weights, *s.model);
  return s;
}

std::map<std::string, double> zeros_read(const Options& o, Subject& s) {
  if (o.activations.empty()) return {};
  const data::DataSource source = data::open_data(o.activations, o.data_root);
  std::vector<int64_t> first(static_cast<size_t>(std::min(o.images, source.test->size())));
  for (size_t i = 0; i < first.size(); ++i) first[i] = static_cast<int64_t>(i);
  if (source.test->image_shape() != s.image)
    throw ArgumentError(fmt::format("--activations {}: its images are {}, {} takes {}", o.activations,
                                    text(source.test->image_shape()), s.name, text(s.image)));
  data::Loader loader = evaluation_loader(data::subset(source.test, first), source.normalization, 64, 1);
  return input_zeros(*s.model, loader);
}

Table compute_of(const Options& o, Subject& s) {
  ComputeFacts facts;
  if (!o.weights.empty()) facts.stored = stored_weights(o.weights);
  if (o.latency) facts.latency = layer_latencies(*s.model, s.image, o.batch_size);
  facts.input_zeros = zeros_read(o, s);
  return compute_summary(*s.model, s.image, facts);
}

void make_out_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw IoError(path + ": cannot make the folder: " + error.message());
}

/// Pictures go to files; their paths are the result.
std::string draw(const Options& o, Subject& s, const std::string& kind) {
  make_out_folder(o.out);
  const bool parameters = kind == "png-params";
  const std::string path = o.out + "/" + s.name + (parameters ? "-params.png" : ".png");
  draw_png(dot_text(network_graph(*s.model, s.image), s.image, s.name, parameters), path);
  return path;
}

/// The float network as a file; its path is the result. A network that is folded is of no use afterwards: it is
/// another.
std::string export_onnx(Options o, Subject& s) {
  std::unique_ptr<nn::Module> folded;
  if (o.fold) {
    folded = subject_of(o).model;
    nn::fold_batch_norm(*folded);
  }
  const std::string bytes = onnx_text(o.fold ? *folded : *s.model, s.image, s.name);
  make_out_folder(o.out);
  const std::string path = o.out + "/" + s.name + ".onnx";
  write_file_atomically(path, std::as_bytes(std::span(bytes.data(), bytes.size())));
  return path;
}

Json show(const Options& o, const Table& table, Console& console) {
  if (o.csv) {
    std::string lines = csv(table);
    lines.pop_back();
    console.result(lines);
  } else {
    console.result(text(table));
  }
  return to_json(table);
}

/// One kind, printed; what --json says of it.
Json show(const Options& o, Subject& s, const std::string& kind, Console& console) {
  if (kind == "model") {
    const std::string tree = module_tree(*s.model);
    console.result(tree);
    return tree;
  }
  if (kind == "png" || kind == "png-params" || kind == "onnx") {
    const std::string path = kind == "onnx" ? export_onnx(o, s) : draw(o, s, kind);
    console.result(path);
    return path;
  }
  return show(o,
              kind == "sparsity"  ? sparsity_table(weight_sparsities(*s.model))
              : kind == "compute" ? compute_of(o, s)
                                  : module_table(*s.model),
              console);
}

/// A packed network has one table of its own.
void packed(const Options& o) {
  if (o.latency || !o.activations.empty() || o.kinds.size() > 1 ||
      (o.kinds[0] != "sparsity" && o.kinds[0] != "compute"))
    throw ArgumentError("summary: " + o.weights + " is a packed network, which has one table and no other --kind");
  Console console(o.common.console);
  Json json{{"weights", o.weights}, {"file_bytes", std::filesystem::file_size(o.weights)}};
  json["packed"] = show(o, packed_summary(o.weights), console);
  if (console.json()) console.document(json.dump(2));
}

void summary(Options o) {
  apply(o.common);
  check(o);
  if (!o.weights.empty() && nn::is_packed_network(o.weights)) return packed(o);
  Console console(o.common.console);
  Subject s = subject_of(o);
  Json json{{"model", s.name}, {"weights", o.weights}};
  for (const std::string& kind : o.kinds) {
    check_interrupted();
    if (o.kinds.size() > 1) console.result(console.strong("\n" + kind));
    json[kind] = show(o, s, kind, console);
  }
  if (o.latency) {
    const LayerLatency whole = network_latency(*s.model, s.image, o.batch_size);
    console.note(
        fmt::format("whole network, batch {}, batch norm not folded: best {:.1f} us, median {:.1f} us of {} runs",
                    o.batch_size, whole.best, whole.median, whole.runs));
    json["network_latency_us"] = {{"best", whole.best}, {"median", whole.median}, {"batch", o.batch_size}};
  }
  if (console.json()) console.document(json.dump(2));
}

}  // namespace

void add_summary(CLI::App& program, Action& action) {
  auto o = std::make_shared<Options>();
  CLI::App& c = add_command(program, "summary", "show a network: zeros, cost, layers, picture", o->common, kExamples);
  c.add_option("model", o->model, "network; `pith info` lists them");
  c.add_option("-k,--kind", o->kinds, "sparsity, compute, model, modules, png, png-params or onnx; may be repeated")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  c.add_option("-w,--weights", o->weights,
               ".safetensors, .npz or .pth, or a packed file; default: freshly initialized");
  c.add_option("--run", o->run, "folder of a run: its model and best weights");
  c.add_flag("--csv", o->csv, "print the table as CSV");
  c.add_flag("--fold", o->fold, "onnx: batch norm folded into the convolutions before it");
  c.add_flag("--latency", o->latency, "compute: measure every layer alone, and the whole");
  c.add_option("-b,--batch-size", o->batch_size, "images at a time, for --latency")->capture_default_str();
  c.add_option("--activations", o->activations,
               "compute: count zeros that layers read, on this data set's test images");
  c.add_option("--images", o->images, "how many of them")->capture_default_str();
  c.add_option("--data-root", o->data_root, "where data sets lie; default: $PITH_DATA, then ~/.cache/pith");
  c.add_option("-o,--out", o->out, "folder for pictures and the ONNX file")->capture_default_str();
  c.callback([o, &action] { action = [o] { summary(*o); }; });
}

}  // namespace pith::apps
