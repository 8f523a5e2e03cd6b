#include "data/tar_file.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <vector>

#include "tensor/error.h"
#include "tests/support/files.h"

namespace pith::data {
namespace {

/// A ustar entry by hand: header block, content, padding.
std::vector<uint8_t> entry(const std::string& name, const std::string& content, char type = '0',
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

std::vector<uint8_t> archive(const std::vector<std::vector<uint8_t>>& entries) {
  std::vector<uint8_t> all;
  for (const auto& e : entries) all.insert(all.end(), e.begin(), e.end());
  all.resize(all.size() + 1024);
  return all;
}

std::string member(const std::vector<uint8_t>& bytes, const std::string& name) {
  const auto content = tar_member(bytes, name, "a.tar");
  return {content.begin(), content.end()};
}

const std::vector<uint8_t> kThree = archive(
    {entry("d/", "", '5'), entry("d/a", std::string(513, 'a')), entry("d/empty", ""), entry("b", "bb", '0', "d")});

TEST(TarFile, FindsRegularFilesByName) {
  EXPECT_EQ(member(kThree, "d/a"), std::string(513, 'a'));
  EXPECT_EQ(member(kThree, "d/empty"), "");
  EXPECT_EQ(member(kThree, "d/b"), "bb");
}

TEST(TarFile, RefusesNamesThatAreNotThereOrNoRegularFiles) {
  EXPECT_NE(test::message_of<FormatError>([] { member(kThree, "a"); }).find("holds no file a"), std::string::npos);
  EXPECT_THROW(member(kThree, "d/"), FormatError);
  EXPECT_THROW(member({}, "a"), FormatError);
}

TEST(TarFile, RefusesEveryTruncationBeforeTheFile) {
  const size_t needed = 512 + 512 + 1024 + 512 + 512 + 2;
  for (size_t n = 0; n < needed; n += 37)
    EXPECT_THROW(member({kThree.begin(), kThree.begin() + static_cast<std::ptrdiff_t>(n)}, "d/b"), FormatError) << n;
}

TEST(TarFile, RefusesADamagedHeader) {
  std::vector<uint8_t> bytes = kThree;
  bytes[512 + 3] ^= 1;
  EXPECT_NE(test::message_of<FormatError>([&] { member(bytes, "d/b"); }).find("check sum"), std::string::npos);
}

TEST(TarFile, RefusesASizeBeyondTheArchive) {
  std::vector<uint8_t> bytes = entry("a", "x");
  bytes[124] = '7';  // 7 x 8^10 bytes
  bytes[148 + 5] = static_cast<uint8_t>(bytes[148 + 5] + 7);
  const std::string message = test::message_of<FormatError>([&] { member(bytes, "a"); });
  EXPECT_FALSE(message.empty());
}

TEST(TarFile, RefusesNumbersThatAreNotOctal) {
  std::vector<uint8_t> bytes = kThree;
  bytes[512 + 124] = 0x80;  // base-256 sizes are not ustar
  EXPECT_THROW(member(bytes, "d/a"), FormatError);
}

}  // namespace
}  // namespace pith::data
