#include "compress/schedule/schedule_file.h"

#include <functional>
#include <map>
#include <set>

#include "compress/schedule/fields.h"
#include "compress/schedule/method_table.h"
#include "compress/schedule/rate_table.h"
#include "compress/schedule/run_sections.h"
#include "compress/schedule/settings.h"
#include "compress/schedule/yaml_file.h"
#include "tensor/refusal.h"

namespace pith::compress {
namespace {

/// What a policy may use, by the name of its instance.
struct Instances {
  std::map<std::string, std::shared_ptr<const PruningMethod>> pruners;
  std::map<std::string, std::shared_ptr<const RegularizationMethod>> regularizers;
  std::map<std::string, RateUse> rates;
  std::map<std::string, std::variant<ReleaseUse, RewindUse, ThinUse>> extensions;
};

std::variant<ReleaseUse, RewindUse, ThinUse> make_extension(Fields& f) {
  const size_t chosen = f.choice("class", {"FilterRemover", "ChannelRemover", "MaskReleaser", "WeightRewinder"});
  std::variant<ReleaseUse, RewindUse, ThinUse> out = ThinUse{};
  if (chosen < 2) {
    f.find("thinning_func_str");  // the model's files name the function, and the network and data it was traced with
    f.find("arch");
    f.find("dataset");
  }
  if (chosen == 2) out = ReleaseUse{selectors_from(f, "weights")};
  if (chosen == 3) out = RewindUse{selectors_from(f, "weights"), f.integer("rewind_to", 0, 0)};
  f.finish();
  return out;
}

class FileReader {
 public:
  FileReader(const YamlNode& document, const std::string& path) : fields_(document, path, "the schedule") {}

  Schedule read() {
    for (const char* key : {"version", "pruners", "regularizers", "lr_schedulers", "extensions", "quantizers",
                            "policies", "optimizer", "data", "distillation", "stop"})
      fields_.find(key);
    fields_.finish();
    if (fields_.find("version") != nullptr && fields_.integer("version", 1) != 1)
      fields_.refuse("version", "must be 1");
    section("pruners", "pruner", [&](Fields& f, const std::string& name) { all_.pruners[name] = make_pruner(f); });
    section("regularizers", "regularizer",
            [&](Fields& f, const std::string& name) { all_.regularizers[name] = make_regularizer(f); });
    section("lr_schedulers", "lr_scheduler",
            [&](Fields& f, const std::string& name) { all_.rates[name] = make_rate(f); });
    section("extensions", "extension",
            [&](Fields& f, const std::string& name) { all_.extensions.emplace(name, make_extension(f)); });
    section("quantizers", "quantizer", [&](Fields& f, const std::string&) {
      f.place().refuse(f.what() + ": quantizers are not built yet; take this section out");
    });
    read_run();
    read_policies();
    check_used();
    check(schedule_);
    return std::move(schedule_);
  }

 private:
  using Make = std::function<void(Fields&, const std::string&)>;
  void section(const std::string& key, const std::string& kind, const Make& make) {
    const YamlNode* node = fields_.find(key);
    if (node == nullptr || node->kind == YamlNode::Kind::null) return;
    const Fields all(*node, fields_.file(), key);  // refuses what is no mapping
    for (size_t i = 0; i < node->keys.size(); ++i) {
      const std::string& name = node->keys[i];
      if (node->items[i].kind != YamlNode::Kind::map)
        Place{fields_.file(), node->key_lines[i]}.refuse(kind + " " + printable(name) +
                                                         " must be a mapping of its settings");
      Fields settings(node->items[i], fields_.file(), kind + " " + printable(name));
      make(settings, name);
      defined_.push_back({kind, name, node->key_lines[i]});
    }
  }

  void read_run() {
    const auto section_of = [&](const char* key, const auto& read) {
      const YamlNode* node = fields_.find(key);
      if (node == nullptr) return;
      Fields f(*node, fields_.file(), key);
      read(f);
    };
    section_of("optimizer", [&](Fields& f) { schedule_.run.optimizer = optimizer_from(f); });
    section_of("data", [&](Fields& f) { schedule_.run.data = data_from(f); });
    section_of("distillation", [&](Fields& f) { schedule_.run.distillation = distillation_from(f); });
    section_of("stop", [&](Fields& f) { schedule_.run.stop = stop_from(f); });
  }

  void read_policies() {
    const YamlNode& list = fields_.node("policies");
    if (list.kind != YamlNode::Kind::list || list.items.empty())
      fields_.refuse("policies", "must be a list of policies, here is " + list.kind_name());
    for (const YamlNode& item : list.items) {
      Fields f(item, fields_.file(), "the policy");
      read_policy(f);
    }
  }

  void read_policy(Fields& f) {
    std::string kind;
    for (const char* candidate : {"pruner", "regularizer", "quantizer", "lr_scheduler", "extension"}) {
      if (f.find(candidate) == nullptr) continue;
      if (!kind.empty()) f.refuse(candidate, "stands beside " + kind + "; a policy has one of them");
      kind = candidate;
    }
    if (kind.empty()) f.place().refuse("the policy names no pruner, regularizer, lr_scheduler or extension");
    Fields use(f.node(kind), f.file(), kind);
    const std::string name = use.text("instance_name");
    PolicySpec spec{name, timing(f), what(use, kind, name), f.place(kind)};
    use.finish();
    f.finish();
    used_.insert({kind, name});
    schedule_.policies.push_back(std::move(spec));
  }

  Timing timing(Fields& f) {
    try {
      if (f.has("epochs")) {
        for (const char* key : {"starting_epoch", "ending_epoch", "frequency"})
          if (f.has(key)) f.refuse(key, "stands beside epochs; a policy has either");
        return Timing(f.integers("epochs", 0));
      }
      const int64_t start = f.integer("starting_epoch", 0);
      const int64_t end = f.integer("ending_epoch", 0);
      return Timing(Period{start, end, f.integer("frequency", 1)});
    } catch (const ArgumentError& e) {
      f.place(f.has("epochs") ? "epochs" : f.has("ending_epoch") ? "ending_epoch" : "starting_epoch").refuse(e.what());
    }
  }

  template <class Map>
  const typename Map::mapped_type& instance(const Map& map, const Fields& use, const std::string& name) {
    const auto found = map.find(name);
    if (found == map.end()) use.refuse("instance_name", printable(name) + " is defined nowhere above");
    return found->second;
  }

  decltype(PolicySpec::what) what(Fields& use, const std::string& kind, const std::string& name) {
    if (kind == "pruner") return PrunerUse{instance(all_.pruners, use, name), mask_options(use)};
    if (kind == "regularizer") {
      RegularizerUse r{instance(all_.regularizers, use, name)};
      if (use.find("args") != nullptr) {
        Fields args(use.node("args"), use.file(), "args of " + printable(name));
        r.keep_mask = args.flag("keep_mask", false);
        args.finish();
        if (r.keep_mask && !r.method->has_threshold())
          args.refuse("keep_mask", "needs a regularizer with threshold_criteria");
      }
      return r;
    }
    if (kind == "lr_scheduler") return instance(all_.rates, use, name);
    if (kind == "quantizer") use.place().refuse("quantizers are not built yet; take this policy out");
    return std::visit([](const auto& e) -> decltype(PolicySpec::what) { return e; },
                      instance(all_.extensions, use, name));
  }

  static MaskOptions mask_options(Fields& use) {
    MaskOptions o;
    if (use.find("args") == nullptr) return o;
    Fields f(use.node("args"), use.file(), "args of the pruner policy");
    o.keep_mask = f.flag("keep_mask", false);
    o.mini_batch_pruning_frequency = f.integer("mini_batch_pruning_frequency", 0, 0);
    o.mask_on_forward_only = f.flag("mask_on_forward_only", false);
    o.mask_gradients = f.flag("mask_gradients", false);
    o.use_double_copies = f.flag("use_double_copies", false);
    o.discard_masks_at_minibatch_end = f.flag("discard_masks_at_minibatch_end", false);
    o.skip_first_minibatch = f.flag("skip_first_minibatch", false);
    if (f.flag("fold_batchnorm", false)) f.refuse("fold_batchnorm", "is not built; leave it out");
    for (const char* soft : {"mask_gradients", "use_double_copies", "discard_masks_at_minibatch_end"})
      if (f.flag(soft, false) && !o.mask_on_forward_only)
        f.refuse(soft, "needs mask_on_forward_only: true; a hard mask lets nothing revive");
    f.finish();
    return o;
  }

  void check_used() const {
    for (const Definition& d : defined_)
      if (!used_.contains({d.kind, d.name}))
        Place{fields_.file(), d.line}.refuse(d.kind + " " + printable(d.name) + " is used by no policy");
  }

  struct Definition {
    std::string kind, name;
    int line;
  };
  Fields fields_;
  Instances all_;
  Schedule schedule_;
  std::vector<Definition> defined_;
  std::set<std::pair<std::string, std::string>> used_;
};

}  // namespace

Schedule schedule_from(const YamlNode& document, const std::string& path) { return FileReader(document, path).read(); }
Schedule parse_schedule(const std::string& text, const std::string& path) {
  return schedule_from(parse_yaml(text, path), path);
}
Schedule read_schedule(const std::string& path) { return schedule_from(read_yaml(path), path); }

}  // namespace pith::compress
