#include "data/image_folder.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <utility>

#include "data/memory_dataset.h"
#include "tensor/error.h"
#include "tensor/parallel.h"

namespace pith::data {
namespace {

namespace fs = std::filesystem;
constexpr int64_t kMaxBytes = int64_t{4} << 30;

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> entries;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    entries.push_back(it->path());
  if (error) throw IoError(folder.string() + ": cannot list the folder: " + error.message());
  std::sort(entries.begin(), entries.end());
  return entries;
}

bool is_picture_name(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return std::tolower(c); });
  static const std::vector<std::string> endings = {".png", ".jpg", ".jpeg", ".bmp", ".pnm", ".pgm", ".ppm"};
  return std::find(endings.begin(), endings.end(), ending) != endings.end();
}

struct Listing {
  std::vector<std::string> classes, files;
  std::vector<int32_t> labels;
};

Listing list_classes(const std::string& root) {
  Listing all;
  for (const fs::path& folder : sorted_entries(root)) {
    if (!fs::is_directory(folder) || folder.filename().string().front() == '.') continue;
    const size_t before = all.files.size();
    for (const fs::path& file : sorted_entries(folder)) {
      if (!fs::is_regular_file(file) || !is_picture_name(file)) continue;
      all.files.push_back(file.string());
      all.labels.push_back(static_cast<int32_t>(all.classes.size()));
    }
    if (all.files.size() == before)
      throw FormatError(folder.string() + ": the class folder holds no pictures (.png .jpg .bmp .pnm)");
    all.classes.push_back(folder.filename().string());
  }
  if (all.classes.empty()) throw FormatError(root + ": holds no class folders with pictures");
  return all;
}

/// Linear weights of the inputs under one output pixel; `first` is the first input.
struct Taps {
  int64_t first;
  std::vector<float> weights;
};

std::vector<Taps> taps_of(int64_t in, int64_t out) {
  const double scale = static_cast<double>(in) / static_cast<double>(out), reach = std::max(1.0, scale);
  std::vector<Taps> all;
  for (int64_t o = 0; o < out; ++o) {
    const double centre = (static_cast<double>(o) + 0.5) * scale - 0.5;
    const int64_t first = std::max<int64_t>(0, static_cast<int64_t>(std::floor(centre - reach)));
    const int64_t last = std::min<int64_t>(in - 1, static_cast<int64_t>(std::ceil(centre + reach)));
    Taps& taps = all.emplace_back(Taps{first, {}});
    double sum = 0;
    for (int64_t i = first; i <= last; ++i) sum += std::max(0.0, 1 - std::abs(static_cast<double>(i) - centre) / reach);
    for (int64_t i = first; i <= last; ++i) {
      const double weight = std::max(0.0, 1 - std::abs(static_cast<double>(i) - centre) / reach);
      taps.weights.push_back(static_cast<float>(weight / sum));
    }
  }
  return all;
}

/// in: [outer, taps of `in`, inner] -> [outer, taps.size(), inner].
std::vector<float> resample(const std::vector<float>& in, int64_t outer, int64_t length, int64_t inner,
                            const std::vector<Taps>& taps) {
  const int64_t n = static_cast<int64_t>(taps.size());
  std::vector<float> out(static_cast<size_t>(outer * n * inner));
  for (int64_t a = 0; a < outer; ++a)
    for (int64_t o = 0; o < n; ++o) {
      const Taps& t = taps[static_cast<size_t>(o)];
      float* const to = out.data() + (a * n + o) * inner;
      for (size_t i = 0; i < t.weights.size(); ++i) {
        const float* const from = in.data() + (a * length + t.first + static_cast<int64_t>(i)) * inner;
        for (int64_t c = 0; c < inner; ++c) to[c] += t.weights[i] * from[c];
      }
    }
  return out;
}

FolderOptions completed(FolderOptions o, const std::string& first_file) {
  if ((o.channels != 1 && o.channels != 3) || o.height < 0 || o.width < 0 || (o.height == 0) != (o.width == 0))
    throw ArgumentError("image folder: wants 1 or 3 channels and both sides or none, here are " +
                        std::to_string(o.channels) + ", " + std::to_string(o.height) + " x " + std::to_string(o.width));
  if (o.height > 0) return o;
  const Image first = read_image(first_file, 1);
  o.height = first.height;
  o.width = first.width;
  return o;
}

}  // namespace

Image resized(const Image& image, int64_t height, int64_t width) {
  std::vector<float> values(image.pixels.begin(), image.pixels.end());
  values = resample(values, image.height, image.width, image.channels, taps_of(image.width, width));
  values = resample(values, 1, image.height, width * image.channels, taps_of(image.height, height));
  Image out{height, width, image.channels, std::vector<uint8_t>(values.size())};
  for (size_t i = 0; i < values.size(); ++i)
    out.pixels[i] = static_cast<uint8_t>(std::lround(std::clamp(values[i], 0.0f, 255.0f)));
  return out;
}

Image centre_crop(const Image& image, int64_t height, int64_t width) {
  const int64_t top = (image.height - height) / 2, left = (image.width - width) / 2, row = width * image.channels;
  Image out{height, width, image.channels, {}};
  for (int64_t y = 0; y < height; ++y) {
    const auto from = image.pixels.begin() + ((top + y) * image.width + left) * image.channels;
    out.pixels.insert(out.pixels.end(), from, from + row);
  }
  return out;
}

Image fitted(const Image& image, const FolderOptions& o) {
  if (image.height == o.height && image.width == o.width) return image;
  if (o.fit == Fit::stretch) return resized(image, o.height, o.width);
  const double scale = std::max(static_cast<double>(o.height) / static_cast<double>(image.height),
                                static_cast<double>(o.width) / static_cast<double>(image.width));
  const auto side = [&](int64_t in, int64_t least) {
    return std::max<int64_t>(least, std::llround(scale * static_cast<double>(in)));
  };
  return centre_crop(resized(image, side(image.height, o.height), side(image.width, o.width)), o.height, o.width);
}

std::shared_ptr<const Dataset> read_image_folder(const std::string& root, const FolderOptions& options) {
  Listing listing = list_classes(root);
  const FolderOptions o = completed(options, listing.files.front());
  const Shape shape{o.channels, o.height, o.width};
  const int64_t count = static_cast<int64_t>(listing.files.size());
  if (checked_mul(count, shape.numel()) > kMaxBytes)
    throw FormatError(root + ": " + std::to_string(count) + " pictures of shape " + text(shape) +
                      " are more than 4 GiB; choose a smaller size");
  std::vector<uint8_t> pixels(static_cast<size_t>(count * shape.numel()));
  parallel_for(count, 8, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Image image = fitted(read_image(listing.files[static_cast<size_t>(i)], static_cast<int>(o.channels)), o);
      const std::vector<uint8_t> in_planes = planes(image);
      std::copy(in_planes.begin(), in_planes.end(), pixels.begin() + i * shape.numel());
    }
  });
  return std::make_shared<MemoryDataset>(shape, std::move(pixels), std::move(listing.labels),
                                         std::move(listing.classes), root);
}

}  // namespace pith::data
