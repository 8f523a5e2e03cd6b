#include "tensor/json_header.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "tensor/error.h"
#include "tensor/refusal.h"

namespace pith {
namespace {

constexpr size_t kDeepest = 4, kMostValues = 500'000;

/// Builds a Json from the parser's events; every event that is not allowed ends the parse with a sentence.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  Builder(const std::string& file, size_t offset) : file_(file), offset_(offset) {}
  Json take() { return std::move(root_); }

  bool null() override { return refuse("null"); }
  bool boolean(bool) override { return refuse("true or false"); }
  bool number_float(number_float_t, const string_t& text) override { return refuse("the number " + printable(text)); }
  bool binary(binary_t&) override { return refuse("binary data"); }
  bool number_integer(number_integer_t number) override { return place(Json::of(int64_t{number})); }
  bool number_unsigned(number_unsigned_t number) override {
    if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      return refuse("the number " + std::to_string(number));
    return place(Json::of(static_cast<int64_t>(number)));
  }
  bool string(string_t& text) override { return place(Json::of(std::move(text))); }

  bool start_object(size_t) override { return open(Json::object()); }
  bool start_array(size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    if (!keys_.back().insert(name).second) return refuse("the key " + printable(name) + " twice in one object");
    key_ = std::move(name);
    return true;
  }
  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception& error) override {
    std::string reason = error.what();
    if (const size_t colon = reason.rfind("; last read"); colon != std::string::npos) reason.resize(colon);
    if (const size_t start = reason.find("syntax error"); start != std::string::npos) reason.erase(0, start);
    pith::refuse(file_, offset_ + (position > 0 ? position - 1 : 0), "JSON", reason);
  }

 private:
  bool refuse(const std::string& found) const {
    pith::refuse(
        file_, offset_,
        "a JSON text of objects, arrays, strings and whole numbers, at most " + std::to_string(kDeepest) + " deep",
        found);
  }
  Json* place_anywhere(Json value) {
    if (++values_ > kMostValues) refuse("more than " + std::to_string(kMostValues) + " values");
    if (open_.empty()) return &(root_ = std::move(value));
    Json& parent = *open_.back();
    if (parent.kind == Json::Kind::object) parent.keys.push_back(std::move(key_));
    return &parent.items.emplace_back(std::move(value));
  }
  bool place(Json value) {
    place_anywhere(std::move(value));
    return true;
  }
  bool open(Json value) {
    if (open_.size() == kDeepest) refuse("a value nested deeper");
    open_.push_back(place_anywhere(std::move(value)));  // stays valid: its parent grows only after it was closed
    keys_.emplace_back();
    return true;
  }
  bool close() {
    open_.pop_back();
    keys_.pop_back();
    return true;
  }

  const std::string& file_;
  size_t offset_, values_ = 0;
  Json root_;
  std::vector<Json*> open_;
  std::vector<std::unordered_set<std::string>> keys_;
  std::string key_;
};

std::string quote(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::type_error&) {
    throw FormatError("json: the text " + printable(text) + " is not UTF-8 and cannot be written");
  }
}

}  // namespace

Json Json::of(std::string text) { return {Kind::string, 0, std::move(text), {}, {}}; }
Json Json::of(int64_t number) { return {Kind::integer, number, {}, {}, {}}; }
Json Json::array() { return {Kind::array, 0, {}, {}, {}}; }
Json Json::object() { return {Kind::object, 0, {}, {}, {}}; }

void Json::add(std::string key, Json value) {
  keys.push_back(std::move(key));
  items.push_back(std::move(value));
}

const Json* Json::find(std::string_view key) const {
  for (size_t i = 0; i < keys.size(); ++i)
    if (keys[i] == key) return &items[i];
  return nullptr;
}

std::string_view Json::kind_name() const {
  switch (kind) {
    case Kind::object:
      return "an object";
    case Kind::array:
      return "an array";
    case Kind::string:
      return "a string";
    case Kind::integer:
      break;
  }
  return "a whole number";
}

Json parse_json(std::string_view text, const std::string& file, size_t offset) {
  // The parser takes a NUL for the end of its input; whatever stands behind it would be unseen here and seen elsewhere.
  if (const size_t nul = text.find('\0'); nul != std::string_view::npos) refuse(file, offset + nul, "JSON", "NUL");
  Builder builder(file, offset);
  nlohmann::json::sax_parse(text, &builder);
  return builder.take();
}

std::string text(const Json& value) {
  if (value.kind == Json::Kind::integer) return std::to_string(value.integer);
  if (value.kind == Json::Kind::string) return quote(value.string);
  const bool is_object = value.kind == Json::Kind::object;
  std::string out(1, is_object ? '{' : '[');
  for (size_t i = 0; i < value.items.size(); ++i) {
    if (i > 0) out += ',';
    if (is_object) out += quote(value.keys[i]) + ':';
    out += text(value.items[i]);
  }
  out += is_object ? '}' : ']';
  return out;
}

}  // namespace pith
