// Every loop once per instruction set, then the table that names them. Included by isa_*.cpp only, behind a vec_*.h.
#include <stddef.h>
#include <stdint.h>

#include "tensor/kernels/table.h"

namespace pith {
namespace PITH_ISA_NAMESPACE {

#include "tensor/kernels/ahead.inl"  // before those that call them
#include "tensor/kernels/exp.inl"

#include "tensor/kernels/conv_f32.inl"
#include "tensor/kernels/conv_gradient_f32.inl"
#include "tensor/kernels/conv_pixels_f32.inl"
#include "tensor/kernels/conv_window.inl"

#include "tensor/kernels/sparse_conv_f32.inl"  // ends as conv_window does

#include "tensor/kernels/sparse_conv_gradient.inl"  // cuts tiles as the forward loop does

#include "tensor/kernels/gemm_f32.inl"
#include "tensor/kernels/elementwise.inl"
#include "tensor/kernels/interleave.inl"
#include "tensor/kernels/tile_border.inl"
#include "tensor/kernels/norm.inl"
#include "tensor/kernels/requantize_lines.inl"
#include "tensor/kernels/pool.inl"
#include "tensor/kernels/reduce.inl"
#include "tensor/kernels/spmm.inl"
#include "tensor/kernels/sparse_vector.inl"

#include "tensor/kernels/quantize.inl"  // before those that end in it

#include "tensor/kernels/bits.inl"
#include "tensor/kernels/narrow.inl"
#include "tensor/kernels/conv_s8.inl"

#include "tensor/kernels/sparse_conv_s8.inl"

#include "tensor/kernels/rows_s8.inl"

extern const KernelTable table;
constexpr KernelTable table = {
    .isa = PITH_ISA_NAME,
    .interleave = interleave,
    .deinterleave = deinterleave,
    .interleave_four = interleave_four,
    .exchange_border = exchange_border,
    .conv_lines = conv_lines,
    .conv_lines_gradient = conv_lines_gradient,
    .conv_window = conv_window,
    .conv_pixels = conv_pixels,
    .sparse_conv_window = sparse_conv_window,
    .sparse_conv_gradient = sparse_conv_gradient,
    .gemm = gemm,
    .gemm_dot = gemm_dot,
    .combine = combine,
    .map = map,
    .map_gradient = map_gradient,
    .sum = sum_of,
    .largest = largest_of,
    .sum_exp = sum_exp,
    .exp_shifted = exp_shifted,
    .line_moments = line_moments,
    .line_norm = line_norm,
    .line_norm_sums = line_norm_sums,
    .line_norm_gradient = line_norm_gradient,
    .line_requantize = line_requantize,
    .line_requantize_gradient = line_requantize_gradient,
    .line_max_pool = line_max_pool,
    .line_max_pool_gradient = line_max_pool_gradient,
    .line_mean_pool = line_mean_pool,
    .line_mean_pool_gradient = line_mean_pool_gradient,

    .line_signs = line_signs,
    .line_flags = line_flags,
    .line_pairs = line_pairs,
    .conv_bits_counts = conv_bits_counts,
    .conv_bits_floats = conv_bits_floats,
    .conv_bits_bytes = conv_bits_bytes,
    .conv_bits_bits = conv_bits_bits,
    .narrow_product = narrow_product,
    .narrow_unpack = narrow_unpack,
    .conv_int = conv_int,
    .sparse_conv_int = sparse_conv_int,
    .int_rows = int_rows,
    .int_block_rows = int_block_rows,
    .requantize_wide = requantize_wide,
    .requantize_lines = requantize_lines,
    .quantize_lines = quantize_lines,
    .dequantize_lines = dequantize_lines,
    .range = range_of,

    .spmm = spmm,
    .sddmm = sddmm,
    .line_panels = line_panels,
    .csr_vector = csr_vector,
    .block_vector = block_vector,
    .block_panels = block_panels,
    .n_of_four_vector = n_of_four_vector,
    .n_of_four_panels = n_of_four_panels,
};

#ifdef PITH_POPCOUNT_BEGIN
/// The same for processors that count the bits of a word in one instruction.
static constexpr KernelTable counting_words(KernelTable t) {
  t.conv_bits_counts = by_words::conv_bits_counts;
  t.conv_bits_floats = by_words::conv_bits_floats;
  t.conv_bits_bytes = by_words::conv_bits_bytes;
  t.conv_bits_bits = by_words::conv_bits_bits;
  return t;
}
extern const KernelTable popcount_table;
constexpr KernelTable popcount_table = counting_words(table);
#endif

}  // namespace PITH_ISA_NAMESPACE
}  // namespace pith
