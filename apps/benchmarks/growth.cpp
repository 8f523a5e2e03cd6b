#include "apps/benchmarks/growth.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tensor/error.h"

namespace pith::apps {
namespace {

double deviation_of(const std::vector<GrowthPoint>& points) {
  if (points.empty()) return 0;
  double mean = 0;
  for (const GrowthPoint& p : points) mean += std::log(p.us / p.operations) / static_cast<double>(points.size());
  double most = 0;
  for (const GrowthPoint& p : points) most = std::max(most, std::fabs(p.us / p.operations / std::exp(mean) - 1));
  return most;
}

/// "growth/dense_dx/channels/manual_time" -> "dense_dx", "channels".
std::pair<std::string, std::string> kernel_and_axis(const std::string& name) {
  const size_t first = name.find('/') + 1, second = name.find('/', first), third = name.find('/', second + 1);
  return {name.substr(first, second - first), name.substr(second + 1, third - second - 1)};
}

}  // namespace

GrowthFit fit_growth(const std::vector<GrowthPoint>& points, double cache_bytes) {
  double x = 0, y = 0, xx = 0, xy = 0;
  const auto n = static_cast<double>(points.size());
  for (const GrowthPoint& p : points) {
    const double a = std::log(p.operations), b = std::log(p.us);
    x += a, y += b, xx += a * a, xy += a * b;
  }
  GrowthFit fit{.exponent = (n * xy - x * y) / (n * xx - x * x), .deviation = deviation_of(points)};
  std::vector<GrowthPoint> above;
  for (const GrowthPoint& p : points)
    if (p.bytes > cache_bytes) above.push_back(p);
  fit.above_knee = deviation_of(above);
  fit.points_above = std::ssize(above);
  return fit;
}

Growth growth_of(const Json& document) {
  Growth all;
  for (const Json& row : document.at("benchmarks")) {
    const std::string name = row.at("name");
    if (!name.starts_with("growth/")) continue;
    if (row.contains("error_message")) throw IoError(name + ": " + row.at("error_message").get<std::string>());
    const auto [kernel, axis] = kernel_and_axis(name);
    if (axis == "threads") {
      const auto ratio = [&](const char* one, const char* two) {
        return row.at(one).get<double>() / row.at(two).get<double>();
      };
      all.threads.push_back({kernel, ratio("us 1", "us 2"), ratio("best 1", "best 2")});
      continue;
    }
    GrowthRow g{kernel, axis, {}, {}};
    for (const auto& [key, value] : row.items()) {
      if (!key.starts_with("us ")) continue;
      const std::string at = key.substr(3);
      g.points.push_back({std::stod(at), row.at("ops " + at), row.at("bytes " + at), value.get<double>()});
    }
    std::sort(g.points.begin(), g.points.end(), [](const auto& a, const auto& b) { return a.value < b.value; });
    g.fit = fit_growth(g.points, row.at("l2"));
    all.rows.push_back(std::move(g));
  }
  return all;
}

Table fit_table(const Growth& growth) {
  Table t{.title = "How cost grows",
          .columns = {"kernel", "axis", "from", "to", "exponent", "deviation", "above L2", "points above"}};
  const auto percent = [](double share) { return fmt::format("{:.0f} %", 100 * share); };
  for (const GrowthRow& r : growth.rows)
    t.rows.push_back({r.kernel, r.axis, fmt::format("{:g}", r.points.front().value),
                      fmt::format("{:g}", r.points.back().value), fmt::format("{:.2f}", r.fit.exponent),
                      percent(r.fit.deviation), r.fit.points_above > 1 ? percent(r.fit.above_knee) : "-",
                      fmt::format("{} of {}", r.fit.points_above, r.points.size())});
  return t;
}

Table thread_table(const Growth& growth) {
  Table t{.title = "Two threads", .columns = {"kernel", "2 threads, best", "median"}};
  for (const ThreadRow& r : growth.threads)
    t.rows.push_back({r.kernel, fmt::format("{:.2f}x", r.best), fmt::format("{:.2f}x", r.median)});
  return t;
}

}  // namespace pith::apps
