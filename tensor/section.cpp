// Section: what its type means, and the way to and from a Tensor.
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "tensor/container.h"
#include "tensor/error.h"
#include "tensor/refusal.h"

namespace pith {
namespace {

static_assert(std::endian::native == std::endian::little, "sections are little-endian and copied as they lie");

constexpr std::pair<std::string_view, int> kBits[] = {
    {"F32", 32},    {"U8", 8},      {"F64", 64},    {"I32", 32},    {"I8", 8},      {"BOOL", 8}, {"I64", 64},
    {"F16", 16},    {"BF16", 16},   {"I16", 16},    {"U16", 16},    {"U32", 32},    {"U64", 64}, {"C64", 64},
    {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F4", 4},
};

std::string described(const Section& s) { return "section " + printable(s.name) + " " + s.dtype + " " + text(s.shape); }

/// IEEE 754 binary16 to binary32, exact.
float from_half(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t exponent = (half >> 10) & 31, fraction = half & 1023;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | (fraction << 13));
  if (exponent != 0) return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
  const float magnitude = static_cast<float>(fraction) * 0x1p-24f;  // subnormal
  return sign != 0 ? -magnitude : magnitude;
}

float from_bfloat16(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

/// Element by element: From is how it lies in the file, `convert` gives a To.
template <class From, class To, class F>
Tensor converted(const Section& s, const F& convert) {
  Tensor t = Tensor::empty(s.shape, dtype_of<To>());
  To* out = t.mutable_data<To>();
  for (size_t i = 0; i < static_cast<size_t>(s.shape.numel()); ++i) {
    From value;
    std::memcpy(&value, s.bytes.data() + i * sizeof(From), sizeof(From));
    out[i] = convert(value);
  }
  return t;
}

template <class From>
Tensor narrowed(const Section& s) {
  return converted<From, int32_t>(s, [&](From value) {
    if (!std::in_range<int32_t>(value))
      throw FormatError(described(s) + " holds " + std::to_string(value) + ", which does not fit 32 bits");
    return static_cast<int32_t>(value);
  });
}

Tensor copied(const Section& s, DType dtype) {
  Tensor t = Tensor::empty(s.shape, dtype);
  if (s.bytes.empty()) return t;
  switch (dtype) {
    case DType::f32:
      std::memcpy(t.mutable_data<float>(), s.bytes.data(), s.bytes.size());
      break;
    case DType::f64:
      std::memcpy(t.mutable_data<double>(), s.bytes.data(), s.bytes.size());
      break;
    case DType::s32:
      std::memcpy(t.mutable_data<int32_t>(), s.bytes.data(), s.bytes.size());
      break;
    case DType::s8:
      std::memcpy(t.mutable_data<int8_t>(), s.bytes.data(), s.bytes.size());
      break;
    case DType::u8:
      std::memcpy(t.mutable_data<uint8_t>(), s.bytes.data(), s.bytes.size());
      break;
  }
  return t;
}

uint8_t from_bool(const Section& s, uint8_t value) {
  if (value > 1) throw FormatError(described(s) + " holds " + std::to_string(value) + ", expected 0 or 1");
  return value;
}

const void* elements(const Tensor& t) {
  switch (t.dtype()) {
    case DType::f32:
      return t.data<float>();
    case DType::f64:
      return t.data<double>();
    case DType::s32:
      return t.data<int32_t>();
    case DType::s8:
      return t.data<int8_t>();
    case DType::u8:
      break;
  }
  return t.data<uint8_t>();
}

std::string_view written_name(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "F32";
    case DType::f64:
      return "F64";
    case DType::s32:
      return "I32";
    case DType::s8:
      return "I8";
    case DType::u8:
      break;
  }
  return "U8";
}

}  // namespace

int bits_of(std::string_view dtype) {
  for (const auto& [name, bits] : kBits)
    if (name == dtype) return bits;
  return 0;
}

size_t section_bytes(std::string_view dtype, const Shape& shape) {
  const int bits = bits_of(dtype);
  if (bits == 0) throw FormatError("the type " + printable(dtype) + " is not one of safetensors'");
  int64_t total = 0;
  if (__builtin_mul_overflow(shape.numel(), int64_t{bits}, &total))
    throw ShapeError(text(shape) + " elements of " + std::string(dtype) + " do not fit 63 bits");
  if (total % 8 != 0) throw FormatError(text(shape) + " elements of " + std::string(dtype) + " end inside a byte");
  return static_cast<size_t>(total / 8);
}

Tensor Section::tensor() const {
  if (bytes.size() != section_bytes(dtype, shape))
    throw FormatError(described(*this) + " needs " + std::to_string(section_bytes(dtype, shape)) + " bytes and has " +
                      std::to_string(bytes.size()));
  if (dtype == "F32") return copied(*this, DType::f32);
  if (dtype == "F64") return copied(*this, DType::f64);
  if (dtype == "I32") return copied(*this, DType::s32);
  if (dtype == "I8") return copied(*this, DType::s8);
  if (dtype == "U8") return copied(*this, DType::u8);
  if (dtype == "F16") return converted<uint16_t, float>(*this, from_half);
  if (dtype == "BF16") return converted<uint16_t, float>(*this, from_bfloat16);
  if (dtype == "BOOL") return converted<uint8_t, uint8_t>(*this, [&](uint8_t v) { return from_bool(*this, v); });
  if (dtype == "I64") return narrowed<int64_t>(*this);
  if (dtype == "U64") return narrowed<uint64_t>(*this);
  if (dtype == "U32") return narrowed<uint32_t>(*this);
  if (dtype == "I16") return narrowed<int16_t>(*this);
  if (dtype == "U16") return narrowed<uint16_t>(*this);
  throw FormatError(described(*this) + " has a type that no Tensor holds");
}

Section Section::of(std::string name, const Tensor& t) {
  const Tensor plain = t.contiguous();
  Section s{std::move(name), std::string(written_name(t.dtype())), t.shape(), {}};
  s.bytes.resize(section_bytes(s.dtype, s.shape));
  if (!s.bytes.empty()) std::memcpy(s.bytes.data(), elements(plain), s.bytes.size());
  return s;
}

}  // namespace pith
