#include "apps/sensitivity/study_file.h"

#include <fmt/format.h>

#include <filesystem>

#include "apps/summaries/table.h"
#include "tensor/atomic_file.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

constexpr size_t kLimit = size_t{1} << 26;

Score score_at(const Json& numbers) { return score_from(numbers.get<std::vector<double>>()); }

StudySums sums_from(const Json& json, const StudyPlan& plan) {
  StudySums sums;
  sums.batches = json.at("batches").get<int64_t>();
  sums.base = score_at(json.at("base"));
  for (const Json& weight : json.at("scores")) {
    sums.scores.emplace_back();
    for (const Json& level : weight) sums.scores.back().push_back(score_at(level));
    if (sums.scores.back().size() != plan.levels.size()) throw FormatError("levels are missing");
  }
  if (sums.scores.size() != plan.weights.size() || sums.batches < 0) throw FormatError("weights are missing");
  return sums;
}

}  // namespace

Json study_settings(const StudyPlan& plan, const std::string& model, const std::string& weights_checksum,
                    const std::string& data, int64_t images, int64_t batch_size) {
  return {{"format", 1},
          {"model", model},
          {"weights", weights_checksum},
          {"data", data},
          {"images", images},
          {"batch_size", batch_size},
          {"kind", std::string(compress::name(plan.kind))},
          {"levels", plan.levels},
          {"parameters", plan.weights}};
}

StudySums read_study(const std::string& path, const Json& settings, const StudyPlan& plan) {
  if (!std::filesystem::exists(path)) return {};
  const auto bytes = read_file(path, kLimit);
  try {
    const Json json = Json::parse(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    for (const auto& [name, value] : settings.items()) {
      if (json.at("settings").at(name) == value) continue;
      throw FormatError("it is of another " + name + "; choose another --out or --restart");
    }
    return sums_from(json, plan);
  } catch (const Json::exception&) {
    throw FormatError(path + ": not the state of a sensitivity study; choose another --out or --restart");
  } catch (const FormatError& e) {
    throw FormatError(path + ": expected the state of this study, but " + e.what());
  }
}

void write_study(const std::string& path, const Json& settings, const StudySums& sums) {
  Json json{
      {"settings", settings}, {"batches", sums.batches}, {"base", numbers_of(sums.base)}, {"scores", Json::array()}};
  for (const auto& weight : sums.scores) {
    json["scores"].push_back(Json::array());
    for (const Score& s : weight) json["scores"].back().push_back(numbers_of(s));
  }
  const std::string text = json.dump() + "\n";
  write_file_atomically(path, std::as_bytes(std::span(text.data(), text.size())));
}

std::string sensitivity_csv(const StudyPlan& plan, const StudySums& sums) {
  std::string out = "parameter,sparsity,top1,top5,loss\n";
  for (size_t w = 0; w < plan.weights.size(); ++w) {
    for (size_t l = 0; l < plan.levels.size(); ++l) {
      const Score& s = sums.scores[w][l];
      out += fmt::format("{},{},{:.9g},{:.9g},{:.9g}\n", visible(plan.weights[w]), plan.levels[l], s.top1(), s.top5(),
                         s.loss());
    }
  }
  return out;
}

}  // namespace pith::apps
