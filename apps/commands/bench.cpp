// `pith bench`: the rows of bench/; `pith bench crossover | growth | roofline`: what is read from them.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <span>

#include "apps/benchmarks/bench_program.h"
#include "apps/benchmarks/crossover.h"
#include "apps/benchmarks/growth.h"
#include "apps/benchmarks/roofline.h"
#include "apps/charts/chart_style.h"
#include "apps/checks.h"
#include "apps/cli.h"
#include "tensor/atomic_file.h"
#include "tensor/error.h"
#include "tensor/kernels/table.h"

namespace pith::apps {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  pith bench --list --filter '^dense_conv/forward/stage1/n128'\n"
    "  pith bench --filter '^dense_conv/forward/stage1/n128' --threads 1 --json\n"
    "  pith bench --filter '^sparse_conv/forward/stage2/n32/s90' --isa avx2 --seconds 1\n"
    "  pith bench crossover --out crossover               # where each format begins to win: CSV, SVG, break-even\n"
    "  pith bench growth                                  # exponents of cost, speed on two threads\n"
    "  pith bench roofline --out roofline                 # every kernel beside what the machine allows";
constexpr const char* kCrossoverExamples =
    "Examples:\n"
    "  pith bench crossover --out crossover\n"
    "  pith bench crossover --filter 'stage1/n128/s(0|50|90)' --seconds 0.1";

struct Options {
  CommonOptions common;
  std::string filter, isa, out;
  double seconds = 0;
  int64_t repeats = 1;
  bool list = false;
};

void check(const Options& o) {
  apply(o.common);
  if (o.seconds != 0) check_positive("--seconds", o.seconds);
  check_at_least("--repeat", o.repeats, 1);
  if (o.isa.empty()) return;
  if (o.isa != "scalar" && o.isa != "avx2" && o.isa != "avx512")
    throw ArgumentError("--isa takes scalar, avx2 or avx512, not \"" + visible(o.isa) + "\"");
  if (!kernels_for(o.isa.c_str())) throw ArgumentError("--isa " + o.isa + ": this CPU lacks it");
}

BenchRequest request_of(const Options& o, std::vector<std::string> rows) {
  return {.rows = std::move(rows), .filter = o.filter, .isa = o.isa, .seconds = o.seconds, .repeats = o.repeats};
}

/// A row's own figures: what Google Benchmark's schema does not name.
std::string counters_of(const Json& row) {
  static constexpr std::string_view kSchema[] = {
      "name",        "run_name",         "run_type", "family_index",   "per_family_instance_index",
      "repetitions", "repetition_index", "threads",  "iterations",     "real_time",
      "cpu_time",    "time_unit",        "label",    "aggregate_name", "aggregate_unit"};
  std::string out = row.value("label", "");
  for (const auto& [key, value] : row.items())
    if (value.is_number() && std::find(std::begin(kSchema), std::end(kSchema), key) == std::end(kSchema))
      out += fmt::format("{}{} {:.4g}", out.empty() ? "" : "  ", visible(key), value.get<double>());
  return out;
}

/// CPU time of an iteration; wall time where the row's name says so.
double microseconds_of(const Json& row) {
  const std::string name = row.at("name"), unit = row.at("time_unit");
  const double scale = unit == "ns" ? 1e-3 : unit == "us" ? 1 : unit == "ms" ? 1e3 : 1e6;
  return scale * row.at(name.ends_with("_time") ? "real_time" : "cpu_time").get<double>();
}

void list(const Options& o, Console& console, const std::vector<std::string>& rows) {
  for (const std::string& row : rows) console.result(row);
  if (console.json()) console.document(Json{{"rows", rows}}.dump(2));
  if (rows.empty()) console.note("no row matches --filter \"" + visible(o.filter) + "\"");
}

std::vector<std::string> chosen_rows(const Options& o) {
  std::vector<std::string> rows = bench_rows(o.filter, o.common.threads);
  if (rows.empty() && !o.list)
    throw ArgumentError(fmt::format("no row matches --filter \"{}\"{}; `pith bench --list` shows them",
                                    visible(o.filter),
                                    o.common.threads > 0 ? fmt::format(" with {} threads", o.common.threads) : ""));
  return rows;
}

void bench(const Options& o) {
  check(o);
  Console console(o.common.console);
  const auto rows = chosen_rows(o);
  if (o.list) return list(o, console, rows);
  const Json document = run_bench(request_of(o, rows), console);
  if (console.json()) return console.document(document.dump(2));
  console.note(bench_machine(document));
  for (const Json& row : document.at("benchmarks")) {
    const std::string name = row.at("name");
    if (row.contains("error_message")) {
      console.result(fmt::format("{:<52}  {}", name, row.at("error_message").get<std::string>()));
    } else {
      console.result(fmt::format("{:<52}{:>12.1f} us  {}", name, microseconds_of(row), counters_of(row)));
    }
  }
}

void make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw IoError(path + ": cannot make the folder: " + error.message());
}

void write(const std::string& path, const std::string& text) {
  write_file_atomically(path, std::as_bytes(std::span(text.data(), text.size())));
}

/// The rows below `prefix` that --filter chooses, run.
Json measured(Options o, const std::string& prefix, Console& console) {
  o.common.threads = 0;
  o.filter = "^" + prefix + "/.*(" + o.filter + ")";
  return run_bench(request_of(o, chosen_rows(o)), console);
}

void crossover(const Options& o) {
  check(o);
  Console console(o.common.console);
  if (!o.out.empty()) make_folder(o.out);
  const Json document = measured(o, "crossover", console);
  const auto points = crossover_points(document);
  const Table table = break_even_table(break_even(points));
  const std::string machine = bench_machine(document) + ", one thread";
  if (!o.out.empty()) {
    write(o.out + "/crossover.csv", crossover_csv(points));
    write(o.out + "/crossover.svg", standalone_svg(crossover_chart(points, machine)));
    console.note(fmt::format("{0}/crossover.csv and {0}/crossover.svg", o.out));
  }
  console.result(console.strong("break-even with dense f32, by the medians; " + machine));
  console.result(text(table));
  if (!console.json()) return;
  Json json{{"machine", machine}, {"break_even", to_json(table)["rows"]}, {"points", Json::array()}};
  for (const CrossoverPoint& p : points)
    json["points"].push_back({{"shape", p.shape},
                              {"batch", p.batch},
                              {"format", p.format},
                              {"sparsity", p.sparsity},
                              {"us", p.us},
                              {"times_dense", p.ratio},
                              {"times_dense_best", p.best_ratio}});
  console.document(json.dump(2));
}

void growth(const Options& o) {
  check(o);
  Console console(o.common.console);
  const Json document = measured(o, "growth", console);
  const Growth g = growth_of(document);
  const Table fits = fit_table(g), speedups = thread_table(g);
  console.result(console.strong("time = operations ^ exponent; deviations from time in proportion to operations"));
  if (!fits.rows.empty()) console.result(text(fits));
  if (!speedups.rows.empty()) console.result("\n" + text(speedups));
  console.note(bench_machine(document));
  if (console.json())
    console.document(Json{
        {"machine", bench_machine(document)}, {"growth", to_json(fits)["rows"]}, {"threads", to_json(speedups)["rows"]}}
                         .dump(2));
}

void roofline(const Options& o) {
  check(o);
  Console console(o.common.console);
  if (!o.out.empty()) make_folder(o.out);
  const Json document = measured(o, "roofline", console);
  const auto points = roofline_points(document);
  const Table table = roofline_table(points);
  const std::string machine = bench_machine(document) + ", batch 128, one thread";
  if (!o.out.empty()) {
    write(o.out + "/roofline.csv", csv(table));
    write(o.out + "/roofline.svg", standalone_svg(roofline_chart(points, machine)));
    console.note(fmt::format("{0}/roofline.csv and {0}/roofline.svg", o.out));
  }
  console.result(console.strong(machine));
  console.result(text(table));
  if (console.json()) console.document(Json{{"machine", machine}, {"kernels", to_json(table)["rows"]}}.dump(2));
}

/// What all of them take.
void add_measurement(CLI::App& c, const std::shared_ptr<Options>& o) {
  c.add_option("-f,--filter", o->filter, "only rows that match this extended regular expression");
  c.add_option("--isa", o->isa, "scalar, avx2 or avx512; default: the best that this CPU has");
  c.add_option("--seconds", o->seconds, "at least, for each row; default: the rows' own choice, mostly 0.5");
}

}  // namespace

void add_bench(CLI::App& program, Action& action) {
  auto o = std::make_shared<Options>();
  CLI::App& c = add_command(program, "bench", "time kernels, training steps and inference beside their rivals",
                            o->common, kExamples);
  c.get_option("--threads")->description("only rows of this many threads; 0: all");
  add_measurement(c, o);
  c.add_flag("--list", o->list, "name the rows, run none");
  c.add_option("--repeat", o->repeats, "more than once: in random order, with mean, median and deviation")
      ->capture_default_str();
  c.require_subcommand(0, 1);
  c.callback([o, &c, &action] {
    if (c.get_subcommands().empty()) action = [o] { bench(*o); };
  });
  const auto add = [&](const char* name, const char* description, const char* examples, void (*run)(const Options&)) {
    auto x = std::make_shared<Options>();
    CLI::App& part = add_command(c, name, description, x->common, examples);
    part.remove_option(part.get_option("--threads"));
    add_measurement(part, x);
    part.callback([x, run, &action] { action = [x, run] { run(*x); }; });
    return std::pair(&part, x);
  };
  const auto [chart, x] =
      add("crossover", "where each format begins to win over dense f32", kCrossoverExamples, crossover);
  chart->add_option("-o,--out", x->out, "folder for crossover.csv and crossover.svg; default: the table alone");
  add("growth", "how time grows with channels, pixels, batch, kept weights, threads",
      "Examples:\n  pith bench growth\n  pith bench growth --filter 'sparse_dw/kept' --json", growth);
  const auto [roof, r] =
      add("roofline", "every kernel beside what the machine allows",
          "Examples:\n  pith bench roofline --out roofline\n  pith bench roofline --filter int8 --json", roofline);
  roof->add_option("-o,--out", r->out, "folder for roofline.csv and roofline.svg; default: the table alone");
}

}  // namespace pith::apps
