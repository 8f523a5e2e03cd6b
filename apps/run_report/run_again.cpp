#include "apps/run_report/run_again.h"

#include <fmt/format.h>

#include <array>
#include <sstream>

#include "apps/charts/markup.h"
#include "apps/training_options.h"

namespace pith::apps {
namespace {

struct Flag {
  const char* setting;
  const char* option;
};
// Schedule and distillation weights are written by hand below; what changes no bit of the result is left out.
constexpr std::array kFlags{Flag{"model", "--model"},
                            Flag{"data", "--data"},
                            Flag{"text", "--text"},
                            Flag{"text_test", "--text-test"},
                            Flag{"init", "--init"},
                            Flag{"compress", "--compress"},
                            Flag{"teacher", "--teacher"},
                            Flag{"teacher_model", "--teacher-model"},
                            Flag{"distill_temperature", "--distill-temperature"},
                            Flag{"distill_start", "--distill-start"},
                            Flag{"epochs", "--epochs"},
                            Flag{"batch_size", "--batch-size"},
                            Flag{"rate", "--lr"},
                            Flag{"rate_policy", "--lr-policy"},
                            Flag{"optimizer", "--optimizer"},
                            Flag{"momentum", "--momentum"},
                            Flag{"nesterov", "--nesterov"},
                            Flag{"weight_decay", "--weight-decay"},
                            Flag{"label_smoothing", "--label-smoothing"},
                            Flag{"clip_norm", "--clip-norm"},
                            Flag{"augment", "--augment"},
                            Flag{"validation", "--valid"},
                            Flag{"evaluate_every", "--evaluate-every"},
                            Flag{"embedding", "--embed"},
                            Flag{"hidden", "--hidden"},
                            Flag{"layers", "--layers"},
                            Flag{"bptt", "--bptt"},
                            Flag{"dropout", "--dropout"},
                            Flag{"tied", "--tied"}};

std::string quoted(const std::string& word) {
  if (!word.empty() &&
      word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./,:=+") ==
          std::string::npos)
    return word;
  std::string out(1, '\'');
  for (const char c : word) {
    if (c == '\'') out += "'\\'";
    out += c;
  }
  out += '\'';
  return out;
}

std::string compiler() {
#ifdef __clang__
  return "Clang " __clang_version__;
#else
  return "GCC " __VERSION__;
#endif
}

std::string words_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

/// Text with its line ends kept.
std::string escaped_lines(const std::string& text) {
  std::istringstream lines(text);
  std::string out;
  for (std::string line; std::getline(lines, line);) out += escaped(line) + "\n";
  return out;
}

}  // namespace

std::string train_command(const Json& config) {
  const Json defaults = Json::parse(to_json(TrainingOptions{}));
  const bool language = config.value("model", std::string()) == "lstm-lm";  // has other defaults
  std::string out = "pith train";
  for (const Flag& f : kFlags) {
    if (!config.contains(f.setting)) continue;
    const Json& value = config[f.setting];
    if (value == false || value == "" || (!language && value == defaults.value(f.setting, Json()))) continue;
    out += fmt::format(" {}", f.option);
    if (!value.is_boolean()) out += fmt::format(" {}", quoted(words_of(value)));
  }
  if (config.contains("seed")) out += " --seed " + config["seed"].dump();
  if (config.value("teacher", std::string()).empty()) return out;
  return out + fmt::format(" --distill-weights {},{}", config.value("distill_weight", 0.5),
                           config.value("student_weight", 0.5));
}

std::string run_again(const RunRecord& run) {
  std::string out =
      "<h3>To run it again</h3>\n<pre class=\"wrap\" tabindex=\"0\">" + escaped(train_command(run.config)) + "</pre>\n";
  const std::string machine = run.machine.empty() ? "its log does not say" : run.machine;
  out += "<p>Folder: " + escaped(run.path) + ". Machine: " + escaped(machine) +
         ". This page: pith " PITH_VERSION ", compiler " + escaped(compiler()) + ".</p>\n";
  const std::string schedule = run.config.value("schedule", std::string());
  if (!schedule.empty()) out += "<h3>Schedule</h3>\n<pre tabindex=\"0\">" + escaped_lines(schedule) + "</pre>\n";
  Json settings = run.config;
  settings.erase("schedule");
  return out + "<details><summary>All settings</summary><pre tabindex=\"0\">" +
         escaped_lines(settings.dump(2, ' ', true)) + "</pre></details>\n";
}

}  // namespace pith::apps
