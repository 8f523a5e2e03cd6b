#include "apps/compression.h"

#include <fmt/format.h>

#include <algorithm>

#include "compress/schedule/schedule_file.h"
#include "compress/thinning/thinning.h"
#include "nn/compute.h"

namespace pith::apps {
namespace {

compress::Schedule schedule_of(const TrainingOptions& o) {
  return o.schedule.empty() ? compress::Schedule{} : compress::parse_schedule(o.schedule, o.compress);
}

int64_t zeros_of(const Tensor& t) {
  const std::vector<float> values = t.to_vector<float>();
  return std::count(values.begin(), values.end(), 0.0F);
}

/// The doors with that of recomputing, which the loop will put there.
compress::Doors with(compress::Doors doors, const std::function<void()>& recompute) {
  doors.recompute = [&recompute] { recompute(); };
  return doors;
}

/// All of them as one.
WeightRow total_of(const std::vector<WeightRow>& rows) {
  WeightRow total{"all weights"};
  for (const WeightRow& r : rows) {
    total.weights += r.weights;
    total.zeros += r.zeros;
  }
  return total;
}

int64_t macs_of(nn::Module& model, const Shape& image) {
  int64_t total = 0;
  for (const nn::LayerCompute& layer : nn::compute_table(model, image)) total += layer.macs;
  return total;
}

}  // namespace

Compression::Compression(const TrainingOptions& options, nn::Module& model, compress::Doors doors, const Shape& image)
    : options_(options),
      model_(model),
      schedule_(schedule_of(options)),
      image_(image),
      scheduler_(schedule_, model,
                 {.epochs = options.epochs,
                  .seed = options.seed,
                  .thinner = image.rank() == 0 ? compress::Thinner{} : [this](nn::Module&) { thin(); },
                  .doors = with(std::move(doors), recompute_)}) {}

void Compression::thin() {
  const int64_t parameters = model_.parameter_count(), macs = macs_of(model_, image_);
  const compress::Thinning thinning = compress::thin(model_, image_, optimizer_);
  const int64_t left = macs_of(model_, image_);
  news_ = fmt::format("thinned: {} layers lost filters; {} of {} multiply-adds left ({:.2f} %), {} of {} parameters",
                      thinning.layers.size(), left, macs, 100 * static_cast<double>(left) / static_cast<double>(macs),
                      model_.parameter_count(), parameters);
}

std::unique_ptr<nn::RatePolicy> Compression::rate_policy() const {
  auto rate = compress::make_rate_policy(schedule_, options_.rate, options_.epochs);
  return rate != nullptr ? std::move(rate) : nn::make_rate_policy(options_.rate_policy, options_.rate, options_.epochs);
}

std::vector<WeightRow> Compression::weights() const {
  std::vector<WeightRow> rows;
  const std::vector<std::string>& pruned = scheduler_.pruned();
  model_.visit_parameters([&](const std::string& name, nn::Parameter& p) {
    const bool listed = std::find(pruned.begin(), pruned.end(), name) != pruned.end();
    if (p.shape().rank() < 2 && !listed) return;
    rows.push_back({name, p.shape(), p.value().numel(), zeros_of(p.value()),
                    p.mask() ? std::string(pith::name(p.mask()->granularity())) : ""});
  });
  return rows;
}

std::vector<WeightRow> Compression::pruned(const std::vector<WeightRow>& all) const {
  std::vector<WeightRow> rows;
  for (const WeightRow& r : all)
    if (std::find(scheduler_.pruned().begin(), scheduler_.pruned().end(), r.name) != scheduler_.pruned().end())
      rows.push_back(r);
  return rows;
}

std::string Compression::metrics_header() const {
  if (!active()) return "";
  std::string header = ",sparsity";
  for (const WeightRow& r : pruned(weights())) header += ",sparsity/" + r.name;
  return header;
}

std::string Compression::metrics_row() const {
  if (!active()) return "";
  const std::vector<WeightRow> all = weights();
  std::string row = fmt::format(",{:.9g}", total_of(all).sparsity());
  for (const WeightRow& r : pruned(all)) row += fmt::format(",{:.9g}", r.sparsity());
  return row;
}

void Compression::add_scalars(EventFile& events, int64_t epoch) const {
  if (!active()) return;
  const std::vector<WeightRow> all = weights();
  events.add_scalar("sparsity", epoch, total_of(all).sparsity());
  for (const WeightRow& r : pruned(all)) events.add_scalar("sparsity/" + r.name, epoch, r.sparsity());
}

std::string Compression::table() const {
  const std::vector<WeightRow> all = weights();
  std::string out;
  const auto line = [&](const WeightRow& r, const std::string& shape) {
    out += fmt::format("\n  {:<34} {:<18} {:>9} of {:>9} pruned  {:6.2f} %  {}", r.name, shape, r.zeros, r.weights,
                       100 * r.sparsity(), r.granularity);
  };
  for (const WeightRow& r : pruned(all)) line(r, text(r.shape));
  line(total_of(all), "");
  return out.substr(1);
}

std::string Compression::summary() const {
  return active() ? fmt::format("sparsity {:.2f} %", 100 * total_of(weights()).sparsity()) : "";
}

Json Compression::to_json() const {
  const std::vector<WeightRow> all = weights();
  Json json{{"schedule", options_.compress}, {"sparsity", total_of(all).sparsity()}, {"weights", Json::array()}};
  for (const WeightRow& r : all) {
    const auto extents = r.shape.extents();
    json["weights"].push_back({{"name", r.name},
                               {"shape", std::vector<int64_t>(extents.begin(), extents.end())},
                               {"weights", r.weights},
                               {"zeros", r.zeros},
                               {"sparsity", r.sparsity()},
                               {"mask", r.granularity}});
  }
  return json;
}

void Compression::save(nn::RunState& state) const {
  if (active()) state.schedule = scheduler_.state();
}

void Compression::load(const nn::RunState& state) {
  if (active()) scheduler_.set_state(state.schedule);
}

}  // namespace pith::apps
