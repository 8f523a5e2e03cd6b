// zip archives, members read by name into memory and never unpacked to a disk; the only door to libzip.
//
// Refused: encrypted members, methods other than stored and deflated, two members of one name, more than 100,000
// members, and bombs: all that is read from one archive may have 64 MiB + 32 x the archive's bytes, by the sizes the
// archive itself declares, checked before anything is allocated. Checksums (CRC-32) are verified.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace pith {

class ZipReader {
 public:
  /// Throws IoError (cannot read) or FormatError (no zip archive, or one of the refused ones).
  explicit ZipReader(const std::string& path);
  /// An archive in memory, which must outlive the reader; `path` is for messages.
  ZipReader(std::span<const std::byte> bytes, const std::string& path);
  ~ZipReader();
  ZipReader(const ZipReader&) = delete;
  ZipReader& operator=(const ZipReader&) = delete;

  /// In the order of the archive.
  const std::vector<std::string>& names() const;
  bool has(const std::string& name) const;
  /// Uncompressed bytes of a member. Throws FormatError where there is none of this name.
  size_t size(const std::string& name) const;
  /// A whole member. Throws FormatError where it is missing, damaged or beyond the bomb limit.
  std::vector<std::byte> read(const std::string& name);
  /// Bytes that may still be unpacked, or otherwise made out of this archive.
  size_t budget() const;
  /// Takes `bytes` from the budget for something made out of the archive. Throws FormatError where it is used up.
  void spend(size_t bytes, const std::string& what);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct ZipMember {
  std::string name;
  std::vector<std::byte> bytes;
};

/// The bytes of an archive with these members, stored, in their order, dated 1980: same members, same bytes.
std::vector<std::byte> zip_bytes(std::span<const ZipMember> members);

}  // namespace pith
