// Runs the program as a user would: its own process, its own files for stdout and stderr.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "tests/support/files.h"

namespace pith::test {

struct Outcome {
  int code = 0;  ///< exit code, or 128 + signal where one killed it
  std::string out, err;
};

struct ProgramOptions {
  size_t file_limit = 0;  ///< largest file in bytes (RLIMIT_FSIZE): a full disk; 0: none
  std::vector<std::pair<std::string, std::string>> environment;
  std::string program = PITH_PROGRAM;
};

/// A started `pith ARGUMENTS`; output goes to files in `folder`.
class Program {
 public:
  Program(const TemporaryDirectory& folder, const std::vector<std::string>& arguments, const ProgramOptions& o = {})
      : out_(folder.file("stdout.txt")), err_(folder.file("stderr.txt")) {
    pid_ = ::fork();
    if (pid_ != 0) return;
    redirect(out_, 1);
    redirect(err_, 2);
    if (o.file_limit > 0) {
      const rlimit limit{o.file_limit, o.file_limit};
      ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    for (const auto& [name, value] : o.environment) ::setenv(name.c_str(), value.c_str(), 1);
    std::vector<char*> argv = {const_cast<char*>("pith")};
    for (const std::string& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
    argv.push_back(nullptr);
    ::execv(o.program.c_str(), argv.data());
    ::_exit(127);
  }

  void signal(int number) const { ::kill(pid_, number); }
  Outcome wait() const {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return {code, read_text(out_), read_text(err_)};
  }

 private:
  static void redirect(const std::string& path, int to) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ::dup2(file, to);
  }
  std::string out_, err_;
  pid_t pid_;
};

inline Outcome run_program(const TemporaryDirectory& folder, const std::vector<std::string>& arguments,
                           const ProgramOptions& options = {}) {
  return Program(folder, arguments, options).wait();
}

/// One sentence on one line, as every message must be.
inline bool is_one_line(const std::string& text) { return text.size() > 1 && text.find('\n') == text.size() - 1; }

/// The program ends with this code, says nothing on stdout, and one sentence with `says` in it on stderr.
inline void expect_refused(const TemporaryDirectory& folder, const std::vector<std::string>& arguments, int code,
                           const std::string& says) {
  const Outcome o = run_program(folder, arguments);
  EXPECT_EQ(o.code, code) << o.err;
  EXPECT_TRUE(is_one_line(o.err)) << o.err;
  EXPECT_NE(o.err.find(says), std::string::npos) << o.err;
  EXPECT_EQ(o.out, "");
}

}  // namespace pith::test
