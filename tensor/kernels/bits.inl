// The bit kernels, once for every way of counting ones that this instruction set has.

#include "tensor/kernels/bit_signs.inl"

#ifdef PITH_POPCOUNT_BEGIN
PITH_POPCOUNT_BEGIN
namespace by_words {
using Count = WordCount;
#include "tensor/kernels/bit_conv.inl"
}  // namespace by_words
PITH_POPCOUNT_END
using Count = ByteCount;
#endif

#include "tensor/kernels/bit_conv.inl"
