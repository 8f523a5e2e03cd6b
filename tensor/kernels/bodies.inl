// Every loop once per instruction set, then the table that names them. Included by isa_*.cpp only, behind a vec_*.h.
#include <stddef.h>
#include <stdint.h>

#include "tensor/kernels/table.h"

namespace pith {
namespace PITH_ISA_NAMESPACE {

#include "tensor/kernels/conv_f32.inl"
#include "tensor/kernels/conv_pixels_f32.inl"
#include "tensor/kernels/gemm_f32.inl"
#include "tensor/kernels/interleave.inl"

extern const KernelTable table;
const KernelTable table = {
    .isa = PITH_ISA_NAME,
    .interleave = interleave,
    .deinterleave = deinterleave,
    .conv_lines = conv_lines,
    .conv_lines_gradient = conv_lines_gradient,
    .conv_pixels = conv_pixels,
    .gemm = gemm,
    .gemm_dot = gemm_dot,
};

}  // namespace PITH_ISA_NAMESPACE
}  // namespace pith
