// How a file is refused: one sentence with file, place, what was expected and what was found; and names from strangers
// made safe to print, since messages end on terminals and in logs.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pith {

/// 'name' in quotes: control characters and bytes outside ASCII as \xHH, at most 100 characters, then "...".
std::string printable(std::string_view name);

/// Throws FormatError "`file`: byte `offset`: expected `expected`, found `found`".
[[noreturn]] void refuse(const std::string& file, size_t offset, const std::string& expected, const std::string& found);

}  // namespace pith
