// `pith schedule check|from-distiller`: schedule files, looked at and translated.
#include <fmt/format.h>

#include <fstream>

#include "apps/cli.h"
#include "apps/report.h"
#include "compress/schedule/schedule_file.h"
#include "compress/schedule/scheduler.h"
#include "nn/language_model.h"
#include "nn/models.h"
#include "tensor/atomic_file.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

constexpr size_t kScheduleLimit = 1 << 20;  ///< bytes

struct Options {
  CommonOptions common;
  std::string file, model, out;
  int64_t epochs = 0;
};

/// What a policy does, in a word of the file.
struct Kind {
  const char* operator()(const compress::PrunerUse&) const { return "pruner"; }
  const char* operator()(const compress::RegularizerUse&) const { return "regularizer"; }
  const char* operator()(const compress::RateUse&) const { return "lr_scheduler"; }
  template <class Extension>
  const char* operator()(const Extension&) const {
    return "extension";
  }
};

const compress::Method* method_of(const compress::PolicySpec& p) {
  if (const auto* use = std::get_if<compress::PrunerUse>(&p.what)) return use->method.get();
  if (const auto* use = std::get_if<compress::RegularizerUse>(&p.what)) return use->method.get();
  return nullptr;
}

Json to_json(const compress::PolicySpec& p, nn::Module* model) {
  const compress::Period period = p.timing.period();
  Json json{{"line", p.place.line},        {"kind", std::visit(Kind{}, p.what)}, {"instance", p.instance},
            {"first_epoch", period.start}, {"last_epoch", p.timing.last()},      {"frequency", period.frequency}};
  const compress::Method* method = method_of(p);
  if (method == nullptr) return json;
  json["selectors"] = Json::array();
  for (const compress::Selector& s : method->selectors()) json["selectors"].push_back(s.pattern());
  if (model == nullptr) return json;
  json["parameters"] = Json::array();
  model->visit_parameters([&](const std::string& name, nn::Parameter& parameter) {
    if (method->takes(name, parameter.shape())) json["parameters"].push_back(name);
  });
  return json;
}

std::unique_ptr<nn::Module> model_of(const Options& o) {
  if (o.model.empty()) return nullptr;
  if (o.model == "lstm-lm" || o.model == "lstm_lm") return nn::make_language_model({.words = 100}, 0);
  return nn::make_model(nn::model_info(o.model).name);
}

/// One image of the model; of rank 0 for the language model.
Shape image_of(const Options& o) {
  return o.model == "lstm-lm" || o.model == "lstm_lm" ? Shape{} : nn::model_info(o.model).input;
}

/// The policies, or the refusal of the file or the model.
Json checked(const Options& o) {
  const auto model = model_of(o);
  const compress::Schedule schedule = compress::read_schedule(o.file);
  const int64_t all = std::max(compress::last_change(schedule) + 1, int64_t{1});
  if (model) {
    compress::SchedulerOptions options{.epochs = o.epochs > 0 ? o.epochs : all};
    options.thinner = [](nn::Module&) {};  // nothing is trained here
    options.doors = {[] {}, [] { return 0.0; }, {{"", 0}}, image_of(o)};
    compress::Scheduler(schedule, *model, options);
  } else if (o.epochs > 0) {
    compress::check_epochs(schedule, o.epochs);
  }
  Json json{{"file", o.file}, {"ok", true}, {"last_change", compress::last_change(schedule)}};
  json["policies"] = Json::array();
  for (const compress::PolicySpec& p : schedule.policies) json["policies"].push_back(to_json(p, model.get()));
  return json;
}

void print(Console& console, const Json& json) {
  console.result(fmt::format("{:>5}  {:<13}{:<20}{:>12}{:>11}  {}", "line", "kind", "instance", "epochs", "frequency",
                             "parameters"));
  for (const Json& p : json.at("policies")) {
    std::string who;
    if (p.contains("parameters"))
      who = fmt::format("{} of the model", p.at("parameters").size());
    else if (p.contains("selectors"))
      for (const Json& s : p.at("selectors")) who += (who.empty() ? "" : ", ") + s.get<std::string>();
    console.result(fmt::format("{:>5}  {:<13}{:<20}{:>5} to {:>3}{:>11}  {}", p.at("line").get<int>(),
                               p.at("kind").get<std::string>(), p.at("instance").get<std::string>(),
                               p.at("first_epoch").get<int64_t>(), p.at("last_epoch").get<int64_t>(),
                               p.at("frequency").get<int64_t>(), who));
  }
}

void check(const Options& o) {
  apply(o.common);
  Console console(o.common.console);
  Json json;
  try {
    json = checked(o);
  } catch (const FormatError& e) {
    if (console.json()) console.document(Json{{"file", o.file}, {"ok", false}, {"refusal", e.what()}}.dump(2));
    throw;
  }
  print(console, json);
  console.result(fmt::format("{} is in order", o.file));
  if (console.json()) console.document(json.dump(2));
}

void from_distiller(const Options& o) {
  apply(o.common);
  Console console(o.common.console);
  const std::vector<std::byte> bytes = read_file(o.file, kScheduleLimit);
  const std::string text =
      compress::from_distiller({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, o.file);
  if (!o.out.empty()) {
    write_file_atomically(o.out, std::as_bytes(std::span(text.data(), text.size())));
    console.note("wrote " + o.out);
  } else {
    console.result(text.substr(0, text.find_last_not_of('\n') + 1));
  }
  if (console.json()) console.document(Json{{"file", o.file}, {"out", o.out}, {"schedule", text}}.dump(2));
}

}  // namespace

void add_schedule(CLI::App& program, Action& action) {
  CLI::App& schedule = *program.add_subcommand("schedule", "check schedules of compression, and translate Distiller's");
  schedule.require_subcommand(1);
  auto o = std::make_shared<Options>();
  const auto add = [&](const char* name, const char* description, const char* examples, void (*run)(const Options&)) {
    CLI::App& command = add_command(schedule, name, description, o->common, examples);
    command.add_option("file", o->file, "the schedule (YAML)")->required();
    command.callback([o, run, &action] { action = [o, run] { run(*o); }; });
    return &command;
  };
  CLI::App* checks = add("check", "refuse what is wrong with a schedule, with file and line, or list what it does",
                         "Examples:\n  pith schedule check schedule.yaml\n"
                         "  pith schedule check schedule.yaml --model resnet20-cifar --epochs 40 --json",
                         check);
  checks->add_option("-m,--model", o->model, "check names and shapes against this network, too");
  checks->add_option("-e,--epochs", o->epochs, "check against a run of so many epochs, too");
  CLI::App* translate = add("from-distiller", "write a strict schedule from a file made for Distiller",
                            "Example:\n  pith schedule from-distiller agp.yaml -o schedule.yaml", from_distiller);
  translate->add_option("-o,--out", o->out, "file to write; default: stdout");
}

}  // namespace pith::apps
