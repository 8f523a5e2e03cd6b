// tar archives written by hand (POSIX ustar), for tests of what reads them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace pith::test {

/// A ustar entry by hand: header block, content, padding.
inline std::vector<uint8_t> tar_entry(const std::string& name, const std::string& content, char type = '0',
                                      const std::string& prefix = "") {
  std::vector<uint8_t> block(512);
  const auto put = [&](size_t at, const std::string& s) { std::copy(s.begin(), s.end(), block.begin() + at); };
  char size[16];
  std::snprintf(size, sizeof size, "%011zo", content.size());
  put(0, name);
  put(124, size);
  put(148, "        ");
  block[156] = static_cast<uint8_t>(type);
  put(257, "ustar");
  put(263, "00");
  put(345, prefix);
  unsigned sum = 0;
  for (const uint8_t b : block) sum += b;
  char digits[16];
  std::snprintf(digits, sizeof digits, "%06o", sum);
  put(148, std::string(digits) + std::string(1, '\0') + " ");
  block.insert(block.end(), content.begin(), content.end());
  block.resize((block.size() + 511) / 512 * 512);
  return block;
}

inline std::vector<uint8_t> tar_archive(const std::vector<std::vector<uint8_t>>& entries) {
  std::vector<uint8_t> all;
  for (const auto& e : entries) all.insert(all.end(), e.begin(), e.end());
  all.resize(all.size() + 1024);
  return all;
}

}  // namespace pith::test
