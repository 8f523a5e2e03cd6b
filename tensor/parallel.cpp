#include "tensor/parallel.h"

#include <algorithm>
#include <memory>
#include <string>

#include "tensor/error.h"

#if PITH_PARALLEL_STD
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>
#else
#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>
#endif

namespace pith {
namespace {

void run_chunk(int64_t chunk, int64_t count, int64_t grain, const ChunkBody& body) {
  body(chunk * grain, std::min((chunk + 1) * grain, count));
}

#if PITH_PARALLEL_STD

/// A fixed crew that takes chunks from one counter: what the thread sanitizer can see through.
class Crew {
 public:
  explicit Crew(int n) {
    for (int i = 1; i < n; ++i) crew_.emplace_back([this] { serve(); });
  }
  ~Crew() {
    {
      std::lock_guard lock(mutex_);
      quit_ = true;
    }
    wake_.notify_all();
    for (std::thread& t : crew_) t.join();
  }
  int size() const { return static_cast<int>(crew_.size()) + 1; }

  void run(int64_t count, int64_t grain, const ChunkBody& body) {
    Job job{count, grain, chunk_count(count, grain), &body, {}, {}, {}};
    {
      std::lock_guard lock(mutex_);
      job_ = &job;
      ++generation_;
    }
    wake_.notify_all();
    work(job);
    std::unique_lock lock(mutex_);
    job_ = nullptr;
    idle_.wait(lock, [&] { return busy_ == 0; });
    if (job.error) std::rethrow_exception(job.error);
  }

 private:
  struct Job {
    int64_t count, grain, chunks;
    const ChunkBody* body;
    std::atomic<int64_t> next;
    std::exception_ptr error;
    std::mutex error_mutex;
  };
  static void work(Job& job) {
    for (int64_t i; (i = job.next.fetch_add(1)) < job.chunks;) {
      try {
        run_chunk(i, job.count, job.grain, *job.body);
      } catch (...) {
        std::lock_guard lock(job.error_mutex);
        if (!job.error) job.error = std::current_exception();
      }
    }
  }
  void serve();

  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  Job* job_ = nullptr;
  uint64_t generation_ = 0;
  int busy_ = 0;
  bool quit_ = false;
  std::vector<std::thread> crew_;
};

thread_local bool inside = false;  // a nested parallel_for runs in its own thread

void Crew::serve() {
  inside = true;
  uint64_t seen = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return quit_ || (job_ && generation_ != seen); });
    if (quit_) return;
    seen = generation_;
    Job* const job = job_;
    ++busy_;
    lock.unlock();
    work(*job);
    lock.lock();
    if (--busy_ == 0) idle_.notify_all();
  }
}

std::unique_ptr<Crew>& crew() {
  static std::unique_ptr<Crew> the_crew = std::make_unique<Crew>(std::max(1u, std::thread::hardware_concurrency()));
  return the_crew;
}
std::mutex& run_mutex() {
  static std::mutex m;
  return m;
}

#else

/// The arena that parallel_for runs in, and TBB's own limit raised to match it.
struct Crew {
  explicit Crew(int n)
      : size_(n),
        limit_(oneapi::tbb::global_control::max_allowed_parallelism, static_cast<size_t>(n)),
        arena_(n) {}
  int size() const { return size_; }
  int size_;
  oneapi::tbb::global_control limit_;
  oneapi::tbb::task_arena arena_;
};

std::unique_ptr<Crew>& crew() {
  static std::unique_ptr<Crew> the_crew = std::make_unique<Crew>(oneapi::tbb::info::default_concurrency());
  return the_crew;
}

#endif

}  // namespace

void parallel_for(int64_t count, int64_t grain, ChunkBody body) {
  const int64_t chunks = count > 0 ? chunk_count(count, grain) : 0;
  if (chunks <= 1 || crew()->size() == 1) {
    for (int64_t i = 0; i < chunks; ++i) run_chunk(i, count, grain, body);
    return;
  }
#if PITH_PARALLEL_STD
  if (inside) {
    for (int64_t i = 0; i < chunks; ++i) run_chunk(i, count, grain, body);
    return;
  }
  std::lock_guard lock(run_mutex());
  inside = true;
  struct Leave {
    ~Leave() { inside = false; }
  } leave;
  crew()->run(count, grain, body);
#else
  crew()->arena_.execute([&] {
    oneapi::tbb::parallel_for(
        oneapi::tbb::blocked_range<int64_t>(0, chunks, 1),
        [&](const oneapi::tbb::blocked_range<int64_t>& r) {
          for (int64_t i = r.begin(); i < r.end(); ++i) run_chunk(i, count, grain, body);
        },
        oneapi::tbb::simple_partitioner());
  });
#endif
}

int threads() { return crew()->size(); }

void set_threads(int n) {
  if (n < 1) throw ArgumentError("threads: needs at least 1, here are " + std::to_string(n));
  if (n != crew()->size()) {
    crew().reset();
    crew() = std::make_unique<Crew>(n);
  }
}

}  // namespace pith
