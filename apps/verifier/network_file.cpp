#include "apps/verifier/network_file.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "tensor/error.h"

namespace pith::apps::verifier {
namespace {

using Json = nlohmann::json;

struct File {
  std::string path, bytes;
  Json header;
  size_t data = 0;

  [[noreturn]] void refuse(const std::string& what) const { throw FormatError(path + ": verifier: " + what); }

  /// The bytes of a section of this type; null where there is none.
  const char* section(const std::string& name, const std::string& type, size_t& count) const {
    if (!header.contains(name)) return nullptr;
    const Json& s = header.at(name);
    if (s.at("dtype").get<std::string>() != type) refuse(name + " is not of type " + type);
    const size_t begin = s.at("data_offsets").at(0).get<size_t>(), end = s.at("data_offsets").at(1).get<size_t>();
    if (begin > end || end > bytes.size() - data) refuse(name + " reaches beyond the file");
    count = end - begin;
    return bytes.data() + data + begin;
  }
  std::vector<int64_t> integers(const std::string& name) const {
    size_t count = 0;
    const char* const at = section(name, "I32", count);
    if (at == nullptr || count % 4 != 0) refuse("no integers " + name);
    std::vector<int64_t> all;
    for (size_t i = 0; i < count; i += 4) {
      int32_t v = 0;
      std::memcpy(&v, at + i, 4);
      all.push_back(v);
    }
    return all;
  }
};

/// Number `i` of a stream of `bits` bits, lowest bits first.
int code_at(const char* stream, int64_t i, int64_t bits) {
  int code = 0;
  for (int64_t b = 0; b < bits; ++b) {
    const int64_t at = i * bits + b;
    code |= (static_cast<unsigned char>(stream[at / 8]) >> (at % 8) & 1) << b;
  }
  return code;
}

/// Numbers of `bits` bits: bytes of 8, else a stream of codes that count from the lowest level.
std::vector<int> numbers_of(const File& f, const std::string& name, int64_t count, int64_t bits) {
  size_t size = 0;
  const char* const at = f.section(name, bits == 8 ? "I8" : "U8", size);
  if (at == nullptr || static_cast<int64_t>(size) != (count * bits + 7) / 8) f.refuse("no weights " + name);
  std::vector<int> numbers;
  for (int64_t i = 0; i < count; ++i) {
    const int code = bits == 8 ? 0 : code_at(at, i, bits);
    if (bits == 8)
      numbers.push_back(static_cast<signed char>(at[i]));
    else
      numbers.push_back(bits == 1 ? 2 * code - 1 : code - ((1 << (bits - 1)) - 1));
  }
  return numbers;
}

std::vector<int> weights_of(const File& f, const FileLayer& layer) {
  const std::string name = layer.name + ".weight";
  const int64_t count = layer.rows * layer.depth;
  size_t size = 0;
  const char* const kept = f.section(layer.name + ".kept", "U8", size);
  if (kept == nullptr) return numbers_of(f, name, count, layer.bits);
  if (static_cast<int64_t>(size) != (count + 7) / 8) f.refuse("no weights " + name);
  std::vector<int> weights(static_cast<size_t>(count), 0);
  int64_t kept_count = 0;
  for (int64_t i = 0; i < count; ++i) kept_count += code_at(kept, i, 1);
  const std::vector<int> rest = numbers_of(f, name, kept_count, layer.bits == 2 ? 1 : layer.bits);
  size_t next = 0;
  for (int64_t i = 0; i < count; ++i)
    if (code_at(kept, i, 1) == 1) weights[static_cast<size_t>(i)] = rest[next++];
  return weights;
}

FileLayer layer_of(const File& f, const Json& json, int64_t values, bool is_dynamic) {
  FileLayer layer;
  layer.name = json.at("name").get<std::string>();
  layer.kind = json.at("kind").get<std::string>();
  layer.input = json.at("input").get<int64_t>();
  layer.value_bits = json.at("value_bits").get<int64_t>();
  if (layer.input < 0 || layer.input >= values) f.refuse(layer.name + " reads a value that is not there");
  if (layer.kind == "mean_pool") {
    layer.rows = json.at("output").at(0).get<int64_t>();
    layer.depth = json.at("kernel").at(0).get<int64_t>() * json.at("kernel").at(1).get<int64_t>();
    if (layer.rows < 1 || layer.depth < 1 || layer.rows * layer.depth > (1 << 28))
      f.refuse(layer.name + " is too large");
    layer.weights.assign(static_cast<size_t>(layer.rows * layer.depth), 1);
    layer.bias.assign(static_cast<size_t>(layer.rows), 0);
    return layer;
  }
  if (!layer.sums()) return layer;
  layer.bits = json.at("bits").get<int64_t>();
  layer.rows = json.at("weight").at(0).get<int64_t>();
  layer.depth = 1;
  for (size_t i = 1; i < json.at("weight").size(); ++i) layer.depth *= json.at("weight").at(i).get<int64_t>();
  if (layer.bits < 1 || layer.bits > 8 || layer.rows < 1 || layer.depth < 1) f.refuse(layer.name + " has no shape");
  layer.weights = weights_of(f, layer);
  if (!is_dynamic) layer.bias = f.integers(layer.name + ".bias");
  if (!is_dynamic && std::ssize(layer.bias) != layer.rows) f.refuse(layer.name + " has another count of biases");
  return layer;
}

NetworkFile network_of(const File& f) {
  const Json& metadata = f.header.at("__metadata__");
  const Json json = Json::parse(metadata.at("pith.network").get<std::string>());
  NetworkFile n;
  n.model = json.at("model").get<std::string>();
  n.content = metadata.at("pith.xxh3").get<std::string>();
  n.is_dynamic = json.contains("dynamic");
  n.input_bits = json.at("input_bits").get<int64_t>();
  n.zero_points = f.integers("values.zero_point");
  for (const Json& layer : json.at("layers"))
    n.layers.push_back(layer_of(f, layer, std::ssize(n.layers) + 1, n.is_dynamic));
  if (n.zero_points.size() != n.layers.size() + 1) f.refuse("another count of zero points than of values");
  return n;
}

}  // namespace

std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw IoError(path + ": cannot be read");
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

NetworkFile read_network_file(const std::string& path) {
  File f{.path = path, .bytes = file_text(path), .header = {}};
  uint64_t length = 0;
  if (f.bytes.size() >= 8) std::memcpy(&length, f.bytes.data(), 8);
  if (f.bytes.size() < 8 || length > f.bytes.size() - 8) f.refuse("expected a packed network, found another file");
  f.data = 8 + length;
  try {
    f.header = Json::parse(f.bytes.begin() + 8, f.bytes.begin() + 8 + static_cast<int64_t>(length));
    return network_of(f);
  } catch (const Json::exception& e) {
    f.refuse(std::string("expected a packed network, found another file (") + e.what() + ")");
  }
}

}  // namespace pith::apps::verifier
