#include "tensor/parallel.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>

#include "tensor/error.h"

#if PITH_PARALLEL_STD
#include <atomic>
#include <condition_variable>
#include <exception>
#include <system_error>
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

struct Job {
  int64_t count, grain, chunks;
  const ChunkBody* body;

  void run_chunk(int64_t i) const {
    const int64_t begin = i * grain;
    (*body)(begin, begin + std::min(grain, count - begin));
  }
  void run_all() const {
    for (int64_t i = 0; i < chunks; ++i) run_chunk(i);
  }
};

#if PITH_PARALLEL_STD

int cores() { return static_cast<int>(std::max(1u, std::thread::hardware_concurrency())); }

thread_local bool inside = false;  // a parallel_for inside a body runs in its own thread

/// A fixed crew that takes chunks from one counter: what the thread sanitizer can see through. One job at a time.
///
/// A member touches a Job only between ++busy_ and --busy_, and it says ++busy_ only while job_ is set, under the same
/// lock; run() takes job_ away and then waits for busy_ == 0 before the Job dies. So no late riser sees a dead Job.
class Crew {
 public:
  explicit Crew(int n) {
    try {
      for (int i = 1; i < n; ++i) members_.emplace_back([this] { serve(); });
    } catch (const std::system_error&) {
      const size_t got = members_.size() + 1;
      dismiss();
      throw Error("threads: the system gives " + std::to_string(got) + " of " + std::to_string(n));
    }
  }
  ~Crew() { dismiss(); }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  int size() const { return static_cast<int>(members_.size()) + 1; }

  void run(const Job& job) {
    if (inside) return job.run_all();
    const std::unique_lock turn(turn_, std::try_to_lock);
    if (!turn) return job.run_all();  // another thread's job has the crew
    inside = true;
    Shared shared{.job = job};
    {
      std::lock_guard lock(mutex_);
      job_ = &shared;
      ++generation_;
    }
    wake_.notify_all();
    work(shared);
    std::unique_lock lock(mutex_);
    job_ = nullptr;
    idle_.wait(lock, [&] { return busy_ == 0; });
    inside = false;
    if (shared.error) std::rethrow_exception(shared.error);
  }

 private:
  struct Shared {
    const Job& job;
    std::atomic<int64_t> next = 0;
    std::exception_ptr error = nullptr;
    std::mutex error_mutex = {};
  };

  static void work(Shared& shared) {
    for (int64_t i; (i = shared.next.fetch_add(1)) < shared.job.chunks;) {
      try {
        shared.job.run_chunk(i);
      } catch (...) {
        std::lock_guard lock(shared.error_mutex);
        if (!shared.error) shared.error = std::current_exception();
      }
    }
  }

  void serve() {
    inside = true;
    uint64_t seen = 0;
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return quit_ || (job_ && generation_ != seen); });
      if (quit_) return;
      seen = generation_;
      Shared* const shared = job_;
      ++busy_;
      lock.unlock();
      work(*shared);
      lock.lock();
      if (--busy_ == 0) idle_.notify_all();
    }
  }

  void dismiss() {
    {
      std::lock_guard lock(mutex_);
      quit_ = true;
    }
    wake_.notify_all();
    for (std::thread& member : members_) member.join();
    members_.clear();
  }

  std::mutex turn_, mutex_;
  std::condition_variable wake_, idle_;
  Shared* job_ = nullptr;
  uint64_t generation_ = 0;
  int busy_ = 0;
  bool quit_ = false;
  std::vector<std::thread> members_;
};

#else

int cores() { return oneapi::tbb::info::default_concurrency(); }

/// The arena that parallel_for runs in, and TBB's own limit raised to match it.
class Crew {
 public:
  explicit Crew(int n)
      : size_(n), limit_(oneapi::tbb::global_control::max_allowed_parallelism, static_cast<size_t>(n)), arena_(n) {}
  int size() const { return size_; }

  void run(const Job& job) {
    arena_.execute([&] {
      oneapi::tbb::this_task_arena::isolate([&] {  // a thread that waits here takes no chunk of another parallel_for
        oneapi::tbb::parallel_for(
            oneapi::tbb::blocked_range<int64_t>(0, job.chunks, 1),
            [&](const oneapi::tbb::blocked_range<int64_t>& r) {
              for (int64_t i = r.begin(); i < r.end(); ++i) job.run_chunk(i);
            },
            oneapi::tbb::simple_partitioner());
      });
    });
  }

 private:
  int size_;
  oneapi::tbb::global_control limit_;
  oneapi::tbb::task_arena arena_;
};

#endif

/// The crew in force. Whoever runs a job holds a share, so a crew that was replaced meanwhile dies behind its last job.
struct Post {
  std::mutex mutex;
  std::shared_ptr<Crew> crew = std::make_shared<Crew>(cores());
};
Post& post() {
  static Post the_post;
  return the_post;
}
std::shared_ptr<Crew> crew() {
  std::lock_guard lock(post().mutex);
  return post().crew;
}

}  // namespace

void parallel_for(int64_t count, int64_t grain, ChunkBody body) {
  const Job job{count, grain, count > 0 ? chunk_count(count, grain) : 0, &body};
  if (job.chunks <= 1) return job.run_all();
  const std::shared_ptr<Crew> now = crew();
  if (now->size() == 1) return job.run_all();
  now->run(job);
}

int threads() { return crew()->size(); }

void set_threads(int n) {
  if (n < 1 || n > kMostThreads)
    throw ArgumentError("threads: may be 1 to " + std::to_string(kMostThreads) + ", here are " + std::to_string(n));
  if (n == threads()) return;
  std::shared_ptr<Crew> next = std::make_shared<Crew>(n);
  std::lock_guard lock(post().mutex);
  post().crew.swap(next);
}

}  // namespace pith
