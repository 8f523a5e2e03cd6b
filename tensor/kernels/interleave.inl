// Plain rows to lines of 16 images and back: a 16 x 16 transpose, left to the compiler. Runs only where data enters
// and results leave.

static void interleave(const float* in, int64_t image, int64_t live, float* out, int64_t pixels, int64_t out_step) {
  for (int64_t p = 0; p < pixels; ++p) {
    float* const line = out + p * out_step * 16;
    for (int64_t l = 0; l < live; ++l) line[l] = in[l * image + p];
    for (int64_t l = live; l < 16; ++l) line[l] = 0;
  }
}

static void deinterleave(const float* in, int64_t in_step, float* out, int64_t image, int64_t live, int64_t pixels) {
  for (int64_t l = 0; l < live; ++l)
    for (int64_t p = 0; p < pixels; ++p) out[l * image + p] = in[p * in_step * 16 + l];
}

/// Weights of four output channels side by side, for conv_window.
static void interleave_four(const float* in, int64_t row, int64_t count, float* out) {
  int64_t i = 0;
  for (; i + Vec::kWidth <= count; i += Vec::kWidth)
    store_interleaved(Vec::load(in + i), Vec::load(in + row + i), Vec::load(in + 2 * row + i),
                      Vec::load(in + 3 * row + i), out + 4 * i);
  for (; i < count; ++i)
    for (int64_t r = 0; r < 4; ++r) out[4 * i + r] = in[r * row + i];
}
