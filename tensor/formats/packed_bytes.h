// The bytes of a weight at rest: numbers and arrays one behind the other, written in one order and read back by a
// reader that believes nothing. Whoever packs a weight holds its arrays as PackedArrays; copies share them.
//
// On disk: numbers are 8 bytes, little-endian; an array begins at a multiple of 64 bytes, with zeros before it, and its
// length follows from the numbers before it. Same content, same bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tensor/storage.h"

namespace pith {

/// A 64-byte-aligned array of numbers with 64 readable bytes behind it. A handle: copies share the elements. Whoever
/// makes one fills it; afterwards nobody writes.
template <class T>
class PackedArray {
 public:
  PackedArray() = default;
  /// `count` zeros.
  explicit PackedArray(size_t count)
      : storage_(count == 0 ? nullptr : Storage::allocate(count * sizeof(T))), size_(count) {
    if (count != 0) std::memset(storage_->data(), 0, count * sizeof(T));
  }
  explicit PackedArray(std::span<const T> values) : PackedArray(values.size()) {
    if (size_ != 0) std::memcpy(storage_->data(), values.data(), size_ * sizeof(T));
  }

  size_t size() const { return size_; }
  const T* data() const { return storage_ ? reinterpret_cast<const T*>(storage_->data()) : nullptr; }
  T* mutable_data() { return storage_ ? reinterpret_cast<T*>(storage_->data()) : nullptr; }
  std::span<const T> span() const { return {data(), size_}; }
  const T& operator[](size_t i) const { return data()[i]; }

 private:
  std::shared_ptr<Storage> storage_;
  size_t size_ = 0;
};

/// Bytes of `bytes` and an array of `count` elements of `size` bytes behind them: what PackedWriter makes of it.
constexpr size_t bytes_with_array(size_t bytes, size_t count, size_t size) {
  return (bytes + 63) / 64 * 64 + count * size;
}

class PackedWriter {
 public:
  void number(int64_t value);
  template <class T>
  void array(std::span<const T> values) {
    append(values.data(), values.size_bytes());
  }
  template <class T>
  void array(const PackedArray<T>& values) {
    array(values.span());
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  void append(const void* data, size_t bytes);
  std::vector<std::byte> bytes_;
};

/// Reads what PackedWriter wrote. Every refusal is a FormatError that names `where`, the byte offset, what was expected
/// and what was found. Allocates no more than there are bytes.
class PackedReader {
 public:
  PackedReader(std::span<const std::byte> bytes, std::string where) : bytes_(bytes), where_(std::move(where)) {}

  /// A number in [low, high]; `what` is its name in the refusal.
  int64_t number(const char* what, int64_t low, int64_t high);
  /// `count` >= 0 elements.
  template <class T>
  PackedArray<T> array(const char* what, int64_t count) {
    const std::span<const std::byte> from = take(what, count, sizeof(T));
    PackedArray<T> out(static_cast<size_t>(count));
    if (count != 0) std::memcpy(out.mutable_data(), from.data(), from.size());
    return out;
  }
  /// Refuses what was read last.
  [[noreturn]] void refuse(const std::string& expected, const std::string& found) const;
  /// Refuses bytes behind the last array.
  void finish() const;

 private:
  std::span<const std::byte> take(const char* what, int64_t count, size_t size);
  std::span<const std::byte> bytes_;
  std::string where_;
  size_t at_ = 0;    ///< the next byte
  size_t last_ = 0;  ///< where the last number or array began
};

}  // namespace pith
