#include "apps/interrupt.h"

#include <unistd.h>

#include <csignal>

namespace pith::apps {
namespace {

volatile std::sig_atomic_t pending = 0;

void on_signal(int signal) {
  if (pending != 0) ::_exit(128 + signal);
  pending = signal;
}

}  // namespace

void watch_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGXFSZ, SIG_IGN);
}

int interrupted() { return pending; }

void check_interrupted() {
  if (const int signal = pending) throw Interrupted(signal, "interrupted");
}

}  // namespace pith::apps
