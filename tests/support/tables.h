// The kernel tables that this machine can run, for tests that compare them.
#pragma once

#include <vector>

#include "tensor/kernels/table.h"

namespace pith::test {

/// Scalar, and what else the CPU has of AVX2 and AVX-512.
inline std::vector<const KernelTable*> tables() {
  std::vector<const KernelTable*> found;
  for (const char* isa : {"scalar", "avx2", "avx512"})
    if (const KernelTable* t = kernels_for(isa)) found.push_back(t);
  return found;
}

/// The same and AVX-512 without VPOPCNTDQ, for kernels that use it.
inline std::vector<const KernelTable*> tables_with_base() {
  std::vector<const KernelTable*> found = tables();
  if (const KernelTable* t = kernels_for("avx512_base")) found.push_back(t);
  return found;
}

}  // namespace pith::test
