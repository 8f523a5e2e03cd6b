// A machine for the small part of Python's pickle (protocol 2) that a saved state dictionary is made of. Not a pickle
// interpreter: it builds dictionaries, lists, tuples, numbers, strings and *descriptions* of tensors, and calls
// nothing.
//
// Allowed: the opcodes that torch.save emits for such values, and these globals, which are understood here, never
// imported: torch._utils _rebuild_tensor_v2 and _rebuild_parameter, collections OrderedDict, torch FloatStorage and its
// siblings. Everything else is refused by its name. There is no second, laxer reader to fall back to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pith {

struct PickleValue {
  enum class Kind : uint8_t { none, boolean, integer, real, text, tuple, list, dictionary, global, storage, tensor };
  Kind kind = Kind::none;
  int64_t integer = 0;  ///< boolean, integer; elements of a storage
  std::string text;     ///< text; "module name" of a global; key of a storage
  std::string dtype;    ///< of a storage, as safetensors writes it: "F32"
  std::vector<uint32_t>
      items;  ///< tuple, list; key, value, key, value of a dictionary; storage, offset, size, stride of a tensor
};

/// All values that a pickle made. Values refer to others by index, so that no depth of nesting can hurt.
struct Pickle {
  std::vector<PickleValue> values;
  uint32_t root = 0;

  const PickleValue& operator[](uint32_t index) const { return values[index]; }
  /// The value under a text key of a dictionary, or nullptr.
  const PickleValue* find(const PickleValue& dictionary, std::string_view key) const;
};

/// "a dictionary", "a tensor", ...: for messages.
std::string_view kind_name(PickleValue::Kind kind);

/// Runs the pickle. Throws FormatError (`file`, byte, expected, found); at most 500,000 values are made.
Pickle run_pickle(std::span<const std::byte> bytes, const std::string& file);

}  // namespace pith
