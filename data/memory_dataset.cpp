#include "data/memory_dataset.h"

#include <utility>

#include "tensor/error.h"

namespace pith::data {

MemoryDataset::MemoryDataset(const Shape& image_shape, std::vector<uint8_t> pixels, std::vector<int32_t> labels,
                             std::vector<std::string> classes, const std::string& origin)
    : shape_(image_shape), pixels_(std::move(pixels)), labels_(std::move(labels)), classes_(std::move(classes)) {
  if (labels_.empty() || shape_.numel() == 0) throw FormatError(origin + ": holds no images");
  const int64_t wanted = checked_mul(size(), shape_.numel());
  if (static_cast<int64_t>(pixels_.size()) != wanted)
    throw FormatError(origin + ": " + std::to_string(size()) + " labels want " + std::to_string(wanted) +
                      " bytes of pixels, found " + std::to_string(pixels_.size()));
  for (size_t i = 0; i < labels_.size(); ++i)
    if (labels_[i] < 0 || labels_[i] >= static_cast<int32_t>(classes_.size()))
      throw FormatError(origin + ": the label of image " + std::to_string(i) + " is " + std::to_string(labels_[i]) +
                        ", expected 0 to " + std::to_string(classes_.size() - 1));
}

std::span<const uint8_t> MemoryDataset::pixels(int64_t i) const {
  const size_t bytes = static_cast<size_t>(shape_.numel());
  return {pixels_.data() + static_cast<size_t>(i) * bytes, bytes};
}

}  // namespace pith::data
