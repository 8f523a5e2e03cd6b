#include "compress/quantizers/calibration.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "tensor/checksum.h"
#include "tensor/container.h"
#include "tensor/error.h"

namespace pith::compress {
namespace {

constexpr const char *kVersionKey = "pith.statistics", *kFingerprintKey = "pith.fingerprint";
constexpr int64_t kNumbers = 7;

/// Calls f(image, its elements) in the order of images.
template <class F>
void each_image(const Tensor& x, const F& f) {
  const std::vector<float> values = x.to_vector<float>();
  const int64_t n = x.shape()[0], each = n == 0 ? 0 : std::ssize(values) / n;
  for (int64_t i = 0; i < n; ++i)
    f(i, std::span<const float>(values).subspan(static_cast<size_t>(i * each), static_cast<size_t>(each)));
}

size_t bin_of(const ValueStatistics& s, double x) {
  const double width = (s.highest - s.lowest) / static_cast<double>(Calibration::kBins);
  const double place = width > 0 ? (x - s.lowest) / width : 0;
  return static_cast<size_t>(std::clamp<double>(place, 0, Calibration::kBins - 1));
}

std::vector<double> numbers_of(const ValueStatistics& s) {
  return {s.lowest, s.highest, s.average_lowest, s.average_highest, s.mean, s.deviation, s.spread};
}

[[noreturn]] void refuse(const std::string& path, const std::string& expected, const std::string& found) {
  throw FormatError(path + ": expected " + expected + ", found " + found);
}

const Section& section_of(const Container& file, const std::string& path, const std::string& name) {
  const Section* const s = file.find(name);
  if (s == nullptr) refuse(path, "a section " + name, "none");
  return *s;
}

}  // namespace

std::string fingerprint(const nn::Graph& graph) {
  Checksum sum;
  const auto add_shape = [&](const Shape& s) {
    sum.add_number(s.rank());
    for (const int64_t extent : s.extents()) sum.add_number(extent);
  };
  const auto add_tensor = [&](const Tensor& t) {
    if (!t.defined()) return;
    const std::vector<float> values = t.to_vector<float>();
    add_shape(t.shape());
    sum.add(std::as_bytes(std::span<const float>(values)));
  };
  add_shape(graph.input);
  for (const nn::GraphLayer& layer : graph.layers) {
    sum.add_text(layer.name);
    for (const int64_t n : {static_cast<int64_t>(layer.kind), layer.input, layer.residual, int64_t{layer.relu}})
      sum.add_number(n);
    add_tensor(layer.weight);
    add_tensor(layer.bias);
  }
  return sum.digest();
}

Calibration::Calibration(const nn::Graph& graph) : graph_(graph), sums_(graph.layers.size() + 1) {}

void Calibration::add_extremes(const Tensor& images) {
  run_graph(graph_, images, [&](int64_t value, const Tensor& x) {
    Sums& sums = sums_[static_cast<size_t>(value)];
    each_image(x, [&](int64_t i, std::span<const float> v) {
      double low = v[0], high = v[0], sum = 0;
      for (const float element : v) {
        low = std::min<double>(low, element), high = std::max<double>(high, element);
        sum += element;
      }
      if (!std::isfinite(sum) || !std::isfinite(low) || !std::isfinite(high))
        throw NumericError("calibration: image " + std::to_string(first_ + i) + " gives a value of " +
                           graph_.value_name(value) + " that is not finite");
      const bool is_first = first_ + i == 0;
      sums.s.lowest = is_first ? low : std::min(sums.s.lowest, low);
      sums.s.highest = is_first ? high : std::max(sums.s.highest, high);
      sums.s.average_lowest += low, sums.s.average_highest += high;
      sums.sum += sum, sums.count += static_cast<double>(v.size());
    });
  });
  first_ += images.shape()[0];
}

void Calibration::add_moments(const Tensor& images) {
  if (first_ == 0) throw Error("calibration: the pass over the extremes comes first");
  run_graph(graph_, images, [&](int64_t value, const Tensor& x) {
    Sums& sums = sums_[static_cast<size_t>(value)];
    sums.s.histogram.resize(static_cast<size_t>(kBins));
    const double mean = sums.sum / sums.count;
    each_image(x, [&](int64_t, std::span<const float> v) {
      double squares = 0, distances = 0;
      for (const float element : v) {
        const double d = element - mean;
        squares += d * d, distances += std::abs(d);
        ++sums.s.histogram[bin_of(sums.s, element)];
      }
      sums.squares += squares, sums.distances += distances;
    });
  });
  second_ += images.shape()[0];
}

Statistics Calibration::finish() const {
  if (first_ == 0) throw ArgumentError("calibration: no image was seen");
  if (second_ != first_)
    throw ArgumentError("calibration: " + std::to_string(first_) + " images in the first pass, " +
                        std::to_string(second_) + " in the second");
  Statistics out{.fingerprint = fingerprint(graph_), .names = {}, .values = {}};
  for (size_t i = 0; i < sums_.size(); ++i) {
    ValueStatistics s = sums_[i].s;
    s.average_lowest /= static_cast<double>(first_), s.average_highest /= static_cast<double>(first_);
    s.mean = sums_[i].sum / sums_[i].count;
    s.deviation = std::sqrt(sums_[i].squares / std::max(1.0, sums_[i].count - 1));
    s.spread = sums_[i].distances / sums_[i].count;
    out.values.push_back(std::move(s));
    out.names.push_back(graph_.value_name(static_cast<int64_t>(i)));
  }
  return out;
}

void write_statistics(const std::string& path, const Statistics& statistics) {
  Container file;
  file.metadata = {{kVersionKey, "1"}, {kFingerprintKey, statistics.fingerprint}};
  for (size_t i = 0; i < statistics.values.size(); ++i) {
    const ValueStatistics& s = statistics.values[i];
    file.sections.push_back(
        Section::of(statistics.names[i] + ".statistics", Tensor::from(numbers_of(s), Shape{kNumbers})));
    const std::vector<double> counts(s.histogram.begin(), s.histogram.end());
    file.sections.push_back(
        Section::of(statistics.names[i] + ".histogram", Tensor::from(counts, Shape{std::ssize(counts)})));
  }
  write_container(path, file);
}

Statistics read_statistics(const std::string& path, const nn::Graph& graph) {
  const Container file = read_container(path);
  const auto version = file.metadata.find(kVersionKey), print = file.metadata.find(kFingerprintKey);
  if (version == file.metadata.end() || version->second != "1" || print == file.metadata.end())
    refuse(path, "statistics of a calibration, version 1", "another file");
  Statistics out{.fingerprint = fingerprint(graph), .names = {}, .values = {}};
  if (print->second != out.fingerprint)
    refuse(path, "statistics of this network (" + out.fingerprint + ")", "those of another (" + print->second + ")");
  for (int64_t i = 0; i <= std::ssize(graph.layers); ++i) {
    const std::string name = graph.value_name(i);
    const std::vector<double> n = section_of(file, path, name + ".statistics").tensor().to_vector<double>();
    if (std::ssize(n) != kNumbers) refuse(path, "7 numbers of " + name, std::to_string(n.size()));
    for (const double v : n)
      if (!std::isfinite(v)) refuse(path, "finite statistics of " + name, "others");
    if (n[0] > n[1]) refuse(path, "a lowest value of " + name + " below its highest", "the reverse");
    const std::vector<double> counts = section_of(file, path, name + ".histogram").tensor().to_vector<double>();
    out.values.push_back({n[0], n[1], n[2], n[3], n[4], n[5], n[6], {counts.begin(), counts.end()}});
    out.names.push_back(name);
  }
  return out;
}

}  // namespace pith::compress
