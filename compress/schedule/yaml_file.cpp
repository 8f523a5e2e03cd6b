#include "compress/schedule/yaml_file.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <span>

#include "tensor/error.h"
#include "tensor/input_file.h"
#include "tensor/refusal.h"

namespace pith::compress {
namespace {

constexpr size_t kLongest = 1 << 20;
constexpr int kDeepest = 32;
constexpr int kMostNodes = 100'000;

[[noreturn]] void refuse(const std::string& path, int line, const std::string& what) {
  throw FormatError(path + ":" + std::to_string(line) + ": " + what);
}

class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path) {}

  YamlNode read(const YAML::Node& node, int above, int depth) {
    YamlNode out;
    const YAML::Mark mark = node.Mark();
    out.line = mark.is_null() ? above : mark.line + 1;
    if (depth > kDeepest) refuse(path_, out.line, "nested deeper than " + std::to_string(kDeepest) + " levels");
    if (++nodes_ > kMostNodes) refuse(path_, out.line, "more than " + std::to_string(kMostNodes) + " values");
    const std::string& tag = node.Tag();
    if (!tag.empty() && tag != "?" && tag != "!")
      refuse(path_, out.line, "a tag (" + printable(tag) + ") has no place here");
    if (node.IsScalar()) {
      out.kind = YamlNode::Kind::scalar;
      out.scalar = node.Scalar();
      out.quoted = tag == "!";
    } else if (node.IsSequence()) {
      out.kind = YamlNode::Kind::list;
      for (const YAML::Node& item : node) out.items.push_back(read(item, out.line, depth + 1));
    } else if (node.IsMap()) {
      out.kind = YamlNode::Kind::map;
      for (const auto& pair : node) add(out, pair.first, pair.second, depth);
    }
    return out;
  }

 private:
  void add(YamlNode& map, const YAML::Node& key, const YAML::Node& value, int depth) {
    const int line = key.Mark().is_null() ? map.line : key.Mark().line + 1;
    if (!key.IsScalar()) refuse(path_, line, "a key must be a word");
    if (map.find(key.Scalar()) != nullptr) refuse(path_, line, "the key " + printable(key.Scalar()) + " stands twice");
    map.keys.push_back(key.Scalar());
    map.key_lines.push_back(line);
    map.items.push_back(read(value, line, depth + 1));
  }

  const std::string& path_;
  int nodes_ = 0;
};

bool is_flat(const YamlNode& node) {
  return std::none_of(node.items.begin(), node.items.end(), [](const YamlNode& i) {
    return i.kind == YamlNode::Kind::list || i.kind == YamlNode::Kind::map;
  });
}

void write(YAML::Emitter& out, const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      out << YAML::Null;
      return;
    case YamlNode::Kind::scalar:
      if (node.quoted) out << YAML::DoubleQuoted;
      out << node.scalar;
      return;
    case YamlNode::Kind::list:
      if (is_flat(node)) out << YAML::Flow;
      out << YAML::BeginSeq;
      for (const YamlNode& item : node.items) write(out, item);
      out << YAML::EndSeq;
      return;
    case YamlNode::Kind::map:
      out << YAML::BeginMap;
      for (size_t i = 0; i < node.keys.size(); ++i) {
        out << YAML::Key << node.keys[i] << YAML::Value;
        write(out, node.items[i]);
      }
      out << YAML::EndMap;
  }
}

}  // namespace

std::string YamlNode::kind_name() const {
  switch (kind) {
    case Kind::null:
      return "nothing";
    case Kind::scalar:
      return "a value";
    case Kind::list:
      return "a list";
    case Kind::map:
      return "a mapping";
  }
  return "?";
}

const YamlNode* YamlNode::find(const std::string& key) const {
  const auto found = std::find(keys.begin(), keys.end(), key);
  return found == keys.end() ? nullptr : &items[static_cast<size_t>(found - keys.begin())];
}

YamlNode* YamlNode::find(const std::string& key) {
  return const_cast<YamlNode*>(static_cast<const YamlNode*>(this)->find(key));
}

YamlNode parse_yaml(const std::string& text, const std::string& path) {
  if (text.size() > kLongest) refuse(path, 1, "longer than " + std::to_string(kLongest) + " bytes");
  try {
    return Reader(path).read(YAML::Load(text), 1, 0);
  } catch (const YAML::Exception& e) {
    refuse(path, std::max(e.mark.line + 1, 1), "not YAML: " + e.msg);
  }
}

YamlNode read_yaml(const std::string& path) {
  const InputFile file(path);
  if (file.size() > kLongest) refuse(path, 1, "longer than " + std::to_string(kLongest) + " bytes");
  std::string text(file.size(), '\0');
  file.read(0, std::as_writable_bytes(std::span(text.data(), text.size())));
  return parse_yaml(text, path);
}

std::string yaml_text(const YamlNode& node) {
  YAML::Emitter out;
  write(out, node);
  return std::string(out.c_str()) + "\n";
}

}  // namespace pith::compress
