// MemoryDataset: labelled images as one block of bytes. What every reader of this floor ends in.
//
// Invariant: as many pixels as size() images need, every label in [0, classes().size()). Owns its bytes; immutable.
#pragma once

#include "data/dataset.h"

namespace pith::data {

class MemoryDataset : public Dataset {
 public:
  /// pixels: n images of c h w bytes, one after another; labels: n. `origin` names the source in messages.
  /// Throws FormatError for no images, counts that do not fit together, or a label outside the classes.
  MemoryDataset(const Shape& image_shape, std::vector<uint8_t> pixels, std::vector<int32_t> labels,
                std::vector<std::string> classes, const std::string& origin);

  int64_t size() const override { return static_cast<int64_t>(labels_.size()); }
  const Shape& image_shape() const override { return shape_; }
  const std::vector<std::string>& classes() const override { return classes_; }
  std::span<const uint8_t> pixels(int64_t i) const override;
  int32_t label(int64_t i) const override { return labels_[static_cast<size_t>(i)]; }

 private:
  Shape shape_;
  std::vector<uint8_t> pixels_;
  std::vector<int32_t> labels_;
  std::vector<std::string> classes_;
};

}  // namespace pith::data
