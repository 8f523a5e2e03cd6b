// Pictures in folders, one folder a class: root/CLASS/anything.jpg. Classes and files in the order of their names.
//
// Invariant: every sample has the one shape the options say, whatever the pictures' sizes; what is not decodable is
// refused with its path, never skipped silently. Files whose names do not end as pictures do are left alone.
#pragma once

#include <memory>

#include "data/dataset.h"
#include "data/image_file.h"

namespace pith::data {

/// How a picture of another size comes to the shape: stretched to it, or scaled to cover it and cut at the middle.
enum class Fit : uint8_t { stretch, crop };

struct FolderOptions {
  int64_t height = 0, width = 0;  ///< 0: those of the first picture
  int64_t channels = 3;           ///< 1 or 3
  Fit fit = Fit::crop;
};

/// Throws IoError where `root` is no folder; FormatError for a root without class folders, a class without pictures
/// (.png .jpg .jpeg .bmp .pnm .pgm .ppm in either case), a broken picture, or more than 4 GiB of pixels.
std::shared_ptr<const Dataset> read_image_folder(const std::string& root, const FolderOptions& options = {});

/// The picture at options.height x options.width, as its `fit` says.
Image fitted(const Image& image, const FolderOptions& options);
/// The picture at another size: weights fall linearly with distance, over the larger of one input and one output pixel
/// (bilinear when it grows, an average when it shrinks). height, width >= 1.
Image resized(const Image& image, int64_t height, int64_t width);
/// The middle height x width of a picture at least that large.
Image centre_crop(const Image& image, int64_t height, int64_t width);

}  // namespace pith::data
