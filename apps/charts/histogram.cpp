#include "apps/charts/histogram.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/charts/axis.h"
#include "apps/charts/markup.h"

namespace pith::apps {

Distribution distribution_of(std::span<const float> values, int bins) {
  Range range;
  Distribution d;
  d.all = std::ssize(values);
  d.counts.resize(static_cast<size_t>(bins));
  for (const float v : values) {
    if (v == 0) ++d.zeros;
    if (v != 0) range.include(v);
  }
  if (range.empty) return d;
  d.low = range.low, d.high = range.high;
  const double width = d.high > d.low ? (d.high - d.low) / bins : 1;
  for (const float v : values) {
    if (v == 0 || !std::isfinite(v)) continue;
    const auto bin = static_cast<int64_t>((v - d.low) / width);
    ++d.counts[static_cast<size_t>(std::clamp<int64_t>(bin, 0, bins - 1))];
  }
  return d;
}

namespace {

constexpr double kWidth = 220, kTop = 20, kBottom = 92;

/// Lines at the clip's ends, where they lie among the values, and a shade over what saturates.
std::string drawn(const Clip& clip, const Distribution& d) {
  const double length = d.high > d.low ? d.high - d.low : 1;
  const auto place = [&](double v) { return 4 + std::clamp((v - d.low) / length, 0.0, 1.0) * (kWidth - 8); };
  std::string out;
  const auto end = [&](double at, double from, double to) {
    out += fmt::format("<rect class=\"cut\" x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\"/>", from, kTop,
                       to - from, kBottom - kTop);
    out += fmt::format("<path class=\"clip\" d=\"M{:.1f} {}V{}\"/>", at, kTop, kBottom);
  };
  if (clip.low > d.low) end(place(clip.low), 4, place(clip.low));
  if (clip.high < d.high) end(place(clip.high), place(clip.high), kWidth - 4);
  return out;
}

}  // namespace

std::string histogram(const std::string& name, const Distribution& d, const std::optional<Clip>& clip) {
  const int64_t most = std::max<int64_t>(1, *std::max_element(d.counts.begin(), d.counts.end()));
  const double share = d.all == 0 ? 0 : 100.0 * static_cast<double>(d.zeros) / static_cast<double>(d.all);
  std::string words = fmt::format("{} values from {} to {}, {:.1f} % zeros, which no bar counts", d.all,
                                  short_number(d.low), short_number(d.high), share);
  if (clip)
    words += fmt::format("; {} levels from {} to {}", clip->levels, short_number(clip->low), short_number(clip->high));
  std::string out = fmt::format(
      "<svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} 118\" role=\"img\" "
      "aria-label=\"{}: {}\"><title>{}: {}</title><text x=\"4\" y=\"13\">{}</text>",
      kWidth, escaped(name), words, escaped(name), words, escaped(shortened(name, 30)));
  std::string path;
  const double width = (kWidth - 8) / static_cast<double>(d.counts.size());
  for (size_t i = 0; i < d.counts.size(); ++i) {
    const double height = (kBottom - kTop) * static_cast<double>(d.counts[i]) / static_cast<double>(most);
    if (d.counts[i] > 0)
      path += fmt::format("M{:.1f} {}v-{:.1f}h{:.1f}v{:.1f}z", 4 + static_cast<double>(i) * width, kBottom, height,
                          width * 0.9, height);
  }
  out +=
      fmt::format("<path class=\"s0 fill\" d=\"{}\"/><path class=\"rule\" d=\"M4 {}H{}\"/>", path, kBottom, kWidth - 4);
  if (clip) out += drawn(*clip, d);
  out += fmt::format("<text class=\"faint\" font-size=\"10\" x=\"4\" y=\"103\">{}</text>", short_number(d.low));
  out += fmt::format("<text class=\"faint\" font-size=\"10\" x=\"110\" y=\"114\" text-anchor=\"middle\">{}</text>",
                     clip ? fmt::format("{:.1f} % zeros; {} from {} to {}", share, clip->levels,
                                        short_number(clip->low), short_number(clip->high))
                          : fmt::format("{:.1f} % zeros", share));
  return out +
         fmt::format("<text class=\"faint\" font-size=\"10\" x=\"216\" y=\"103\" text-anchor=\"end\">{}</text></svg>",
                     short_number(d.high));
}

}  // namespace pith::apps
