// Dataset: index -> sample. Decoded once into memory as bytes; what is random happens in the loader.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tensor/shape.h"

namespace pith::data {

/// Labelled images of one shape, 8 bit. Immutable after construction; threads may share it.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  /// [c, h, w] of every image.
  virtual const Shape& image_shape() const = 0;
  virtual const std::vector<std::string>& classes() const = 0;
  /// Pixels of image i, c h w bytes, planes in order. i in [0, size()).
  virtual std::span<const uint8_t> pixels(int64_t i) const = 0;
  virtual int32_t label(int64_t i) const = 0;
};

/// Mean and deviation per channel, of pixels / 255.
struct Normalization {
  std::vector<float> mean, deviation;
};

/// What is known by a name: "mnist", "fashion-mnist", "cifar10", "digits" (drawn; no download), or a folder of class
/// folders.
struct DataSource {
  std::shared_ptr<const Dataset> train, test;
  Normalization normalization;
  std::string name;
};

/// What is known of a data set before any image is read.
struct DataDescription {
  std::vector<std::string> classes;
  Normalization normalization;
  Shape image;  ///< [c, h, w]
};
/// Of the sets with a name nothing is read; of a folder of pictures everything. Throws as open_data does.
DataDescription describe_data(const std::string& name, const std::string& root = "");

/// Opens a data set by name or path. `root` is where mnist/, fashion-mnist/, cifar-10/ lie (default: $PITH_DATA, then
/// ~/.cache/pith). Throws ArgumentError for an unknown name, IoError / FormatError for files; says `pith data get`
/// where nothing is there.
DataSource open_data(const std::string& name, const std::string& root = "");

/// The samples `indices` of another set, in that order.
std::shared_ptr<const Dataset> subset(std::shared_ptr<const Dataset> of, std::vector<int64_t> indices);

/// Splits off `fraction` of the samples, stratified by label, the same for one seed; taken before any augmentation.
struct Split {
  std::shared_ptr<const Dataset> train, validation;
};
Split split(std::shared_ptr<const Dataset> of, double fraction, uint64_t seed);

}  // namespace pith::data
