#include "tensor/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "tensor/error.h"
#include "tensor/input_file.h"

namespace pith {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& path, const char* deed, int error) {
  throw IoError(path + ": cannot " + deed + ": " + std::generic_category().message(error) +
                "; what was there before is unchanged");
}

/// Owns a descriptor. Closing here ignores the result: every byte that matters was synced before.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

/// Where to write really: behind a symbolic link. Refuses what a rename would destroy.
std::string target_of(const std::string& path) {
  std::error_code error;
  const fs::file_status link = fs::symlink_status(path, error);
  if (!fs::exists(link)) return path;
  const fs::path target = fs::is_symlink(link) ? fs::canonical(path, error) : fs::path(path);
  if (error) fail(path, "follow the symbolic link", error.value());
  const bool regular = fs::is_regular_file(target, error);
  if (error) fail(path, "look at it", error.value());
  if (!regular) throw IoError(path + ": exists and is not a regular file; choose another path");
  return target.string();
}

/// Is the file behind `fd` still the one called `name`? Another writer may have renamed it before we held the lock.
bool still_named(int fd, const std::string& name) {
  struct stat ours {
  }, theirs{};
  return ::fstat(fd, &ours) == 0 && ::stat(name.c_str(), &theirs) == 0 && ours.st_ino == theirs.st_ino &&
         ours.st_dev == theirs.st_dev;
}

/// The temporary, open, locked and ours. Where the file system knows no locks (flock fails) we go on without one.
Descriptor open_temporary(const std::string& name, const std::string& path) {
  for (;;) {
    Descriptor fd(::open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
    if (fd.get() < 0) fail(path, "create the temporary file beside it", errno);
    while (::flock(fd.get(), LOCK_EX) != 0 && errno == EINTR) {
    }
    if (still_named(fd.get(), name)) return fd;
  }
}

void write_all(int fd, std::span<const std::byte> bytes, const std::string& path) {
  constexpr size_t kMost = size_t{1} << 30;  // Linux takes at most 2 GiB - 4 KiB in one call
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size() < kMost ? bytes.size() : kMost);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(path, "write", errno);
    if (count == 0) fail(path, "write", EIO);
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
}

void fill_and_sync(int fd, std::span<const std::span<const std::byte>> pieces, const std::string& path) {
  if (::ftruncate(fd, 0) != 0) fail(path, "empty the temporary file", errno);
  struct stat old {};
  if (::stat(path.c_str(), &old) == 0) static_cast<void>(::fchmod(fd, old.st_mode & 07777));
  for (const std::span<const std::byte> piece : pieces) write_all(fd, piece, path);
  if (::fsync(fd) != 0) fail(path, "sync", errno);
}

void sync_folder(int fd, const std::string& path) {
  if (::fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP) return;  // some file systems cannot sync a folder
  throw IoError(path + ": written, but its folder cannot be synced: " + std::generic_category().message(errno) +
                "; the new file may not outlive a power cut");
}

}  // namespace

void write_file_atomically(const std::string& path, std::span<const std::span<const std::byte>> pieces) {
  const std::string target = target_of(path);
  const std::string parent = fs::path(target).parent_path().string();
  const Descriptor folder(::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0) fail(path, "open its folder", errno);
  const std::string temporary = target + ".part";
  const Descriptor file = open_temporary(temporary, path);
  try {
    fill_and_sync(file.get(), pieces, target);
    if (::rename(temporary.c_str(), target.c_str()) != 0) fail(path, "rename the temporary file to it", errno);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  sync_folder(folder.get(), path);
}

void write_file_atomically(const std::string& path, std::span<const std::byte> bytes) {
  write_file_atomically(path, std::span<const std::span<const std::byte>>(&bytes, 1));
}

std::vector<std::byte> read_file(const std::string& path, size_t limit) {
  const InputFile file(path);
  if (file.size() > limit)
    throw IoError(path + ": has " + std::to_string(file.size()) + " bytes, at most " + std::to_string(limit) +
                  " are accepted");
  std::vector<std::byte> bytes(file.size());
  file.read(0, bytes);
  return bytes;
}

}  // namespace pith
