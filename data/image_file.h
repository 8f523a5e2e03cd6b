// Pictures: PNG, JPEG, BMP and PNM (P5, P6), decoded by stb_image, and PNG written by its sister. The only door to
// both.
//
// Invariant: the header is read and judged before a pixel is decoded, so what a file may make us allocate is bounded
// by ImageLimits, never by the file. Every function may be called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tensor/shape.h"

namespace pith::data {

/// An 8-bit picture, rows from the top, channels of a pixel side by side: h w c bytes.
struct Image {
  int64_t height = 0, width = 0, channels = 0;
  std::vector<uint8_t> pixels;
};

struct ImageLimits {
  int64_t side = 8192;                   ///< largest height and width
  int64_t values = int64_t{64} << 20;    ///< most height * width * channels
  size_t file_bytes = size_t{64} << 20;  ///< largest file
};

/// Decodes a picture to `channels` (1 grey, 3 RGB, 4 RGBA; 0: as the file has it). 16-bit pictures give their high
/// bytes. `path` is for messages. Throws FormatError for another format, damage, or a picture beyond the limits.
Image decode_image(std::span<const std::byte> file, int channels, const std::string& path,
                   const ImageLimits& limits = {});

/// Reads and decodes a file. Throws IoError, FormatError.
Image read_image(const std::string& path, int channels, const ImageLimits& limits = {});

/// The picture as a PNG file. Throws ArgumentError where there is no pixel, or another number of bytes than its size
/// says.
std::vector<std::byte> encode_png(const Image& image);

/// Planes [c, h, w] of a Dataset as a picture.
Image interleaved(std::span<const uint8_t> planes, const Shape& shape);
/// The picture as planes, c h w: the order of a Dataset.
std::vector<uint8_t> planes(const Image& image);

}  // namespace pith::data
