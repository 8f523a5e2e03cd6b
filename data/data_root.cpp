#include "data/data_root.h"

#include <cstdlib>
#include <filesystem>

#include "tensor/error.h"

namespace pith::data {

std::string data_root(const std::string& root) {
  if (!root.empty()) return root;
  if (const char* set = std::getenv("PITH_DATA"); set != nullptr && *set != '\0') return set;
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0')
    return (std::filesystem::path(home) / ".cache" / "pith").string();
  throw ArgumentError("data: neither PITH_DATA nor HOME says where data sets lie; give the folder");
}

}  // namespace pith::data
