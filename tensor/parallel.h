// Threads: the only door to oneTBB (and, for the thread sanitizer, to a std::thread pool).
//
// The rule that makes results equal to the bit for 1 and N threads: what one call of `body` covers depends on `count`
// and `grain` alone. A reduction writes one partial result per chunk and adds them in order afterwards.
#pragma once

#include <cstdint>
#include <type_traits>

namespace pith {

/// A borrowed callable body(begin, end): no allocation, lives as long as the call.
class ChunkBody {
 public:
  template <class F, class = std::enable_if_t<!std::is_same_v<std::decay_t<F>, ChunkBody>>>
  ChunkBody(const F& f)  // NOLINT: implicit on purpose
      : object_(&f), call_([](const void* o, int64_t b, int64_t e) { (*static_cast<const F*>(o))(b, e); }) {}
  void operator()(int64_t begin, int64_t end) const { call_(object_, begin, end); }

 private:
  const void* object_;
  void (*call_)(const void*, int64_t, int64_t);
};

/// Calls body(i * grain, min((i + 1) * grain, count)) once for every chunk i, on any thread, in any order.
/// An exception of a body reaches the caller; the other chunks may or may not have run. grain >= 1.
/// May be called from several threads at once and from inside a body. While a body waits for an inner parallel_for, its
/// thread runs chunks of that inner one only: what a body keeps in thread_local memory is safe.
void parallel_for(int64_t count, int64_t grain, ChunkBody body);

/// Chunks that parallel_for makes: ceil(count / grain).
constexpr int64_t chunk_count(int64_t count, int64_t grain) { return count / grain + (count % grain != 0); }

/// The most that set_threads takes.
inline constexpr int kMostThreads = 256;

/// Threads that parallel_for may use now; the machine's cores unless set.
int threads();
/// n in [1, kMostThreads], may exceed the cores. A parallel_for that runs meanwhile keeps the threads it began with.
/// Throws ArgumentError for another n, Error where the system gives no more threads.
void set_threads(int n);

}  // namespace pith
