// The colours of charts, for the page that holds them or for a file of their own.
#pragma once

#include <string>

namespace pith::apps {

/// CSS: variables for light, dark and paper, and the classes that charts use.
std::string chart_css();

/// Class of the i-th curve: "s0" .. "s7", then dashed.
std::string series_class(size_t i);

/// A chart as a file: the style is put into it.
std::string standalone_svg(const std::string& chart);

}  // namespace pith::apps
