#include "tests/support/golden.h"

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace pith::test {

Golden read_golden(const std::string& name) {
  const std::string path = PITH_TESTS "/nn/golden/" + name;  // the source folder, by CMake
  std::ifstream in(path);
  if (!in) throw std::runtime_error("there is no golden file " + path);
  Golden rows;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string key;
    words >> key;
    for (double value; words >> value;) rows[key].push_back(value);
  }
  return rows;
}

}  // namespace pith::test
