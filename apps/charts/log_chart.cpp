#include "apps/charts/log_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/charts/axis.h"
#include "apps/charts/chart_style.h"
#include "apps/charts/markup.h"

namespace pith::apps {
namespace {

constexpr double kWidth = 720, kLeft = 46, kRight = 12, kTop = 26, kBottom = 36, kLegendLine = 18, kLegendColumn = 235;

/// A scale from `low` to `high` with its ticks: 1, 2 and 5 times powers of ten, or the powers alone over many decades.
struct Scale {
  bool logarithmic = true;
  double low = 1, high = 10;
  std::vector<double> ticks = {};

  static Scale of(const Range& range, bool logarithmic) {
    Scale s{.logarithmic = logarithmic};
    if (!logarithmic) {
      const Axis axis = Axis::around(range);
      return {false, axis.low, axis.high, axis.ticks};
    }
    if (!range.empty) s.low = range.low / 1.1, s.high = range.high * 1.1;
    const bool wide = s.high / s.low > 2000;
    for (double power = std::pow(10.0, std::floor(std::log10(s.low))); power <= s.high; power *= 10)
      for (const double lead : {1.0, 2.0, 5.0})
        if ((lead == 1 || !wide) && lead * power >= s.low && lead * power <= s.high) s.ticks.push_back(lead * power);
    return s;
  }
  bool holds(double v) const { return std::isfinite(v) && (!logarithmic || v > 0); }
  double share(double v) const {
    return logarithmic ? std::log(v / low) / std::log(high / low) : (v - low) / (high - low);
  }
};

class Drawing {
 public:
  explicit Drawing(const LogChart& c) : c_(c), columns_(std::max(1, c.columns)) {
    Range x, y;
    for (const LogPanel& p : c.panels)
      for (const LogCurve& curve : p.curves) {
        if (std::find(names_.begin(), names_.end(), curve.name) == names_.end()) names_.push_back(curve.name);
        for (const auto& [px, py] : curve.points) {
          if (!std::isfinite(px) || !(py > 0) || (c.log_x && !(px > 0))) continue;
          x.include(px), y.include(py);
        }
      }
    if (c.mark > 0) y.include(c.mark);
    x_ = Scale::of(x, c.log_x), y_ = Scale::of(y, true);
    width_ = kWidth / columns_;
  }

  std::string draw() {
    const double rows = std::ceil(static_cast<double>(c_.panels.size()) / columns_);
    const double legend = rows * c_.panel_height + 8;
    out_ = fmt::format(
        "<svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" "
        "aria-label=\"{}\"><title>{}</title><desc>{}</desc>",
        kWidth, legend + kLegendLine * std::ceil(static_cast<double>(names_.size()) / 3.0) + 4,
        escaped(c_.title + ". " + c_.description), escaped(c_.title), escaped(c_.description));
    for (size_t i = 0; i < c_.panels.size(); ++i) {
      left_ = kLeft + static_cast<double>(i % static_cast<size_t>(columns_)) * width_;
      top_ = kTop + static_cast<double>(i / static_cast<size_t>(columns_)) * c_.panel_height;
      draw_panel(c_.panels[i]);
    }
    for (size_t i = 0; i < names_.size(); ++i) {
      const double x = 10 + static_cast<double>(i % 3) * kLegendColumn;
      const double y = legend + static_cast<double>(i / 3) * kLegendLine + 8;
      out_ += fmt::format("<path class=\"line {}\" d=\"M{:.1f} {:.1f}h22\"/>", series_class(i), x, y);
      put(x + 28, y + 4, "start", shortened(names_[i], 34));
    }
    return out_ + "</svg>";
  }

 private:
  double right() const { return left_ - kLeft + width_ - kRight; }
  double bottom() const { return top_ - kTop + c_.panel_height - kBottom; }
  double px(double x) const { return left_ + x_.share(x) * (right() - left_); }
  double py(double y) const { return bottom() - y_.share(y) * (bottom() - top_); }
  bool shows(const std::pair<double, double>& p) const { return x_.holds(p.first) && y_.holds(p.second); }

  void put(double x, double y, const char* anchor, const std::string& words, const char* more = "") {
    out_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>", x, y, anchor, more,
                        escaped(words));
  }

  void draw_panel(const LogPanel& p) {
    put(left_, top_ - 9, "start", p.title, " font-weight=\"600\"");
    put(right(), top_ - 9, "end", c_.y_label, " class=\"faint\"");
    for (const double t : y_.ticks) {
      out_ += fmt::format("<path class=\"rule\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>", left_, py(t), right());
      put(left_ - 6, py(t) + 4, "end", short_number(t), " class=\"faint\"");
    }
    for (const double t : x_.ticks) put(px(t), bottom() + 16, "middle", short_number(t), " class=\"faint\"");
    put((left_ + right()) / 2, bottom() + 30, "middle", c_.x_label, " class=\"faint\"");
    if (c_.mark > 0)
      out_ += fmt::format("<path class=\"front\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>", left_, py(c_.mark), right());
    for (const LogCurve& curve : p.curves) draw_curve(p, curve);
  }

  void draw_curve(const LogPanel& panel, const LogCurve& curve) {
    const auto at = std::find(names_.begin(), names_.end(), curve.name) - names_.begin();
    const std::string color = series_class(static_cast<size_t>(at));
    std::string d;
    for (const auto& p : curve.points)
      if (shows(p)) d += fmt::format("{}{:.1f} {:.1f}", d.empty() ? 'M' : 'L', px(p.first), py(p.second));
    if (curve.joined && !d.empty()) out_ += fmt::format("<path class=\"line {}\" d=\"{}\"/>", color, d);
    for (size_t i = 0; i < curve.points.size(); ++i) {
      const auto& [x, y] = curve.points[i];
      if (!shows(curve.points[i])) continue;
      const std::string label = i < curve.labels.size() ? curve.labels[i] : curve.name;
      out_ += fmt::format(
          "<circle class=\"{} fill\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\"><title>{}: {}, {} {}, {} {}</title></circle>",
          color, px(x), py(y), curve.joined ? 2.2 : 4, escaped(panel.title), escaped(label), escaped(c_.x_label),
          short_number(x), escaped(c_.y_label), short_number(y));
      if (!curve.joined && i < curve.labels.size())
        put(px(x) + 6, py(y) + 4, "start", shortened(label, 24), " font-size=\"9\"");
    }
  }

  const LogChart& c_;
  int columns_;
  std::vector<std::string> names_;
  Scale x_, y_;
  double width_ = 0, left_ = 0, top_ = 0;
  std::string out_;
};

}  // namespace

std::string log_chart(const LogChart& chart) { return Drawing(chart).draw(); }

}  // namespace pith::apps
