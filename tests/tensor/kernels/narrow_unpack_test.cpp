#include <gtest/gtest.h>

#include <vector>

#include "tensor/kernels/table.h"
#include "tensor/random.h"

namespace pith {
namespace {

/// What narrow_views.h says, one byte after the other.
std::vector<int8_t> twin(const NarrowUnpack& u) {
  const int64_t each = 8 / u.bits;
  std::vector<int8_t> out(static_cast<size_t>(u.vectors * each * 64));
  for (int64_t o = 0; o < u.vectors * each * 64; ++o) {
    const int64_t vector = o / 64, byte = o % 64;
    const int code = u.codes[vector / each * 64 + byte] >> (vector % each * u.bits) & ((1 << u.bits) - 1);
    const uint8_t level = u.levels[u.bits == 4 ? code : byte % 16 / 4 * 4 + code];
    out[static_cast<size_t>(o)] = static_cast<int8_t>(level);
  }
  return out;
}

TEST(NarrowUnpack, GivesTheLevelOfEveryCodeOnEveryTable) {
  Random random({.seed = 88});
  for (const int bits : {4, 2, 1})
    for (const int64_t vectors : {1, 2, 7}) {
      std::vector<uint8_t> codes(static_cast<size_t>(vectors * 64)), levels(16);
      for (uint8_t& c : codes) c = static_cast<uint8_t>(random.below(256));
      for (size_t i = 0; i < 16; ++i)
        levels[i] = static_cast<uint8_t>(bits == 4 ? static_cast<int64_t>(i) - 8 : random.below(256));
      for (const char* isa : {"scalar", "avx2", "avx512_base", "avx512"})
        if (const KernelTable* t = kernels_for(isa)) {
          std::vector<int8_t> out(static_cast<size_t>(vectors * (8 / bits) * 64));
          const NarrowUnpack u{bits, codes.data(), levels.data(), out.data(), vectors};
          t->narrow_unpack(u);
          EXPECT_EQ(out, twin(u)) << isa << " " << bits << " bits";
        }
    }
}

}  // namespace
}  // namespace pith
