#include "compress/schedule/method.h"

namespace pith::compress {

size_t Method::rule_of(const std::string& name, const Shape& shape) const {
  size_t pattern = selectors_.size(), otherwise = selectors_.size();
  for (size_t i = selectors_.size(); i-- > 0;) {
    const Selector& s = selectors_[i];
    if (s.is_name() && s.matches(name)) return i;
    if (s.is_default())
      otherwise = i;
    else if (s.matches(name))
      pattern = i;
  }
  if (pattern < selectors_.size()) return pattern;
  return shape.rank() >= 2 ? otherwise : selectors_.size();
}

bool Method::takes(const std::string& name, const Shape& shape) const {
  return rule_of(name, shape) < selectors_.size();
}

}  // namespace pith::compress
