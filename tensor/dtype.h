// What one element of a Tensor may be: a closed list. Packed nibbles and bits are formats, not types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pith {

/// f32 computes, f64 checks gradients, s32 counts and labels, s8 and u8 are quantized values and masks.
enum class DType : uint8_t { f32, f64, s32, s8, u8 };

/// Bytes of one element.
constexpr size_t size_of(DType t) {
  switch (t) {
    case DType::f32: return 4;
    case DType::f64: return 8;
    case DType::s32: return 4;
    case DType::s8: return 1;
    case DType::u8: return 1;
  }
  return 0;
}

/// "f32", "f64", "s32", "s8", "u8".
constexpr std::string_view name(DType t) {
  switch (t) {
    case DType::f32: return "f32";
    case DType::f64: return "f64";
    case DType::s32: return "s32";
    case DType::s8: return "s8";
    case DType::u8: return "u8";
  }
  return "?";
}

/// The DType of a C++ type: dtype_of<float>() == DType::f32. Only the five types above compile.
template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<float>() { return DType::f32; }
template <>
constexpr DType dtype_of<double>() { return DType::f64; }
template <>
constexpr DType dtype_of<int32_t>() { return DType::s32; }
template <>
constexpr DType dtype_of<int8_t>() { return DType::s8; }
template <>
constexpr DType dtype_of<uint8_t>() { return DType::u8; }

}  // namespace pith
