// One entry for libFuzzer a reader: whatever the bytes, a reader returns or throws FormatError; all else is a finding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/error.h"

namespace pith::test {

template <class Reader>
int feed(const uint8_t* data, size_t size, const Reader& read) {
  try {
    read(std::as_bytes(std::span(data, size)));
  } catch (const FormatError&) {
  }
  return 0;
}

}  // namespace pith::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
