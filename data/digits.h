// Drawn digits: ten classes that need no download. For first runs, demos and tests.
//
// Each picture is the strokes of a digit - a pen's polyline with its corners moved - under a random affine map, with a
// random width and strength, over noise, an uneven background and stray strokes. Hard enough that a linear model stays
// below 95 %, easy enough that a small CNN passes 98 % (tests/data/digits_test.cpp).
// Invariant: picture i is a function of (seed, i) alone, at any thread count; its label is i modulo 10.
#pragma once

#include <memory>

#include "data/dataset.h"

namespace pith::data {

/// Pictures first .. first + count - 1 of the endless series `seed`, each 1 x 28 x 28. Throws ArgumentError for
/// count < 1 or first < 0.
std::shared_ptr<const Dataset> draw_digits(int64_t first, int64_t count, uint64_t seed);

/// "digits": pictures 0 .. 9999 to train on and 10000 .. 11999 to test with, of the series 0, with measured
/// normalization.
DataSource digits();

}  // namespace pith::data
