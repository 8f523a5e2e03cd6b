// Small data sets whose every byte is known by formula.
#pragma once

#include <memory>

#include "data/memory_dataset.h"

namespace pith::test {

/// n images; byte j of image i is (7 i + j) modulo 251, its label i modulo `classes`.
inline std::shared_ptr<const data::Dataset> toy_dataset(int64_t n, const Shape& shape = {2, 4, 5}, int classes = 3) {
  std::vector<uint8_t> pixels;
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < shape.numel(); ++j) pixels.push_back(static_cast<uint8_t>((7 * i + j) % 251));
    labels.push_back(static_cast<int32_t>(i % classes));
  }
  return std::make_shared<data::MemoryDataset>(shape, std::move(pixels), std::move(labels),
                                               std::vector<std::string>(static_cast<size_t>(classes), "class"), "toy");
}

}  // namespace pith::test
