// A regular file open for reading, whose size is known before anything is believed.
//
// Invariant: read() never goes beyond size(), which the system told when the file was opened. The object owns the
// descriptor. Several threads may read at once.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace pith {

class InputFile {
 public:
  /// Throws IoError where `path` cannot be opened or is no regular file (a folder, a device, a pipe).
  explicit InputFile(const std::string& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const { return path_; }
  /// Bytes in the file at the moment it was opened.
  size_t size() const { return size_; }
  /// Fills `into` from `offset` on. Throws IoError where the system fails or the file became shorter meanwhile.
  void read(size_t offset, std::span<std::byte> into) const;

 private:
  std::string path_;
  int descriptor_ = -1;
  size_t size_ = 0;
};

}  // namespace pith
