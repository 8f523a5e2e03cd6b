// `pith compare`: runs and networks side by side.
#include <fmt/format.h>

#include <filesystem>

#include "apps/classification_task.h"
#include "apps/cli.h"
#include "apps/interrupt.h"
#include "apps/named_network.h"
#include "apps/run_report/run_record.h"
#include "nn/fold.h"
#include "nn/packed_network.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  pith compare runs/dense runs/agp\n"
    "  pith compare runs/agp w8a8.safetensors --evaluate --latency --csv > compared.csv\n"
    "  pith compare a.safetensors b.safetensors --model resnet20-cifar --evaluate --json";

struct Options {
  CommonOptions common;
  std::vector<std::string> sides;
  std::string model, data, data_root;
  bool evaluate = false, latency = false, csv = false;
};

/// One of those that are compared: its facts by name, null where nothing is known.
struct Side {
  std::string name;
  Json facts = Json::object(), settings = Json::object();
};

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

void take_record(Side& side, const RunRecord& r) {
  side.facts["parameters"] = r.parameters;
  side.facts["weights"] = r.dense();
  side.facts["weights not 0"] = r.kept();
  side.facts["sparsity %"] = r.sparsity();
  side.facts["file bytes"] = r.file_bytes;
  side.facts["dense bytes"] = r.dense_bytes();
  side.facts["packed bytes"] = r.packed_bytes();
}

Side side_of_run(const std::string& path) {
  const RunRecord r = read_run(path);
  Side side{r.name};
  side.facts["kind"] = "run";
  side.facts["model"] = r.config.value("model", std::string());
  side.facts["data"] = r.config.value("data", std::string());
  if (r.file_bytes > 0) take_record(side, r);
  side.facts["epochs"] = r.metrics.rows.size();
  side.facts["top1 %"] = or_null(r.top1());
  if (r.perplexity()) side.facts["perplexity"] = *r.perplexity();
  side.settings = r.config;
  return side;
}

/// Widths of its weights, from the widest layer to the narrowest: "8", or "4 to 8".
std::string bits_of(const nn::IntegerSpec& spec) {
  int low = 8, high = 1;
  for (const nn::IntegerLayer& layer : spec.layers) {
    if (!layer.shape.has_weights()) continue;
    low = std::min(low, layer.bits), high = std::max(high, layer.bits);
  }
  return low >= high ? fmt::format("{}", high) : fmt::format("{} to {}", low, high);
}

Side side_of_packed(const std::string& path) {
  const nn::IntegerSpec spec = nn::read_packed_network(path);
  int64_t parameters = 0, weights = 0, kept = 0;
  for (const nn::IntegerLayer& layer : spec.layers) {
    if (!layer.shape.has_weights()) continue;
    const std::vector<int8_t> values = layer.weights.to_vector<int8_t>();
    weights += std::ssize(values);
    kept += std::ssize(values) - std::count(values.begin(), values.end(), int8_t{0});
    parameters += std::ssize(values) + std::ssize(layer.weight_scale);  // a bias for each scale
  }
  const auto bytes = static_cast<int64_t>(std::filesystem::file_size(path));
  Side side{std::filesystem::path(path).filename().string()};
  side.facts["kind"] = "packed";
  side.facts["model"] = spec.model;
  side.facts["weight bits"] = bits_of(spec);
  side.facts["parameters"] = parameters;
  side.facts["weights"] = weights;
  side.facts["weights not 0"] = kept;
  side.facts["sparsity %"] =
      weights == 0 ? 0.0 : 100.0 * static_cast<double>(weights - kept) / static_cast<double>(weights);
  side.facts["file bytes"] = bytes;
  side.facts["packed bytes"] = bytes;
  return side;
}

Side side_of_weights(const std::string& path, const Options& o) {
  RunRecord r;
  read_weights(r, path);
  if (r.parameters == 0) throw FormatError(visible(path) + ": expected weights of 32-bit floats, found none");
  Side side{std::filesystem::path(path).filename().string()};
  side.facts["kind"] = "weights";
  side.facts["model"] = o.model.empty() ? Json() : Json(o.model);
  take_record(side, r);
  return side;
}

/// Accuracy on the test set, and how long one image takes, batch norm folded.
void measure(Side& side, const std::string& path, const Options& o, Console& console) {
  const NamedNetwork n = open_network({path, o.model, o.data, o.data_root});
  if (o.evaluate) {
    const data::DataSource source = data::open_data(n.data, n.data_root);
    data::Loader loader = evaluation_loader(source.test, source.normalization, 256, 1);
    Progress& bar = console.progress(side.name, loader.batches());
    const Evaluation e = evaluate(*n.network, loader, [&](int64_t batch, const Tensor&, const Score& so_far) {
      check_interrupted();
      if (bar.due()) bar.show(batch, fmt::format("acc={:.4f}", so_far.top1() / 100));
    });
    console.end_progress();
    side.facts["data"] = n.data;
    side.facts["top1 %"] = e.score.top1();
  }
  if (!o.latency) return;
  if (!n.is_packed && n.network->type() != "QuantizedTraining") nn::fold_batch_norm(*n.network);
  const LayerLatency l = network_latency(*n.network, n.images.image, 1);
  side.facts["latency best us"] = l.best;
  side.facts["latency median us"] = l.median;
}

Side side_of(const std::string& path, const Options& o, Console& console) {
  check_interrupted();
  if (!std::filesystem::exists(path)) throw IoError(visible(path) + ": no such run or file");
  Side side = std::filesystem::is_directory(path) ? side_of_run(path)
              : nn::is_packed_network(path)       ? side_of_packed(path)
                                                  : side_of_weights(path, o);
  if (o.evaluate || o.latency) measure(side, path, o, console);
  return side;
}

/// "yes" for a side that no other one beats in accuracy without more bytes, or in bytes without less accuracy.
void mark_front(std::vector<Side>& sides) {
  const auto known = [](const Side& s) {
    const auto top1 = s.facts.find("top1 %");
    return top1 != s.facts.end() && top1->is_number() && s.facts.contains("packed bytes");
  };
  const auto beats = [&](const Side& a, const Side& b) {
    const double ta = a.facts["top1 %"], tb = b.facts["top1 %"];
    const int64_t ba = a.facts["packed bytes"], bb = b.facts["packed bytes"];
    return ta >= tb && ba <= bb && (ta > tb || ba < bb);
  };
  std::vector<Json> verdicts;
  for (const Side& s : sides) {
    bool beaten = false;
    for (const Side& other : sides) beaten = beaten || (known(s) && known(other) && beats(other, s));
    verdicts.push_back(known(s) ? Json(beaten ? "no" : "yes") : Json());
  }
  for (size_t i = 0; i < sides.size(); ++i) sides[i].facts["on the Pareto front"] = verdicts[i];
}

/// A row for each key of any side, in the order of its first appearance.
void add_rows(Table& t, const std::vector<Side>& sides, Json Side::*of, const std::string& prefix, bool all) {
  std::vector<std::string> keys;
  for (const Side& s : sides)
    for (const auto& item : (s.*of).items())
      if (std::find(keys.begin(), keys.end(), item.key()) == keys.end()) keys.push_back(item.key());
  for (const std::string& key : keys) {
    std::vector<Json> row{prefix + key};
    bool differs = false;
    for (const Side& s : sides) {
      row.push_back((s.*of).contains(key) ? (s.*of)[key] : Json());
      differs = differs || row.back() != row[1];
    }
    if (all || differs) t.rows.push_back(std::move(row));
  }
}

Table table_of(const std::vector<Side>& sides) {
  Table t{.title = "compared", .columns = {""}};
  for (const Side& s : sides) t.columns.push_back(visible(s.name));
  add_rows(t, sides, &Side::facts, "", true);
  return t;
}

/// Settings that are not the same in all runs.
Table settings_of(const std::vector<Side>& sides) {
  std::vector<Side> runs;
  for (const Side& s : sides)
    if (!s.settings.empty()) runs.push_back(s);
  Table t{.title = "settings", .columns = {"setting"}};
  for (const Side& s : runs) t.columns.push_back(visible(s.name));
  if (runs.size() > 1) add_rows(t, runs, &Side::settings, "", false);
  return t;
}

/// A setting's text may be long (a schedule): its beginning.
Table shortened_cells(Table t) {
  for (auto& row : t.rows)
    for (Json& cell : row)
      if (cell.is_string() && cell.get_ref<const std::string&>().size() > 40)
        cell = cell.get<std::string>().substr(0, 38) + "..";
  return t;
}

Json document(const std::vector<Side>& sides, const Table& settings) {
  Json json{{"sides", Json::array()}, {"settings", Json::object()}};
  for (const Side& s : sides) {
    json["sides"].push_back({{"name", s.name}});
    json["sides"].back().update(s.facts);
  }
  for (const auto& row : settings.rows)
    json["settings"][row[0].get<std::string>()] = std::vector<Json>(row.begin() + 1, row.end());
  return json;
}

void compare(const Options& o) {
  apply(o.common);
  if (o.sides.size() < 2) throw ArgumentError("compare: takes two or more runs or files of weights");
  if (o.csv && o.common.console.json) throw ArgumentError("--csv and --json exclude each other");
  Console console(o.common.console);
  std::vector<Side> sides;
  for (const std::string& path : o.sides) sides.push_back(side_of(path, o, console));
  mark_front(sides);
  const Table table = table_of(sides), settings = settings_of(sides);
  if (o.csv) {
    std::string lines = csv(table);
    lines.pop_back();
    console.result(lines);
    return;
  }
  console.result(text(table));
  if (!settings.rows.empty()) console.result("\nsettings that differ\n" + text(shortened_cells(settings)));
  if (console.json()) console.document(document(sides, settings).dump(2, ' ', false, Json::error_handler_t::replace));
}

}  // namespace

void add_compare(CLI::App& program, Action& action) {
  auto o = std::make_shared<Options>();
  CLI::App& c = add_command(program, "compare", "show runs and networks side by side", o->common, kExamples);
  c.add_option("side", o->sides, "folders of runs, packed networks, or .safetensors of weights: two or more")
      ->required();
  c.add_flag("--evaluate", o->evaluate, "measure the accuracy on the test set; default: what the run's result says");
  c.add_flag("--latency", o->latency, "measure how long one image takes");
  c.add_flag("--csv", o->csv, "print the table as CSV, without the settings");
  c.add_option("-m,--model,-a,--arch", o->model, "network of files of weights; `pith info` lists them");
  c.add_option("-d,--data", o->data, "data set; default: the run's, or what the model's name speaks of");
  c.add_option("--data-root", o->data_root, "where data sets lie; default: $PITH_DATA, then ~/.cache/pith");
  c.callback([o, &action] { action = [o] { compare(*o); }; });
}

}  // namespace pith::apps
