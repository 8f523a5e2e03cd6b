#include "apps/charts/line_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/charts/axis.h"
#include "apps/charts/chart_style.h"
#include "apps/charts/markup.h"

namespace pith::apps {
namespace {

constexpr double kWidth = 720, kLeft = 62, kTop = 14, kBottom = 46, kLegendLine = 18, kLegendColumn = 225;

class Drawing {
 public:
  explicit Drawing(const LineChart& c) : c_(c) {
    Range x, left, right;
    bool whole = c.joined;  // epochs: no tick between two of them
    for (const Series& s : c.series) {
      has_right_ = has_right_ || s.right;
      for (const auto& [px, py] : s.points) {
        if (!std::isfinite(px) || !std::isfinite(py)) continue;
        x.include(px);
        whole = whole && px == std::floor(px);
        (s.right ? right : left).include(py);
      }
    }
    x_ = Axis::around(x, 7, whole ? 1 : 0), left_ = Axis::around(left), right_ = Axis::around(right);
    right_edge_ = kWidth - (has_right_ ? 62 : 16);
    bottom_ = c.height - kBottom;
  }

  std::string draw() {
    const auto legend = static_cast<double>((c_.series.size() + 2) / 3);
    const bool has_legend = c_.joined && c_.series.size() > 1;  // points bear their names
    const double height = c_.height + (has_legend ? legend * kLegendLine + 6 : 0);
    out_ = fmt::format(
        "<svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" "
        "aria-label=\"{}\"><title>{}</title><desc>{}</desc>",
        kWidth, height, escaped(c_.title + ". " + c_.description), escaped(c_.title), escaped(c_.description));
    draw_axes();
    if (c_.front.size() > 1) draw_front();
    for (size_t i = 0; i < c_.series.size(); ++i) draw_series(i);
    if (has_legend) draw_legend();
    return out_ + "</svg>";
  }

 private:
  double px(double x) const { return kLeft + x_.share(x) * (right_edge_ - kLeft); }
  double py(double y, bool right) const { return bottom_ - (right ? right_ : left_).share(y) * (bottom_ - kTop); }

  void put(double x, double y, const char* anchor, const std::string& words, const std::string& more = "") {
    out_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>", x, y, anchor, more,
                        escaped(words));
  }

  void draw_axes() {
    for (const double t : left_.ticks) {
      const double y = py(t, false);
      out_ += fmt::format("<path class=\"rule\" d=\"M{} {:.1f}H{}\"/>", kLeft, y, right_edge_);
      put(kLeft - 7, y + 4, "end", left_.label(t), " class=\"faint\"");
    }
    if (has_right_) {
      for (const double t : right_.ticks)
        put(right_edge_ + 7, py(t, true) + 4, "start", right_.label(t), " class=\"faint\"");
    }
    for (const double t : x_.ticks) put(px(t), bottom_ + 18, "middle", x_.label(t), " class=\"faint\"");
    put((kLeft + right_edge_) / 2, c_.height - 8, "middle", c_.x_label);
    const double middle = (kTop + bottom_) / 2;
    put(14, middle, "middle", c_.left_label, fmt::format(" transform=\"rotate(-90 14 {:.1f})\"", middle));
    if (has_right_)
      put(kWidth - 8, middle, "middle", c_.right_label,
          fmt::format(" transform=\"rotate(-90 {} {:.1f})\"", kWidth - 8, middle));
  }

  void draw_front() {
    std::string d;
    for (const auto& [x, y] : c_.front)
      d += d.empty() ? fmt::format("M{:.1f} {:.1f}", px(x), py(y, false))
                     : fmt::format("H{:.1f}V{:.1f}", px(x), py(y, false));
    out_ += fmt::format("<path class=\"front\" d=\"{}\"/>", d);
  }

  void draw_series(size_t i) {
    const Series& s = c_.series[i];
    std::string d;
    for (const auto& [x, y] : s.points) {
      if (!std::isfinite(x) || !std::isfinite(y)) continue;
      d += fmt::format("{}{:.1f} {:.1f}", d.empty() ? 'M' : 'L', px(x), py(y, s.right));
    }
    if (c_.joined && !d.empty()) out_ += fmt::format("<path class=\"line {}\" d=\"{}\"/>", series_class(i), d);
    if (c_.joined && s.points.size() * c_.series.size() > 600) return;
    for (size_t p = 0; p < s.points.size(); ++p) draw_point(i, p);
  }

  void draw_point(size_t i, size_t p) {
    const Series& s = c_.series[i];
    const auto& [x, y] = s.points[p];
    if (!std::isfinite(x) || !std::isfinite(y)) return;
    const std::string label = p < s.labels.size() ? s.labels[p] : s.name;
    out_ += fmt::format(
        "<circle class=\"{} fill\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\"><title>{}: {} {}, {} {}</title></circle>",
        series_class(i), px(x), py(y, s.right), c_.joined ? 2.6 : 5, escaped(label), escaped(c_.x_label),
        short_number(x), escaped(s.right ? c_.right_label : c_.left_label), short_number(y));
    if (c_.joined) return;
    const bool flipped = x_.share(x) > 0.7;  // there is no room on the right
    put(px(x) + (flipped ? -9 : 9), py(y, s.right) - 7, flipped ? "end" : "start", shortened(label, 30),
        " font-size=\"11\"");
  }

  void draw_legend() {
    for (size_t i = 0; i < c_.series.size(); ++i) {
      const double x = 10 + static_cast<double>(i % 3) * (kLegendColumn + 10);
      const double y = c_.height + 8 + static_cast<double>(i / 3) * kLegendLine;
      out_ += fmt::format("<path class=\"line {}\" d=\"M{:.1f} {:.1f}h22\"/>", series_class(i), x, y);
      put(x + 28, y + 4, "start",
          shortened(c_.series[i].name, 30) + (has_right_ && c_.series[i].right ? " (right)" : ""));
    }
  }

  const LineChart& c_;
  Axis x_, left_, right_;
  bool has_right_ = false;
  double right_edge_ = 0, bottom_ = 0;
  std::string out_;
};

}  // namespace

std::vector<std::pair<double, double>> pareto_front(const std::vector<Series>& series) {
  std::vector<std::pair<double, double>> points, front;
  for (const Series& s : series)
    for (const auto& p : s.points)
      if (std::isfinite(p.first) && std::isfinite(p.second)) points.push_back(p);
  std::sort(points.begin(), points.end(),
            [](const auto& a, const auto& b) { return a.first != b.first ? a.first < b.first : a.second > b.second; });
  for (const auto& p : points)
    if (front.empty() || p.second > front.back().second) front.push_back(p);
  return front;
}

std::string line_chart(const LineChart& chart) { return Drawing(chart).draw(); }

}  // namespace pith::apps
