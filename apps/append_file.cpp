#include "apps/append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tensor/error.h"

namespace pith::apps {
namespace {

[[noreturn]] void fail(const std::string& path, const char* what) {
  throw IoError(path + ": cannot " + what + ": " + std::strerror(errno));
}

}  // namespace

int open_for_append(const std::string& path, int64_t length) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) fail(path, "open");
  struct stat status {};
  if (::fstat(file, &status) != 0) ::close(file), fail(path, "stat");
  if (status.st_size < length) {
    ::close(file);
    throw FormatError(path + ": the checkpoint counts " + std::to_string(length) + " bytes in it and it has " +
                      std::to_string(status.st_size) + "; it was changed from outside, so the run cannot go on");
  }
  if (::ftruncate(file, length) != 0) ::close(file), fail(path, "truncate");
  return file;
}

void append_and_sync(int file, const std::string& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(file, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(path, "write");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  if (::fsync(file) != 0) fail(path, "sync");
}

}  // namespace pith::apps
