#include "tensor/storage.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <map>
#include <mutex>
#include <new>
#include <vector>

namespace pith {
namespace {

constexpr size_t kAlign = 64, kSlack = 64;
constexpr size_t kHugePage = size_t{2} << 20;

/// Large blocks begin on a huge page, so that the system may give them whole ones: a convolution walks a dozen planes
/// at once, more small pages than the processor remembers.
std::align_val_t alignment(size_t capacity) { return std::align_val_t{capacity >= 2 * kHugePage ? kHugePage : kAlign}; }

/// Sizes in eighths of a power of two, so that at most 12.5 % of a block is unused and freed blocks fit again.
size_t size_class(size_t bytes) {
  const size_t want = bytes + kSlack;
  if (want <= 512) return 512;
  const size_t step = std::bit_floor(want - 1) / 8;
  return (want + step - 1) / step * step;
}

/// Bytes and what their last owner left in them.
struct Block {
  std::byte* data;
  Imprint imprint;
};

class Pool {
 public:
  Block take(size_t capacity, const Imprint& wanted) {
    std::lock_guard lock(mutex_);
    const Block block = reuse_or_ask(capacity, wanted);
    in_use_ += capacity;
    peak_ = std::max(peak_, in_use_);
    return block;
  }
  void give(const Block& block, size_t capacity) noexcept {
    std::lock_guard lock(mutex_);
    in_use_ -= capacity;
    if (PITH_POOL) {
      try {
        idle_[capacity].push_back(block);
        return;
      } catch (const std::bad_alloc&) {
      }  // no room to remember it: free it
    }
    ::operator delete(block.data, alignment(capacity));
  }
  void trim() {
    std::lock_guard lock(mutex_);
    free_idle();
  }
  size_t in_use() {
    std::lock_guard lock(mutex_);
    return in_use_;
  }
  size_t peak() {
    std::lock_guard lock(mutex_);
    return peak_;
  }

 private:
  /// The youngest idle block with this imprint, or the youngest of all.
  Block reuse_or_ask(size_t capacity, const Imprint& wanted) {
    const auto found = idle_.find(capacity);
    if (found != idle_.end() && !found->second.empty()) {
      std::vector<Block>& blocks = found->second;
      const auto match =
          std::find_if(blocks.rbegin(), blocks.rend(), [&](const Block& b) { return b.imprint == wanted; });
      const auto taken = match == blocks.rend() ? blocks.end() - 1 : match.base() - 1;
      const Block block = *taken;
      blocks.erase(taken);
      return block;
    }
    try {
      return {ask(capacity), {}};
    } catch (const std::bad_alloc&) {
      free_idle();
      return {ask(capacity), {}};
    }
  }
  static std::byte* ask(size_t capacity) {
    void* const block = ::operator new(capacity, alignment(capacity));
    if (capacity >= 2 * kHugePage) ::madvise(block, capacity / kHugePage * kHugePage, MADV_HUGEPAGE);  // a wish
    return static_cast<std::byte*>(block);
  }
  void free_idle() {
    for (auto& [capacity, blocks] : idle_)
      for (const Block& block : blocks) ::operator delete(block.data, alignment(capacity));
    idle_.clear();
  }

  std::mutex mutex_;
  std::map<size_t, std::vector<Block>> idle_;
  size_t in_use_ = 0, peak_ = 0;
};

/// Never destroyed, because static Tensors may outlive any order of destruction.
Pool& pool() {
  static Pool* const the_pool = new Pool;
  return *the_pool;
}

}  // namespace

std::shared_ptr<Storage> Storage::allocate(size_t bytes) { return allocate(bytes, Imprint{}); }

std::shared_ptr<Storage> Storage::allocate(size_t bytes, const Imprint& imprint) {
  if (bytes > std::numeric_limits<size_t>::max() / 2) throw std::bad_alloc();  // the rounding below must not wrap
  std::shared_ptr<Storage> storage(new Storage);
  const size_t capacity = PITH_POOL ? size_class(bytes) : bytes + kSlack;
  const Block block = pool().take(capacity, imprint);
  storage->data_ = block.data;
  storage->bytes_ = bytes;
  storage->capacity_ = capacity;
  storage->imprint_ = imprint;
  storage->imprinted_ = imprint != Imprint{} && block.imprint == imprint;
  return storage;
}

Storage::~Storage() {
  if (data_ != nullptr) pool().give({data_, imprint_}, capacity_);
}

size_t Storage::bytes_in_use() { return pool().in_use(); }
size_t Storage::peak_bytes() { return pool().peak(); }
void Storage::trim() { pool().trim(); }

}  // namespace pith
