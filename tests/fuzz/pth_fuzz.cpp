// The pickle machine alone, or behind the letters PK a whole archive.
#include "tensor/pickle_machine.h"
#include "tensor/pth_file.h"
#include "tests/fuzz/reader_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return pith::test::feed(data, size, [&](std::span<const std::byte> bytes) {
    if (size > 0 && data[0] == 'P')
      pith::parse_pth(bytes, "fuzz");
    else
      pith::run_pickle(bytes, "fuzz");
  });
}
