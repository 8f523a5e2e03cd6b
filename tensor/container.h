// safetensors: a file of named byte sections with types and shapes, safe to parse, readable by everybody.
// Rules (huggingface/safetensors): 8-byte little-endian header length <= 100,000,000; JSON header that starts with '{';
// offsets contiguous from 0 without holes or overlap, the last end is the end of the file; no duplicate keys; sizes by
// checked multiplication; __metadata__ maps strings to strings.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace pith {

/// One named section: any safetensors type, of which the five DTypes become Tensors.
struct Section {
  std::string name;
  std::string dtype;  ///< "F32", "U8", "I64", ... as written
  Shape shape;
  std::vector<std::byte> bytes;

  /// As a Tensor; F16, BF16 and F64 become f32, I64 becomes s32 where it fits. Throws FormatError otherwise.
  Tensor tensor() const;
  static Section of(std::string name, const Tensor& t);
};

struct Container {
  std::map<std::string, std::string> metadata;
  std::vector<Section> sections;

  const Section* find(std::string_view name) const;
};

/// Throws IoError (cannot read) or FormatError (path, byte offset, expected, found).
Container read_container(const std::string& path);
/// Atomic: a temporary beside it, synced, renamed, the folder synced. Throws IoError; what existed is intact then.
void write_container(const std::string& path, const Container& container);

}  // namespace pith
