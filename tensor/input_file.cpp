#include "tensor/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "tensor/error.h"

namespace pith {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

}  // namespace

InputFile::InputFile(const std::string& path) : path_(path) {
  // Non-blocking, so that opening a pipe that nobody writes returns and is refused below.
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) throw IoError(path + ": cannot open for reading: " + reason(errno));
  struct stat facts {};
  if (::fstat(descriptor_, &facts) != 0 || !S_ISREG(facts.st_mode)) {
    ::close(descriptor_);
    throw IoError(path + ": is not a regular file; give the path of a file");
  }
  size_ = static_cast<size_t>(facts.st_size);
}

InputFile::~InputFile() { ::close(descriptor_); }

void InputFile::read(size_t offset, std::span<std::byte> into) const {
  if (offset > size_ || into.size() > size_ - offset)
    throw IoError(path_ + ": byte " + std::to_string(offset) + ": " + std::to_string(into.size()) +
                  " bytes wanted, the file has " + std::to_string(size_));
  while (!into.empty()) {
    const ssize_t count = ::pread(descriptor_, into.data(), into.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw IoError(path_ + ": cannot read at byte " + std::to_string(offset) + ": " + reason(errno));
    if (count == 0)
      throw IoError(path_ + ": became shorter while it was read: nothing at byte " + std::to_string(offset));
    into = into.subspan(static_cast<size_t>(count));
    offset += static_cast<size_t>(count);
  }
}

}  // namespace pith
