// Asking for lines before they are needed. A pass over planes that lie beyond the second-level cache waits for every
// line that it reads, and for every line that it writes, which is read first; the processor follows such streams by
// itself, but too late. Nothing is computed from what was asked for, so no result depends on it.

static constexpr int64_t kFloatsAhead = 16 * 16;  // 1 KB; 8, 32 and 64 lines: the same within the noise

static inline void ask_for(const float* p) {
  if constexpr (Vec::kWidth > 1) __builtin_prefetch(p + kFloatsAhead, 0, 3);
}
static inline void ask_to_write_here(const float* p) {
  if constexpr (Vec::kWidth > 1) __builtin_prefetch(p, 1, 3);
}
static inline void ask_to_write(const float* p) { ask_to_write_here(p + kFloatsAhead); }
