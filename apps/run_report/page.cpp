#include "apps/run_report/page.h"

#include <fmt/format.h>

#include <span>

#include "apps/charts/chart_style.h"
#include "apps/charts/markup.h"
#include "apps/run_report/html.h"
#include "apps/run_report/page_parts.h"

namespace pith::apps {
namespace {

constexpr const char* kStyle =
    "*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 "
    "system-ui,sans-serif}"
    "main{max-width:1120px;margin:0 auto;padding:24px 16px 64px}h1{font-size:1.7rem;margin:0 0 "
    "4px;overflow-wrap:anywhere}"
    "h2{font-size:1.25rem;margin:40px 0 8px;padding-top:12px;border-top:1px solid var(--rule);overflow-wrap:anywhere}"
    "h3{font-size:1rem;margin:24px 0 6px}p{margin:6px "
    "0;max-width:46em}p.faint,figcaption{color:var(--faint);font-size:.875rem}"
    "figure{margin:12px 0;max-width:900px;overflow-x:auto}figure "
    "svg.chart{min-width:540px}a{color:var(--c0)}a:focus-visible,.scroll:focus-visible{outline:2px solid var(--c1)}"
    ".skip{position:absolute;left:-999px}.skip:focus{left:8px;top:8px;background:var(--ground);padding:4px 8px}"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.875rem;font-variant-numeric:tabular-"
    "nums}"
    "th,td{padding:4px 10px 4px 0;text-align:right;"
    "border-bottom:1px solid var(--rule);white-space:nowrap}th:first-child,td:first-child{text-align:left}"
    "caption{caption-side:top;text-align:left;color:var(--faint);padding:0 0 6px;white-space:normal;max-width:52em}"
    "caption span{display:block;position:sticky;left:0;max-width:calc(100vw - 32px)}"
    "th[scope=row]{font-weight:400}thead th{vertical-align:bottom}tbody tr:hover{background:color-mix(in "
    "srgb,var(--rule) 40%,"
    "transparent)}"
    "figure:focus-visible,summary:focus-visible,pre:focus-visible{outline:2px solid var(--c1)}"
    "pre.wrap{white-space:pre-wrap;overflow-wrap:anywhere}"
    "details{margin:8px 0}summary{cursor:pointer}h4{font-size:.95rem;margin:18px 0 6px}img{max-width:100%}"
    ".pixels,.mask{image-rendering:pixelated;display:block}.mask{height:auto;border:1px solid var(--rule)}"
    "nav ul{display:flex;flex-wrap:wrap;gap:4px 18px;list-style:none;padding:0}"
    "ul.pictures,ul.masks{list-style:none;padding:0;margin:8px 0;display:grid;gap:14px;font-size:.8rem}"
    "ul.pictures{grid-template-columns:repeat(auto-fill,minmax(130px,1fr))}"
    "ul.masks{grid-template-columns:repeat(auto-fill,minmax(min(300px,100%),1fr));align-items:end}"
    "ul.masks span,ul.pictures span{display:block;color:var(--faint);overflow-wrap:anywhere;margin-top:3px}"
    "pre{overflow-x:auto;border:1px solid var(--rule);border-radius:4px;padding:10px;font-size:.8rem;line-height:1.4}"
    ".grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:12px}"
    "@media "
    "print{main{max-width:none;padding:0}pre{white-space:pre-wrap}figure,tr{break-inside:avoid}.skip{display:none}"
    "body{font-size:11pt}}";

std::string title_of(const std::vector<RunRecord>& runs) {
  return runs.size() == 1 ? "Run " + runs[0].name : fmt::format("{} runs compared", runs.size());
}

std::string head(const std::string& title) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src "
      "data:\"/>"
      "<meta name=\"color-scheme\" content=\"light dark\"/><title>{} - Pith</title>\n<style>{}{}</style></head>\n",
      escaped(title), chart_css(), kStyle);
}

const char* left_out(Detail detail) {
  switch (detail) {
    case Detail::charts:
      return "pictures of masks and images";
    case Detail::curves:
      return "the histograms, pictures and layers";
    default:
      return "what concerns one run alone";
  }
}

std::string crossover_part(const std::string& svg) {
  if (svg.empty()) return "";
  return "<section><h2>Where each format begins to win</h2>\n" +
         figure(
             image(std::as_bytes(std::span(svg.data(), svg.size())), "svg+xml",
                   "Crossover: how many times faster than dense floats each format is, by sparsity", 900, 0, "chart"),
             "Measured by `pith bench crossover`, beside dense f32 in turns.") +
         "</section>\n";
}

std::string page(const std::vector<RunRecord>& runs, const std::string& drawn_on, const std::string& crossover,
                 Detail detail) {
  const std::string title = title_of(runs);
  std::string out = head(title) + "<body><a class=\"skip\" href=\"#main\">to the content</a><main id=\"main\">\n<h1>" +
                    escaped(title) +
                    "</h1>\n<p class=\"faint\">Figures of the test set are those of the best epoch's "
                    "weights. Latency was measured when this page was drawn, on " +
                    escaped(drawn_on) + ".</p>\n";
  if (detail != Detail::all)
    out += fmt::format(
        "<p class=\"faint\">To stay below {} kB this page leaves out {}; a report of fewer runs has "
        "them.</p>\n",
        kPageLimit / 1000, left_out(detail));
  out += figures_table(runs) + comparison_chart(runs);
  if (detail == Detail::none) return out + "</main></body></html>\n";
  if (runs.size() > 1) {
    out += "<nav aria-label=\"runs\"><ul>";
    for (size_t i = 0; i < runs.size(); ++i)
      out += fmt::format("<li><a href=\"#run{}\">{}</a></li>", i + 1, escaped(runs[i].name));
    out += "</ul></nav>\n";
  }
  for (size_t i = 0; i < runs.size(); ++i) out += run_section(runs[i], i + 1, detail);
  return out + crossover_part(crossover) + "</main></body></html>\n";
}

}  // namespace

std::string report_page(const std::vector<RunRecord>& runs, const std::string& drawn_on, const std::string& crossover) {
  for (const Detail detail : {Detail::all, Detail::charts, Detail::curves}) {
    std::string whole = page(runs, drawn_on, crossover, detail);
    if (whole.size() <= kPageLimit) return whole;
  }
  return page(runs, drawn_on, crossover, Detail::none);
}

}  // namespace pith::apps
