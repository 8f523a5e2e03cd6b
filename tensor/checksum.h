// A fast 64-bit checksum (XXH3) against accidents: torn files, bad disks, a flipped bit. Not against forgery.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace pith {

/// Takes bytes in pieces; the digest depends on their concatenation only.
class Checksum {
 public:
  Checksum();
  ~Checksum();
  Checksum(const Checksum&) = delete;
  Checksum& operator=(const Checksum&) = delete;

  void add(std::span<const std::byte> bytes);
  /// The length, then the bytes: so that ("ab", "c") and ("a", "bc") differ.
  void add_text(const std::string& text);
  void add_number(int64_t number);
  /// 16 lower-case hexadecimal digits of what was added so far.
  std::string digest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pith
