#include "apps/event_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>

#include "tensor/error.h"
#include "tests/support/files.h"

namespace pith::apps {
namespace {

/// A slow decoder that shares no code with the writer: the crc bit by bit, protobuf by its wire types.
struct Decoder {
  static uint32_t crc(const std::string& s) {
    uint32_t c = 0xffffffffu;
    for (const unsigned char byte : s) {
      for (int bit = 0; bit < 8; ++bit) {
        const bool one = ((c ^ (byte >> bit)) & 1u) != 0;
        c = (c >> 1) ^ (one ? 0x82f63b78u : 0u);
      }
    }
    return c ^ 0xffffffffu;
  }
  static uint32_t mask(uint32_t c) { return ((c >> 15) | (c << 17)) + 0xa282ead8u; }
  template <class T>
  static T number(const std::string& s, size_t at) {
    T value;
    std::memcpy(&value, s.data() + at, sizeof value);
    return value;
  }

  /// The payloads of a file's records; fails the test where a checksum is wrong.
  static std::vector<std::string> records(const std::string& file) {
    std::vector<std::string> out;
    for (size_t at = 0; at < file.size();) {
      const auto length = number<uint64_t>(file, at);
      EXPECT_EQ(number<uint32_t>(file, at + 8), mask(crc(file.substr(at, 8))));
      out.push_back(file.substr(at + 12, length));
      EXPECT_EQ(number<uint32_t>(file, at + 12 + length), mask(crc(out.back())));
      at += 16 + length;
    }
    return out;
  }

  /// field -> raw bytes of one protobuf message; the last of each field.
  static std::map<unsigned, std::string> fields(const std::string& m) {
    std::map<unsigned, std::string> out;
    size_t at = 0;
    const auto varint = [&] {
      uint64_t value = 0;
      for (int shift = 0;; shift += 7) {
        const auto byte = static_cast<unsigned char>(m.at(at++));
        value |= static_cast<uint64_t>(byte & 127) << shift;
        if (byte < 128) return value;
      }
    };
    while (at < m.size()) {
      const uint64_t key = varint();
      size_t length = 0;
      if (key % 8 == 0) {
        const uint64_t value = varint();
        out[static_cast<unsigned>(key / 8)] = std::to_string(value);
        continue;
      }
      if (key % 8 == 1) length = 8;
      if (key % 8 == 2) length = varint();
      if (key % 8 == 5) length = 4;
      out[static_cast<unsigned>(key / 8)] = m.substr(at, length);
      at += length;
    }
    return out;
  }
};

TEST(EventFile, HasTheCrcOfTheStandard) {
  const std::string check = "123456789";
  EXPECT_EQ(crc32c(std::as_bytes(std::span(check))), 0xe3069283u);
  EXPECT_EQ(crc32c({}), 0u);
}

TEST(EventFile, WritesScalarsThatAnotherDecoderReads) {
  const test::TemporaryDirectory folder;
  EventFile file(folder.file("events"), 0);
  file.add_scalar("train/loss", 300, 0.25);
  const int64_t length = file.sync();
  EXPECT_EQ(length, static_cast<int64_t>(std::filesystem::file_size(folder.file("events"))));

  const auto records = Decoder::records(test::read_text(folder.file("events")));
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(Decoder::fields(records[0])[3], "brain.Event:2");
  auto event = Decoder::fields(records[1]);
  EXPECT_GT(Decoder::number<double>(event[1], 0), 1.7e9);
  EXPECT_EQ(event[2], "300");
  auto value = Decoder::fields(Decoder::fields(event[5])[1]);
  EXPECT_EQ(value[1], "train/loss");
  EXPECT_EQ(Decoder::number<float>(value[2], 0), 0.25f);
}

TEST(EventFile, CountsEveryFiniteValueInItsHistogram) {
  const test::TemporaryDirectory folder;
  EventFile file(folder.file("events"), 0);
  const std::vector<float> values = {-1, 0, 0, 2, NAN, INFINITY};
  file.add_histogram("weights", 1, values);
  file.sync();

  auto event = Decoder::fields(Decoder::records(test::read_text(folder.file("events"))).at(1));
  auto histogram = Decoder::fields(Decoder::fields(Decoder::fields(event[5])[1])[5]);
  EXPECT_EQ(Decoder::number<double>(histogram[1], 0), -1);
  EXPECT_EQ(Decoder::number<double>(histogram[2], 0), 2);
  EXPECT_EQ(Decoder::number<double>(histogram[3], 0), 4);
  EXPECT_EQ(Decoder::number<double>(histogram[4], 0), 1);
  EXPECT_EQ(Decoder::number<double>(histogram[5], 0), 5);
  ASSERT_EQ(histogram[6].size(), histogram[7].size());
  double count = 0, below = -INFINITY;
  for (size_t at = 0; at < histogram[7].size(); at += 8) {
    count += Decoder::number<double>(histogram[7], at);
    EXPECT_GT(Decoder::number<double>(histogram[6], at), below);
    below = Decoder::number<double>(histogram[6], at);
  }
  EXPECT_EQ(count, 4);
  EXPECT_GE(below, 2);
}

TEST(EventFile, TakesAHistogramOfNothing) {
  const test::TemporaryDirectory folder;
  EventFile file(folder.file("events"), 0);
  file.add_histogram("weights", 1, {});
  file.sync();
  EXPECT_EQ(Decoder::records(test::read_text(folder.file("events"))).size(), 2u);
}

TEST(EventFile, GoesOnAfterTheRecordedLengthAndForgetsTheRest) {
  const test::TemporaryDirectory folder;
  int64_t length = 0;
  {
    EventFile file(folder.file("events"), 0);
    file.add_scalar("a", 1, 1);
    length = file.sync();
    file.add_scalar("lost", 2, 2);
    file.sync();
  }
  EventFile file(folder.file("events"), length);
  file.add_scalar("b", 2, 3);
  file.sync();
  const auto records = Decoder::records(test::read_text(folder.file("events")));
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(Decoder::fields(Decoder::fields(Decoder::fields(records[2])[5])[1])[1], "b");
}

TEST(EventFile, RefusesAFileShorterThanRecorded) {
  const test::TemporaryDirectory folder;
  EXPECT_THROW(EventFile(folder.file("events"), 10), FormatError);
}

}  // namespace
}  // namespace pith::apps
