#include "data/cifar_file.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "data/gzip_file.h"
#include "data/idx_file.h"
#include "data/image_file.h"
#include "data/memory_dataset.h"
#include "tensor/error.h"
#include "tensor/parallel.h"

namespace pith::data {
namespace {

constexpr int64_t kSide = 32, kPlane = kSide * kSide, kPixels = 3 * kPlane, kRecord = 1 + kPixels;
constexpr int64_t kBatch = 10000;
constexpr size_t kMaxBytes = size_t{1} << 30;

struct Records {
  std::vector<uint8_t> pixels;
  std::vector<int32_t> labels;
};

Records read_bin(const std::string& path) {
  const std::vector<uint8_t> file = read_inflated(path, kMaxBytes);
  const int64_t size = static_cast<int64_t>(file.size()), n = size / kRecord;
  if (n == 0 || size % kRecord != 0)
    throw FormatError(path + ": has " + std::to_string(size) + " bytes, expected whole records of " +
                      std::to_string(kRecord) + "; the file is cut short or not CIFAR-10");
  Records r{std::vector<uint8_t>(static_cast<size_t>(n * kPixels)), std::vector<int32_t>(static_cast<size_t>(n))};
  for (int64_t i = 0; i < n; ++i) {
    const auto record = file.begin() + i * kRecord;
    if (*record > 9)
      throw FormatError(path + ": the label at byte " + std::to_string(i * kRecord) + " is " + std::to_string(*record) +
                        ", expected 0 to 9");
    r.labels[static_cast<size_t>(i)] = *record;
    std::copy(record + 1, record + kRecord, r.pixels.begin() + i * kPixels);
  }
  return r;
}

Records read_sheet(const std::string& png_path, const std::string& labels_path) {
  const IdxFile labels = read_idx(labels_path, 1);
  const Image sheet = read_image(png_path, 3, {.side = kSide * kBatch});
  if (sheet.width != kSide || sheet.height != kSide * labels.shape[0])
    throw FormatError(png_path + ": is " + std::to_string(sheet.width) + " x " + std::to_string(sheet.height) +
                      " pixels, but the " + std::to_string(labels.shape[0]) + " labels beside it want 32 x " +
                      std::to_string(kSide * labels.shape[0]));
  Records r{std::vector<uint8_t>(sheet.pixels.size()), {labels.bytes.begin(), labels.bytes.end()}};
  const uint8_t* in = sheet.pixels.data();
  for (uint8_t* out = r.pixels.data(); out < r.pixels.data() + r.pixels.size(); out += kPixels, in += kPixels)
    for (int64_t p = 0; p < kPlane; ++p)
      for (int64_t c = 0; c < 3; ++c) out[c * kPlane + p] = in[3 * p + c];
  return r;
}

/// Batch `stem` of a folder, in whichever form is there.
Records read_batch(const std::string& folder, const std::string& stem) {
  const std::string base = (std::filesystem::path(folder) / stem).string();
  for (const char* ending : {".bin", ".bin.gz"})
    if (std::filesystem::exists(base + ending)) return read_bin(base + ending);
  if (std::filesystem::exists(base + ".png")) return read_sheet(base + ".png", base + "-labels-idx1-ubyte");
  throw IoError(base + ".bin: no such file (nor .bin.gz, nor .png); `pith data get cifar10` fetches it");
}

std::shared_ptr<const Dataset> dataset(Records r, const std::string& origin) {
  return std::make_shared<MemoryDataset>(Shape{3, kSide, kSide}, std::move(r.pixels), std::move(r.labels),
                                         cifar10_classes(), origin);
}

}  // namespace

const std::vector<std::string>& cifar10_classes() {
  static const std::vector<std::string> names = {"airplane", "automobile", "bird",  "cat",  "deer",
                                                 "dog",      "frog",       "horse", "ship", "truck"};
  return names;
}

std::shared_ptr<const Dataset> read_cifar10_batch(const std::string& path) { return dataset(read_bin(path), path); }

std::shared_ptr<const Dataset> read_cifar10_sheet(const std::string& png_path, const std::string& labels_path) {
  return dataset(read_sheet(png_path, labels_path), labels_path);
}

std::shared_ptr<const Dataset> read_cifar10_train(const std::string& folder) {
  std::vector<Records> batches(5);
  parallel_for(5, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      batches[static_cast<size_t>(i)] = read_batch(folder, "data_batch_" + std::to_string(i + 1));
  });
  Records all;
  for (Records& r : batches) {
    all.pixels.insert(all.pixels.end(), r.pixels.begin(), r.pixels.end());
    all.labels.insert(all.labels.end(), r.labels.begin(), r.labels.end());
    r = {};
  }
  return dataset(std::move(all), folder);
}

std::shared_ptr<const Dataset> read_cifar10_test(const std::string& folder) {
  return dataset(read_batch(folder, "test_batch"), folder);
}

}  // namespace pith::data
