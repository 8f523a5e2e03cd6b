#include "data/image_folder.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tensor/error.h"
#include "tests/support/files.h"

namespace pith::data {
namespace {

/// A PPM whose every pixel has this grey.
std::string flat_ppm(int width, int height, char grey) {
  return "P6 " + std::to_string(width) + " " + std::to_string(height) + " 255 " +
         std::string(static_cast<size_t>(3 * width * height), grey);
}

class ImageFolderTest : public testing::Test {
 protected:
  void put(const std::string& name, const std::string& content) { test::write_text(folder_.file(name), content); }
  std::string refused(const FolderOptions& options = {}) {
    return test::message_of<FormatError>([&] { read_image_folder(folder_.path(), options); });
  }
  test::TemporaryDirectory folder_;
};

TEST_F(ImageFolderTest, TakesClassesAndFilesInTheOrderOfTheirNames) {
  put("dog/2.ppm", flat_ppm(2, 2, 4));
  put("dog/1.PPM", flat_ppm(2, 2, 3));
  put("cat/z.ppm", flat_ppm(2, 2, 1));
  put("cat/notes.txt", "not a picture");
  put("readme.md", "beside the classes");
  put(".hidden/x.ppm", flat_ppm(2, 2, 9));
  const auto d = read_image_folder(folder_.path());
  EXPECT_EQ(d->classes(), (std::vector<std::string>{"cat", "dog"}));
  ASSERT_EQ(d->size(), 3);
  EXPECT_EQ(d->image_shape(), (Shape{3, 2, 2}));
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(d->label(i), i == 0 ? 0 : 1);
    EXPECT_EQ(d->pixels(i)[0], std::vector<uint8_t>({1, 3, 4})[static_cast<size_t>(i)]);
  }
}

TEST_F(ImageFolderTest, BringsEveryPictureToOneShape) {
  put("a/1.ppm", flat_ppm(4, 3, 50));
  put("a/2.ppm", flat_ppm(9, 2, 60));
  put("b/1.ppm", flat_ppm(1, 7, 70));
  for (const Fit fit : {Fit::crop, Fit::stretch}) {
    const auto d = read_image_folder(folder_.path(), {.fit = fit});
    ASSERT_EQ(d->image_shape(), (Shape{3, 3, 4}));
    for (int64_t i = 0; i < 3; ++i)
      for (const uint8_t v : d->pixels(i)) EXPECT_EQ(v, 50 + 10 * i);
  }
  EXPECT_EQ(read_image_folder(folder_.path(), {.height = 5, .width = 6, .channels = 1})->image_shape(),
            (Shape{1, 5, 6}));
}

TEST_F(ImageFolderTest, RefusesAFolderWithoutPictures) {
  EXPECT_NE(refused().find("holds no class folders"), std::string::npos);
  put("a/1.ppm", flat_ppm(1, 1, 1));
  put("b/notes.txt", "no picture here");
  EXPECT_NE(refused().find("/b: the class folder holds no pictures"), std::string::npos);
}

TEST_F(ImageFolderTest, RefusesABrokenPictureByItsPath) {
  put("a/1.ppm", flat_ppm(1, 1, 1));
  put("a/broken.jpg", "\xff\xd8\xff");
  EXPECT_NE(refused().find("a/broken.jpg"), std::string::npos);
}

TEST_F(ImageFolderTest, RefusesMoreThanFourGigabytes) {
  for (int i = 0; i < 40; ++i) put("a/" + std::to_string(i) + ".ppm", flat_ppm(1, 1, 1));
  EXPECT_NE(refused({.height = 8192, .width = 8192}).find("more than 4 GiB"), std::string::npos);
}

TEST_F(ImageFolderTest, RefusesSettingsOutsideTheirDomain) {
  put("a/1.ppm", flat_ppm(1, 1, 1));
  EXPECT_THROW(read_image_folder(folder_.path(), {.channels = 2}), ArgumentError);
  EXPECT_THROW(read_image_folder(folder_.path(), {.height = 3}), ArgumentError);
  EXPECT_THROW(read_image_folder(folder_.path(), {.height = -1, .width = 4}), ArgumentError);
  EXPECT_THROW(read_image_folder(folder_.path() + "/absent"), IoError);
}

TEST(Resized, AveragesWhenItShrinksAndInterpolatesWhenItGrows) {
  const Image ramp{1, 4, 1, {0, 100, 200, 250}};
  // Shrinking by two: weights 1/4 3/4 3/4 1/4 of the inputs around the centre; the one outside falls away.
  EXPECT_EQ(resized(ramp, 1, 2).pixels,
            (std::vector<uint8_t>{(0 * 3 + 100 * 3 + 200) / 7, (100 + 200 * 3 + 250 * 3) / 7}));
  EXPECT_EQ(resized({1, 2, 1, {0, 100}}, 1, 4).pixels, (std::vector<uint8_t>{0, 25, 75, 100}));
  EXPECT_EQ(resized(ramp, 1, 4).pixels, ramp.pixels);
}

TEST(Resized, TurnsWithThePicture) {
  Image wide{3, 5, 2, {}}, tall{5, 3, 2, std::vector<uint8_t>(30)};
  for (int i = 0; i < 30; ++i) wide.pixels.push_back(static_cast<uint8_t>(i * 37 % 256));
  const auto turn = [](const Image& in, Image& out) {
    for (int64_t y = 0; y < in.height; ++y)
      for (int64_t x = 0; x < in.width; ++x)
        for (int64_t c = 0; c < 2; ++c)
          out.pixels[static_cast<size_t>((x * in.height + y) * 2 + c)] =
              in.pixels[static_cast<size_t>((y * in.width + x) * 2 + c)];
  };
  turn(wide, tall);
  const Image a = resized(wide, 2, 7), b = resized(tall, 7, 2);
  Image turned{7, 2, 2, std::vector<uint8_t>(28)};
  turn(a, turned);
  for (size_t i = 0; i < 28; ++i) EXPECT_NEAR(turned.pixels[i], b.pixels[i], 1);
}

TEST(CentreCrop, TakesTheMiddle) {
  Image image{4, 5, 1, {}};
  for (int i = 0; i < 20; ++i) image.pixels.push_back(static_cast<uint8_t>(i));
  EXPECT_EQ(centre_crop(image, 2, 3).pixels, (std::vector<uint8_t>{6, 7, 8, 11, 12, 13}));
}

}  // namespace
}  // namespace pith::data
