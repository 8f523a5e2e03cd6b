#include "apps/run_report/run_record.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <sstream>

#include "apps/run_directory.h"
#include "apps/run_report/mask_picture.h"
#include "apps/run_report/sensitivity_study.h"
#include "nn/packed_network.h"
#include "tensor/atomic_file.h"
#include "tensor/container.h"
#include "tensor/error.h"
#include "tensor/formats/format_table.h"

namespace pith::apps {
namespace {

constexpr size_t kLimit = size_t{1} << 28;
constexpr int kBins = 40;

std::string read_words(const std::string& path) {
  const auto bytes = read_file(path, kLimit);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells(1);
  for (const char c : line) c == ',' ? void(cells.emplace_back()) : void(cells.back() += c);
  return cells;
}

double number_of(const std::string& cell) {
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  const bool whole = error == std::errc() && end == cell.data() + cell.size() && !cell.empty();
  return whole ? value : std::numeric_limits<double>::quiet_NaN();
}

Json read_json(const std::string& path) {
  const std::string words = read_words(path);
  Json json = Json::parse(words, nullptr, false);
  if (!json.is_object()) throw FormatError(path + ": expected a JSON object, found something else");
  return json;
}

/// The line that `pith train` begins its log with.
std::string machine_in(const std::string& log) {
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    const size_t at = line.find(" machine ");
    if (at != std::string::npos && at < 24) return line.substr(at + 9);
  }
  return "";
}

/// A section that is a parameter or a buffer: not what compression and the optimizer remember.
bool is_value(const Section& s) {
  return s.dtype == "F32" && !s.name.starts_with("optimizer.") && !s.name.starts_with("schedule.") &&
         s.name.find(".quant.") == std::string::npos;
}

WeightRecord weight_of(const Section& section) {
  const Tensor weight = section.tensor();
  WeightRecord w{sparsity_of(section.name, weight), distribution_of(weight.to_vector<float>(), kBins)};
  const auto mask = std::make_shared<const Mask>(Mask::from(weight));
  if (w.sparsity.sparse < w.sparsity.dense) w.picture = mask_picture(weight);
  w.csr_bytes = static_cast<int64_t>(find_format(Format::csr)->pack({weight, mask, nullptr, nullptr})->bytes());
  return w;
}

std::optional<double> tested(const Json& result, const char* what) {
  if (!result.is_object() || !result.contains("test") || !result["test"].is_object()) return {};
  const auto found = result["test"].find(what);
  if (found == result["test"].end() || !found->is_number()) return {};
  return found->get<double>();
}

/// The width that most weights have.
int most_bits(const nn::IntegerSpec& spec) {
  std::array<int64_t, 9> weights{};
  for (const nn::IntegerLayer& layer : spec.layers)
    if (layer.shape.has_weights() && layer.bits >= 1 && layer.bits <= 8)
      weights[static_cast<size_t>(layer.bits)] += layer.weights.numel();
  return static_cast<int>(std::max_element(weights.begin(), weights.end()) - weights.begin());
}

}  // namespace

void read_weights(RunRecord& run, const std::string& path) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  if (error) return;
  run.file_bytes = static_cast<int64_t>(bytes);
  for (const Section& s : read_container(path).sections) {
    if (!is_value(s)) continue;
    run.parameters += s.shape.numel();
    if ((s.shape.rank() == 2 || s.shape.rank() == 4) && s.shape.numel() > 0) run.weights.push_back(weight_of(s));
  }
}

std::vector<double> MetricTable::column(const std::string& name) const {
  std::vector<double> values;
  for (size_t c = 0; c < columns.size(); ++c) {
    if (columns[c] != name) continue;
    for (const auto& row : rows) values.push_back(row[c]);
    break;
  }
  return values;
}

MetricTable read_metrics(const std::string& path) {
  std::string words = read_words(path);
  MetricTable t;
  t.cut = !words.empty() && words.back() != '\n';
  words.erase(words.find_last_of('\n') + 1);
  std::istringstream lines(words);
  std::string line;
  if (std::getline(lines, line)) t.columns = cells_of(line);
  for (int64_t number = 2; std::getline(lines, line); ++number) {
    const auto cells = cells_of(line);
    if (cells.size() != t.columns.size())
      throw FormatError(path + ":" + std::to_string(number) + ": expected " + std::to_string(t.columns.size()) +
                        " cells as in the first line, found " + std::to_string(cells.size()));
    t.rows.emplace_back();
    for (const std::string& cell : cells) t.rows.back().push_back(number_of(cell));
  }
  if (t.rows.empty()) throw FormatError(path + ": expected a row an epoch, found none: no epoch of this run has ended");
  return t;
}

int64_t RunRecord::dense() const {
  int64_t sum = 0;
  for (const WeightRecord& w : weights) sum += w.sparsity.dense;
  return sum;
}

int64_t RunRecord::kept() const {
  int64_t sum = 0;
  for (const WeightRecord& w : weights) sum += w.sparsity.sparse;
  return sum;
}

double RunRecord::sparsity() const {
  return dense() == 0 ? 0 : 100.0 * static_cast<double>(dense() - kept()) / static_cast<double>(dense());
}

int64_t RunRecord::packed_bytes() const {
  int64_t sum = dense_bytes();
  for (const WeightRecord& w : weights) sum += std::min<int64_t>(0, w.csr_bytes - w.sparsity.dense * 4);
  return sum;
}

std::optional<double> RunRecord::top1() const { return tested(result, "top1"); }
std::optional<double> RunRecord::perplexity() const { return tested(result, "perplexity"); }

RunRecord read_run(const std::string& path) {
  RunRecord run;
  run.path = path;
  while (run.path.size() > 1 && run.path.back() == '/') run.path.pop_back();
  run.name = std::filesystem::path(run.path).filename().string();
  read_config(run.path);  // the one sentence for a folder that is no run
  run.config = read_json(run.path + "/config.json");
  const auto there = [&](const char* file) { return std::filesystem::exists(run.path + file); };
  if (!there("/metrics.csv"))
    throw FormatError(run.path + "/metrics.csv: is missing: expected the curves of a run that has ended an epoch");
  run.metrics = read_metrics(run.path + "/metrics.csv");
  if (there("/timing.csv")) run.timing = read_metrics(run.path + "/timing.csv");
  if (there("/result.json")) run.result = read_json(run.path + "/result.json");
  if (there("/log.txt")) run.machine = machine_in(read_words(run.path + "/log.txt"));
  if (there("/sensitivity.csv")) run.sensitivity = read_sensitivity(run.path + "/sensitivity.csv");
  const std::string init = run.config.value("init", std::string());
  if (!init.empty() && nn::is_packed_network(init)) run.quantized_bits = most_bits(nn::read_packed_network(init));
  read_weights(run, run.path + "/checkpoints/best.safetensors");
  return run;
}

}  // namespace pith::apps
