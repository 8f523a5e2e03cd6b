// Weights in whole numbers for a network that computes in real ones: what lies in the file is b bits a weight and a
// scale for every so many of them; load_weights (nn/checkpoint.h) reads it as it reads any file of weights.
//
// Sections of a parameter NAME, in place of NAME itself: NAME.weight and NAME.kept (nn/packed_weights.h), NAME.scale
// F32. Metadata: pith.whole_weights, one JSON text: {NAME: {"bits": b, "group": g, "shape": [...]}}; of a network that
// computes with these whole numbers (Module::use_whole_numbers) "learned": 1 besides: the scales [k, 1] are its
// NAME_step [k], too.
#pragma once

#include <string>
#include <vector>

#include "tensor/container.h"

namespace pith::nn {

/// A row [r] of shape [k, ...] is cut into groups of `group` weights (the last may be shorter); each has a scale:
/// weight = scale q, in f32.
struct WholeWeights {
  std::string name;
  int bits = 8;   ///< 1 to 8, or 16
  Tensor values;  ///< s8, of 16 bits s32
  int64_t group;  ///< 1 to the row's length
  Tensor scale;   ///< f32 [k, groups of a row]
  bool learned = false;
};

/// Groups of a row of these weights.
int64_t groups_of_row(const Shape& shape, int64_t group);

/// A weight [k, ...] as a parameter that uses whole numbers (Parameter::use_whole_numbers) multiplies it, of its steps
/// [k]. f32. Throws ShapeError, TypeError.
WholeWeights learned_weights(const std::string& name, const Tensor& weight, const Tensor& step, int bits);

/// Adds their sections and says so in the metadata.
void add_whole_weights(Container& file, const std::vector<WholeWeights>& all);

bool has_whole_weights(const Container& file);
/// The file as if it had held real numbers: sections NAME in f32, and NAME_step where they were learned. Throws
/// FormatError (file, expected, found) for anything that add_whole_weights would not have written.
Container with_real_weights(const Container& file, const std::string& path);

}  // namespace pith::nn
