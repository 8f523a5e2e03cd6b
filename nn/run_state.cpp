#include "nn/run_state.h"

#include <array>
#include <charconv>

#include "tensor/error.h"
#include "tensor/json_header.h"
#include "tensor/refusal.h"

namespace pith::nn {
namespace {

Json fraction(double value) {
  std::array<char, 32> text;  // the longest, -2.2250738585072014e-308, has 24 characters
  return Json::of(std::string(text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr));
}

Json fractions(const std::vector<double>& values) {
  Json out = Json::array();
  for (const double value : values) out.items.push_back(fraction(value));
  return out;
}

/// Members of the JSON object by name and kind; every one is there and is asked for once.
class Reader {
 public:
  Reader(const Json& object, const std::string& file) : object_(object), file_(file) {}

  const Json& member(const char* key, Json::Kind kind) const {
    const Json* value = object_.find(key);
    if (value == nullptr || value->kind != kind)
      refuse(file_, 0, std::string("a member '") + key + "' of its kind",
             value == nullptr ? "none" : std::string(value->kind_name()));
    return *value;
  }
  int64_t integer(const char* key) const { return member(key, Json::Kind::integer).integer; }
  double fraction(const Json& value) const {
    double out = 0;
    const char *begin = value.string.data(), *end = begin + value.string.size();
    const auto [stop, error] = std::from_chars(begin, end, out);
    if (value.kind != Json::Kind::string || error != std::errc() || stop != end)
      refuse(file_, 0, "a text that is a number", printable(value.string));
    return out;
  }
  std::vector<double> fractions(const char* key) const {
    std::vector<double> out;
    for (const Json& item : member(key, Json::Kind::array).items) out.push_back(fraction(item));
    return out;
  }
  std::map<std::string, std::string> texts(const char* key) const {
    std::map<std::string, std::string> out;
    const Json& object = member(key, Json::Kind::object);
    for (size_t i = 0; i < object.items.size(); ++i) {
      if (object.items[i].kind != Json::Kind::string)
        refuse(file_, 0, "a text under " + printable(object.keys[i]), std::string(object.items[i].kind_name()));
      out.emplace(object.keys[i], object.items[i].string);
    }
    return out;
  }

 private:
  const Json& object_;
  const std::string& file_;
};

}  // namespace

std::string to_json(const RunState& run) {
  Json settings = Json::object(), out = Json::object();
  for (const auto& [key, value] : run.settings) settings.add(key, Json::of(value));
  out.add("settings", std::move(settings));
  out.add("epoch", Json::of(run.epoch));
  out.add("step", Json::of(run.step));
  out.add("rate_state", fractions(run.rate_state));
  out.add("best", fraction(run.best));
  out.add("best_epoch", Json::of(run.best_epoch));
  out.add("metrics_bytes", Json::of(run.metrics_bytes));
  out.add("events_bytes", Json::of(run.events_bytes));
  out.add("running", fractions(run.running));
  return text(out);
}

RunState run_state_from(const std::string& json, const std::string& file) {
  const Json object = parse_json(json, file, 0);
  const Reader in(object, file);
  RunState run;
  run.settings = in.texts("settings");
  run.epoch = in.integer("epoch");
  run.step = in.integer("step");
  run.rate_state = in.fractions("rate_state");
  run.best = in.fraction(in.member("best", Json::Kind::string));
  run.best_epoch = in.integer("best_epoch");
  run.metrics_bytes = in.integer("metrics_bytes");
  run.events_bytes = in.integer("events_bytes");
  run.running = in.fractions("running");
  return run;
}

}  // namespace pith::nn
