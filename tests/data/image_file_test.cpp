#include "data/image_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "tensor/error.h"
#include "tensor/random.h"
#include "tests/data/gzip_bytes.h"
#include "tests/support/files.h"

namespace pith::data {
namespace {

namespace fs = std::filesystem;

Image decoded(const std::vector<uint8_t>& file, int channels = 0, const ImageLimits& limits = {}) {
  return decode_image(std::as_bytes(std::span(file)), channels, "picture", limits);
}
Image decoded(const std::string& file, int channels = 0) {
  return decoded(std::vector<uint8_t>(file.begin(), file.end()), channels);
}

/// A PNG with this header and these compressed bytes. stb_image does not look at check sums, so they are left zero.
std::vector<uint8_t> png(uint32_t width, uint32_t height, uint8_t colour, const std::vector<uint8_t>& data) {
  std::vector<uint8_t> file = {0x89, 'P', 'N', 'G', 13, 10, 26, 10};
  const auto word = [&](uint32_t v) {
    for (int shift = 24; shift >= 0; shift -= 8) file.push_back(static_cast<uint8_t>(v >> shift));
  };
  const auto chunk = [&](const std::string& name, size_t size) {
    word(static_cast<uint32_t>(size));
    file.insert(file.end(), name.begin(), name.end());
  };
  chunk("IHDR", 13), word(width), word(height);
  for (const uint8_t b : {uint8_t{8}, colour, uint8_t{0}, uint8_t{0}, uint8_t{0}}) file.push_back(b);
  word(0);
  chunk("IDAT", data.size());
  file.insert(file.end(), data.begin(), data.end());
  word(0);
  chunk("IEND", 0), word(0);
  return file;
}

/// zlib around one fixed-Huffman block (RFC 1951): a zero byte, then `matches` copies of 258 bytes at distance 1.
std::vector<uint8_t> zeros_deflated(size_t matches) {
  std::vector<uint8_t> out = {0x78, 0x01};
  unsigned held = 0, bits = 0;
  const auto put = [&](unsigned value, unsigned count) {  // Huffman codes go in with their first bit lowest
    held |= value << bits;
    for (bits += count; bits >= 8; bits -= 8, held >>= 8) out.push_back(static_cast<uint8_t>(held));
  };
  put(1 | 1 << 1, 3);
  put(0b00001100, 8);                                                  // literal 0: code 00110000
  for (size_t i = 0; i < matches; ++i) put(0b10100011, 8), put(0, 5);  // length 258: code 11000101; distance 1: 00000
  put(0, 7), put(0, 7);                                                // end of block, and padding
  out.resize(out.size() + 4);                                          // the check sum, at which nobody looks
  return out;
}

TEST(ImageFile, ReadsPnmWrittenByHand) {
  const Image grey = decoded("P5\n# a comment\n3 2\n255\nabcdef");
  EXPECT_EQ(grey.width, 3);
  EXPECT_EQ(grey.height, 2);
  EXPECT_EQ(grey.channels, 1);
  EXPECT_EQ(grey.pixels, (std::vector<uint8_t>{'a', 'b', 'c', 'd', 'e', 'f'}));
  const Image rgb = decoded("P6 1 2 255 abcdef");
  EXPECT_EQ(rgb.channels, 3);
  EXPECT_EQ(planes(rgb), (std::vector<uint8_t>{'a', 'd', 'b', 'e', 'c', 'f'}));
}

TEST(ImageFile, ReadsPngWrittenByHand) {
  const Image image = decoded(png(258, 1, 0, zeros_deflated(1)));  // filter byte and 258 zeros
  EXPECT_EQ(image.width, 258);
  EXPECT_EQ(image.pixels, std::vector<uint8_t>(258, 0));
}

TEST(ImageFile, WritesPngThatReadsBackToTheByte) {
  for (const int64_t channels : {1, 3}) {
    Image image{7, 5, channels, std::vector<uint8_t>(static_cast<size_t>(35 * channels))};
    for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<uint8_t>(i * 37);
    const std::vector<std::byte> file = encode_png(image);
    const Image back = decode_image(file, 0, "picture");
    EXPECT_EQ(back.width, 5);
    EXPECT_EQ(back.height, 7);
    EXPECT_EQ(back.pixels, image.pixels);
    EXPECT_EQ(interleaved(planes(image), Shape{channels, 7, 5}).pixels, image.pixels);
  }
  EXPECT_THROW(encode_png({0, 5, 1, {}}), ArgumentError);
  EXPECT_THROW(encode_png({2, 2, 1, {1, 2, 3}}), ArgumentError);
}

TEST(ImageFile, GivesTheChannelsThatAreAskedFor) {
  const std::string grey = "P5 1 1 255 \x07";
  EXPECT_EQ(decoded(grey, 3).pixels, (std::vector<uint8_t>{7, 7, 7}));
  EXPECT_EQ(decoded(grey, 4).pixels, (std::vector<uint8_t>{7, 7, 7, 255}));
  EXPECT_EQ(decoded(std::string("P6 1 1 255 \x09\x09\x09"), 1).pixels, (std::vector<uint8_t>{9}));
  EXPECT_EQ(decoded(std::string("P6 1 1 255 \xff\x64\x01"), 1).pixels,
            (std::vector<uint8_t>{135}));  // 76.2 + 58.7 + 0.1
  EXPECT_THROW(decoded(grey, 2), ArgumentError);
  EXPECT_THROW(decoded(grey, 5), ArgumentError);
  EXPECT_THROW(decoded(grey, -1), ArgumentError);
}

TEST(ImageFile, KeepsTheHighBytesOfSixteenBitsInAnyChannels) {
  const std::string deep("P5 2 1 65535 \x12\x34\xab\xcd");
  EXPECT_EQ(decoded(deep).pixels, (std::vector<uint8_t>{0x12, 0xab}));
  EXPECT_EQ(decoded(deep, 3).pixels, (std::vector<uint8_t>{0x12, 0x12, 0x12, 0xab, 0xab, 0xab}));
}

TEST(ImageFile, RefusesAJpegWhoseHuffmanTableHasTooManyCodes) {
  for (const char count : {'\x11', '\x20', '\xff'}) {  // 16 x 17 = 272 codes and more
    const std::string table =
        std::string("\xff\xc4\xff\xff", 4) + '\0' + std::string(16, count) + std::string(5000, 'v');
    EXPECT_THROW(decoded("\xff\xd8" + table), FormatError);
  }
}

TEST(ImageFile, RefusesAnEmptyFileAndOtherFormats) {
  EXPECT_THROW(decoded(std::string()), FormatError);
  EXPECT_THROW(decoded(std::string("plain text")), FormatError);
  EXPECT_THROW(decoded(std::string("GIF89a\x01\x00\x01\x00", 10)), FormatError);
  EXPECT_THROW(decoded(std::string("P4 8 1 x")), FormatError);
}

TEST(ImageFile, RefusesAPictureThatClaimsTooManyPixels) {
  const auto refused = [](uint32_t w, uint32_t h, uint8_t colour) {
    return test::message_of<FormatError>([&] { decoded(png(w, h, colour, {})); });
  };
  EXPECT_NE(refused(8193, 1, 0).find("8193 x 1 pixels, at most 8192 a side"), std::string::npos);
  EXPECT_NE(refused(1, 8193, 0), "");
  EXPECT_NE(refused(8192, 8192, 2).find("at most 67108864 values"), std::string::npos);
  EXPECT_NE(refused(0x7FFFFFFF, 0x7FFFFFFF, 6), "");
  EXPECT_NE(refused(0, 0, 0), "");
}

TEST(ImageFile, RefusesAFileBeyondItsOwnLimit) {
  const std::vector<uint8_t> file = png(258, 1, 0, zeros_deflated(1));
  EXPECT_THROW(decoded(file, 0, {.file_bytes = file.size() - 1}), FormatError);
  EXPECT_EQ(decoded(file, 0, {.file_bytes = file.size()}).width, 258);
}

TEST(ImageFile, RefusesAPngThatInflatesToFarMoreThanItsHeaderSays) {
  const std::vector<uint8_t> bomb = png(1, 1, 0, zeros_deflated(1200000));  // 2 MB, 310 MB of zeros
  EXPECT_NE(test::message_of<FormatError>([&] { decoded(bomb); }).find("outofmem"), std::string::npos);
}

TEST(ImageFile, RefusesAPngThatHoldsTooLittle) {
  EXPECT_THROW(decoded(png(258, 2, 0, zeros_deflated(1))), FormatError);
  EXPECT_THROW(decoded(png(258, 1, 0, {})), FormatError);
  EXPECT_THROW(decoded(png(258, 1, 0, {0x78, 0x01, 0x07})), FormatError);  // reserved block type
}

// --- real files -------------------------------------------------------------------------------------------------

std::vector<fs::path> files_below(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

/// The largest difference of two pictures as RGBA; 256 where their sizes differ.
int difference(const fs::path& a, const fs::path& b) {
  const Image x = read_image(a.string(), 4), y = read_image(b.string(), 4);
  if (x.width != y.width || x.height != y.height) return 256;
  int largest = 0;
  for (size_t i = 0; i < x.pixels.size(); ++i) largest = std::max(largest, std::abs(x.pixels[i] - y.pixels[i]));
  return largest;
}

/// Decodes or refuses with FormatError; anything else fails the test.
bool is_taken(const std::vector<uint8_t>& file, const std::string& name) {
  try {
    const Image image = decode_image(std::as_bytes(std::span(file)), 0, name);
    EXPECT_LE(image.pixels.size(), size_t{64} << 20) << name;
    return true;
  } catch (const FormatError& e) {
    EXPECT_EQ(std::string(e.what()).rfind(name + ": ", 0), 0u) << e.what();
    return false;
  }
}

class RealImages : public testing::Test {
 protected:
  void SetUp() override {
    root_ = test::real_data("images");
    if (root_.empty()) GTEST_SKIP() << "PITH_DATA holds no images folder";
  }
  fs::path root_;
};

TEST_F(RealImages, PngSuiteDecodesAsItsTableSays) {
  std::ifstream table(root_ / "png/pngsuite/ref_results.csv");
  std::string line, name, width, height, channels, error;
  std::getline(table, line);
  int rows = 0;
  for (; std::getline(table, line); ++rows) {
    std::istringstream fields(line);
    for (std::string* field : {&name, &width, &height, &channels, &error}) std::getline(fields, *field, ',');
    const std::string path = (root_ / "png" / name).string();
    if (!error.empty()) {
      EXPECT_THROW(read_image(path, 0), FormatError) << name;
      continue;
    }
    const Image image = read_image(path, 0);
    EXPECT_EQ(std::to_string(image.width) + ' ' + std::to_string(image.height) + ' ' + std::to_string(image.channels),
              width + ' ' + height + ' ' + channels)
        << name;
  }
  EXPECT_EQ(rows, 258);
}

TEST_F(RealImages, PngSuiteEqualsItsPlainCopies) {
  int equal = 0, all = 0;
  for (const fs::path& p : files_below(root_ / "png/pngsuite/primary")) {
    ++all;
    equal += difference(p, root_ / "png/pngsuite/primary_check" / p.filename()) == 0;
  }
  EXPECT_EQ(all, 77);
  EXPECT_GE(equal, 76);
}

TEST_F(RealImages, BitmapsEqualTheirReferencesWithinOneLevel) {
  int compared = 0;
  for (const fs::path& p : files_below(root_ / "bmp")) {
    const fs::path reference = root_ / "bmp-reference" / (p.filename().string() + ".png");
    if (!fs::exists(reference) || p.filename() == "pal8badindex.bmp") continue;  // colours beyond its palette
    if (!is_taken(test::read_bytes(p.string()), p.string())) continue;
    EXPECT_LE(difference(p, reference), 1) << p;
    ++compared;
  }
  EXPECT_GE(compared, 28);
}

TEST_F(RealImages, PnmEqualsThePngItWasMadeFrom) {
  const fs::path suite = root_ / "png/pngsuite";
  EXPECT_EQ(difference(root_ / "pnm/basi0g16.pgm", suite / "16bit/basi0g16.png"), 0);
  EXPECT_EQ(difference(root_ / "pnm/basi2c16.ppm", suite / "16bit/basi2c16.png"), 0);
  EXPECT_EQ(difference(root_ / "pnm/cdfn2c08.ppm", suite / "unused/cdfn2c08.png"), 0);
}

TEST_F(RealImages, OsTwoBitmapsWithAPaletteAreRefused) {
  const std::string path = (root_ / "bmp/pal8os2sp.bmp").string();
  EXPECT_NE(test::message_of<FormatError>([&] { read_image(path, 3); }).find("OS/2"), std::string::npos);
}

TEST_F(RealImages, PhotographsEqualTheirReferencesWithinFourLevels) {
  // A decoder is free here: chroma of fewer than three samples is repeated by libjpeg and interpolated by others, and
  // what a file without its DC scan looks like is anybody's guess.
  const std::set<std::string> free = {"jpg-size-3x3.jpg", "jpg-size-4x4.jpg", "progressive-missing-dc.jpg"};
  int compared = 0;
  for (const char* folder : {"jpeg/reftest", "jpeg/image-rs/progressive"})
    for (const fs::path& p : files_below(root_ / folder)) {
      fs::path reference = p;
      reference.replace_extension(".png");
      if (std::string(folder) != "jpeg/reftest")
        reference = root_ / "jpeg-reference/image-rs-progressive" / (p.filename().string() + ".png");
      if (p.extension() != ".jpg" || free.contains(p.filename().string()) || !fs::exists(reference)) continue;
      if (!is_taken(test::read_bytes(p.string()), p.string())) continue;
      EXPECT_LE(difference(p, reference), 4) << p;
      ++compared;
    }
  EXPECT_GE(compared, 35);
}

TEST_F(RealImages, EveryBrokenFileIsDecodedOrRefusedInASentence) {
  int taken = 0, refused = 0;
  for (const char* folder : {"jpeg-bad", "bmp-bad", "tga-bad", "png/pngsuite/corrupt", "png/pngsuite/iphone",
                             "bmp/lenient", "gif", "tga", "pnm"})
    for (const fs::path& p : files_below(root_ / folder))
      ++(is_taken(test::read_bytes(p.string()), p.string()) ? taken : refused);
  EXPECT_GE(refused, 100);
  EXPECT_GE(taken, 1);
}

TEST_F(RealImages, CutAndDamagedFilesAreDecodedOrRefusedInASentence) {
  int cases = 0;
  for (const char* name :
       {"png/pngsuite/primary/basi6a08.png", "png/pngsuite/primary/basn3p04.png", "bmp/pal8.bmp", "bmp/rgb32bf.bmp",
        "jpeg/reftest/restarts.jpg", "jpeg/reftest/mozilla/jpg-progressive.jpg", "pnm/cdun2c08.ppm"}) {
    const fs::path path = root_ / name;
    if (!fs::exists(path)) continue;
    const std::vector<uint8_t> whole = test::read_bytes(path.string());
    for (uint64_t i = 0; i < 150; ++i, ++cases) {
      std::vector<uint8_t> file = whole;
      Random random({.seed = 77, .item = i});
      if (i % 3 == 0) file.resize(static_cast<size_t>(random.below(static_cast<int64_t>(whole.size()))));
      for (int64_t k = i % 3 == 0 ? 0 : 1 + random.below(4); k > 0; --k)
        file[static_cast<size_t>(
            random.below(static_cast<int64_t>(std::min<size_t>(file.size(), i % 2 ? 200 : 99999))))] =
            static_cast<uint8_t>(random.below(256));
      is_taken(file, name);
    }
  }
  EXPECT_GE(cases, 600);
}

}  // namespace
}  // namespace pith::data
