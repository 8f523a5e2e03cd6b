// Fields: a mapping of a schedule file, read strictly. Whoever reads a key ticks it off; finish() refuses what nobody
// asked for and lists what there is. Every refusal is a FormatError "FILE:LINE: one sentence".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compress/schedule/place.h"
#include "compress/schedule/yaml_node.h"

namespace pith::compress {

class Fields {
 public:
  /// `what` names the mapping in messages: "pruner 'fine' (SensitivityPruner)". The node outlives the Fields.
  Fields(const YamlNode& node, std::string file, std::string what);

  bool has(const std::string& key) const { return node_.find(key) != nullptr; }
  Place place() const { return {file_, node_.line}; }
  /// Of a key that is there; of the mapping otherwise.
  Place place(const std::string& key) const;
  const std::string& file() const { return file_; }
  const std::string& what() const { return what_; }

  /// The node under a key; a missing one is refused.
  const YamlNode& node(const std::string& key);
  const YamlNode* find(const std::string& key);

  std::string text(const std::string& key);
  double number(const std::string& key);
  double number(const std::string& key, double otherwise) { return has(key) ? number(key) : skip(key, otherwise); }
  /// A number in [low, high].
  double number_within(const std::string& key, double low, double high);
  /// A share in [0, 1).
  double share(const std::string& key);
  int64_t integer(const std::string& key, int64_t least);
  int64_t integer(const std::string& key, int64_t least, int64_t otherwise) {
    return has(key) ? integer(key, least) : skip(key, otherwise);
  }
  bool flag(const std::string& key, bool otherwise);
  /// One of `words`; returns its number.
  size_t choice(const std::string& key, const std::vector<std::string>& words);
  std::vector<std::string> texts(const std::string& key);
  std::vector<double> numbers(const std::string& key);
  std::vector<int64_t> integers(const std::string& key, int64_t least);

  /// Refuses every key that nobody asked for.
  void finish() const;
  /// Refuses at a key (or at the mapping, where it is not there).
  [[noreturn]] void refuse(const std::string& key, const std::string& why) const;

  /// Values of single nodes, refused at their lines. `key` is for the message.
  std::string text_of(const YamlNode& node, const std::string& key) const;
  double number_of(const YamlNode& node, const std::string& key) const;
  int64_t integer_of(const YamlNode& node, const std::string& key, int64_t least) const;

 private:
  template <class T>
  T skip(const std::string& key, T otherwise) {
    asked_.push_back(key);
    return otherwise;
  }
  [[noreturn]] void refuse_at(int line, const std::string& why) const;

  const YamlNode& node_;
  std::string file_, what_;
  std::vector<std::string> asked_;
};

}  // namespace pith::compress
