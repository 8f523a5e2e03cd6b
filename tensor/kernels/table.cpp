#include "tensor/kernels/table.h"

#include <cstdlib>
#include <cstring>
#include <string>

#include "tensor/error.h"

namespace pith {
namespace kernels_scalar {
extern const KernelTable table;
}
namespace kernels_avx2 {
extern const KernelTable table;
}
namespace kernels_avx512 {
extern const KernelTable table, popcount_table;
}

namespace {

bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vnni");
}

const KernelTable& choose() {
  if (const char* name = std::getenv("PITH_ISA"); name && *name) {
    if (const KernelTable* t = kernels_for(name)) return *t;
    throw ArgumentError("PITH_ISA=" + std::string(name) +
                        ": unknown, or this CPU lacks it; it may be scalar, avx2 or avx512");
  }
  for (const char* isa : {"avx512", "avx2"})
    if (const KernelTable* t = kernels_for(isa)) return *t;
  return kernels_scalar::table;
}

}  // namespace

const KernelTable* kernels_for(const char* isa) {
  if (!std::strcmp(isa, "scalar")) return &kernels_scalar::table;
  if (!std::strcmp(isa, "avx2")) return has_avx2() ? &kernels_avx2::table : nullptr;
  if (!std::strcmp(isa, "avx512_base")) return has_avx512() ? &kernels_avx512::table : nullptr;
  if (!std::strcmp(isa, "avx512")) {
    if (!has_avx512()) return nullptr;
    return __builtin_cpu_supports("avx512vpopcntdq") ? &kernels_avx512::popcount_table : &kernels_avx512::table;
  }
  return nullptr;
}

const KernelTable& kernels() {
  static const KernelTable& table = choose();
  return table;
}

}  // namespace pith
