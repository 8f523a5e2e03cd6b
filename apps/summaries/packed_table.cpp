#include "apps/summaries/packed_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "compress/proofs/bounds.h"
#include "nn/packed_network.h"
#include "tensor/container.h"

namespace pith::apps {
namespace {

/// Bytes of all sections NAME.*, by layer.
int64_t bytes_of(const Container& file, const std::string& layer) {
  int64_t bytes = 0;
  for (const Section& s : file.sections)
    if (s.name.starts_with(layer + ".") && s.name.find('.', layer.size() + 1) == std::string::npos)
      bytes += std::ssize(s.bytes);
  return bytes;
}

int64_t nonzeros(const Tensor& weights) {
  const std::vector<int8_t> w = weights.to_vector<int8_t>();
  return std::ssize(w) - std::count(w.begin(), w.end(), int8_t{0});
}

std::string shape_text(const Shape& s) {
  std::string all = "(1";
  for (const int64_t extent : s.extents()) all.append(", ").append(std::to_string(extent));
  return all.append(")");
}

std::vector<Json> row_of(const nn::IntegerLayer& layer, const compress::AccumulatorBound& bound, int64_t bytes) {
  const int64_t volume = layer.weights.numel(), kept = nonzeros(layer.weights);
  const int64_t sums = layer.shape.output.numel(), each = sums / layer.weights.shape()[0];  // sums a weight is part of
  return {layer.shape.name,
          std::string(nn::name(layer.shape.kind)),
          shape_text(layer.shape.output),
          volume,
          volume * each,
          100.0 * static_cast<double>(kept) / static_cast<double>(volume),
          kept * each,
          fmt::format("s{}", layer.bits),
          fmt::format("u{}", bound.bits_input),
          bound.bits,
          bound.rule_bits,
          bytes};
}

void add_total(Table& t) {
  t.total.resize(t.columns.size());
  t.total[0] = "Total:";
  for (const size_t c : {size_t{3}, size_t{4}, size_t{6}, size_t{11}}) {
    int64_t sum = 0;
    for (const auto& row : t.rows) sum += row[c].get<int64_t>();
    t.total[c] = sum;
  }
}

}  // namespace

Table packed_summary(const std::string& path) {
  const nn::IntegerSpec spec = nn::read_packed_network(path);
  const Container file = read_container(path);
  Table t{.title = "packed",
          .columns = {"Name", "Type", "OFM", "Weights volume", "MACs", "Density (%)", "Effective MACs", "Weights",
                      "Input", "Acc bits", "Rule bits", "Bytes"}};
  std::map<int64_t, compress::AccumulatorBound> bounds;
  for (const compress::AccumulatorBound& b : compress::accumulator_bounds(spec)) bounds.emplace(b.index, b);
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const nn::IntegerLayer& layer = spec.layers[i];
    if (!layer.shape.has_weights()) continue;
    t.rows.push_back(row_of(layer, bounds.at(static_cast<int64_t>(i)), bytes_of(file, layer.shape.name)));
  }
  add_total(t);
  return t;
}

}  // namespace pith::apps
