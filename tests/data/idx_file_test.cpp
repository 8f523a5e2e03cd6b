#include "data/idx_file.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tensor/error.h"
#include "tests/data/gzip_bytes.h"
#include "tests/support/files.h"

namespace pith::data {
namespace {

std::vector<uint8_t> idx(std::vector<uint32_t> words, const std::vector<uint8_t>& bytes) {
  std::vector<uint8_t> file;
  for (const uint32_t w : words)
    for (int shift = 24; shift >= 0; shift -= 8) file.push_back(static_cast<uint8_t>(w >> shift));
  file.insert(file.end(), bytes.begin(), bytes.end());
  return file;
}

const std::vector<uint8_t> kTwoImages = idx({2051, 2, 2, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
const std::vector<uint8_t> kTwoLabels = idx({2049, 2}, {1, 0});

class IdxFileTest : public testing::Test {
 protected:
  std::string put(const std::string& name, const std::vector<uint8_t>& bytes) {
    test::write_bytes(folder_.file(name), std::span<const uint8_t>(bytes));
    return folder_.file(name);
  }
  /// The message of refusing this images file.
  std::string refused(const std::vector<uint8_t>& bytes, int rank = 3) {
    const std::string path = put("images", bytes);
    return test::message_of<FormatError>([&] { read_idx(path, rank); });
  }
  std::shared_ptr<const Dataset> dataset(const std::vector<uint8_t>& images, const std::vector<uint8_t>& labels,
                                         std::vector<std::string> classes = {"a", "b"}) {
    return read_idx_dataset(put("images", images), put("labels", labels), std::move(classes));
  }
  test::TemporaryDirectory folder_;
};

TEST_F(IdxFileTest, GivesImagesAndLabelsInOrder) {
  const auto d = dataset(kTwoImages, kTwoLabels);
  ASSERT_EQ(d->size(), 2);
  EXPECT_EQ(d->image_shape(), (Shape{1, 2, 3}));
  EXPECT_EQ(d->label(0), 1);
  EXPECT_EQ(d->label(1), 0);
  EXPECT_EQ(d->pixels(1)[0], 7);
  EXPECT_EQ(d->pixels(1)[5], 12);
}

TEST_F(IdxFileTest, ReadsTheSameFromGzip) {
  const auto d = dataset(test::stored_gzip(kTwoImages), test::stored_gzip(kTwoLabels));
  EXPECT_EQ(d->pixels(0)[5], 6);
}

TEST_F(IdxFileTest, RefusesEveryTruncation) {
  for (size_t n = 0; n < kTwoImages.size(); ++n)
    EXPECT_NE(refused({kTwoImages.begin(), kTwoImages.begin() + static_cast<std::ptrdiff_t>(n)}), "") << n;
}

TEST_F(IdxFileTest, RefusesTruncatedGzip) {
  const std::vector<uint8_t> whole = test::stored_gzip(kTwoImages);
  for (size_t n = 2; n < whole.size(); ++n)
    EXPECT_NE(refused({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n)}), "") << n;
}

TEST_F(IdxFileTest, RefusesBytesBehindTheEnd) {
  std::vector<uint8_t> file = kTwoImages;
  file.push_back(0);
  EXPECT_NE(refused(file).find("want 12 bytes after the header, found 13"), std::string::npos);
}

TEST_F(IdxFileTest, RefusesAWrongMagicWithBothNumbers) {
  const std::string message = refused(kTwoLabels, 3);
  EXPECT_NE(message.find("has 10 bytes"), std::string::npos) << message;
  const std::string other = refused(kTwoImages, 1);
  EXPECT_NE(other.find("expected magic 0x00000801 at byte 0"), std::string::npos) << other;
  EXPECT_NE(other.find("found 0x00000803"), std::string::npos) << other;
}

TEST_F(IdxFileTest, RefusesFloatElements) { EXPECT_NE(refused(idx({0x0D03, 1, 1, 1}, {0, 0, 0, 0})), ""); }

TEST_F(IdxFileTest, RefusesZeroImages) {
  EXPECT_NE(refused(idx({2051, 0, 28, 28}, {})).find("holds no items"), std::string::npos);
  EXPECT_NE(refused(idx({2051, 5, 0, 28}, {})).find("holds no items"), std::string::npos);
}

TEST_F(IdxFileTest, RefusesExtentsWhoseProductOverflows) {
  EXPECT_NE(refused(idx({2051, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, {1})).find("claim more than"), std::string::npos);
}

TEST_F(IdxFileTest, RefusesExtentsBeyondTheFileWithoutReservingThem) {
  EXPECT_NE(refused(idx({2051, 0x7FFFFFFF, 28, 28}, {1, 2, 3})).find("found 3"), std::string::npos);
}

TEST_F(IdxFileTest, RefusesAnotherCountOfLabels) {
  const std::string message = test::message_of<FormatError>([&] { dataset(kTwoImages, idx({2049, 3}, {0, 1, 0})); });
  EXPECT_NE(message.find("holds 3 labels"), std::string::npos) << message;
  EXPECT_NE(message.find("holds 2 images"), std::string::npos) << message;
}

TEST_F(IdxFileTest, RefusesALabelOutsideTheClasses) {
  const std::string message = test::message_of<FormatError>([&] { dataset(kTwoImages, idx({2049, 2}, {1, 2})); });
  EXPECT_NE(message.find("the label of image 1 is 2, expected 0 to 1"), std::string::npos) << message;
}

TEST_F(IdxFileTest, NamesAMissingFile) {
  EXPECT_NE(test::message_of<IoError>([] { read_idx("/nowhere/t10k-images-idx3-ubyte", 3); }).find("/nowhere/"),
            std::string::npos);
}

/// Per class, how many labels of the data set are of it.
std::vector<int64_t> counts(const Dataset& d) {
  std::vector<int64_t> n(d.classes().size());
  for (int64_t i = 0; i < d.size(); ++i) ++n[static_cast<size_t>(d.label(i))];
  return n;
}

TEST(RealIdx, MnistIsWhatItsAuthorsPublished) {
  const std::string root = test::real_data("mnist");
  if (root.empty()) GTEST_SKIP() << "PITH_DATA holds no mnist folder";
  const DataSource mnist = open_data("mnist");
  ASSERT_EQ(mnist.train->size(), 60000);
  ASSERT_EQ(mnist.test->size(), 10000);
  EXPECT_EQ(mnist.train->image_shape(), (Shape{1, 28, 28}));
  EXPECT_EQ(counts(*mnist.train), (std::vector<int64_t>{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949}));
  EXPECT_EQ(counts(*mnist.test), (std::vector<int64_t>{980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009}));
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < mnist.train->size(); ++i)
    for (const uint8_t v : mnist.train->pixels(i)) sum += v, squares += static_cast<double>(v) * v;
  const double n = 60000.0 * 784, mean = sum / n / 255;
  EXPECT_NEAR(mean, mnist.normalization.mean[0], 1e-4);
  EXPECT_NEAR(std::sqrt(squares / n / 65025 - mean * mean), mnist.normalization.deviation[0], 1e-4);
}

TEST(RealIdx, FashionMnistHasSixThousandOfEachClass) {
  const std::string root = test::real_data("fashion-mnist");
  if (root.empty()) GTEST_SKIP() << "PITH_DATA holds no fashion-mnist folder";
  const DataSource fashion = open_data("fashion-mnist");
  EXPECT_EQ(counts(*fashion.train), std::vector<int64_t>(10, 6000));
  EXPECT_EQ(counts(*fashion.test), std::vector<int64_t>(10, 1000));
  EXPECT_EQ(fashion.test->classes()[9], "Ankle boot");
  EXPECT_EQ(fashion.test->label(0), 9);
}

}  // namespace
}  // namespace pith::data
