#include "compress/selector.h"

#include "tensor/error.h"

namespace pith::compress {
namespace {

/// Matches text[0] with the set that begins behind '['; moves `glob` behind ']'. A set without ']' matches nothing.
bool set_matches(std::string_view& glob, char c) {
  bool found = false;
  size_t i = 0;
  do {
    if (i >= glob.size()) return false;
    const char low = glob[i];
    const bool range = i + 2 < glob.size() && glob[i + 1] == '-' && glob[i + 2] != ']';
    const char high = range ? glob[i + 2] : low;
    found = found || (low <= c && c <= high);
    i += range ? 3 : 1;
  } while (i >= glob.size() || glob[i] != ']');
  glob.remove_prefix(i + 1);
  return found;
}

}  // namespace

bool glob_matches(std::string_view glob, std::string_view text) {
  std::string_view star_glob, star_text;
  bool star = false;
  for (;;) {
    if (!glob.empty() && glob[0] == '*') {
      star = true;
      glob.remove_prefix(1);
      star_glob = glob;
      star_text = text;
      continue;
    }
    if (text.empty()) return glob.empty();
    std::string_view rest = glob;
    bool one = false;
    if (!rest.empty()) {
      const char g = rest[0];
      rest.remove_prefix(1);
      one = g == '?' || (g == '[' ? set_matches(rest, text[0]) : g == text[0]);
    }
    if (one) {
      glob = rest;
      text.remove_prefix(1);
    } else if (star && !star_text.empty()) {  // the last star takes one letter more
      star_text.remove_prefix(1);
      glob = star_glob;
      text = star_text;
    } else {
      return false;
    }
  }
}

Selector::Selector(std::string pattern) : pattern_(std::move(pattern)) {
  if (pattern_.empty()) throw ArgumentError("selector: an empty pattern selects nothing");
  if (pattern_.size() > 1 && pattern_.front() == '/' && pattern_.back() == '/') {
    kind_ = Kind::expression;
    try {
      expression_ = std::make_shared<const std::regex>(pattern_.substr(1, pattern_.size() - 2));
    } catch (const std::regex_error& e) {
      throw ArgumentError("selector: " + pattern_ + " is no regular expression: " + e.what());
    }
  } else if (pattern_.find_first_of("*?[") != std::string::npos) {
    kind_ = Kind::glob;
  }
}

bool Selector::matches(const std::string& name) const {
  switch (kind_) {
    case Kind::name:
      return name == pattern_;
    case Kind::glob:
      return glob_matches(pattern_, name);
    case Kind::expression:
      return std::regex_match(name, *expression_);
  }
  return false;
}

}  // namespace pith::compress
