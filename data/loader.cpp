#include "data/loader.h"

#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>

#include "data/augment.h"
#include "tensor/error.h"
#include "tensor/random.h"

namespace pith::data {
namespace {

constexpr int kMaxWorkers = 256, kMaxPrefetch = 4096;

LoaderOptions checked(const LoaderOptions& o, const Dataset* dataset) {
  const auto refuse = [](const std::string& what) { throw ArgumentError("loader: " + what); };
  if (dataset == nullptr || dataset->size() < 1) refuse("the data set holds no images");
  if (o.batch_size < 1) refuse("a batch of " + std::to_string(o.batch_size) + " images; at least 1");
  if (o.drop_last && dataset->size() < o.batch_size)
    refuse(std::to_string(dataset->size()) + " images do not fill a batch of " + std::to_string(o.batch_size) +
           ", and drop_last drops what does not");
  if (o.workers < 0 || o.workers > kMaxWorkers)
    refuse(std::to_string(o.workers) + " workers; 0 to " + std::to_string(kMaxWorkers));
  if (o.prefetch < 1 || o.prefetch > kMaxPrefetch)
    refuse("prefetch of " + std::to_string(o.prefetch) + " batches; 1 to " + std::to_string(kMaxPrefetch));
  const int64_t side = std::min(dataset->image_shape()[1], dataset->image_shape()[2]);
  if (o.augmentation.crop_padding < 0 || o.augmentation.crop_padding > side)
    refuse("crop padding of " + std::to_string(o.augmentation.crop_padding) + " pixels; 0 to the image's " +
           std::to_string(side));
  return o;
}

}  // namespace

/// Workers claim batch numbers in order, at most `prefetch` ahead of the reader, and put what they made into `ready_`.
/// A Plan is immutable; start() replaces it, and a batch made for an old plan is dropped.
class Loader::Impl {
 public:
  Impl(std::shared_ptr<const Dataset> dataset, const Normalization& normalization, const LoaderOptions& options)
      : dataset_(std::move(dataset)),
        options_(checked(options, dataset_.get())),
        normalizer_(normalization, dataset_->image_shape()[0]) {
    for (int i = 0; i < options_.workers; ++i) workers_.emplace_back([this] { work(); });
  }

  ~Impl() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    room_.notify_all();
    for (std::thread& t : workers_) t.join();
  }

  int64_t samples() const { return options_.drop_last ? batches() * options_.batch_size : dataset_->size(); }
  int64_t batches() const {
    const int64_t n = dataset_->size(), size = options_.batch_size;
    return options_.drop_last ? n / size : n / size + (n % size != 0);
  }

  void start(int64_t epoch, int64_t first) {
    if (epoch < 0 || epoch > UINT32_MAX)
      throw ArgumentError("loader: epoch " + std::to_string(epoch) + " is not in 0 to 2^32 - 1");
    if (first < 0 || first > batches())
      throw ArgumentError("loader: an epoch has " + std::to_string(batches()) + " batches, it cannot start at batch " +
                          std::to_string(first));
    auto plan = std::make_shared<Plan>(Plan{static_cast<uint32_t>(epoch), {}});
    if (options_.shuffle) plan->order = permutation(dataset_->size(), key(Purpose::shuffle, plan->epoch, 0));
    {
      const std::lock_guard lock(mutex_);
      plan_ = std::move(plan);
      claimed_ = taken_ = first;
      ready_.clear();
    }
    room_.notify_all();
  }

  Batch next() {
    std::unique_lock lock(mutex_);
    if (!plan_) throw Error("loader: no epoch was started; call start(epoch) before next()");
    if (taken_ >= batches())
      throw Error("loader: all " + std::to_string(batches()) + " batches of epoch " + std::to_string(plan_->epoch) +
                  " were taken; call start(epoch) for another");
    if (workers_.empty()) return make(*plan_, taken_++);
    filled_.wait(lock, [&] { return ready_.contains(taken_); });
    const Made& made = ready_.at(taken_);
    if (made.error) std::rethrow_exception(made.error);
    Batch batch = made.batch;
    ready_.erase(taken_++);
    lock.unlock();
    room_.notify_one();
    return batch;
  }

 private:
  struct Plan {
    uint32_t epoch;
    std::vector<int64_t> order;  ///< empty: as they come
  };
  struct Made {
    Batch batch;
    std::exception_ptr error;
  };

  RandomKey key(Purpose purpose, uint32_t epoch, int64_t item) const {
    return {.seed = options_.seed, .purpose = purpose, .epoch = epoch, .item = static_cast<uint64_t>(item)};
  }

  Batch make(const Plan& plan, int64_t number) const {
    const Shape& shape = dataset_->image_shape();
    const int64_t begin = number * options_.batch_size;
    const int64_t n = std::min(options_.batch_size, dataset_->size() - begin);
    Batch batch{Tensor::empty({n, shape[0], shape[1], shape[2]}), Tensor::empty({n}, DType::s32)};
    float* const images = batch.images.mutable_data<float>();
    int32_t* const labels = batch.labels.mutable_data<int32_t>();
    for (int64_t i = 0; i < n; ++i) {
      const int64_t sample = plan.order.empty() ? begin + i : plan.order[static_cast<size_t>(begin + i)];
      const Placement placement = draw_placement(options_.augmentation, key(Purpose::augment, plan.epoch, sample));
      write_sample(dataset_->pixels(sample), shape, placement, normalizer_, images + i * shape.numel());
      labels[i] = dataset_->label(sample);
    }
    return batch;
  }

  Made try_make(const Plan& plan, int64_t number) const {
    try {
      return {make(plan, number), nullptr};
    } catch (...) {
      return {{}, std::current_exception()};
    }
  }

  bool has_work() const { return plan_ && claimed_ < batches() && claimed_ < taken_ + options_.prefetch; }

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      room_.wait(lock, [&] { return stop_ || has_work(); });
      if (stop_) return;
      const std::shared_ptr<const Plan> plan = plan_;
      const int64_t number = claimed_++;
      lock.unlock();
      Made made = try_make(*plan, number);
      lock.lock();
      if (plan != plan_) continue;
      ready_.insert_or_assign(number, std::move(made));
      filled_.notify_all();
    }
  }

  const std::shared_ptr<const Dataset> dataset_;
  const LoaderOptions options_;
  const Normalizer normalizer_;

  std::mutex mutex_;  ///< guards all below
  std::condition_variable room_, filled_;
  std::shared_ptr<const Plan> plan_;
  int64_t claimed_ = 0, taken_ = 0;  ///< next batch to make, next batch to hand out
  std::map<int64_t, Made> ready_;
  bool stop_ = false;
  std::vector<std::thread> workers_;
};

Loader::Loader(std::shared_ptr<const Dataset> dataset, Normalization normalization, const LoaderOptions& options)
    : impl_(std::make_unique<Impl>(std::move(dataset), normalization, options)) {}
Loader::~Loader() = default;
int64_t Loader::batches() const { return impl_->batches(); }
int64_t Loader::samples() const { return impl_->samples(); }
void Loader::start(int64_t epoch, int64_t first) { impl_->start(epoch, first); }
Batch Loader::next() { return impl_->next(); }

}  // namespace pith::data
