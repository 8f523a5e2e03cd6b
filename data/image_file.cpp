#include "data/image_file.h"

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <memory>

#include "tensor/atomic_file.h"
#include "tensor/error.h"

namespace {

/// stb_image grows its inflate buffer to whatever a PNG's data says, whatever the header said. No single block of a
/// picture within the limits needs more than this: 64 M values of 16 bits, twice for the doubling.
/// Zeroed, because what a cut picture leaves open would otherwise be whatever lay there.
constexpr size_t kMaxBlock = size_t{256} << 20;
void* bounded_malloc(size_t bytes) { return bytes > kMaxBlock ? nullptr : std::calloc(bytes, 1); }
void* bounded_realloc(void* p, size_t bytes) { return bytes > kMaxBlock ? nullptr : std::realloc(p, bytes); }

/// A JPEG's Huffman table has at most 256 codes. stb_image 2.27 writes beyond its arrays where a file claims more
/// (found by damaging JPEGs under the address sanitizer), so such counts become ones that it refuses: three codes of
/// one bit.
int* fenced(int* counts) {
  int sum = 0;
  for (int i = 0; i < 16; ++i) sum += counts[i];
  for (int i = 0; sum > 256 && i < 16; ++i) counts[i] = i == 0 ? 3 : 0;
  return counts;
}

}  // namespace

// Puts fenced() around the argument `sizes` of every call, and leaves the definition `(stbi__huffman *h, int *count)`
// as it is: what is pasted to the prefix is the argument's first word. Another spelling in another version cannot
// compile.
#define PITH_COUNTS_int int
#define PITH_COUNTS_sizes fenced(sizes)
#define stbi__build_huffman(table, counts) stbi__build_huffman_fenced(table, PITH_COUNTS_##counts)

#define STBI_MALLOC(bytes) bounded_malloc(bytes)
#define STBI_REALLOC(p, bytes) bounded_realloc(p, bytes)
#define STBI_FREE(p) std::free(p)
#define STBI_MAX_DIMENSIONS 320000  // the second fence; the first is ImageLimits. A CIFAR-10 sheet is 320000 high.
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_ONLY_BMP
#define STBI_ONLY_PNM
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#pragma GCC diagnostic ignored "-Wunused-function"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // contexts are set by a function GCC does not look into
#endif
#include <stb/stb_image.h>

#define STBI_WRITE_NO_STDIO
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>

namespace pith::data {
namespace {

std::string reason() {
  const char* why = stbi_failure_reason();
  return why ? why : "no reason given";
}

struct Header {
  int width = 0, height = 0, channels = 0;
};

/// stb_image 2.27 places the palette of OS/2 1.x bitmaps (header of 12 bytes) wrongly and reads colours that are not
/// there (found with BMP Suite's pal8os2sp); such files are refused.
void refuse_os2_palette(std::span<const stbi_uc> file, const std::string& path) {
  if (file.size() >= 26 && file[0] == 'B' && file[1] == 'M' && file[14] == 12 && file[24] < 24)
    throw FormatError(path + ": is an OS/2 1.x bitmap with a palette, which is not read; save it as PNG");
}

Header read_header(std::span<const stbi_uc> file, const std::string& path) {
  Header h;
  if (!stbi_info_from_memory(file.data(), static_cast<int>(file.size()), &h.width, &h.height, &h.channels))
    throw FormatError(path +
                      ": is no picture that this reader takes (PNG; JPEG; BMP without RLE; PGM, PPM): " + reason());
  return h;
}

void check_limits(const Header& h, int channels, const ImageLimits& limits, const std::string& path) {
  const int64_t width = h.width, height = std::abs(int64_t{h.height});  // negative: a bitmap with its top row first
  const std::string size = std::to_string(width) + " x " + std::to_string(height);
  if (width < 1 || height < 1) throw FormatError(path + ": the picture is empty (" + size + ")");
  if (width > limits.side || height > limits.side)
    throw FormatError(path + ": the picture claims " + size + " pixels, at most " + std::to_string(limits.side) +
                      " a side are read");
  const int64_t values = width * height * std::max(h.channels, channels);
  if (values > limits.values)
    throw FormatError(path + ": the picture claims " + size + " pixels of " + std::to_string(h.channels) +
                      " channels, at most " + std::to_string(limits.values) + " values are read");
}

/// 16-bit PNM has its high bytes first, which stb_image 2.27 takes for low ones: those are taken here.
bool is_deep_pnm(std::span<const stbi_uc> file) {
  return file[0] == 'P' && stbi_is_16_bit_from_memory(file.data(), static_cast<int>(file.size()));
}

Image load(std::span<const stbi_uc> file, const std::string& path) {
  const int size = static_cast<int>(file.size()), step = is_deep_pnm(file) ? 2 : 1;
  Header h;
  const std::unique_ptr<void, void (*)(void*)> pixels(
      step == 2 ? static_cast<void*>(stbi_load_16_from_memory(file.data(), size, &h.width, &h.height, &h.channels, 0))
                : stbi_load_from_memory(file.data(), size, &h.width, &h.height, &h.channels, 0),
      stbi_image_free);
  if (!pixels) throw FormatError(path + ": the picture cannot be decoded: " + reason());
  Image image{h.height, h.width, h.channels, {}};
  image.pixels.resize(static_cast<size_t>(image.height * image.width * image.channels));
  const auto* in = static_cast<const stbi_uc*>(pixels.get());
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = in[i * static_cast<size_t>(step)];
  return image;
}

/// From 1 (grey), 2 (grey, alpha), 3 or 4 channels to 1, 3 or 4. Grey is 0.299 r + 0.587 g + 0.114 b (ITU-R BT.601).
/// stb_image is never asked for this: version 2.27 reads beyond 16-bit PNM pictures when it converts them.
Image converted(const Image& in, int64_t channels) {
  Image out{in.height, in.width, channels, {}};
  out.pixels.reserve(static_cast<size_t>(in.height * in.width * channels));
  const bool in_is_grey = in.channels < 3, in_has_alpha = in.channels % 2 == 0;
  for (auto p = in.pixels.begin(); p != in.pixels.end(); p += in.channels) {
    const int r = p[0], g = in_is_grey ? r : p[1], b = in_is_grey ? r : p[2];
    if (channels == 1) {
      out.pixels.push_back(static_cast<uint8_t>((299 * r + 587 * g + 114 * b + 500) / 1000));
      continue;
    }
    for (const int value : {r, g, b}) out.pixels.push_back(static_cast<uint8_t>(value));
    if (channels == 4) out.pixels.push_back(in_has_alpha ? p[in.channels - 1] : 255);
  }
  return out;
}

}  // namespace

Image decode_image(std::span<const std::byte> file, int channels, const std::string& path, const ImageLimits& limits) {
  if (channels != 0 && channels != 1 && channels != 3 && channels != 4)
    throw ArgumentError("decode_image: decodes to 1, 3 or 4 channels (0: the file's), not " + std::to_string(channels));
  if (file.empty()) throw FormatError(path + ": the file is empty, expected a picture");
  if (file.size() > limits.file_bytes || file.size() > INT_MAX)
    throw FormatError(path + ": the file has " + std::to_string(file.size()) + " bytes, at most " +
                      std::to_string(limits.file_bytes) + " are read");
  const std::span<const stbi_uc> bytes(reinterpret_cast<const stbi_uc*>(file.data()), file.size());
  refuse_os2_palette(bytes, path);
  check_limits(read_header(bytes, path), channels, limits, path);
  const Image image = load(bytes, path);
  return channels == 0 || channels == image.channels ? image : converted(image, channels);
}

Image read_image(const std::string& path, int channels, const ImageLimits& limits) {
  return decode_image(read_file(path, limits.file_bytes), channels, path, limits);
}

std::vector<std::byte> encode_png(const Image& image) {
  const int64_t values = image.height * image.width * image.channels;
  if (values < 1 || image.channels > 4 || values > INT_MAX / 2 || std::ssize(image.pixels) != values)
    throw ArgumentError("encode_png: " + std::to_string(image.height) + " x " + std::to_string(image.width) + " x " +
                        std::to_string(image.channels) + " pixels are no picture");
  std::vector<std::byte> out;
  const auto append = [](void* to, void* data, int size) {
    const auto* bytes = static_cast<const std::byte*>(data);
    auto& all = *static_cast<std::vector<std::byte>*>(to);
    all.insert(all.end(), bytes, bytes + size);
  };
  const int row = static_cast<int>(image.width * image.channels);
  if (stbi_write_png_to_func(append, &out, static_cast<int>(image.width), static_cast<int>(image.height),
                             static_cast<int>(image.channels), image.pixels.data(), row) == 0)
    throw Error("encode_png: out of memory");
  return out;
}

Image interleaved(std::span<const uint8_t> planes, const Shape& shape) {
  Image out{shape[1], shape[2], shape[0], std::vector<uint8_t>(planes.size())};
  const int64_t area = shape[1] * shape[2], channels = shape[0];
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t i = 0; i < area; ++i)
      out.pixels[static_cast<size_t>(i * channels + c)] = planes[static_cast<size_t>(c * area + i)];
  return out;
}

std::vector<uint8_t> planes(const Image& image) {
  const int64_t area = image.height * image.width, channels = image.channels;
  std::vector<uint8_t> out(image.pixels.size());
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t i = 0; i < area; ++i)
      out[static_cast<size_t>(c * area + i)] = image.pixels[static_cast<size_t>(i * channels + c)];
  return out;
}

}  // namespace pith::data
