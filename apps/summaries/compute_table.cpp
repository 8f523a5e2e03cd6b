#include "apps/summaries/compute_table.h"

#include <algorithm>
#include <bit>

#include "apps/summaries/sparsity_table.h"
#include "tensor/weights_file.h"

namespace pith::apps {
namespace {

/// Values other than 0, by parameter.
std::map<std::string, int64_t> nonzeros(nn::Module& model) {
  std::map<std::string, int64_t> all;
  for (const WeightSparsity& w : weight_sparsities(model)) all[w.name] = w.sparse;
  return all;
}

int accumulator_bits(const nn::LayerCompute& l) {
  const int64_t products = l.macs / std::max<int64_t>(l.output.numel(), 1);
  return 16 + static_cast<int>(std::bit_width(static_cast<uint64_t>(std::max<int64_t>(products, 1) - 1)));
}

template <class Map, class F>
Json cell(const Map& map, const std::string& name, const F& of) {
  const auto found = map.find(name);
  return found == map.end() ? Json(nullptr) : Json(of(found->second));
}

void add_measured_columns(Table& t, const ComputeFacts& f) {
  if (!f.stored.empty()) t.columns.insert(t.columns.end(), {"Format", "Bytes"});
  if (!f.input_zeros.empty()) t.columns.emplace_back("IFM zeros (%)");
  if (!f.latency.empty()) t.columns.insert(t.columns.end(), {"Best (us)", "Median (us)"});
}

void add_measured(std::vector<Json>& row, const std::string& layer, const ComputeFacts& f) {
  if (!f.stored.empty()) {
    row.push_back(cell(f.stored, layer + ".weight", [](const StoredWeight& s) { return s.format; }));
    row.push_back(cell(f.stored, layer + ".weight", [](const StoredWeight& s) { return s.bytes; }));
  }
  if (!f.input_zeros.empty()) row.push_back(cell(f.input_zeros, layer, [](double share) { return share; }));
  if (!f.latency.empty()) {
    row.push_back(cell(f.latency, layer, [](const LayerLatency& l) { return l.best; }));
    row.push_back(cell(f.latency, layer, [](const LayerLatency& l) { return l.median; }));
  }
}

/// Sums of the columns that can be summed.
std::vector<Json> total_of(const Table& t) {
  std::vector<Json> total(t.columns.size());
  total[0] = "Total MACs:";
  for (const char* name : {"Weights volume", "MACs", "Effective MACs", "Bytes", "Best (us)", "Median (us)"}) {
    for (size_t c = 0; c < t.columns.size(); ++c) {
      if (t.columns[c] != name) continue;
      Json sum = 0;
      for (const auto& row : t.rows) {
        if (row[c].is_number_float()) sum = sum.get<double>() + row[c].get<double>();
        if (row[c].is_number_integer()) sum = sum.get<int64_t>() + row[c].get<int64_t>();
      }
      total[c] = sum;
    }
  }
  return total;
}

}  // namespace

std::map<std::string, StoredWeight> stored_weights(const std::string& path) {
  std::map<std::string, StoredWeight> all;
  for (const Section& s : read_weights(path).sections) {
    const std::string name = s.name.starts_with("module.") ? s.name.substr(7) : s.name;
    all[name] = {s.dtype, std::ssize(s.bytes)};
  }
  return all;
}

Table compute_summary(nn::Module& model, const Shape& image, const ComputeFacts& facts) {
  Table t{.title = "compute",
          .columns = {"Name", "Type", "Attrs", "IFM", "IFM volume", "OFM", "OFM volume", "Weights volume", "MACs",
                      "Density (%)", "Effective MACs", "Acc bits"}};
  add_measured_columns(t, facts);
  const auto kept = nonzeros(model);
  for (const nn::LayerCompute& l : nn::compute_table(model, image)) {
    const auto found = kept.find(l.name + ".weight");
    const int64_t nonzero = found == kept.end() ? l.weights : found->second;
    std::vector<Json> row{
        l.name,           l.type,    l.attributes, parentheses(l.input), l.input.numel(), parentheses(l.output),
        l.output.numel(), l.weights, l.macs};
    row.emplace_back(100.0 * static_cast<double>(nonzero) / static_cast<double>(l.weights));
    row.emplace_back(l.macs / l.weights * nonzero);
    row.emplace_back(accumulator_bits(l));
    add_measured(row, l.name, facts);
    t.rows.push_back(std::move(row));
  }
  t.total = total_of(t);
  return t;
}

}  // namespace pith::apps
