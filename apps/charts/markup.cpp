#include "apps/charts/markup.h"

#include "apps/summaries/table.h"

namespace pith::apps {

std::string escaped(std::string_view words) {
  std::string out;
  for (const char c : visible(words)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string shortened(const std::string& words, size_t length) {
  if (words.size() <= length) return words;
  const size_t half = (length - 2) / 2;
  return words.substr(0, half) + ".." + words.substr(words.size() - half);
}

}  // namespace pith::apps
