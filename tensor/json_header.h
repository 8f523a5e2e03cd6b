// The small part of JSON that file headers need: objects, arrays, strings and whole numbers; read strictly.
//
// Refused: duplicate keys (two readers would see two files), nesting deeper than 4, fractions, exponents, true, false,
// null, numbers beyond 63 bits, invalid UTF-8, anything after the value, more than 500,000 values (bounded memory).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pith {

struct Json {
  enum class Kind : uint8_t { object, array, string, integer };
  Kind kind = Kind::object;
  int64_t integer = 0;
  std::string string;
  std::vector<Json> items;        ///< of an array, or the values of an object in the order of the text
  std::vector<std::string> keys;  ///< of an object, one an item

  static Json of(std::string text);
  static Json of(int64_t number);
  static Json array();
  static Json object();

  /// Puts a member behind the others of an object.
  void add(std::string key, Json value);
  /// The member of an object, or nullptr.
  const Json* find(std::string_view key) const;
  /// "an object", "an array", "a string", "a whole number": for messages.
  std::string_view kind_name() const;
};

/// Throws FormatError: "`file`: byte N: expected ..., found ...", where the text begins at byte `offset` of `file`.
Json parse_json(std::string_view text, const std::string& file, size_t offset);

/// One line without spaces, members in their order. Throws FormatError for a string that is not UTF-8.
std::string text(const Json& value);

}  // namespace pith
