#include "data/fetch.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "data/download.h"
#include "data/gzip_file.h"
#include "tensor/error.h"
#include "tests/data/gzip_bytes.h"
#include "tests/data/tar_bytes.h"
#include "tests/support/files.h"

namespace pith::data {
namespace {

namespace fs = std::filesystem;

TEST(Download, ReadsAFileUrlWithinTheLimit) {
  const test::TemporaryDirectory folder;
  test::write_text(folder.file("x"), "four");
  EXPECT_EQ(download("file://" + folder.file("x"), 4).size(), 4u);
  EXPECT_NE(test::message_of<IoError>([&] { download("file://" + folder.file("x"), 3); }).find("more than the 3 bytes"),
            std::string::npos);
  EXPECT_THROW(download("file://" + folder.file("absent"), 4), IoError);
}

TEST(Download, RefusesOtherProtocols) { EXPECT_THROW(download("ftp://localhost/x", 4), IoError); }

TEST(Fetch, RefusesNamesItDoesNotKnow) {
  EXPECT_THROW(get("imagenet"), ArgumentError);
  EXPECT_NE(test::message_of<ArgumentError>([] { get("digits"); }).find("drawn"), std::string::npos);
}

TEST(Fetch, SaysPlainlyWhereNoServerAnswers) {
  const test::TemporaryDirectory folder;
  const std::string message = test::message_of<IoError>(
      [&] { get("mnist", folder.path(), {.mirror = "http://127.0.0.1:9", .say = nullptr}); });  // port 9: discard
  EXPECT_NE(message.find("train-images-idx3-ubyte.gz could not be fetched"), std::string::npos) << message;
  EXPECT_NE(message.find("Without a network, put it into " + folder.path() + "/mnist"), std::string::npos) << message;
  EXPECT_TRUE(fs::is_empty(folder.path() + "/mnist"));
}

TEST(Fetch, WritesNothingThatHasAnotherChecksum) {
  const test::TemporaryDirectory folder;
  test::write_text(folder.file("mirror/train-images-idx3-ubyte.gz"), "not it");
  const std::string message = test::message_of<FormatError>(
      [&] { get("mnist", folder.path(), {.mirror = "file://" + folder.path() + "/mirror", .say = nullptr}); });
  EXPECT_NE(message.find("its publisher says f68b3c2dcbeaaa9fbdd348bbdeb94873"), std::string::npos) << message;
  EXPECT_TRUE(fs::is_empty(folder.path() + "/mnist"));
}

TEST(Fetch, LeavesAFileThatIsAlreadyThereAsItIs) {
  const test::TemporaryDirectory folder;
  test::write_text(folder.file("cifar-10/test_batch.bin"), "mine");
  EXPECT_THROW(get("cifar10", folder.path(), {.mirror = "http://127.0.0.1:9", .say = nullptr}), FormatError);
  EXPECT_EQ(test::read_text(folder.file("cifar-10/test_batch.bin")), "mine");
}

TEST(RealFetch, BringsMnistFromAMirrorOnceAndChecksItTheNextTime) {
  const std::string mirror = test::real_data("mnist");
  if (mirror.empty()) GTEST_SKIP() << "PITH_DATA holds no mnist folder";
  const test::TemporaryDirectory folder;
  std::vector<std::string> lines;
  const FetchOptions options{.mirror = "file://" + mirror, .say = [&](const std::string& l) { lines.push_back(l); }};
  get("mnist", folder.path(), options);
  ASSERT_EQ(lines.size(), 8u);
  for (const char* name : {"train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"})
    EXPECT_EQ(test::read_bytes(folder.file("mnist/" + std::string(name))), test::read_bytes(mirror + "/" + name));
  lines.clear();
  get("mnist", folder.path(), options);
  ASSERT_EQ(lines.size(), 4u);
  for (const std::string& line : lines) EXPECT_NE(line.find("already there"), std::string::npos) << line;
}

/// A folder that lacks one CIFAR-10 file, and a mirror whose archive holds `content` under that file's name.
class CifarFetchTest : public testing::Test {
 protected:
  void serve(const std::vector<uint8_t>& content) {
    for (int i = 1; i <= 5; ++i)
      test::write_text(folder_.file("cifar-10/data_batch_" + std::to_string(i) + ".png"), "");
    const std::string text(content.begin(), content.end());
    const auto archive = test::tar_archive({test::tar_entry("cifar-10-batches-bin/", "", '5'),
                                            test::tar_entry("cifar-10-batches-bin/test_batch.bin", text)});
    test::write_bytes(folder_.file("mirror/cifar-10-binary.tar.gz"),
                      std::span<const uint8_t>(test::stored_gzip(archive)));
  }
  void fetch() { get("cifar10", folder_.path(), {.mirror = "file://" + folder_.path() + "/mirror", .say = nullptr}); }
  test::TemporaryDirectory folder_;
};

TEST_F(CifarFetchTest, RefusesAnArchiveWithOtherContent) {
  serve({1, 2, 3});
  EXPECT_NE(test::message_of<FormatError>([&] { fetch(); }).find("its publisher says 803d5f7f"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder_.path() + "/cifar-10/test_batch.bin"));
}

TEST_F(CifarFetchTest, TakesTheMissingFileOutOfTheArchive) {
  const std::string real = test::real_data("cifar-10/test_batch.bin.gz");
  if (real.empty()) GTEST_SKIP() << "PITH_DATA holds no cifar-10/test_batch.bin.gz";
  const std::vector<uint8_t> batch = read_inflated(real, 30730000);
  serve(batch);
  fetch();
  EXPECT_TRUE(test::read_bytes(folder_.file("cifar-10/test_batch.bin")) == batch);
}

}  // namespace
}  // namespace pith::data
