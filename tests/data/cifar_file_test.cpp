#include "data/cifar_file.h"

#include <gtest/gtest.h>

#include "data/md5.h"
#include "tensor/error.h"
#include "tests/data/gzip_bytes.h"
#include "tests/support/files.h"

namespace pith::data {
namespace {

constexpr size_t kRecord = 3073;

/// n records; the label of record i is i modulo 10, byte j of its image is (i + j) modulo 253.
std::vector<uint8_t> records(size_t n) {
  std::vector<uint8_t> file;
  for (size_t i = 0; i < n; ++i) {
    file.push_back(static_cast<uint8_t>(i % 10));
    for (size_t j = 0; j < kRecord - 1; ++j) file.push_back(static_cast<uint8_t>((i + j) % 253));
  }
  return file;
}

class CifarFileTest : public testing::Test {
 protected:
  std::string put(const std::string& name, const std::vector<uint8_t>& bytes) {
    test::write_bytes(folder_.file(name), std::span<const uint8_t>(bytes));
    return folder_.file(name);
  }
  std::string refused(const std::vector<uint8_t>& bytes) {
    const std::string path = put("batch.bin", bytes);
    return test::message_of<FormatError>([&] { read_cifar10_batch(path); });
  }
  test::TemporaryDirectory folder_;
};

TEST_F(CifarFileTest, GivesLabelsAndPlanesOfEveryRecord) {
  for (const auto& file : {records(12), test::stored_gzip(records(12))}) {
    const auto d = read_cifar10_batch(put("batch.bin", file));
    ASSERT_EQ(d->size(), 12);
    EXPECT_EQ(d->image_shape(), (Shape{3, 32, 32}));
    EXPECT_EQ(d->classes().size(), 10u);
    for (int64_t i = 0; i < 12; ++i) {
      EXPECT_EQ(d->label(i), i % 10);
      for (size_t j = 0; j < kRecord - 1; ++j) ASSERT_EQ(d->pixels(i)[j], (static_cast<size_t>(i) + j) % 253);
    }
  }
}

TEST_F(CifarFileTest, RefusesAFileThatIsNoWholeNumberOfRecords) {
  const std::vector<uint8_t> two = records(2);
  for (const size_t n : {size_t{0}, size_t{1}, kRecord - 1, kRecord + 1, 2 * kRecord - 1})
    EXPECT_NE(refused({two.begin(), two.begin() + static_cast<std::ptrdiff_t>(n)}).find("whole records of 3073"),
              std::string::npos)
        << n;
}

TEST_F(CifarFileTest, RefusesALabelAboveNineWithItsOffset) {
  std::vector<uint8_t> file = records(3);
  file[kRecord] = 10;
  EXPECT_NE(refused(file).find("the label at byte 3073 is 10, expected 0 to 9"), std::string::npos);
}

TEST_F(CifarFileTest, RefusesTruncatedGzip) {
  std::vector<uint8_t> file = test::stored_gzip(records(2));
  file.erase(file.end() - 9, file.end());
  EXPECT_NE(refused(file).find("cut short"), std::string::npos);
}

TEST_F(CifarFileTest, SaysHowToFetchWhatIsMissing) {
  for (int i = 1; i <= 4; ++i) put("data_batch_" + std::to_string(i) + ".bin", records(1));
  const std::string message = test::message_of<IoError>([&] { read_cifar10_train(folder_.path()); });
  EXPECT_NE(message.find("data_batch_5.bin"), std::string::npos) << message;
  EXPECT_NE(message.find("pith data get cifar10"), std::string::npos) << message;
}

TEST_F(CifarFileTest, PutsTheFiveBatchesOneBehindTheOther) {
  for (size_t i = 1; i <= 5; ++i) put("data_batch_" + std::to_string(i) + ".bin", records(i));
  const auto d = read_cifar10_train(folder_.path());
  ASSERT_EQ(d->size(), 15);
  EXPECT_EQ(d->label(14), 4);
  EXPECT_EQ(d->pixels(14)[5], 9);
}

/// A picture of the compact form as a PNM, which the same reader takes: image i is filled with (10 i, 10 i + 1, ...).
std::vector<uint8_t> sheet(int images, int width = 32) {
  const std::string header = "P6\n" + std::to_string(width) + " " + std::to_string(32 * images) + "\n255\n";
  std::vector<uint8_t> file(header.begin(), header.end());
  for (int i = 0; i < images; ++i)
    for (int p = 0; p < 32 * width; ++p)
      for (int c = 0; c < 3; ++c) file.push_back(static_cast<uint8_t>(10 * i + c + (p == 33 ? 100 : 0)));
  return file;
}

std::vector<uint8_t> labels(std::vector<uint8_t> values) {
  const std::vector<uint8_t> header = {0, 0, 8, 1, 0, 0, 0, static_cast<uint8_t>(values.size())};
  values.insert(values.begin(), header.begin(), header.end());
  return values;
}

TEST_F(CifarFileTest, CutsASheetIntoPlanes) {
  const auto d = read_cifar10_sheet(put("s.png", sheet(3)), put("l", labels({4, 0, 9})));
  ASSERT_EQ(d->size(), 3);
  EXPECT_EQ(d->label(2), 9);
  for (size_t c = 0; c < 3; ++c) {
    EXPECT_EQ(d->pixels(1)[c * 1024], 10 + c);
    EXPECT_EQ(d->pixels(1)[c * 1024 + 33], 110 + c);
  }
}

TEST_F(CifarFileTest, RefusesASheetOfAnotherSizeOrWithWrongLabels) {
  const std::string three = put("l", labels({4, 0, 9}));
  EXPECT_THROW(read_cifar10_sheet(put("s.png", sheet(2)), three), FormatError);
  EXPECT_THROW(read_cifar10_sheet(put("s.png", sheet(3, 31)), three), FormatError);
  EXPECT_THROW(read_cifar10_sheet(put("s.png", sheet(3)), put("l", labels({4, 10, 9}))), FormatError);
  EXPECT_THROW(read_cifar10_sheet(put("s.png", {}), three), FormatError);
}

/// The bytes of the original file of samples first .. first + 9999.
std::vector<uint8_t> original(const Dataset& d, int64_t first) {
  std::vector<uint8_t> file;
  file.reserve(10000 * kRecord);
  for (int64_t i = first; i < first + 10000; ++i) {
    file.push_back(static_cast<uint8_t>(d.label(i)));
    file.insert(file.end(), d.pixels(i).begin(), d.pixels(i).end());
  }
  return file;
}

TEST(RealCifar, EqualsTheOriginalFilesToTheByte) {
  if (test::real_data("cifar-10").empty()) GTEST_SKIP() << "PITH_DATA holds no cifar-10 folder";
  const DataSource cifar = open_data("cifar10");
  ASSERT_EQ(cifar.train->size(), 50000);
  ASSERT_EQ(cifar.test->size(), 10000);
  const char* const digests[] = {"5dd7e06a14cb22eb9f671a540d1b7c25", "5ea93a67294ea407fff1d09f752e9692",
                                 "942cd6a4bcdd0dd3c604fbe906cb4421", "ae636b3ba5c66a11e91e8cb52e771fcb",
                                 "53f37980c15c3d472c316c40844f3f0d"};
  for (int64_t b = 0; b < 5; ++b)
    EXPECT_EQ(md5(std::as_bytes(std::span<const uint8_t>(original(*cifar.train, b * 10000)))), digests[b]) << b + 1;
  EXPECT_EQ(md5(std::as_bytes(std::span<const uint8_t>(original(*cifar.test, 0)))), "803d5f7f4d78ea53de84dbe85f74fb6d");
  const int32_t first_labels[] = {3, 8, 8, 0, 6, 6, 1, 6, 3, 1};
  for (int64_t i = 0; i < 10; ++i) EXPECT_EQ(cifar.test->label(i), first_labels[i]);
  std::vector<int> counts(10);
  for (int64_t i = 0; i < 10000; ++i) ++counts[static_cast<size_t>(cifar.train->label(i))];
  EXPECT_EQ(counts, (std::vector<int>{1005, 974, 1032, 1016, 999, 937, 1030, 1001, 1025, 981}));
}

}  // namespace
}  // namespace pith::data
