// Lanes of floats to lanes of bits: 32 channels of a pixel become a word. A line is 16 / W vectors, one after the
// other.

static void line_signs(const LineSigns& s) {
  for (int64_t p = 0; p < s.pixels; ++p)
    for (int part = 0; part < 16; part += Vec::kWidth) {
      Words bits = Words::zero();
      const float* x = s.x + p * 16 + part;
      for (int64_t c = 0; c < s.channels; ++c, x += s.x_plane * 16)
        bits = set_where_not_negative(bits, Vec::load(x), 1u << c);
      bits.store(s.y + p * 16 + part);
    }
}
