// One instruction set = one namespace + one vector type + the shared bodies (README.md says why).
#define PITH_ISA_NAMESPACE kernels_scalar
#define PITH_ISA_NAME "scalar"
#include "tensor/kernels/vec_scalar.h"
#include "tensor/kernels/vec_words_scalar.h"  // behind it
#include "tensor/kernels/vec_int_scalar.h"

#include "tensor/kernels/bodies.inl"
