// Schedule: everything that compression will do to a model while it is trained, as a value: a list of policies, each
// who x when x how much x by what. Made by a program, or read from a file (schedule_file.h). It knows no model yet.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "compress/schedule/mask_options.h"
#include "compress/schedule/method.h"
#include "compress/schedule/place.h"
#include "compress/schedule/run_settings.h"
#include "compress/schedule/timing.h"

namespace pith::compress {

struct PrunerUse {
  std::shared_ptr<const PruningMethod> method;
  MaskOptions options;
};

struct RegularizerUse {
  std::shared_ptr<const RegularizationMethod> method;
  bool keep_mask = false;
};

/// A learning-rate policy: nn::make_rate_policy's line, and the epochs its way is long (0: those of the run).
struct RateUse {
  std::string line;
  int64_t length = 0;
};

/// Masks released at the begin of an epoch.
struct ReleaseUse {
  std::vector<Selector> who;
};

/// Weights put back to what they were at the begin of an epoch.
struct RewindUse {
  std::vector<Selector> who;
  int64_t to = 0;
};

/// Pruned filters and channels removed physically at the end of an epoch: by the scheduler's Thinner.
struct ThinUse {};

struct PolicySpec {
  std::string instance;  ///< its name in the file
  Timing timing;
  std::variant<PrunerUse, RegularizerUse, RateUse, ReleaseUse, RewindUse, ThinUse> what;
  Place place{};  ///< of the policy in the file
};

struct Schedule {
  std::vector<PolicySpec> policies;  ///< run in this order
  RunSettings run{};

  Schedule& add(std::string instance, const Timing& timing, std::shared_ptr<const PruningMethod> method,
                const MaskOptions& options = {}) {
    policies.push_back({std::move(instance), timing, PrunerUse{std::move(method), options}});
    return *this;
  }
  Schedule& add(std::string instance, const Timing& timing, std::shared_ptr<const RegularizationMethod> method,
                bool keep_mask = false) {
    policies.push_back({std::move(instance), timing, RegularizerUse{std::move(method), keep_mask}});
    return *this;
  }
};

/// What can be said without a model: two pruners that may meet in one parameter at one time, thinning while masks still
/// change, masks released or weights rewound while a pruner is at work, a second learning-rate policy. Throws
/// FormatError with the later policy's place (ArgumentError where there is no file).
void check(const Schedule& schedule);

/// The last epoch in which a pruner or a threshold changes masks; -1 for none.
int64_t last_mask_change(const Schedule& schedule);

/// The same for everything that jumps: masks, masks released, weights rewound, thinning.
int64_t last_change(const Schedule& schedule);

/// The same for a run of so many epochs: a pruner or an extension that would act after its end.
void check_epochs(const Schedule& schedule, int64_t epochs);

}  // namespace pith::compress
