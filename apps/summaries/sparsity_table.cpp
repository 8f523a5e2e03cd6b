#include "apps/summaries/sparsity_table.h"

#include <algorithm>
#include <cmath>

#include "compress/groups.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

using compress::Groups;
using compress::GroupType;

/// Percent of the groups that are all zero.
double dead_share(const std::vector<float>& values, const Groups& groups) {
  std::vector<bool> alive(static_cast<size_t>(groups.count()));
  for (int64_t i = 0; i < std::ssize(values); ++i)
    if (values[static_cast<size_t>(i)] != 0) alive[static_cast<size_t>(groups.of(i))] = true;
  return 100.0 * static_cast<double>(std::count(alive.begin(), alive.end(), false)) / static_cast<double>(alive.size());
}

void fill_moments(WeightSparsity& s, const std::vector<float>& values) {
  const auto n = static_cast<double>(values.size());
  double sum = 0, magnitudes = 0, squares = 0;
  for (const float v : values) sum += v, magnitudes += std::fabs(v);
  s.mean = sum / n;
  s.mean_magnitude = magnitudes / n;
  for (const float v : values) squares += (v - s.mean) * (v - s.mean);
  s.deviation = values.size() > 1 ? std::sqrt(squares / (n - 1)) : 0;
}

/// A network of lstm-lm's kind names its embeddings' and gates' weights likewise.
bool is_listed(const std::string& name, const Shape& shape) {
  const bool matrix = shape.rank() == 2 || shape.rank() == 4;
  return matrix && (name.find("weight") != std::string::npos || name.find("bias") != std::string::npos);
}

}  // namespace

std::string parentheses(const Shape& shape) {
  std::string out = "(";
  for (int a = 0; a < shape.rank(); ++a) out += (a == 0 ? "" : ", ") + std::to_string(shape[a]);
  return out + (shape.rank() == 1 ? ",)" : ")");
}

WeightSparsity sparsity_of(const std::string& name, const Tensor& weight) {
  const Shape& shape = weight.shape();
  if (shape.rank() != 2 && shape.rank() != 4)
    throw ShapeError("sparsity of " + name + ": expected 2 or 4 axes, found " + text(shape));
  const std::vector<float> values = weight.to_vector<float>();
  WeightSparsity s{name, shape};
  s.dense = std::ssize(values);
  s.sparse = s.dense - std::count(values.begin(), values.end(), 0.0F);
  s.fine = 100.0 * static_cast<double>(s.dense - s.sparse) / static_cast<double>(s.dense);
  if (shape.rank() == 2) {
    s.columns = s.kernels = dead_share(values, Groups(shape, GroupType::row));
    s.rows = dead_share(values, Groups(shape, GroupType::column));
  } else {
    s.channels = dead_share(values, Groups(shape, GroupType::channel));
    s.kernels = dead_share(values, Groups(shape, GroupType::kernel));
    s.filters = dead_share(values, Groups(shape, GroupType::filter));
  }
  fill_moments(s, values);
  return s;
}

std::vector<WeightSparsity> weight_sparsities(nn::Module& model) {
  std::vector<WeightSparsity> all;
  model.visit_parameters([&](const std::string& name, nn::Parameter& p) {
    if (is_listed(name, p.shape())) all.push_back(sparsity_of(name, p.value()));
  });
  return all;
}

Table sparsity_table(const std::vector<WeightSparsity>& weights) {
  Table t{.title = "sparsity",
          .columns = {"Name", "Shape", "NNZ (dense)", "NNZ (sparse)", "Cols (%)", "Rows (%)", "Ch (%)", "2D (%)",
                      "3D (%)", "Fine (%)", "Std", "Mean", "Abs-Mean"}};
  int64_t dense = 0, sparse = 0;
  for (const WeightSparsity& w : weights) {
    t.rows.push_back({w.name, parentheses(w.shape), w.dense, w.sparse, w.columns, w.rows, w.channels, w.kernels,
                      w.filters, w.fine, w.deviation, w.mean, w.mean_magnitude});
    dense += w.dense;
    sparse += w.sparse;
  }
  const double fine = dense == 0 ? 0 : 100.0 * static_cast<double>(dense - sparse) / static_cast<double>(dense);
  t.total = {"Total sparsity:", "-", dense, sparse, 0.0, 0.0, 0.0, 0.0, 0.0, fine, 0.0, 0.0, 0.0};
  return t;
}

}  // namespace pith::apps
