#include "compress/schedule/fields.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "tensor/refusal.h"

namespace pith::compress {
namespace {

std::string shortest(double value) {
  char buffer[32];
  return std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& w : words) text += (text.empty() ? "" : ", ") + w;
  return text;
}

}  // namespace

Fields::Fields(const YamlNode& node, std::string file, std::string what)
    : node_(node), file_(std::move(file)), what_(std::move(what)) {
  if (node.kind != YamlNode::Kind::map) refuse_at(node.line, what_ + " must be a mapping, here is " + node.kind_name());
}

Place Fields::place(const std::string& key) const {
  const auto found = std::find(node_.keys.begin(), node_.keys.end(), key);
  if (found == node_.keys.end()) return place();
  return {file_, node_.key_lines[static_cast<size_t>(found - node_.keys.begin())]};
}

void Fields::refuse_at(int line, const std::string& why) const { Place{file_, line}.refuse(why); }

void Fields::refuse(const std::string& key, const std::string& why) const {
  place(key).refuse(what_ + ": " + key + " " + why);
}

const YamlNode* Fields::find(const std::string& key) {
  if (std::find(asked_.begin(), asked_.end(), key) == asked_.end()) asked_.push_back(key);
  return node_.find(key);
}

const YamlNode& Fields::node(const std::string& key) {
  const YamlNode* found = find(key);
  if (found == nullptr || found->kind == YamlNode::Kind::null) refuse(key, "is missing");
  return *found;
}

std::string Fields::text_of(const YamlNode& node, const std::string& key) const {
  if (node.kind != YamlNode::Kind::scalar)
    refuse_at(node.line, what_ + ": " + key + " must be a value, here is " + node.kind_name());
  return node.scalar;
}

double Fields::number_of(const YamlNode& node, const std::string& key) const {
  const std::string word = text_of(node, key);
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size() || !std::isfinite(value) || node.quoted)
    refuse_at(node.line, what_ + ": " + key + " must be a number, here is " + printable(word));
  return value;
}

int64_t Fields::integer_of(const YamlNode& node, const std::string& key, int64_t least) const {
  const double value = number_of(node, key);
  if (value != std::floor(value) || std::abs(value) > 1e9)
    refuse_at(node.line, what_ + ": " + key + " must be a whole number, here is " + printable(node.scalar));
  if (value < static_cast<double>(least))
    refuse_at(node.line, what_ + ": " + key + " must be at least " + std::to_string(least) + ", here is " +
                             printable(node.scalar));
  return static_cast<int64_t>(value);
}

std::string Fields::text(const std::string& key) { return text_of(node(key), key); }
double Fields::number(const std::string& key) { return number_of(node(key), key); }

double Fields::number_within(const std::string& key, double low, double high) {
  const double value = number(key);
  if (!(value >= low && value <= high))
    refuse(key, "must lie between " + shortest(low) + " and " + shortest(high) + ", here is " + shortest(value));
  return value;
}

double Fields::share(const std::string& key) {
  const double value = number(key);
  if (!(value >= 0 && value < 1)) refuse(key, "must be a share from 0 to below 1, here is " + shortest(value));
  return value;
}

int64_t Fields::integer(const std::string& key, int64_t least) { return integer_of(node(key), key, least); }

bool Fields::flag(const std::string& key, bool otherwise) {
  if (!has(key)) return skip(key, otherwise);
  const std::string word = text(key);
  if (word == "true" || word == "True" || word == "TRUE") return true;
  if (word == "false" || word == "False" || word == "FALSE") return false;
  refuse(key, "must be true or false, here is " + printable(word));
}

size_t Fields::choice(const std::string& key, const std::vector<std::string>& words) {
  const std::string word = text(key);
  const auto found = std::find(words.begin(), words.end(), word);
  if (found == words.end()) refuse(key, "must be one of " + joined(words) + ", here is " + printable(word));
  return static_cast<size_t>(found - words.begin());
}

std::vector<std::string> Fields::texts(const std::string& key) {
  std::vector<std::string> out;
  const YamlNode& list = node(key);
  if (list.kind != YamlNode::Kind::list) refuse(key, "must be a list, here is " + list.kind_name());
  for (const YamlNode& item : list.items) out.push_back(text_of(item, key));
  if (out.empty()) refuse(key, "is an empty list");
  return out;
}

std::vector<double> Fields::numbers(const std::string& key) {
  std::vector<double> out;
  texts(key);
  for (const YamlNode& item : node(key).items) out.push_back(number_of(item, key));
  return out;
}

std::vector<int64_t> Fields::integers(const std::string& key, int64_t least) {
  std::vector<int64_t> out;
  texts(key);
  for (const YamlNode& item : node(key).items) out.push_back(integer_of(item, key, least));
  return out;
}

void Fields::finish() const {
  for (size_t i = 0; i < node_.keys.size(); ++i) {
    if (std::find(asked_.begin(), asked_.end(), node_.keys[i]) != asked_.end()) continue;
    refuse_at(node_.key_lines[i],
              what_ + " has no setting " + printable(node_.keys[i]) + "; there are " + joined(asked_));
  }
}

}  // namespace pith::compress
