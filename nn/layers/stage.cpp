#include "nn/layers/stage.h"

#include "nn/kept_outputs.h"

namespace pith::nn {
namespace {

bool is_tapped(const Stage& s) {
  return (s.conv != nullptr && s.conv->is_tapped()) || (s.norm != nullptr && s.norm->is_tapped()) ||
         (s.add != nullptr && s.add->is_tapped()) || (s.relu != nullptr && s.relu->is_tapped());
}

Variable run_apart(const Stage& s, const Variable& x, const Variable& residual) {
  Variable y = s.conv != nullptr ? s.conv->call(x) : x;
  if (s.norm != nullptr) y = s.norm->call(y);
  if (s.add != nullptr) y = s.add->call(y, residual);
  return s.relu != nullptr ? s.relu->call(y) : y;
}

Variable run_fused(const Stage& s, const Variable& x, const Variable& residual) {
  const bool normalizes = s.norm != nullptr && !s.norm->is_identity();
  if (s.conv != nullptr && !normalizes) return s.conv->call_fused(x, {.residual = residual, .relu = s.relu != nullptr});
  if (s.norm == nullptr) return run_apart(s, x, residual);
  if (s.conv == nullptr || !s.norm->training()) {
    const Variable y = s.conv != nullptr ? s.conv->call(x) : x;
    return s.norm->call_fused(y, {.residual = residual, .relu = s.relu != nullptr});
  }
  const MeasuredVariable conv = s.conv->call_measured(x, s.norm->running_mean());
  return s.norm->call_fused(conv.y, {.residual = residual, .relu = s.relu != nullptr, .moments = &conv.moments});
}

}  // namespace

Variable run_stage(const Stage& s, const Variable& x, const Variable& residual) {
  if (is_tapped(s)) return run_apart(s, x, residual);
  return reuse_output({s.conv, s.norm, s.add, s.relu}, x, residual, [&] { return run_fused(s, x, residual); });
}

}  // namespace pith::nn
