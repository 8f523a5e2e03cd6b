#include "tensor/storage.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <new>
#include <thread>
#include <vector>

namespace pith {
namespace {

TEST(Storage, IsAlignedAndReadableSixtyFourBytesBeyondItsEnd) {
  for (size_t bytes : {0, 1, 63, 64, 65, 447, 448, 449, 4096, 1000003}) {
    const std::shared_ptr<Storage> s = Storage::allocate(bytes);
    EXPECT_EQ(s->bytes(), bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(s->data()) % 64, 0u) << bytes;
    std::memset(s->data(), 1, bytes + 64);  // the address sanitizer looks
  }
}

TEST(Storage, CountsWhatIsHeldAndTheMostEverHeld) {
  const size_t before = Storage::bytes_in_use();
  {
    const auto a = Storage::allocate(1000000);
    const size_t held = Storage::bytes_in_use() - before;
    EXPECT_GE(held, 1000064u);
    EXPECT_LE(held, 1000064u * 9 / 8 + 1);  // at most an eighth more
    EXPECT_GE(Storage::peak_bytes(), Storage::bytes_in_use());
  }
  EXPECT_EQ(Storage::bytes_in_use(), before);
}

TEST(Storage, NeverWastesMoreThanAnEighth) {
  for (size_t bytes = 512; bytes < 70000; bytes += 61) {
    const size_t before = Storage::bytes_in_use();
    const auto s = Storage::allocate(bytes);
    const size_t held = Storage::bytes_in_use() - before;
    ASSERT_GE(held, bytes + 64);
    ASSERT_LE(held, (bytes + 64) * 9 / 8 + 1) << bytes;
  }
}

TEST(Storage, RefusesWhatNoMachineHasAndCountsNothingForIt) {
  const size_t before = Storage::bytes_in_use();
  const size_t peak = Storage::peak_bytes();
  EXPECT_THROW(Storage::allocate(std::numeric_limits<size_t>::max()), std::bad_alloc);
  EXPECT_EQ(Storage::bytes_in_use(), before);
  EXPECT_EQ(Storage::peak_bytes(), peak);
}

#if PITH_TEST_POOL
TEST(Storage, GivesFreedBytesAgainForTheSameSize) {
  std::byte* const first = Storage::allocate(123456)->data();
  const auto again = Storage::allocate(123400);  // the same size class
  EXPECT_EQ(again->data(), first);
}

TEST(Storage, FindsTheBlockThatStillHoldsWhatItsOwnerWants) {
  const Imprint first{1, 2}, second{3, 4};
  auto a = Storage::allocate(54321, first), b = Storage::allocate(54321, second), c = Storage::allocate(54321);
  EXPECT_FALSE(a->is_imprinted());
  std::byte* const of_a = a->data();
  a.reset(), b.reset(), c.reset();  // c, the youngest, would come first otherwise
  const auto again = Storage::allocate(54000, first);
  EXPECT_TRUE(again->is_imprinted());
  EXPECT_EQ(again->data(), of_a);
  EXPECT_FALSE(Storage::allocate(54321)->is_imprinted());
}

TEST(Storage, ForgetsAnImprintWhenSomebodyElseHadTheBlock) {
  const Imprint imprint{5, 6};
  Storage::allocate(77777, imprint);
  Storage::allocate(77777);
  EXPECT_FALSE(Storage::allocate(77777, imprint)->is_imprinted());
}

TEST(Storage, GivesTwoHoldersTwoPlaces) {
  const auto a = Storage::allocate(5000), b = Storage::allocate(5000);
  EXPECT_NE(a->data(), b->data());
}

TEST(Storage, CountsNothingForMemoryThatTheSystemRefuses) {
  const size_t before = Storage::bytes_in_use();
  EXPECT_THROW(Storage::allocate(size_t{1} << 60), std::bad_alloc);
  EXPECT_EQ(Storage::bytes_in_use(), before);
}
#endif

TEST(Storage, ServesManyThreads) {
  const size_t before = Storage::bytes_in_use();
  std::vector<std::thread> crowd;
  for (int t = 0; t < 4; ++t)
    crowd.emplace_back([t] {
      for (size_t i = 0; i < 500; ++i) {
        const auto s = Storage::allocate(100 + (i % 7) * 900);
        std::memset(s->data(), t, s->bytes());
        for (size_t b = 0; b < s->bytes(); b += 97) ASSERT_EQ(s->data()[b], static_cast<std::byte>(t));
      }
    });
  for (std::thread& t : crowd) t.join();
  EXPECT_EQ(Storage::bytes_in_use(), before);
  Storage::trim();
  EXPECT_EQ(Storage::bytes_in_use(), before);
}

}  // namespace
}  // namespace pith
