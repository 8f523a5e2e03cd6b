#include "nn/optim/rate_settings.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "tensor/error.h"

namespace pith::nn {
namespace {

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> parts;
  for (;;) {
    const size_t end = text.find(at);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

RateSettings::RateSettings(std::string_view line) : line_(line) {
  const size_t colon = line.find(':');
  name_ = line.substr(0, colon);
  if (colon == std::string_view::npos) return;
  for (const std::string& part : split(line.substr(colon + 1), ',')) {
    const size_t equals = part.find('=');
    if (equals == std::string::npos || equals == 0) refuse("\"" + part + "\" is not of the form setting=value");
    if (!given_.emplace(part.substr(0, equals), part.substr(equals + 1)).second)
      refuse(part.substr(0, equals) + " is given twice");
  }
}

void RateSettings::refuse(const std::string& why) const {
  throw ArgumentError("learning-rate policy \"" + line_ + "\": " + why);
}

const std::string* RateSettings::take(const std::string& key) {
  asked_.push_back(key);
  const auto found = given_.find(key);
  return found == given_.end() ? nullptr : &found->second;
}

double RateSettings::parse(const std::string& key, std::string_view text) const {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    refuse(key + "=" + std::string(text) + " is not a finite number");
  return value;
}

double RateSettings::number(const std::string& key, double otherwise) {
  const std::string* const text = take(key);
  return text == nullptr ? otherwise : parse(key, *text);
}

double RateSettings::number(const std::string& key) {
  const std::string* const text = take(key);
  if (text == nullptr) refuse("needs " + key + "=NUMBER");
  return parse(key, *text);
}

std::vector<double> RateSettings::numbers(const std::string& key) {
  const std::string* const text = take(key);
  if (text == nullptr) refuse("needs " + key + "=NUMBER/NUMBER/...");
  std::vector<double> values;
  for (const std::string& part : split(*text, '/')) values.push_back(parse(key, part));
  return values;
}

void RateSettings::finish() const {
  std::string known;
  for (const std::string& key : asked_) known += (known.empty() ? "" : ", ") + key;
  for (const auto& [key, value] : given_)
    if (std::find(asked_.begin(), asked_.end(), key) == asked_.end())
      refuse("there is no setting \"" + key + "\"; " + name_ + " takes " + known);
}

}  // namespace pith::nn
