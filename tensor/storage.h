// Storage: shared, 64-byte-aligned bytes from a pool. Who holds a Storage last gives its bytes back to the pool, not
// to the system, so that a training step neither faults memory in again nor waits for the kernel.
//
// The pool is one of the few process-wide states of the library (DESIGN.md, "What is global"); it is guarded by a lock
// and never changes a result. Sanitizer builds switch it off so that every byte is watched.
#pragma once

#include <cstddef>
#include <memory>

namespace pith {

class Storage {
 public:
  /// `bytes` uninitialised bytes, plus at least 64 readable bytes behind them. Where the system has no more, the idle
  /// bytes of the pool are given back first; throws std::bad_alloc if that was not enough.
  static std::shared_ptr<Storage> allocate(size_t bytes);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  size_t bytes() const { return bytes_; }

  /// Bytes that Tensors hold now, and the most they ever held at once.
  static size_t bytes_in_use();
  static size_t peak_bytes();
  /// Gives the pool's idle bytes back to the system.
  static void trim();

 private:
  Storage(std::byte* data, size_t bytes, size_t capacity) : data_(data), bytes_(bytes), capacity_(capacity) {}
  std::byte* data_;
  size_t bytes_;
  size_t capacity_;
};

}  // namespace pith
