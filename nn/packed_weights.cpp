#include "nn/packed_weights.h"

#include <algorithm>

#include "tensor/error.h"
#include "tensor/formats/quant_params.h"

namespace pith::nn {
namespace {

/// What a section more costs in the file's header, about.
constexpr int64_t kHeaderBytes = 100;

[[noreturn]] void refuse(const std::string& path, const std::string& expected, const std::string& found) {
  throw FormatError(path + ": expected " + expected + ", found " + found);
}

int lowest_level(int bits) { return -highest_level(bits); }

int highest_code(int bits) { return bits == 1 ? 1 : (1 << bits) - 2; }

/// Of weights that are not 0.
int kept_bits(int bits) { return bits == 2 ? 1 : bits; }

int64_t bytes_of(int64_t count, int bits) { return (count * bits + 7) / 8; }

[[noreturn]] void refuse_weight(int32_t weight, int bits) {
  throw ArgumentError("packed network: the weight " + std::to_string(weight) + " does not fit " + std::to_string(bits) +
                      " bits");
}

std::vector<uint8_t> codes_of(const std::vector<int32_t>& values, int bits) {
  std::vector<uint8_t> codes(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const int code = bits == 1 ? (values[i] + 1) / 2 : values[i] - lowest_level(bits);
    if (code < 0 || code > highest_code(bits) || (bits == 1 && values[i] == 0)) refuse_weight(values[i], bits);
    codes[i] = static_cast<uint8_t>(code);
  }
  return codes;
}

Section bytes_section(const std::string& name, std::vector<std::byte> bytes) {
  const int64_t count = std::ssize(bytes);
  return {name, "U8", {count}, std::move(bytes)};
}

bool fits_halfword(int32_t v) { return v >= lowest_level(16) && v <= highest_level(16); }

/// Two bytes a weight, the lower one first.
Section halfwords_section(const std::string& name, const std::vector<int32_t>& values, const Shape& shape) {
  std::vector<std::byte> bytes;
  for (const int32_t v : values) {
    if (!fits_halfword(v)) refuse_weight(v, 16);
    bytes.push_back(static_cast<std::byte>(v & 0xff));
    bytes.push_back(static_cast<std::byte>(v >> 8 & 0xff));
  }
  return {name, "I16", shape, std::move(bytes)};
}

void add_values(Container& file, const std::string& name, const std::vector<int32_t>& values, const Shape& shape,
                int bits) {
  if (bits == 16)
    file.sections.push_back(halfwords_section(name, values, shape));
  else if (bits == 8)
    file.sections.push_back(Section::of(name, Tensor::from(values, shape).to(DType::s8)));
  else
    file.sections.push_back(bytes_section(name, pack_codes(codes_of(values, bits), bits)));
}

bool is_smaller_sparse(int64_t kept, int64_t all, int bits) {
  return bits > 1 && bytes_of(kept, kept_bits(bits)) + bytes_of(all, 1) + kHeaderBytes < bytes_of(all, bits);
}

std::vector<uint8_t> codes_from(const Section& s, const std::string& path, int bits, int64_t count) {
  const int64_t bytes = bytes_of(count, bits);
  if (s.dtype != "U8" || std::ssize(s.bytes) != bytes)
    refuse(path, std::to_string(bytes) + " bytes U8 as " + s.name, s.dtype + " " + text(s.shape));
  return unpack_codes(s.bytes, bits, static_cast<size_t>(count));
}

std::vector<int32_t> halfwords_of(const Section& s, const std::string& path, const Shape& shape) {
  if (s.dtype != "I16" || !(s.shape == shape))
    refuse(path, "I16 " + text(shape) + " as " + s.name, s.dtype + " " + text(s.shape));
  std::vector<int32_t> values = s.tensor().to_vector<int32_t>();
  for (const int32_t v : values)
    if (!fits_halfword(v))
      refuse(path, "weights of at most " + std::to_string(highest_level(16)) + " in " + s.name, std::to_string(v));
  return values;
}

std::vector<int32_t> values_of(const Section& s, const std::string& path, int bits, const Shape& shape) {
  if (bits == 16) return halfwords_of(s, path, shape);
  if (bits == 8) return numbers_of(s, path, DType::s8, shape).to(DType::s32).to_vector<int32_t>();
  std::vector<int32_t> values;
  for (const uint8_t code : codes_from(s, path, bits, shape.numel())) {
    if (code > highest_code(bits))
      refuse(path, "codes up to " + std::to_string(highest_code(bits)) + " in " + s.name, std::to_string(code));
    values.push_back(bits == 1 ? 2 * code - 1 : code + lowest_level(bits));
  }
  return values;
}

Tensor sparse_from(const Section& weight, const Section& kept, const std::string& path, int bits, const Shape& shape) {
  const std::vector<uint8_t> keeps = codes_from(kept, path, 1, shape.numel());
  const Shape count{std::count(keeps.begin(), keeps.end(), 1)};
  const std::vector<int32_t> rest = values_of(weight, path, kept_bits(bits), count);
  if (std::find(rest.begin(), rest.end(), 0) != rest.end())
    refuse(path, "no zero among the kept weights of " + weight.name, "one");
  std::vector<int32_t> values(keeps.size(), 0);
  size_t next = 0;
  for (size_t i = 0; i < keeps.size(); ++i)
    if (keeps[i] != 0) values[i] = rest[next++];
  return Tensor::from(values, shape);
}

}  // namespace

std::vector<std::byte> pack_codes(std::span<const uint8_t> codes, int bits) {
  std::vector<std::byte> bytes((codes.size() * static_cast<size_t>(bits) + 7) / 8, std::byte{0});
  size_t at = 0;
  for (const uint8_t code : codes)
    for (int b = 0; b < bits; ++b, ++at)
      if (code >> b & 1) bytes[at / 8] |= static_cast<std::byte>(1 << at % 8);
  return bytes;
}

std::vector<uint8_t> unpack_codes(std::span<const std::byte> bytes, int bits, size_t count) {
  std::vector<uint8_t> codes(count, 0);
  size_t at = 0;
  for (uint8_t& code : codes)
    for (int b = 0; b < bits; ++b, ++at)
      if ((bytes[at / 8] >> (at % 8) & std::byte{1}) != std::byte{0}) code = static_cast<uint8_t>(code | 1 << b);
  return codes;
}

const Section& section_of(const Container& file, const std::string& path, const std::string& name) {
  const Section* const s = file.find(name);
  if (s == nullptr) refuse(path, "a section " + name, "none");
  return *s;
}

Tensor numbers_of(const Section& section, const std::string& path, DType dtype, const Shape& shape) {
  const Tensor t = section.tensor();
  if (t.dtype() != dtype || !(t.shape() == shape))
    refuse(path, std::string(pith::name(dtype)) + " " + text(shape) + " as " + section.name, text(t));
  return t;
}

void add_weights(Container& file, const std::string& name, const Tensor& weights, int bits) {
  const std::vector<int32_t> values = weights.to(DType::s32).to_vector<int32_t>();
  std::vector<uint8_t> keeps(values.size());
  std::vector<int32_t> rest;
  for (size_t i = 0; i < values.size(); ++i) {
    keeps[i] = values[i] != 0;
    if (values[i] != 0) rest.push_back(values[i]);
  }
  if (!is_smaller_sparse(std::ssize(rest), std::ssize(values), bits))
    return add_values(file, name + ".weight", values, weights.shape(), bits);
  add_values(file, name + ".weight", rest, Shape{std::ssize(rest)}, kept_bits(bits));
  file.sections.push_back(bytes_section(name + ".kept", pack_codes(keeps, 1)));
}

Tensor weights_from(const Container& file, const std::string& path, const std::string& name, int bits,
                    const Shape& shape) {
  const Section& weight = section_of(file, path, name + ".weight");
  const Section* const kept = file.find(name + ".kept");
  const Tensor weights = kept != nullptr ? sparse_from(weight, *kept, path, bits, shape)
                                         : Tensor::from(values_of(weight, path, bits, shape), shape);
  return bits == 16 ? weights : weights.to(DType::s8);
}

}  // namespace pith::nn
