// Where data sets lie: the one rule that reading (data/dataset.h) and fetching (data/fetch.h) share.
#pragma once

#include <string>

namespace pith::data {

/// `root` itself unless empty; then $PITH_DATA; then ~/.cache/pith. Throws ArgumentError where none is known.
std::string data_root(const std::string& root);

}  // namespace pith::data
