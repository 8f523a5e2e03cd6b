#include "data/gzip_file.h"

#include <gtest/gtest.h>

#include "tensor/error.h"
#include "tests/data/gzip_bytes.h"
#include "tests/support/files.h"

namespace pith::data {
namespace {

std::vector<uint8_t> pattern(size_t n) {
  std::vector<uint8_t> bytes(n);
  for (size_t i = 0; i < n; ++i) bytes[i] = static_cast<uint8_t>(i * i >> 3);
  return bytes;
}

std::vector<uint8_t> inflated(const std::vector<uint8_t>& file, size_t limit) {
  return inflate_gzip(std::as_bytes(std::span(file)), limit, "file.gz");
}

/// `gzip -9n` of a thousand letters 'a': a true deflate block with a long match.
const std::vector<uint8_t> kThousandLetters = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03,
                                               0x4b, 0x4c, 0x1c, 0x05, 0xa3, 0x60, 0x14, 0x0c, 0x77, 0x00,
                                               0x00, 0x03, 0xda, 0x38, 0x9a, 0xe8, 0x03, 0x00, 0x00};

TEST(GzipFile, InflatesWhatWasWrittenByHand) {
  for (const size_t n : {0u, 1u, 65535u, 65536u, 200000u}) {
    const std::vector<uint8_t> bytes = pattern(n);
    EXPECT_EQ(inflated(test::stored_gzip(bytes), n), bytes) << n;
  }
}

TEST(GzipFile, InflatesWhatGzipItselfWrote) {
  EXPECT_EQ(inflated(kThousandLetters, 1000), std::vector<uint8_t>(1000, 'a'));
}

TEST(GzipFile, InflatesMembersThatFollowOneAnother) {
  std::vector<uint8_t> file = test::stored_gzip(pattern(10));
  file.insert(file.end(), kThousandLetters.begin(), kThousandLetters.end());
  EXPECT_EQ(inflated(file, 1010).size(), 1010u);
}

TEST(GzipFile, RefusesToInflateBeyondTheLimit) {
  EXPECT_NE(test::message_of<FormatError>([] { inflated(kThousandLetters, 999); }).find("more than the 999 bytes"),
            std::string::npos);
  EXPECT_THROW(inflated(kThousandLetters, 0), FormatError);
}

TEST(GzipFile, RefusesEveryTruncation) {
  const std::vector<uint8_t> whole = test::stored_gzip(pattern(100));
  for (size_t n = 0; n < whole.size(); ++n)
    EXPECT_THROW(inflated({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n)}, 1000), FormatError) << n;
  for (size_t n = 0; n < kThousandLetters.size(); ++n)
    EXPECT_THROW(inflated({kThousandLetters.begin(), kThousandLetters.begin() + static_cast<std::ptrdiff_t>(n)}, 1000),
                 FormatError)
        << n;
}

TEST(GzipFile, RefusesBytesBehindTheEnd) {
  std::vector<uint8_t> file = kThousandLetters;
  file.push_back(0);
  const std::string message = test::message_of<FormatError>([&] { inflated(file, 1000); });
  EXPECT_NE(message.find("1 bytes that are not gzip follow at byte 29"), std::string::npos) << message;
}

TEST(GzipFile, RefusesAWrongChecksumAndAWrongLength) {
  for (const size_t from_end : {8u, 1u}) {
    std::vector<uint8_t> file = kThousandLetters;
    file[file.size() - from_end] ^= 1;
    EXPECT_THROW(inflated(file, 1000), FormatError);
  }
}

TEST(GzipFile, RefusesAReservedBlockType) {
  std::vector<uint8_t> file = kThousandLetters;
  file[10] |= 6;
  EXPECT_NE(test::message_of<FormatError>([&] { inflated(file, 1000); }).find("damaged near byte"), std::string::npos);
}

TEST(GzipFile, GoesByContentNotByName) {
  const test::TemporaryDirectory folder;
  test::write_bytes(folder.file("plain.gz"), std::span<const uint8_t>(pattern(50)));
  test::write_bytes(folder.file("packed.bin"), std::span<const uint8_t>(kThousandLetters));
  EXPECT_EQ(read_inflated(folder.file("plain.gz"), 50), pattern(50));
  EXPECT_EQ(read_inflated(folder.file("packed.bin"), 1000).size(), 1000u);
  EXPECT_THROW(read_inflated(folder.file("plain.gz"), 49), Error);
}

TEST(GzipFile, NamesAMissingFile) {
  const std::string message = test::message_of<IoError>([] { read_inflated("/nowhere/file.gz", 10); });
  EXPECT_NE(message.find("/nowhere/file.gz"), std::string::npos);
}

}  // namespace
}  // namespace pith::data
