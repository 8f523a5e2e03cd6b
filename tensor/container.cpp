#include "tensor/container.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <unordered_set>

#include "tensor/atomic_file.h"
#include "tensor/checksum.h"
#include "tensor/error.h"
#include "tensor/input_file.h"
#include "tensor/json_header.h"
#include "tensor/refusal.h"

namespace pith {
namespace {

constexpr size_t kLengthBytes = 8, kMostHeaderBytes = 100'000'000, kAlignment = 64;
constexpr const char* kMetadata = "__metadata__";

/// Where bytes come from: a file, or memory. read() is only called inside [0, size).
struct Source {
  const std::string& path;
  size_t size;
  std::function<void(size_t offset, std::span<std::byte> into)> read;
};

struct Entry {
  std::string name, dtype;
  Shape shape;
  size_t begin = 0, end = 0;  ///< from the first byte of the data
};

std::string bytes_text(size_t n) { return std::to_string(n) + " bytes"; }

std::string read_header(const Source& source) {
  if (source.size < kLengthBytes)
    refuse(source.path, 0, "a header length of 8 bytes", "a file of " + bytes_text(source.size));
  uint64_t length = 0;
  source.read(0, std::as_writable_bytes(std::span<uint64_t>(&length, 1)));
  if (length > kMostHeaderBytes) refuse(source.path, 0, "a header of at most 100000000 bytes", bytes_text(length));
  if (length > source.size - kLengthBytes)
    refuse(source.path, 0, "a header within the file of " + bytes_text(source.size), "one of " + bytes_text(length));
  std::string header(length, '\0');
  source.read(kLengthBytes, std::as_writable_bytes(std::span<char>(header)));
  if (header.empty() || header[0] != '{')
    refuse(source.path, kLengthBytes, "a header that begins with '{'",
           header.empty() ? "an empty one" : printable(header.substr(0, 1)));
  return header;
}

std::map<std::string, std::string> read_metadata(const Json& value, const std::string& path) {
  std::map<std::string, std::string> metadata;
  if (value.kind != Json::Kind::object)
    refuse(path, kLengthBytes, "__metadata__ to be an object", std::string(value.kind_name()));
  for (size_t i = 0; i < value.items.size(); ++i) {
    const std::string& key = value.keys[i];
    const Json& member = value.items[i];
    if (member.kind != Json::Kind::string)
      refuse(path, kLengthBytes, "a string as metadata " + printable(key), std::string(member.kind_name()));
    metadata.emplace(key, member.string);
  }
  return metadata;
}

/// The whole numbers of the array `key` of a section's entry, none negative.
std::vector<int64_t> numbers(const Json& entry, const char* key, const std::string& what, const std::string& path) {
  const Json* array = entry.find(key);
  if (array == nullptr || array->kind != Json::Kind::array)
    refuse(path, kLengthBytes, "an array " + printable(key) + " for " + what,
           array == nullptr ? "none" : std::string(array->kind_name()));
  std::vector<int64_t> out;
  for (const Json& item : array->items) {
    if (item.kind != Json::Kind::integer || item.integer < 0)
      refuse(path, kLengthBytes, "whole numbers from 0 on in " + printable(key) + " of " + what,
             item.kind == Json::Kind::integer ? std::to_string(item.integer) : std::string(item.kind_name()));
    out.push_back(item.integer);
  }
  return out;
}

Entry read_entry(const std::string& name, const Json& json, const std::string& path) {
  const std::string what = "section " + printable(name);
  const Json* dtype = json.find("dtype");
  if (json.kind != Json::Kind::object || json.items.size() != 3 || dtype == nullptr ||
      dtype->kind != Json::Kind::string)
    refuse(path, kLengthBytes, "dtype, shape and data_offsets, and nothing else, for " + what,
           json.kind == Json::Kind::object ? "other members" : std::string(json.kind_name()));
  const std::vector<int64_t> extents = numbers(json, "shape", what, path);
  const std::vector<int64_t> offsets = numbers(json, "data_offsets", what, path);
  if (offsets.size() != 2 || offsets[0] > offsets[1])
    refuse(path, kLengthBytes, "data_offsets [begin, end] for " + what, "others");
  Entry entry{name, dtype->string, {}, static_cast<size_t>(offsets[0]), static_cast<size_t>(offsets[1])};
  size_t need = 0;
  try {
    entry.shape = Shape(extents);
    need = section_bytes(entry.dtype, entry.shape);
  } catch (const Error& error) {
    refuse(path, kLengthBytes, "a type and shape that a Tensor can have for " + what, error.what());
  }
  if (need != entry.end - entry.begin)
    refuse(path, kLengthBytes, bytes_text(need) + " for " + what + " " + entry.dtype + " " + text(entry.shape),
           "data_offsets of " + bytes_text(entry.end - entry.begin));
  return entry;
}

/// In the order of their bytes; checks that they fill the data without hole or overlap.
void check_layout(std::vector<Entry>& entries, size_t data_begin, const Source& source) {
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  size_t expected = 0;
  for (const Entry& e : entries) {
    if (e.begin != expected)
      refuse(source.path, data_begin + expected,
             "section " + printable(e.name) + " to begin here, without hole or overlap",
             "offset " + std::to_string(e.begin) + " where the data go on at " + std::to_string(expected));
    expected = e.end;
  }
  if (expected != source.size - data_begin)
    refuse(source.path, data_begin + expected, "the last section to end at the end of the file",
           "data of " + bytes_text(source.size - data_begin) + ", sections of " + bytes_text(expected));
}

/// Of the content: metadata but for the checksum itself by key, sections by name. The layout does not count.
std::string checksum(const Container& container) {
  Checksum sum;
  for (const auto& [key, value] : container.metadata) {
    if (key == kChecksumKey) continue;
    sum.add_text(key);
    sum.add_text(value);
  }
  std::vector<const Section*> by_name;
  for (const Section& s : container.sections) by_name.push_back(&s);
  std::sort(by_name.begin(), by_name.end(), [](const Section* a, const Section* b) { return a->name < b->name; });
  for (const Section* s : by_name) {
    sum.add_text(s->name);
    sum.add_text(s->dtype);
    sum.add_number(s->shape.rank());
    for (const int64_t extent : s->shape.extents()) sum.add_number(extent);
    sum.add(s->bytes);
  }
  return sum.digest();
}

Container read(const Source& source) {
  const std::string header = read_header(source);
  const size_t data_begin = kLengthBytes + header.size();
  Container container;
  std::vector<Entry> entries;
  {
    const Json json = parse_json(header, source.path, kLengthBytes);
    for (size_t i = 0; i < json.items.size(); ++i) {
      if (json.keys[i] == kMetadata)
        container.metadata = read_metadata(json.items[i], source.path);
      else
        entries.push_back(read_entry(json.keys[i], json.items[i], source.path));
    }
  }
  check_layout(entries, data_begin, source);
  for (Entry& e : entries) {
    container.sections.push_back({std::move(e.name), std::move(e.dtype), e.shape, {}});
    Section& s = container.sections.back();
    s.bytes.resize(e.end - e.begin);
    source.read(data_begin + e.begin, s.bytes);
  }
  if (const auto stored = container.metadata.find(kChecksumKey); stored != container.metadata.end())
    if (const std::string actual = checksum(container); actual != stored->second)
      refuse(source.path, data_begin, "content with the checksum " + printable(stored->second) + " of its metadata",
             printable(actual) + ": the file is damaged");
  return container;
}

Json header_of(const Container& container, std::map<std::string, std::string> metadata) {
  Json header = Json::object(), texts = Json::object();
  for (auto& [key, value] : metadata) texts.add(key, Json::of(std::move(value)));
  header.add(kMetadata, std::move(texts));
  size_t begin = 0;
  for (const Section& s : container.sections) {
    Json shape = Json::array(), offsets = Json::array(), entry = Json::object();
    for (const int64_t extent : s.shape.extents()) shape.items.push_back(Json::of(extent));
    offsets.items = {Json::of(static_cast<int64_t>(begin)), Json::of(static_cast<int64_t>(begin + s.bytes.size()))};
    begin += s.bytes.size();
    entry.add("dtype", Json::of(s.dtype));
    entry.add("shape", std::move(shape));
    entry.add("data_offsets", std::move(offsets));
    header.add(s.name, std::move(entry));
  }
  return header;
}

void check_writable(const std::string& path, const Container& container) {
  std::unordered_set<std::string_view> names{kMetadata};
  for (const Section& s : container.sections) {
    if (!names.insert(s.name).second)
      throw FormatError(path + ": cannot write two sections of the name " + printable(s.name));
    if (s.bytes.size() != section_bytes(s.dtype, s.shape))
      throw FormatError(path + ": cannot write section " + printable(s.name) + ": " + s.dtype + " " + text(s.shape) +
                        " needs " + bytes_text(section_bytes(s.dtype, s.shape)) + ", it has " +
                        bytes_text(s.bytes.size()));
  }
}

}  // namespace

const Section* Container::find(std::string_view name) const {
  for (const Section& s : sections)
    if (s.name == name) return &s;
  return nullptr;
}

Container read_container(const std::string& path) {
  const InputFile file(path);
  return read({path, file.size(), [&](size_t offset, std::span<std::byte> into) { file.read(offset, into); }});
}

Container parse_container(std::span<const std::byte> bytes, const std::string& path) {
  return read({path, bytes.size(), [&](size_t offset, std::span<std::byte> into) {
                 if (!into.empty()) std::memcpy(into.data(), bytes.data() + offset, into.size());
               }});
}

namespace {

std::string padded_header(const Container& container) {
  std::map<std::string, std::string> metadata = container.metadata;
  metadata[kChecksumKey] = checksum(container);
  std::string header = text(header_of(container, std::move(metadata)));
  header.resize((kLengthBytes + header.size() + kAlignment - 1) / kAlignment * kAlignment - kLengthBytes, ' ');
  return header;
}

}  // namespace

size_t container_bytes(const Container& container) {
  size_t bytes = kLengthBytes + padded_header(container).size();
  for (const Section& s : container.sections) bytes += s.bytes.size();
  return bytes;
}

void write_container(const std::string& path, const Container& container) {
  check_writable(path, container);
  const std::string header = padded_header(container);
  if (header.size() > kMostHeaderBytes)
    throw FormatError(path + ": cannot write a header of " + bytes_text(header.size()) +
                      ", at most 100000000 are allowed");
  const uint64_t length = header.size();
  std::vector<std::span<const std::byte>> pieces{std::as_bytes(std::span<const uint64_t>(&length, 1)),
                                                 std::as_bytes(std::span<const char>(header))};
  for (const Section& s : container.sections) pieces.emplace_back(s.bytes);
  write_file_atomically(path, pieces);
}

}  // namespace pith
