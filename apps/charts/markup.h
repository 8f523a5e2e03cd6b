// Words from outside inside HTML and SVG.
#pragma once

#include <string>
#include <string_view>

namespace pith::apps {

/// Text or attribute content: & < > " ' as entities; control characters and bytes that are no ASCII as \xHH.
std::string escaped(std::string_view words);
/// At most about `length` bytes, the middle left out where there are more; still to be escaped.
std::string shortened(const std::string& words, size_t length);

}  // namespace pith::apps
