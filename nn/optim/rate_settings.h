// The line that names a learning-rate policy, taken apart: "multistep:milestones=40/60,gamma=0.1".
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pith::nn {

/// A name and its settings. Whoever reads a setting ticks it off; finish() refuses what nobody asked for.
class RateSettings {
 public:
  /// Throws ArgumentError for a setting without '=' or given twice.
  explicit RateSettings(std::string_view line);

  const std::string& name() const { return name_; }
  /// A finite number, or `otherwise` where it is not given. Throws ArgumentError naming the word.
  double number(const std::string& key, double otherwise);
  /// A finite number that must be given.
  double number(const std::string& key);
  /// Numbers between slashes that must be given: 40/60.
  std::vector<double> numbers(const std::string& key);
  /// Throws ArgumentError naming a setting that this policy does not have, and those that it has.
  void finish() const;
  /// An ArgumentError about this line.
  [[noreturn]] void refuse(const std::string& why) const;

 private:
  const std::string* take(const std::string& key);
  double parse(const std::string& key, std::string_view text) const;

  std::string line_, name_;
  std::map<std::string, std::string> given_;
  std::vector<std::string> asked_;
};

}  // namespace pith::nn
