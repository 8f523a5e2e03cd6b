// safetensors, and every section as a Tensor.
#include "tensor/container.h"
#include "tests/fuzz/reader_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return pith::test::feed(data, size, [](std::span<const std::byte> bytes) {
    for (const pith::Section& s : pith::parse_container(bytes, "fuzz").sections) s.tensor();
  });
}
