// Protobuf's wire, for the two formats that are written here (TensorBoard's events, ONNX): a message is a row of
// fields, each a key (field * 8 + type) and a value; type 0 is a varint, 1 eight bytes, 2 length and bytes, 5 four
// bytes. Appends to a string; nothing is read.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace pith::apps::wire {

/// The bytes of a number as they lie in memory.
template <class T>
void put(std::string& out, T value) {
  static_assert(std::endian::native == std::endian::little, "the formats are little-endian");
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
inline void put_varint(std::string& out, uint64_t value) {
  for (; value >= 128; value >>= 7) out.push_back(static_cast<char>(value | 128));
  out.push_back(static_cast<char>(value));
}
inline void put_key(std::string& out, unsigned field, unsigned type) { put_varint(out, field * 8 + type); }
/// A negative integer takes ten bytes, as the format has it.
inline void put_integer(std::string& out, unsigned field, int64_t value) {
  put_key(out, field, 0);
  put_varint(out, static_cast<uint64_t>(value));
}
inline void put_double(std::string& out, unsigned field, double value) {
  put_key(out, field, 1);
  put(out, value);
}
inline void put_float(std::string& out, unsigned field, float value) {
  put_key(out, field, 5);
  put(out, value);
}
/// A string, bytes, or a message that is already written.
inline void put_bytes(std::string& out, unsigned field, std::string_view bytes) {
  put_key(out, field, 2);
  put_varint(out, bytes.size());
  out.append(bytes);
}
/// repeated double, packed.
inline void put_doubles(std::string& out, unsigned field, std::span<const double> values) {
  std::string packed;
  for (const double v : values) put(packed, v);
  put_bytes(out, field, packed);
}

}  // namespace pith::apps::wire
