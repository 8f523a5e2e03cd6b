// idx: the files of MNIST and its family (LeCun, Cortes and Burges), plain or gzip by content.
//
// Big-endian: two zero bytes, the element type (8: unsigned byte), the rank, one 32-bit extent per axis, the bytes.
// Invariant: extents and bytes agree exactly; a file with fewer or more bytes is refused.
#pragma once

#include <memory>

#include "data/dataset.h"

namespace pith::data {

/// An idx file of unsigned bytes.
struct IdxFile {
  Shape shape;  ///< [count, ...]
  std::vector<uint8_t> bytes;
};

/// Reads an idx file of `rank` axes (3: images, 1: labels). Throws IoError; FormatError for another type or rank, zero
/// images, and a size that is not what the extents say.
IdxFile read_idx(const std::string& path, int rank);

/// An images file [n, h, w] and its labels file [n], as images [1, h, w]. Throws FormatError where the counts differ.
std::shared_ptr<const Dataset> read_idx_dataset(const std::string& images_path, const std::string& labels_path,
                                                std::vector<std::string> classes);

}  // namespace pith::data
