// What tests need of the file system: a folder that removes itself, bytes to and from files, and where real data lies.
// The only place that writes files in tests; every test owns its folder, so tests may run side by side.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace pith::test {

/// A fresh empty folder, removed with its content when it goes out of scope. Not copyable.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pith-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make the folder " + pattern);
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  /// Path of `name` in this folder; folders between are made, the file is not.
  std::string file(const std::string& name) const {
    const std::filesystem::path p = std::filesystem::path(path_) / name;
    std::filesystem::create_directories(p.parent_path());
    return p.string();
  }

 private:
  std::string path_;
};

/// Writes (over) a file. Throws std::runtime_error where the system refuses.
inline void write_bytes(const std::string& path, std::span<const std::byte> bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) throw std::runtime_error("cannot write " + path);
}
inline void write_bytes(const std::string& path, std::span<const uint8_t> bytes) {
  write_bytes(path, std::as_bytes(bytes));
}
inline void write_text(const std::string& path, std::string_view text) {
  write_bytes(path, std::as_bytes(std::span<const char>(text.data(), text.size())));
}

/// The whole file. Throws std::runtime_error where it cannot be opened.
inline std::vector<uint8_t> read_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}
inline std::string read_text(const std::string& path) {
  const std::vector<uint8_t> bytes = read_bytes(path);
  return {bytes.begin(), bytes.end()};
}

/// Folder `name` of the real data sets ($PITH_DATA/name), or "" where there is none.
inline std::string real_data(const std::string& name) {
  const char* root = std::getenv("PITH_DATA");
  if (root == nullptr) return "";
  const std::filesystem::path p = std::filesystem::path(root) / name;
  return std::filesystem::exists(p) ? p.string() : "";
}

/// File `name` of the golden vectors that were recorded from the model ($PITH_REFERENCE/name), or "" where there is none.
inline std::string reference_file(const std::string& name) {
  const char* root = std::getenv("PITH_REFERENCE");
  if (root == nullptr) return "";
  const std::filesystem::path p = std::filesystem::path(root) / name;
  return std::filesystem::exists(p) ? p.string() : "";
}

/// The message of the `Kind` that `call` throws; fails the test and gives "" where it throws nothing of that kind.
template <class Kind, class Call>
std::string message_of(const Call& call) {
  try {
    call();
  } catch (const Kind& e) {
    return e.what();
  } catch (const std::exception& e) {
    ADD_FAILURE() << "threw another kind of error: " << e.what();
    return "";
  }
  ADD_FAILURE() << "threw nothing";
  return "";
}

}  // namespace pith::test
