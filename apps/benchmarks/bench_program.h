// The benchmarks are a program of their own (bench/): `pith` neither links nor needs Google Benchmark and the rivals.
// Where it was installed or built beside `pith`, it is run, and answers in JSON.
#pragma once

#include <string>
#include <vector>

#include "apps/console.h"
#include "apps/report.h"

namespace pith::apps {

struct BenchRequest {
  std::vector<std::string> rows = {};  ///< exact names
  std::string filter = {};             ///< what chose them: passed on where every match is wanted
  std::string isa = {};                ///< scalar, avx2, avx512; "": the machine's best
  double seconds = 0;                  ///< at least, a row; 0: the rows' own choice
  int64_t repeats = 1;                 ///< more: rows in random order, and their statistics
};

/// Names of the rows that match an extended regular expression and run on `threads` threads (0: any). A row whose name
/// says nothing of threads has one. Throws IoError where there is no such program, ArgumentError for a bad expression.
std::vector<std::string> bench_rows(const std::string& filter, int64_t threads);

/// Google Benchmark's document: "context" and "benchmarks". Shows a bar; stops the program where a signal came in and
/// throws Interrupted. Throws IoError where it fails.
Json run_bench(const BenchRequest& request, Console& console);

/// "AMD EPYC, kernels avx512": of a document's machine and rows.
std::string bench_machine(const Json& document);

}  // namespace pith::apps
