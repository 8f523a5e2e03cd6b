#include "compress/pruners/global.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tensor/error.h"

namespace pith::compress {
namespace {

struct Entry {
  double score;
  size_t tensor;
  size_t group;
};

std::vector<Entry> entries(std::span<const Contestant> contestants) {
  std::vector<Entry> all;
  for (size_t t = 0; t < contestants.size(); ++t) {
    const Contestant& c = contestants[t];
    if (static_cast<int64_t>(c.scores.size()) != c.groups.count())
      throw ShapeError("global ranking: " + std::to_string(c.scores.size()) + " scores for the " +
                       std::to_string(c.groups.count()) + " groups of " + text(c.groups.shape()));
    for (size_t g = 0; g < c.scores.size(); ++g) {
      if (std::isnan(c.scores[g])) throw NumericError("global ranking: a score is not a number");
      all.push_back({c.scores[g], t, g});
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const Entry& a, const Entry& b) { return a.score < b.score; });
  return all;
}

}  // namespace

std::vector<Mask> prune_globally(std::span<const Contestant> contestants, double level) {
  if (!(level >= 0 && level < 1))
    throw ArgumentError("global ranking: the level " + std::to_string(level) + " is not a share from 0 to below 1");
  int64_t weights = 0;
  std::vector<int64_t> left;
  std::vector<std::vector<uint8_t>> keep;
  for (const Contestant& c : contestants) {
    weights += c.groups.shape().numel();
    left.push_back(c.groups.count());
    keep.emplace_back(static_cast<size_t>(c.groups.count()), uint8_t{1});
  }
  int64_t budget = static_cast<int64_t>(std::floor(level * static_cast<double>(weights) + 1e-9));
  for (const Entry& e : entries(contestants)) {
    const int64_t size = contestants[e.tensor].groups.size();
    if (left[e.tensor] == 1) continue;
    if (size > budget) break;
    keep[e.tensor][e.group] = 0;
    --left[e.tensor];
    budget -= size;
  }
  std::vector<Mask> masks;
  for (size_t t = 0; t < keep.size(); ++t) masks.push_back(contestants[t].groups.mask(keep[t]));
  return masks;
}

std::vector<double> lamp_scores(const Tensor& w) {
  std::vector<double> scores = w.to_vector<double>();
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  for (double& s : scores) s *= s;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  double sum = 0;
  std::vector<double> lamp(scores.size(), 0);
  for (const size_t i : order) {
    sum += scores[i];
    lamp[i] = sum > 0 ? scores[i] / sum : 0;
  }
  return lamp;
}

}  // namespace pith::compress
