// One instruction set = one namespace + one vector type + the shared bodies (README.md says why).
#define PITH_ISA_NAMESPACE kernels_avx512
#define PITH_ISA_NAME "avx512"
#include "tensor/kernels/vec_avx512.h"
#include "tensor/kernels/vec_words_avx512.h"  // behind it
#include "tensor/kernels/vec_int_avx512.h"

#include "tensor/kernels/bodies.inl"
