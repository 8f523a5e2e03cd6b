#include "tensor/zip_file.h"

#include <zip.h>

#include <limits>
#include <unordered_map>

#include "tensor/error.h"
#include "tensor/input_file.h"
#include "tensor/refusal.h"

namespace pith {
namespace {

constexpr size_t kMostMembers = 100'000, kFreeBytes = size_t{64} << 20, kMostRatio = 32;

struct LibzipError {
  zip_error_t error{};
  LibzipError() { zip_error_init(&error); }
  ~LibzipError() { zip_error_fini(&error); }
  LibzipError(const LibzipError&) = delete;
  LibzipError& operator=(const LibzipError&) = delete;
  std::string text() { return zip_error_strerror(&error); }
};

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* file) const { zip_fclose(file); }
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using Archive = std::unique_ptr<zip_t, Discard>;
using Source = std::unique_ptr<zip_source_t, Discard>;

size_t budget_of(size_t archive_bytes) {
  size_t scaled = 0;
  if (__builtin_mul_overflow(archive_bytes, kMostRatio, &scaled)) return std::numeric_limits<size_t>::max();
  return scaled > std::numeric_limits<size_t>::max() - kFreeBytes ? scaled : scaled + kFreeBytes;
}

[[noreturn]] void refuse_archive(const std::string& path, const std::string& found) {
  throw FormatError(path + ": expected a zip archive, found " + found);
}

Archive open_source(Source source, int flags, LibzipError& error) {
  Archive archive(source ? zip_open_from_source(source.get(), flags, &error.error) : nullptr);
  if (archive) static_cast<void>(source.release());  // the archive owns it now
  return archive;
}

}  // namespace

struct ZipReader::State {
  struct Facts {
    zip_uint64_t index;
    size_t size;
  };
  std::string path;
  Archive archive;
  std::vector<std::string> names;
  std::unordered_map<std::string, Facts> members;
  size_t budget = 0;

  void open(Source source, size_t archive_bytes, LibzipError& error);
  void add_member(zip_uint64_t index);
  const Facts& facts(const std::string& name) const;
};

void ZipReader::State::add_member(zip_uint64_t index) {
  zip_stat_t s;
  zip_stat_init(&s);
  constexpr zip_uint64_t kNeeded = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
  if (zip_stat_index(archive.get(), index, 0, &s) != 0 || (s.valid & kNeeded) != kNeeded)
    refuse_archive(path, "member " + std::to_string(index) + " without name, size or method");
  if (s.comp_method != ZIP_CM_STORE && s.comp_method != ZIP_CM_DEFLATE)
    refuse_archive(path, "member " + printable(s.name) + " compressed by method " + std::to_string(s.comp_method) +
                             "; only stored and deflated are read");
  if (s.encryption_method != ZIP_EM_NONE) refuse_archive(path, "member " + printable(s.name) + " encrypted");
  names.emplace_back(s.name);
  if (!members.emplace(s.name, Facts{index, static_cast<size_t>(s.size)}).second)
    refuse_archive(path, "two members of the name " + printable(s.name));
}

const ZipReader::State::Facts& ZipReader::State::facts(const std::string& name) const {
  const auto found = members.find(name);
  if (found == members.end()) throw FormatError(path + ": expected a member " + printable(name) + ", found none");
  return found->second;
}

void ZipReader::State::open(Source source, size_t archive_bytes, LibzipError& error) {
  constexpr size_t kSmallest = 22;  // the end record; libzip takes an empty file for an empty archive
  if (archive_bytes < kSmallest) refuse_archive(path, "a file of " + std::to_string(archive_bytes) + " bytes");
  budget = budget_of(archive_bytes);
  archive = open_source(std::move(source), ZIP_RDONLY | ZIP_CHECKCONS, error);
  if (!archive) refuse_archive(path, "something else: " + error.text());
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  if (count > static_cast<zip_int64_t>(kMostMembers))
    refuse_archive(path, std::to_string(count) + " members, more than " + std::to_string(kMostMembers));
  for (zip_int64_t i = 0; i < count; ++i) add_member(static_cast<zip_uint64_t>(i));
}

ZipReader::ZipReader(const std::string& path) : state_(std::make_unique<State>()) {
  const InputFile file(path);  // refuses what is no regular file, and knows the size
  LibzipError error;
  state_->path = path;
  state_->open(Source(zip_source_file_create(path.c_str(), 0, 0, &error.error)), file.size(), error);
}

ZipReader::ZipReader(std::span<const std::byte> bytes, const std::string& path) : state_(std::make_unique<State>()) {
  LibzipError error;
  state_->path = path;
  state_->open(Source(zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error.error)), bytes.size(), error);
}

ZipReader::~ZipReader() = default;

const std::vector<std::string>& ZipReader::names() const { return state_->names; }
bool ZipReader::has(const std::string& name) const { return state_->members.contains(name); }
size_t ZipReader::size(const std::string& name) const { return state_->facts(name).size; }
size_t ZipReader::budget() const { return state_->budget; }

void ZipReader::spend(size_t bytes, const std::string& what) {
  if (bytes > state_->budget)
    throw FormatError(state_->path + ": " + what + " would unpack to " + std::to_string(bytes) + " bytes, only " +
                      std::to_string(state_->budget) + " are left of what an archive of its size may hold");
  state_->budget -= bytes;
}

std::vector<std::byte> ZipReader::read(const std::string& name) {
  const State::Facts& facts = state_->facts(name);
  spend(facts.size, "member " + printable(name));
  std::unique_ptr<zip_file_t, Discard> file(zip_fopen_index(state_->archive.get(), facts.index, 0));
  if (!file) refuse_archive(state_->path, printable(name) + ": " + zip_strerror(state_->archive.get()));
  std::vector<std::byte> bytes(facts.size);
  size_t done = 0;
  for (;;) {  // one byte beyond the declared size, so that libzip sees the end and compares the checksum
    std::byte beyond{};
    const bool full = done == bytes.size();
    const zip_int64_t count =
        zip_fread(file.get(), full ? &beyond : bytes.data() + done, full ? 1 : bytes.size() - done);
    if (count < 0) refuse_archive(state_->path, printable(name) + " damaged: " + zip_file_strerror(file.get()));
    if (count == 0) break;
    if (full) refuse_archive(state_->path, printable(name) + " longer than it declares");
    done += static_cast<size_t>(count);
  }
  if (done != bytes.size()) refuse_archive(state_->path, printable(name) + " shorter than it declares");
  return bytes;
}

std::vector<std::byte> zip_bytes(std::span<const ZipMember> members) {
  LibzipError error;
  const auto check = [&](bool good) {
    if (!good) throw IoError("zip: cannot make the archive: " + error.text());
  };
  zip_source_t* const sink = zip_source_buffer_create(nullptr, 0, 0, &error.error);
  check(sink != nullptr);
  zip_source_keep(sink);  // ours beyond the archive's life, to take the bytes out
  const Source keeper(sink);
  Archive archive = open_source(Source(sink), ZIP_CREATE | ZIP_TRUNCATE, error);
  check(archive != nullptr);
  for (const ZipMember& member : members) {
    Source source(zip_source_buffer_create(member.bytes.data(), member.bytes.size(), 0, &error.error));
    check(source != nullptr);
    const zip_int64_t index = zip_file_add(archive.get(), member.name.c_str(), source.get(), ZIP_FL_ENC_UTF_8);
    if (index < 0) throw IoError("zip: cannot add " + printable(member.name) + ": " + zip_strerror(archive.get()));
    static_cast<void>(source.release());
    check(zip_set_file_compression(archive.get(), static_cast<zip_uint64_t>(index), ZIP_CM_STORE, 0) == 0);
    check(zip_file_set_dostime(archive.get(), static_cast<zip_uint64_t>(index), 0, 0x21, 0) == 0);  // 1980-01-01
  }
  if (zip_close(archive.get()) != 0) throw IoError(std::string("zip: cannot finish: ") + zip_strerror(archive.get()));
  static_cast<void>(archive.release());  // closed
  zip_stat_t s;
  zip_stat_init(&s);
  check(zip_source_stat(sink, &s) == 0 && (s.valid & ZIP_STAT_SIZE) != 0);
  std::vector<std::byte> bytes(static_cast<size_t>(s.size));
  check(zip_source_open(sink) == 0);
  const zip_int64_t count = zip_source_read(sink, bytes.data(), bytes.size());
  zip_source_close(sink);
  check(count == static_cast<zip_int64_t>(bytes.size()));
  return bytes;
}

}  // namespace pith
