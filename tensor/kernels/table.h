// The machine's one door: every loop over raw memory, as one struct of function pointers per instruction set.
//
// kernels() asks the CPU once (or obeys PITH_ISA=scalar|avx2|avx512) and returns THE table; it never changes after.
// Kernels do not check: shapes, alignment and aliasing are promised by the caller (ops/). "line" is 16 floats, 64
// bytes, 64-byte aligned (tensor/lanes.h). Floats may differ between tables in the last bits; integers never do.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/kernels/bit_views.h"
#include "tensor/kernels/int_views.h"
#include "tensor/kernels/line_views.h"
#include "tensor/kernels/maps.h"
#include "tensor/kernels/narrow_views.h"
#include "tensor/kernels/sparse_conv_views.h"
#include "tensor/kernels/sparse_matrix_views.h"
#include "tensor/kernels/views.h"
#include "tensor/kernels/window_views.h"

namespace pith {

struct KernelTable {
  const char* isa;  ///< "scalar", "avx2", "avx512"

  // --- order in memory -------------------------------------------------------------------------------------------
  /// out[p * out_step][l] = in[l * image + p] for p < pixels, l < live; dead lanes get 0. out_step in lines.
  void (*interleave)(const float* in, int64_t image, int64_t live, float* out, int64_t pixels, int64_t out_step);
  /// out[l * image + p] = in[p * in_step][l] for p < pixels, l < live. in_step in lines.
  void (*deinterleave)(const float* in, int64_t in_step, float* out, int64_t image, int64_t live, int64_t pixels);
  /// out[4 i + r] = in[r * row + i] for i < count, r < 4.
  void (*interleave_four)(const float* in, int64_t row, int64_t count, float* out);

  /// Fills the border of every plane of tiles from the neighbours: see TileBorder. halo <= h, w.
  void (*exchange_border)(const TileBorder& b);

  // --- float convolution -----------------------------------------------------------------------------------------
  /// One row of outputs of 16 images, taps anywhere, weights as they lie: see LineConv. y aliases neither x nor the
  /// weights.
  void (*conv_lines)(const LineConv& c);
  /// Adds the weight gradient of some rows of 16 images: see LineConvGradient.
  void (*conv_lines_gradient)(const LineConvGradient& c);
  /// Rows of outputs of 16 images by a window whose weights are packed: see WindowConv. y aliases nothing that is read.
  void (*conv_window)(const WindowConv& c);
  /// One plain image: see PixelConv. y aliases neither x nor residual.
  void (*conv_pixels)(const PixelConv& c);
  /// conv_window by kept weights alone: see SparseWindowConv. y aliases nothing that is read.
  void (*sparse_conv_window)(const SparseWindowConv& c);
  /// The gradient of the kept weights: see SparseWindowGradient.
  void (*sparse_conv_gradient)(const SparseWindowGradient& c);

  // --- float matrix products -------------------------------------------------------------------------------------
  /// c = a b for matrices that fit the second-level cache; b has contiguous rows, a any distances: see Gemm.
  void (*gemm)(const Gemm& g);
  /// c = a b^T for few rows of a: see GemmDot.
  void (*gemm_dot)(const GemmDot& g);

  // --- element by element ----------------------------------------------------------------------------------------
  /// y[i] = f(a[i * a_step], b[i * b_step]) for i < count; steps are 0 or 1. y may be a or b. Correctly rounded.
  void (*combine)(BinaryKind f, const float* a, int64_t a_step, const float* b, int64_t b_step, float* y,
                  int64_t count);
  /// y[i] = f(x[i]) for i < count; y may be x. exp, sigmoid and tanh within 3 units in the last place, the rest
  /// correctly rounded; NaN stays NaN.
  void (*map)(MapKind f, float p, float q, const float* x, float* y, int64_t count);
  /// dx[i] = f'(.) dy[i], from v = the result (relu, clip, sigmoid, tanh, exp) or the argument (leaky, abs); affine
  /// reads no v. dx may be dy.
  void (*map_gradient)(MapKind f, float p, const float* v, const float* dy, float* dx, int64_t count);

  // --- reductions of one stretch of floats -----------------------------------------------------------------------
  /// Sum of x; floats for at most 1024 addends in a fixed tree, double across.
  double (*sum)(const float* x, int64_t count);
  /// Largest of x, NaN if there is one; count >= 1.
  float (*largest)(const float* x, int64_t count);
  /// Sum of e^(x - shift), as sum.
  double (*sum_exp)(const float* x, float shift, int64_t count);
  /// y = scale e^(x - shift); y may be x.
  void (*exp_shifted)(const float* x, float shift, float scale, float* y, int64_t count);

  // --- batch normalisation, one plane of lines -------------------------------------------------------------------
  /// Mean of the live elements of a plane and the sum of their squared distances from it. live: 1 .. 16 lanes.
  /// Stretches that fit the first-level cache are read twice, so nothing cancels; joined in double (Chan et al. 1979).
  void (*line_moments)(const LinesIn& x, int64_t h, int64_t w, int64_t live, double* mean, double* squares);
  void (*line_norm)(const LineNorm& n);
  /// Sum of g and of g (x - mean) over a plane; writes g where it is wanted (g may be dy).
  void (*line_norm_sums)(const LineNormGradient& n, double* sum_g, double* sum_gx);
  /// dx of a plane; dx may be dy.
  void (*line_norm_gradient)(const LineNormGradient& n);

  // --- requantisation of quantized training, one plane of lines ---------------------------------------------------
  /// Same bits on every set.
  void (*line_requantize)(const LineRequantize& r);
  /// total[0 .. 3): sums over the plane of g, of g (sums + bias) and of g residual; floats for 128 addends a lane,
  /// double across. Outputs may be dy.
  void (*line_requantize_gradient)(const LineRequantizeGradient& r, double* total);

  // --- pooling, one plane of lines -------------------------------------------------------------------------------
  /// Largest of each window, NaN if there is one; every window holds a place of the plane.
  void (*line_max_pool)(const LinePool& n);
  /// out = dx: each dy goes to the first place of its window that equals y. Overwrites the plane.
  void (*line_max_pool_gradient)(const LinePool& n);
  /// Sum of each window over the kernel's size.
  void (*line_mean_pool)(const LinePool& n);
  void (*line_mean_pool_gradient)(const LinePool& n);

  // --- bits ------------------------------------------------------------------------------------------------------
  /// Signs of lanes of floats as words of bits: see LineSigns.
  void (*line_signs)(const LineSigns& s);
  /// Bytes of 0 or 1 as words of bits: see LineFlags.
  void (*line_flags)(const LineFlags& f);
  /// Words of 16 bits beside their neighbours: see LinePairs. y is not x.
  void (*line_pairs)(const LinePairs& f);
  /// Binary convolution, one row of outputs: see LineBitConv. y = dot, exact as long as it fits 32 bits.
  void (*conv_bits_counts)(const LineBitConv& c, int32_t* y);
  /// y = scale dot + bias, each step rounded.
  void (*conv_bits_floats)(const LineBitConv& c, float* y);
  /// y = u8 by the rule of Requantize, dot in the place of the sum; bytes of a panel's missing channels hold anything.
  /// y does not alias the residual.
  void (*conv_bits_bytes)(const LineBitConv& c, const Requantize& to, uint8_t* y);
  /// Bit k of y = (different <= base) turned round where `inverted` says so; bits behind the last channel are 0.
  void (*conv_bits_bits)(const LineBitConv& c, uint32_t* y);

  // --- weights of 4, 2 and 1 bits --------------------------------------------------------------------------------
  /// Rows of narrow weights times columns of signed bytes: see NarrowProduct. Sums are exact modulo 2^32.
  void (*narrow_product)(const NarrowProduct& p);
  /// Codes to signed bytes: see NarrowUnpack.
  void (*narrow_unpack)(const NarrowUnpack& u);

  // --- integers: 8-bit activations and weights, 32-bit sums; equal to the bit on every table ----------------------
  /// Rows of outputs of 16 images, finished as Requantize says: see IntConv. y aliases neither x nor the residual.
  void (*conv_int)(const IntConv& c);
  /// The same for weights of which only blocks of 1 x 4 are kept: see SparseIntConv.
  void (*sparse_conv_int)(const SparseIntConv& c);
  /// Few vectors times rows of weights as they lie at rest, raw sums: see IntRows.
  void (*int_rows)(const IntRows& c);
  /// One vector times rows of weights of which blocks of 1 x 4 are kept, raw sums: see IntBlockRows.
  void (*int_block_rows)(const IntBlockRows& c);
  /// Sums that needed 64 bits, finished by the same rule: see WideSums.
  void (*requantize_wide)(const WideSums& s);
  /// u8 of one quantisation to u8 of another, by the same rule: see RequantizeLines.
  void (*requantize_lines)(const RequantizeLines& r);
  /// Real numbers to u8 and back: see QuantizeLines, DequantizeLines.
  void (*quantize_lines)(const QuantizeLines& q);
  void (*dequantize_lines)(const DequantizeLines& q);
  /// Lowers *lowest and raises *highest to the extremes of x; NaN is skipped.
  void (*range)(const float* x, int64_t count, float* lowest, float* highest);

  // --- sparse float matrices -------------------------------------------------------------------------------------
  /// Rows of a sparse matrix times panels of lines: see SparseProduct. y may be `before`.
  void (*spmm)(const SparseProduct& p);
  /// The gradient of its weights: see SparseGradient.
  void (*sddmm)(const SparseGradient& p);
  /// Lines out of a plain matrix: see LinePanels.
  void (*line_panels)(const LinePanels& p);
  /// Sparse matrices times one vector, and of blocks and N:4 times panels. Blocks: R x C = 16x1, 8x1, 4x1, 8x2, 4x4,
  /// 1x4, 1x8 or 1x16; x must be readable, and finite, up to the end of the last block. N: 1 or 2.
  void (*csr_vector)(const CsrVector& p);
  void (*block_vector)(const BlockMatrix& m, const VectorOperand& v);
  void (*block_panels)(const BlockMatrix& m, const PanelOperand& p);
  /// x must be readable up to the end of the last group of four.
  void (*n_of_four_vector)(const NOfFourMatrix& m, const VectorOperand& v);
  void (*n_of_four_panels)(const NOfFourMatrix& m, const PanelOperand& p);
};

/// The table in force. Throws ArgumentError when PITH_ISA names an unknown set or one that this CPU lacks.
const KernelTable& kernels();

/// A table by name ("scalar", "avx2", "avx512"), or nullptr where the name is unknown or the CPU lacks it.
/// "avx512_base" is "avx512" without the kernels that ask for more than the set's first processors had (VPOPCNTDQ); it
/// is what "avx512" means on those, and here it lets the others be tested.
const KernelTable* kernels_for(const char* isa);

}  // namespace pith
