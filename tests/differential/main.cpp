// pith_differential: random cases of all kernels against their slow twins.
//
//   pith_differential [--cases N] [--seed S] [--family NAME] [--first I]
//
// Prints a table; ends with 1 where a case differs, or where fewer than half of a family's cases could be trusted. A
// difference names its case: --family NAME --first I --cases 1 runs it again.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "tensor/parallel.h"
#include "tests/differential/family.h"

namespace pith::differential {
namespace {

struct Options {
  int64_t cases = 200, first = 0;
  uint64_t seed = 1;
  const char* family = nullptr;
};

/// Runs cases first .. first + cases - 1; true if all is well.
bool run(const Family& family, uint32_t number, const Options& o) {
  int64_t agreed = 0, mistrusted = 0, differed = 0;
  for (int64_t i = o.first; i < o.first + o.cases; ++i) {
    Random random({o.seed, Purpose::test, number, static_cast<uint64_t>(i)});
    set_threads(1 + static_cast<int>(i % 2));
    Outcome outcome;
    try {
      outcome = family.run(random);
    } catch (const std::exception& error) {
      outcome = {Verdict::differs, error.what()};
    }
    agreed += outcome.verdict == Verdict::agrees;
    mistrusted += outcome.verdict == Verdict::mistrusted;
    if (outcome.verdict != Verdict::differs) continue;
    if (++differed <= 5)
      std::printf("%s case %lld: %s\n", family.name, static_cast<long long>(i), outcome.what.c_str());
  }
  std::printf("%-18s %8lld agree %8lld mistrusted %8lld differ\n", family.name, static_cast<long long>(agreed),
              static_cast<long long>(mistrusted), static_cast<long long>(differed));
  return differed == 0 && (o.cases < 10 || agreed * 2 >= o.cases);
}

int run_all(const Options& o) {
  bool well = true, found = false;
  uint32_t number = 0;
  for (const auto& families : {float_convolutions(), integer_convolutions(), matrices()})
    for (const Family& family : families) {
      ++number;
      if (o.family != nullptr && std::strcmp(o.family, family.name) != 0) continue;
      found = true;
      well = run(family, number, o) && well;
    }
  return well && found ? 0 : 1;
}

}  // namespace
}  // namespace pith::differential

int main(int argc, char** argv) {
  pith::differential::Options o;
  if (std::getenv("PITH_LONG_TESTS") != nullptr) o.cases = 8000;  // 13 families: 104,000
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--cases") == 0)
      o.cases = std::atoll(argv[i + 1]);
    else if (std::strcmp(argv[i], "--seed") == 0)
      o.seed = static_cast<uint64_t>(std::atoll(argv[i + 1]));
    else if (std::strcmp(argv[i], "--first") == 0)
      o.first = std::atoll(argv[i + 1]);
    else if (std::strcmp(argv[i], "--family") == 0)
      o.family = argv[i + 1];
    else
      return 2;
  }
  return pith::differential::run_all(o);
}
