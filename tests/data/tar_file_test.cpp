#include "data/tar_file.h"

#include <gtest/gtest.h>

#include <vector>

#include "tensor/error.h"
#include "tests/data/tar_bytes.h"
#include "tests/support/files.h"

namespace pith::data {
namespace {

using test::tar_archive;
using test::tar_entry;

std::string member(const std::vector<uint8_t>& bytes, const std::string& name) {
  const auto content = tar_member(bytes, name, "a.tar");
  return {content.begin(), content.end()};
}

const std::vector<uint8_t> kThree = tar_archive({tar_entry("d/", "", '5'), tar_entry("d/a", std::string(513, 'a')),
                                                 tar_entry("d/empty", ""), tar_entry("b", "bb", '0', "d")});

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
  std::vector<uint8_t> bytes = tar_entry("a", "x");
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
