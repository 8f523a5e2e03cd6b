// The machine's one door: every loop over raw memory, as one struct of function pointers per instruction set.
//
// kernels() asks the CPU once (or obeys PITH_ISA=scalar|avx2|avx512) and returns THE table; it never changes after.
// Kernels do not check: shapes, alignment and aliasing are promised by the caller (ops/). "line" is 16 floats, 64
// bytes, 64-byte aligned (tensor/lanes.h). Floats may differ between tables in the last bits; integers never do.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/kernels/views.h"

namespace pith {

struct KernelTable {
  const char* isa;  ///< "scalar", "avx2", "avx512"

  // --- order in memory -------------------------------------------------------------------------------------------
  /// out[p * out_step][l] = in[l * image + p] for p < pixels, l < live; dead lanes get 0. out_step in lines.
  void (*interleave)(const float* in, int64_t image, int64_t live, float* out, int64_t pixels, int64_t out_step);
  /// out[l * image + p] = in[p * in_step][l] for p < pixels, l < live. in_step in lines.
  void (*deinterleave)(const float* in, int64_t in_step, float* out, int64_t image, int64_t live, int64_t pixels);

  // --- float convolution -----------------------------------------------------------------------------------------
  /// One row of outputs of 16 images: see LineConv. y aliases neither x nor the weights.
  void (*conv_lines)(const LineConv& c);
  /// Adds the weight gradient of some rows of 16 images: see LineConvGradient.
  void (*conv_lines_gradient)(const LineConvGradient& c);
  /// One plain image: see PixelConv. y aliases neither x nor residual.
  void (*conv_pixels)(const PixelConv& c);

  // --- float matrix products -------------------------------------------------------------------------------------
  /// c = a b for matrices that fit the second-level cache; b has contiguous rows, a any distances: see Gemm.
  void (*gemm)(const Gemm& g);
  /// c = a b^T for few rows of a: see GemmDot.
  void (*gemm_dot)(const GemmDot& g);
};

/// The table in force. Throws ArgumentError when PITH_ISA names an unknown set or one that this CPU lacks.
const KernelTable& kernels();

/// A table by name ("scalar", "avx2", "avx512"), or nullptr where the name is unknown or the CPU lacks it.
const KernelTable* kernels_for(const char* isa);

}  // namespace pith
