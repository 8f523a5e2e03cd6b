// An .npy array, or behind the letters PK a whole archive.
#include "tensor/npz_file.h"
#include "tests/fuzz/reader_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return pith::test::feed(data, size, [&](std::span<const std::byte> bytes) {
    if (size > 0 && data[0] == 'P')
      pith::parse_npz(bytes, "fuzz");
    else
      pith::parse_npy(bytes, "a", "fuzz");
  });
}
