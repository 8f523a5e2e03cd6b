#include "tensor/atomic_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <thread>

#include "tensor/error.h"
#include "tests/support/files.h"
#include "tests/support/hostile_bytes.h"

namespace {

// Calls of the system that the test watches: the linker prefers the definitions below to the C library's. While
// `watched` is on, every call is counted, and call number `at` fails with `error`, or kills the process for error 0.
struct {
  bool watched = false;
  int calls = 0, at = 0, error = 0;
} g_fault;

bool fails_now() {
  if (!g_fault.watched || ++g_fault.calls != g_fault.at) return false;
  if (g_fault.error == 0) ::kill(::getpid(), SIGKILL);
  errno = g_fault.error;
  return true;
}

}  // namespace

extern "C" {
ssize_t write(int fd, const void* data, size_t size) {
  if (fails_now()) return -1;
  // A system may write less than asked: half of it, so that the rest must be asked for again.
  if (g_fault.watched && size > 1) size /= 2;
  return ::syscall(SYS_write, fd, data, size);
}
int fsync(int fd) { return fails_now() ? -1 : static_cast<int>(::syscall(SYS_fsync, fd)); }
int ftruncate(int fd, off_t size) noexcept {
  return fails_now() ? -1 : static_cast<int>(::syscall(SYS_ftruncate, fd, size));
}
int rename(const char* from, const char* to) noexcept {
  return fails_now() ? -1 : static_cast<int>(::syscall(SYS_rename, from, to));
}
}

namespace pith {
namespace {

using test::Bytes;
using test::bytes_of;

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

std::string error_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const IoError& error) {
    return error.what();
  }
  return "";
}

/// Runs `act` in a child; its wait status.
int status_of_child(const std::function<int()>& act) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(act());
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST(AtomicFile, WritesAndReplacesAndReadsBack) {
  const test::TemporaryDirectory folder;
  const std::string path = folder.file("a");
  for (const char* text : {"", "one", "something longer"}) {
    write_file_atomically(path, bytes_of(text));
    EXPECT_EQ(read_file(path, 100), bytes_of(text));
  }
  EXPECT_EQ(files_in(folder.path()), std::vector<std::string>{"a"});
}

TEST(AtomicFile, JoinsPieces) {
  const test::TemporaryDirectory folder;
  const Bytes a = bytes_of("ab"), empty, c = bytes_of("c");
  const std::vector<std::span<const std::byte>> pieces{a, empty, c};
  write_file_atomically(folder.file("a"), pieces);
  EXPECT_EQ(test::read_text(folder.file("a")), "abc");
}

TEST(AtomicFile, RefusesToReadMoreThanTheLimit) {
  const test::TemporaryDirectory folder;
  test::write_text(folder.file("a"), "12345");
  EXPECT_EQ(read_file(folder.file("a"), 5).size(), 5u);
  EXPECT_THAT(error_of([&] { read_file(folder.file("a"), 4); }), testing::HasSubstr("has 5 bytes, at most 4"));
}

TEST(AtomicFile, NamesPathAndReasonWhereAFileCannotBeRead) {
  const test::TemporaryDirectory folder;
  EXPECT_THAT(error_of([&] { read_file(folder.file("none"), 9); }), testing::HasSubstr("No such file"));
  EXPECT_THAT(error_of([&] { read_file(folder.path(), 9); }), testing::HasSubstr("not a regular file"));
  EXPECT_THAT(error_of([&] { read_file("/dev/zero", 9); }), testing::HasSubstr("not a regular file"));
  ASSERT_EQ(::mkfifo(folder.file("pipe").c_str(), 0600), 0);
  EXPECT_THAT(error_of([&] { read_file(folder.file("pipe"), 9); }), testing::HasSubstr("not a regular file"));
}

TEST(AtomicFile, KeepsTheOldFileWhicheverCallFails) {
  const test::TemporaryDirectory folder;
  const std::string path = folder.file("a");
  int failures = 0;
  for (int at = 1; at < 100; ++at) {
    test::write_text(path, "old");
    g_fault = {true, 0, at, ENOSPC};
    const std::string error = error_of([&] { write_file_atomically(path, bytes_of("the new content")); });
    g_fault.watched = false;
    EXPECT_EQ(files_in(folder.path()), std::vector<std::string>{"a"}) << "call " << at;
    if (error.empty()) {
      EXPECT_EQ(test::read_text(path), "the new content");
      break;  // no call is left to fail
    }
    ++failures;
    EXPECT_THAT(error, testing::HasSubstr(path));
    EXPECT_THAT(error, testing::HasSubstr("No space left on device"));
    const bool only_the_folder = error.find("its folder cannot be synced") != std::string::npos;
    EXPECT_EQ(test::read_text(path), only_the_folder ? "the new content" : "old") << "call " << at;
  }
  EXPECT_GE(failures, 6);  // ftruncate, several writes, fsync, rename, fsync of the folder
}

TEST(AtomicFile, LeavesTheOldOrTheNewFileWhereverItIsKilled) {
  const test::TemporaryDirectory folder;
  const std::string path = folder.file("a");
  int killed = 0, old = 0;
  for (int at = 1; at < 100; ++at) {
    test::write_text(path, "old");
    const int status = status_of_child([&] {
      g_fault = {true, 0, at, 0};
      write_file_atomically(path, bytes_of("the new content"));
      return 0;
    });
    const std::string now = test::read_text(path);
    EXPECT_TRUE(now == "old" || now == "the new content") << "killed at call " << at << ": " << now;
    old += now == "old";
    if (!WIFSIGNALED(status)) break;
    ++killed;
    write_file_atomically(path, bytes_of("next"));  // what a killed writer left is no obstacle, and goes
    EXPECT_EQ(files_in(folder.path()), std::vector<std::string>{"a"});
  }
  EXPECT_GE(killed, 6);
  EXPECT_EQ(old, killed - 1);  // only the kill at the folder's sync comes after the rename
}

TEST(AtomicFile, KeepsTheOldFileOnAFullDisk) {
  const test::TemporaryDirectory folder;
  const std::string path = folder.file("a");
  test::write_text(path, "old");
  const int status = status_of_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4096, 4096};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const std::string error = error_of([&] { write_file_atomically(path, Bytes(5000)); });
    return error.find("cannot write: File too large") != std::string::npos ? 0 : 1;
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(test::read_text(path), "old");
  EXPECT_EQ(files_in(folder.path()), std::vector<std::string>{"a"});
}

TEST(AtomicFile, RefusesDevicesAndFoldersAndLeavesThemAlone) {
  const test::TemporaryDirectory folder;
  std::filesystem::create_symlink("/dev/full", folder.file("full"));
  EXPECT_THAT(error_of([&] { write_file_atomically(folder.file("full"), bytes_of("x")); }),
              testing::HasSubstr("not a regular file"));
  EXPECT_THAT(error_of([&] { write_file_atomically(folder.path(), bytes_of("x")); }),
              testing::HasSubstr("not a regular file"));
  EXPECT_THAT(error_of([&] { write_file_atomically(folder.file("none") + "/a", bytes_of("x")); }),
              testing::HasSubstr("No such file"));
  EXPECT_TRUE(std::filesystem::is_symlink(folder.file("full")));
}

TEST(AtomicFile, RefusesAFolderThatMayNotBeWritten) {
  if (::geteuid() == 0) {  // root may write anywhere: become nobody in a child
    const test::TemporaryDirectory folder;
    test::write_text(folder.file("a"), "old");
    ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
    const int status = status_of_child([&] {
      if (::setgid(65534) != 0 || ::setuid(65534) != 0) return 2;
      const std::string error = error_of([&] { write_file_atomically(folder.file("a"), bytes_of("new")); });
      return error.find("Permission denied") != std::string::npos ? 0 : 1;
    });
    EXPECT_EQ(status, 0);
    EXPECT_EQ(test::read_text(folder.file("a")), "old");
    return;
  }
  const test::TemporaryDirectory folder;
  test::write_text(folder.file("a"), "old");
  ASSERT_EQ(::chmod(folder.path().c_str(), 0555), 0);
  EXPECT_THAT(error_of([&] { write_file_atomically(folder.file("a"), bytes_of("new")); }),
              testing::HasSubstr("Permission denied"));
  EXPECT_EQ(test::read_text(folder.file("a")), "old");
  ::chmod(folder.path().c_str(), 0755);
}

TEST(AtomicFile, WritesThroughASymbolicLinkAndKeepsTheMode) {
  const test::TemporaryDirectory folder;
  test::write_text(folder.file("target"), "old");
  ASSERT_EQ(::chmod(folder.file("target").c_str(), 0640), 0);
  std::filesystem::create_symlink("target", folder.file("link"));
  write_file_atomically(folder.file("link"), bytes_of("new"));
  EXPECT_TRUE(std::filesystem::is_symlink(folder.file("link")));
  EXPECT_EQ(test::read_text(folder.file("target")), "new");
  struct stat facts {};
  ASSERT_EQ(::stat(folder.file("target").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0640u);
}

TEST(AtomicFile, WorksInTheWorkingFolderByABareName) {
  const test::TemporaryDirectory folder;
  const int status = status_of_child([&] {
    if (::chdir(folder.path().c_str()) != 0) return 2;
    write_file_atomically("bare", bytes_of("x"));
    return 0;
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(test::read_text(folder.file("bare")), "x");
}

TEST(AtomicFile, LetsWritersTakeTurnsAndShowsReadersWholeFilesOnly) {
  const test::TemporaryDirectory folder;
  const std::string path = folder.file("a");
  write_file_atomically(path, Bytes(5000, std::byte{0}));
  std::atomic<bool> done = false;
  const auto writer = [&](int value) {
    for (int i = 0; i < 40; ++i)
      write_file_atomically(path, Bytes(5000 + static_cast<size_t>(value), std::byte(value)));
  };
  std::thread first(writer, 1), second(writer, 2), third([&] {
    while (!done) {
      const Bytes seen = read_file(path, 10000);
      const int value = std::to_integer<int>(seen[0]);
      EXPECT_EQ(seen, Bytes(5000 + static_cast<size_t>(value), std::byte(value)));
    }
  });
  first.join();
  second.join();
  done = true;
  third.join();
  EXPECT_EQ(files_in(folder.path()), std::vector<std::string>{"a"});
}

}  // namespace
}  // namespace pith
