// Ctrl-C and SIGTERM: the first asks the program to stop at the next batch, the second stops it at once.
//
// The flag is set by a signal handler and read between batches; it is the one thing here that changes globally.
#pragma once

#include <stdexcept>
#include <string>

namespace pith::apps {

/// The user asked to stop; thrown once everything worth keeping is on the disk. The program exits with 128 + signal.
class Interrupted : public std::runtime_error {
 public:
  Interrupted(int signal, const std::string& message) : std::runtime_error(message), signal_(signal) {}
  int signal() const { return signal_; }

 private:
  int signal_;
};

/// Installs the handlers of SIGINT and SIGTERM, and ignores SIGXFSZ so that a file limit is an error of write().
void watch_signals();

/// The signal that came in, or 0.
int interrupted();
/// Throws Interrupted if one came in: for work that leaves nothing to save.
void check_interrupted();

}  // namespace pith::apps
