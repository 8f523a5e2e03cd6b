// Lanes of floats or of bytes to lanes of bits: 32 channels of a pixel become a word. A line is 16 / W vectors, one
// after the other.

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

/// The lowest bits of four bytes move together: bits 0, 8, 16, 24 to 0, 1, 2, 3.
static void line_flags(const LineFlags& f) {
  const Words live = Words::set(f.live), nibble = Words::set(15u);
  for (int64_t p = 0; p < f.pixels; ++p)
    for (int part = 0; part < 16; part += Words::kWidth) {
      Words bits = Words::zero();
      for (int64_t j = f.planes - 1; j >= 0; --j) {
        Words four = low_bits<1, 0>(Words::load_bytes(f.x + ((j * f.x_plane + p) * 16 + part) * 4));
        four = four | down<7>(four);
        four = (four | down<14>(four)) & nibble;
        bits = up<4>(bits) | four;
      }
      (bits & live).store(f.y + p * 16 + part);
    }
}

static void line_pairs(const LinePairs& f) {
  const int64_t distances[3] = {f.lines, f.beside, f.below};
  for (int plane = 0; plane < 3; ++plane) {
    const int64_t distance = distances[plane] < f.lines ? distances[plane] : f.lines, paired = f.lines - distance;
    uint32_t* const y = f.y + plane * f.y_plane * 16;
    for (int64_t i = 0; i < paired * 16; i += Words::kWidth)
      (Words::load(f.x + i) | up<16>(Words::load(f.x + i + distance * 16))).store(y + i);
    for (int64_t i = paired * 16; i < f.lines * 16; i += Words::kWidth) Words::load(f.x + i).store(y + i);
  }
}
