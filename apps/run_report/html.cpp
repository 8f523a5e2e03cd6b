#include "apps/run_report/html.h"

#include <fmt/format.h>

#include <cmath>

#include "apps/charts/markup.h"

namespace pith::apps {

std::string cell(const std::string& html) { return "<td>" + html + "</td>"; }

std::string row(const std::vector<std::string>& html_cells) {
  std::string out = "<tr>";
  for (size_t i = 0; i < html_cells.size(); ++i)
    out += i == 0 ? "<th scope=\"row\">" + html_cells[i] + "</th>" : cell(html_cells[i]);
  return out + "</tr>";
}

std::string table(const std::string& caption, const std::vector<std::string>& columns, const std::string& html_rows) {
  std::string head = "<thead><tr>";
  for (const std::string& c : columns) head += "<th scope=\"col\">" + escaped(c) + "</th>";
  return fmt::format(
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
      "aria-label=\"{0}\"><table><caption><span>{0}.</span></caption>{1}"
      "</tr></thead><tbody>{2}</tbody></table></div>\n",
      escaped(caption), head, html_rows);
}

std::string figure(const std::string& html_picture, const std::string& caption) {
  return "<figure tabindex=\"0\">" + html_picture + "<figcaption>" + escaped(caption) + "</figcaption></figure>\n";
}

std::string image(std::span<const std::byte> file, const std::string& type, const std::string& alternative,
                  int64_t width, int64_t height, const std::string& classes) {
  return fmt::format("<img class=\"{}\" width=\"{}\"{} alt=\"{}\" src=\"data:image/{};base64,{}\"/>", classes, width,
                     height == 0 ? "" : fmt::format(" height=\"{}\"", height), escaped(alternative), type,
                     base64(file));
}

std::string number(std::optional<double> value, int decimals) {
  return value && std::isfinite(*value) ? fmt::format("{:.{}f}", *value, decimals) : "-";
}

std::string base64(std::span<const std::byte> bytes) {  // RFC 4648
  constexpr const char* kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t three = 0;
    for (size_t k = 0; k < 3; ++k)
      three = three << 8 | (i + k < bytes.size() ? static_cast<uint32_t>(bytes[i + k]) : 0);
    for (size_t k = 0; k < 4; ++k) out += i + k > bytes.size() ? '=' : kDigits[three >> (18 - 6 * k) & 63];
  }
  return out;
}

}  // namespace pith::apps
