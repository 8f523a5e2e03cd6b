// Storage: shared, 64-byte-aligned bytes from a pool. Who holds a Storage last gives its bytes back to the pool, not
// to the system, so that a training step neither faults memory in again nor waits for the kernel.
//
// The pool is one of the few process-wide states of the library (DESIGN.md, "What is global"); it is guarded by a lock
// and never changes a result. Sanitizer builds switch it off so that every byte is watched.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace pith {

/// Names the fixed bytes of a block, such as the border of a lane-ordered tensor; all zero: no fixed bytes.
using Imprint = std::array<uint64_t, 2>;

class Storage {
 public:
  /// `bytes` uninitialised bytes, plus at least 64 readable bytes behind them. Where the system has no more, the idle
  /// bytes of the pool are given back first; throws std::bad_alloc if that was not enough.
  static std::shared_ptr<Storage> allocate(size_t bytes);
  /// The same for somebody who writes the bytes that `imprint` names before anything else and whom everybody obeys who
  /// writes the rest. If the block had such an owner before, is_imprinted() and these bytes are still there.
  static std::shared_ptr<Storage> allocate(size_t bytes, const Imprint& imprint);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  bool is_imprinted() const { return imprinted_; }

  /// Bytes that Tensors hold now, and the most they ever held at once.
  static size_t bytes_in_use();
  static size_t peak_bytes();
  /// Gives the pool's idle bytes back to the system.
  static void trim();

 private:
  Storage() = default;
  std::byte* data_ = nullptr;
  size_t bytes_ = 0;
  size_t capacity_ = 0;
  Imprint imprint_{};
  bool imprinted_ = false;
};

}  // namespace pith
