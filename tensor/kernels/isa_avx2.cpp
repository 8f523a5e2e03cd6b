// One instruction set = one namespace + one vector type + the shared bodies (README.md says why).
#define PITH_ISA_NAMESPACE kernels_avx2
#define PITH_ISA_NAME "avx2"
#include "tensor/kernels/vec_avx2.h"
#include "tensor/kernels/vec_words_avx2.h"  // behind it
#include "tensor/kernels/vec_int_avx2.h"

#include "tensor/kernels/bodies.inl"
