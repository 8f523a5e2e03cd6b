#include "data/idx_file.h"

#include <cstdio>
#include <utility>

#include "data/gzip_file.h"
#include "data/memory_dataset.h"
#include "tensor/error.h"

namespace pith::data {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 30;  // MNIST's largest is 47 MB

uint32_t big_endian(const uint8_t* p) {
  return static_cast<uint32_t>(p[0]) << 24 | static_cast<uint32_t>(p[1]) << 16 | static_cast<uint32_t>(p[2]) << 8 |
         p[3];
}

std::string hex(uint32_t v) {
  char digits[16];
  std::snprintf(digits, sizeof digits, "0x%08x", v);
  return digits;
}

Shape read_shape(const std::vector<uint8_t>& file, int rank, const std::string& path) {
  std::vector<int64_t> extents;
  for (int i = 0; i < rank; ++i) extents.push_back(big_endian(&file[static_cast<size_t>(4 + 4 * i)]));
  try {
    return Shape(std::span<const int64_t>(extents));
  } catch (const ShapeError& e) {
    throw FormatError(path + ": the extents at byte 4 claim more than any file holds (" + e.what() + ")");
  }
}

}  // namespace

IdxFile read_idx(const std::string& path, int rank) {
  std::vector<uint8_t> file = read_inflated(path, kMaxBytes);
  const size_t header = static_cast<size_t>(4 + 4 * rank);
  if (file.size() < header)
    throw FormatError(path + ": has " + std::to_string(file.size()) + " bytes, expected an idx header of " +
                      std::to_string(header));
  const uint32_t magic = big_endian(file.data()), expected = 0x0800u + static_cast<uint32_t>(rank);
  if (magic != expected)
    throw FormatError(path + ": expected magic " + hex(expected) + " at byte 0 (idx, unsigned bytes, " +
                      std::to_string(rank) + " axes), found " + hex(magic));
  const Shape shape = read_shape(file, rank, path);
  if (shape.numel() == 0) throw FormatError(path + ": holds no items, its extents are " + text(shape));
  if (static_cast<int64_t>(file.size() - header) != shape.numel())
    throw FormatError(path + ": extents " + text(shape) + " want " + std::to_string(shape.numel()) +
                      " bytes after the header, found " + std::to_string(file.size() - header));
  file.erase(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(header));
  return {shape, std::move(file)};
}

std::shared_ptr<const Dataset> read_idx_dataset(const std::string& images_path, const std::string& labels_path,
                                                std::vector<std::string> classes) {
  IdxFile images = read_idx(images_path, 3);
  const IdxFile labels = read_idx(labels_path, 1);
  if (images.shape[0] != labels.shape[0])
    throw FormatError(labels_path + ": holds " + std::to_string(labels.shape[0]) + " labels, but " + images_path +
                      " holds " + std::to_string(images.shape[0]) + " images");
  return std::make_shared<MemoryDataset>(Shape{1, images.shape[1], images.shape[2]}, std::move(images.bytes),
                                         std::vector<int32_t>(labels.bytes.begin(), labels.bytes.end()),
                                         std::move(classes), labels_path);
}

}  // namespace pith::data
