#include "apps/verifier/verify.h"

#include <nlohmann/json.hpp>

#include "apps/verifier/network_file.h"
#include "tensor/error.h"

namespace pith::apps::verifier {
namespace {

using Json = nlohmann::ordered_json;

class Check {
 public:
  Check(const std::string& path, const NetworkFile& network) : path_(path), network_(network) {}

  Verdict run(const Json& claims) {
    fields(claims, 5, "the certificate");
    claim(claims, "certificate", std::string("pith accumulators 1"), "the certificate");
    claim(claims, "model", network_.model, "the certificate");
    claim(claims, "content", network_.content, "the certificate");
    claim(claims, "dynamic", network_.is_dynamic, "the certificate");
    const Json& layers = claims.at("layers");
    size_t next = 0;
    for (const FileLayer& layer : network_.layers) {
      if (!layer.sums()) continue;
      if (next == layers.size()) refuse("it says nothing of layer " + layer.name);
      check_layer(layers.at(next++), layer);
    }
    if (next != layers.size()) refuse("it speaks of layers that the network does not have");
    return {network_.model, static_cast<int64_t>(next), channels_};
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const { throw FormatError(path_ + ": not true: " + what); }

  void fields(const Json& json, size_t count, const std::string& what) const {
    if (!json.is_object() || json.size() != count)
      refuse(what + " has other entries than the " + std::to_string(count) + " expected");
  }
  void claim(const Json& json, const char* key, const Json& truth, const std::string& what) const {
    const Json& said = json.at(key);
    if (said.type() != truth.type() && !(said.is_number_integer() && truth.is_number_integer()))
      refuse(what + ": \"" + key + "\" is of another type");
    if (said != truth) refuse(what + ": \"" + key + "\" is said to be " + said.dump() + ", it is " + truth.dump());
  }

  int64_t bits_of_value(int64_t value) const {
    return value == 0 ? network_.input_bits : network_.layers[static_cast<size_t>(value - 1)].value_bits;
  }

  /// The extremes of a channel, product by product: whichever end of the input's range is lower, or higher.
  std::pair<int64_t, int64_t> extremes(const FileLayer& layer, int64_t row) const {
    const int64_t top = (int64_t{1} << bits_of_value(layer.input)) - 1;
    const int64_t zero = network_.zero_points[static_cast<size_t>(layer.input)];
    if (zero < 0 || zero > top) refuse("the zero point of what " + layer.name + " reads is no integer of its range");
    const auto over = [&](int64_t z) {
      int64_t low = 0, high = 0;
      for (int64_t i = 0; i < layer.depth; ++i) {
        const int64_t w = layer.weights[static_cast<size_t>(row * layer.depth + i)];
        const int64_t a = w * (0 - z), b = w * (top - z);
        low += a < b ? a : b;
        high += a < b ? b : a;
      }
      return std::pair{low, high};
    };
    if (network_.is_dynamic) {  // every zero point there is
      std::pair<int64_t, int64_t> all{0, 0};
      for (const int64_t z : {int64_t{0}, top}) {  // sums are linear in it
        const auto [low, high] = over(z);
        all = {low < all.first ? low : all.first, high > all.second ? high : all.second};
      }
      return all;
    }
    const auto [low, high] = over(zero);
    const int64_t bias = layer.bias[static_cast<size_t>(row)];
    return {low + bias, high + bias};
  }

  static bool holds(int64_t bits, int64_t low, int64_t high) {
    const int64_t half = int64_t{1} << (bits - 1);
    return low >= -half && high < half;
  }

  void check_layer(const Json& json, const FileLayer& layer) {
    const std::string what = "layer " + layer.name;
    fields(json, 11, what);
    Json lowest = Json::array(), highest = Json::array();
    int64_t least = 0, most = 0;
    for (int64_t row = 0; row < layer.rows; ++row) {
      const auto [low, high] = extremes(layer, row);
      lowest.push_back(low), highest.push_back(high);
      least = low < least ? low : least, most = high > most ? high : most;
    }
    int64_t log = 0;
    while ((int64_t{1} << log) < layer.depth) ++log;
    const int64_t input_bits = bits_of_value(layer.input);
    const int64_t accumulator = holds(16, least, most) ? 16 : holds(32, least, most) ? 32 : 64;
    claim(json, "layer", layer.name, what);
    claim(json, "kind", layer.kind, what);
    claim(json, "depth", layer.depth, what);
    claim(json, "input_bits", input_bits, what);
    claim(json, "zero_point", network_.zero_points[static_cast<size_t>(layer.input)], what);
    claim(json, "weight_bits", layer.bits, what);
    claim(json, "rule_bits", input_bits + layer.bits + log, what);
    claim(json, "accumulator", accumulator, what);
    claim(json, "kernel", accumulator == 64 ? 64 : 32, what);
    for (const char* key : {"lowest", "highest"})
      if (!json.at(key).is_array() || std::ssize(json.at(key)) != layer.rows)
        refuse(what + ": \"" + key + "\" is no list of " + std::to_string(layer.rows) + " channels");
    for (int64_t row = 0; row < layer.rows; ++row) {
      const size_t k = static_cast<size_t>(row);
      const std::string channel = what + ", channel " + std::to_string(row);
      claim({{"lowest", json.at("lowest").at(k)}}, "lowest", lowest.at(k), channel);
      claim({{"highest", json.at("highest").at(k)}}, "highest", highest.at(k), channel);
    }
    channels_ += layer.rows;
  }

  const std::string& path_;
  const NetworkFile& network_;
  int64_t channels_ = 0;
};

}  // namespace

Verdict verify(const std::string& certificate, const std::string& network) {
  const NetworkFile file = read_network_file(network);
  const std::string text = file_text(certificate);
  try {
    const Json claims = Json::parse(text);
    if (claims.dump(1) + "\n" != text)
      throw FormatError(certificate + ": not true: its text is not the one way in which its claims are written");
    return Check(certificate, file).run(claims);
  } catch (const Json::exception& e) {
    throw FormatError(certificate + ": expected a certificate of `pith prove`, found another text (" + e.what() + ")");
  }
}

}  // namespace pith::apps::verifier
