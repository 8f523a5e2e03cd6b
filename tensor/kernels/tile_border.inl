// The halo exchange of tiles as lanes: a border line is the opposite line of the neighbouring tile, so one permutation
// of lanes a line. Moves bits: the elements may be of any type.

static void exchange_border(const TileBorder& b) {
  for (int64_t plane = 0; plane < b.planes; ++plane) {
    float* const base = b.interior + plane * b.plane * 16;
    for (int64_t y = -b.halo; y < b.h + b.halo; ++y) {
      const int64_t up = y < 0 ? -1 : y >= b.h ? 1 : 0;
      const float* const in = base + (y - up * b.h) * b.row * 16;
      float* const out = base + y * b.row * 16;
      const int32_t* const from = b.from + (up + 1) * 3 * 16;
      for (int64_t x = -b.halo; x < 0; ++x) permute_line(in + (x + b.w) * 16, from, b.outside, out + x * 16);
      if (up != 0)
        for (int64_t x = 0; x < b.w; ++x) permute_line(in + x * 16, from + 16, b.outside, out + x * 16);
      for (int64_t x = b.w; x < b.w + b.halo; ++x)
        permute_line(in + (x - b.w) * 16, from + 32, b.outside, out + x * 16);
    }
  }
}
