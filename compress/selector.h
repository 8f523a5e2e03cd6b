// Selector: which parameters a rule is about, by their dotted names. One of three forms:
//   layer1.0.conv1.weight     a name
//   layer*.conv?.weight       a glob: * any letters (dots too), ? one, [abc] or [a-c] one of them
//   /layer[12]\..*\.weight/   a regular expression (ECMAScript) between slashes, for the whole name
// A value; thread-safe.
#pragma once

#include <memory>
#include <regex>
#include <string>
#include <string_view>

namespace pith::compress {

class Selector {
 public:
  /// Throws ArgumentError for an empty pattern or a regular expression that cannot be read.
  explicit Selector(std::string pattern);

  bool matches(const std::string& name) const;
  const std::string& pattern() const { return pattern_; }
  /// Is it one name?
  bool is_name() const { return kind_ == Kind::name; }
  /// Is it "*", the rule for all others?
  bool is_default() const { return pattern_ == "*"; }

 private:
  enum class Kind : uint8_t { name, glob, expression };
  std::string pattern_;
  Kind kind_ = Kind::name;
  std::shared_ptr<const std::regex> expression_;
};

/// Does the glob match the whole text?
bool glob_matches(std::string_view glob, std::string_view text);

}  // namespace pith::compress
