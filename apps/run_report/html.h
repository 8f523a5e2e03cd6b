// The few pieces of HTML that the report is made of. Words are escaped here, unless a name says `html`.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace pith::apps {

/// <td>; `html` goes in as it is.
std::string cell(const std::string& html);
std::string row(const std::vector<std::string>& html_cells);
/// A table with a caption, scrolled sideways on a narrow screen, by keyboard, too.
std::string table(const std::string& caption, const std::vector<std::string>& columns, const std::string& html_rows);
/// A picture, an SVG element or image(), with what it shows below.
std::string figure(const std::string& html_picture, const std::string& caption);
/// A picture file within the page (a data URL), shown at this size in CSS pixels; height 0: as its width asks. type:
/// "png", "svg+xml".
std::string image(std::span<const std::byte> file, const std::string& type, const std::string& alternative,
                  int64_t width, int64_t height, const std::string& classes);
/// "-" where nothing, or nothing finite, is known.
std::string number(std::optional<double> value, int decimals);
std::string base64(std::span<const std::byte> bytes);

}  // namespace pith::apps
