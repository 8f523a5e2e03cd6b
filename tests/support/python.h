// Python as an outside judge: runs a script with Debian's interpreter where it and the modules it needs are installed.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/support/files.h"

namespace pith::test {

/// The interpreter that knows Debian's modules; $PITH_PYTHON names another.
inline std::string python() {
  const char* other = std::getenv("PITH_PYTHON");
  return other != nullptr ? other : "/usr/bin/python3";
}

/// Is there a Python with this module?
inline bool python_has(const std::string& module) {
  return std::filesystem::exists(python()) &&
         std::system((python() + " -c 'import " + module + "' > /dev/null 2>&1").c_str()) == 0;
}

/// Runs the script in `folder`; "" if it ended well, otherwise what it said.
inline std::string run_python(const TemporaryDirectory& folder, const std::string& script) {
  write_text(folder.file("script.py"), script);
  const std::string command =
      "cd '" + folder.path() + "' && '" + python() + "' script.py > python.log 2>&1 && rm python.log";
  return std::system(command.c_str()) == 0 ? "" : "python failed: " + read_text(folder.file("python.log"));
}

}  // namespace pith::test
