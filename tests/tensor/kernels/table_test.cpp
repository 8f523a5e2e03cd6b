#include "tensor/kernels/table.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdio>
#include <string>

#include "tensor/error.h"

namespace pith {
namespace {

/// kernels() asks once a process, so each question is asked in a process of its own.
class KernelChoice : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

[[noreturn]] void say_choice(const char* wanted) {
  ::setenv("PITH_ISA", wanted, 1);
  try {
    std::fprintf(stderr, "chosen %s\n", kernels().isa);
  } catch (const ArgumentError& e) {
    std::fprintf(stderr, "refused %s\n", e.what());
  }
  std::_Exit(0);
}

TEST_F(KernelChoice, IsWhatTheEnvironmentNames) {
  EXPECT_EXIT(say_choice("scalar"), testing::ExitedWithCode(0), "chosen scalar");
  for (const char* isa : {"avx2", "avx512"}) {
    const std::string expected = kernels_for(isa) ? std::string("chosen ") + isa : "refused PITH_ISA=";
    EXPECT_EXIT(say_choice(isa), testing::ExitedWithCode(0), expected);
  }
}

TEST_F(KernelChoice, IsTheWidestThatTheMachineHasWhereNothingIsNamed) {
  const char* widest = kernels_for("avx512") ? "chosen avx512" : kernels_for("avx2") ? "chosen avx2" : "chosen scalar";
  EXPECT_EXIT(say_choice(""), testing::ExitedWithCode(0), widest);
}

TEST_F(KernelChoice, RefusesAnUnknownNameByASentence) {
  EXPECT_EXIT(say_choice("mmx"), testing::ExitedWithCode(0),
              "refused PITH_ISA=mmx: unknown, or this CPU lacks it; it may be scalar, avx2 or avx512");
}

TEST(KernelTable, HasEveryEntryUnderItsName) {
  for (const char* isa : {"scalar", "avx2", "avx512"})
    if (const KernelTable* t = kernels_for(isa)) {
      EXPECT_STREQ(t->isa, isa);
      void (*entries[sizeof(KernelTable) / sizeof(void*)])();
      __builtin_memcpy(entries, t, sizeof *t);
      for (auto* entry : entries) EXPECT_NE(entry, nullptr) << isa;
    }
  EXPECT_NE(kernels_for("scalar"), nullptr);
  EXPECT_EQ(kernels_for("neon"), nullptr);
}

}  // namespace
}  // namespace pith
