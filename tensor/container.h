// safetensors: a file of named byte sections with types and shapes, safe to parse, readable by everybody.
// Rules (huggingface/safetensors): 8-byte little-endian header length <= 100,000,000; JSON header that starts with '{';
// offsets contiguous from 0 without holes or overlap, the last end is the end of the file; no duplicate keys; sizes by
// checked multiplication; __metadata__ maps strings to strings.
//
// Ours on top: the header is padded with spaces so that the data begin at a multiple of 64; same content, same bytes;
// and metadata "pith.xxh3" holds a checksum of the whole content (metadata, names, types, shapes, bytes; not of its
// layout, so that another tool may write the file anew). It is verified wherever it is present.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace pith {

/// One named section: any safetensors type, of which those below become Tensors.
struct Section {
  std::string name;
  std::string dtype;  ///< "F32", "U8", "I64", ... as written
  Shape shape;
  std::vector<std::byte> bytes;

  /// As a Tensor: F32, F64, I32, I8 and U8 as they are; F16 and BF16 become f32; BOOL becomes u8; the other integers
  /// become s32 where every value fits. Throws FormatError otherwise.
  Tensor tensor() const;
  /// A copy of a Tensor's elements in row-major order.
  static Section of(std::string name, const Tensor& t);
};

/// Bits of one element of a safetensors type; 0 for a type that is not known.
int bits_of(std::string_view dtype);
/// Bytes of a section. Throws FormatError for an unknown type or bits that end inside a byte, ShapeError for a count
/// beyond 63 bits.
size_t section_bytes(std::string_view dtype, const Shape& shape);

struct Container {
  std::map<std::string, std::string> metadata;
  std::vector<Section> sections;

  const Section* find(std::string_view name) const;
};

/// Bytes of the file that write_container would write.
size_t container_bytes(const Container& container);

/// The metadata key of the checksum.
inline constexpr const char* kChecksumKey = "pith.xxh3";

/// Sections come in the order of their bytes in the file. Needs no more memory than the file has bytes, whatever it
/// says. Throws IoError (cannot read) or FormatError (path, byte offset, expected, found).
Container read_container(const std::string& path);
/// The same from bytes in memory; `path` is for messages.
Container parse_container(std::span<const std::byte> bytes, const std::string& path);

/// Atomic: a temporary beside it, synced, renamed, the folder synced. Sections are written in the order given, the
/// checksum is added. Throws IoError (what existed is intact then), or FormatError for a container that is not
/// writable: two sections of one name, bytes that do not fill the shape, a name that is not UTF-8.
void write_container(const std::string& path, const Container& container);

}  // namespace pith
