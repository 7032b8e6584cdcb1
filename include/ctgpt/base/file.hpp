// Files: read one whole, map one read-only, write one so that nobody ever sees half of it.
//
// read_file(path, limit)             the bytes of a file, pipe or device
// mapped_file                        a file as a span of memory, read-only, unmapped at the end
// output_file                        a new file, or the end of one, written piece by piece
// atomic_file, write_file_atomic     a temporary beside the target, fsync, rename, fsync of the
//                                    directory: after a crash there is the old file or the new one
// Short writes and EINTR are handled. A temporary is called PATH.tmp-PID or PATH.tmp-PID-N; it is
// removed on failure, and after a kill remove_leftovers (base/directory.hpp) finds it.
// Requires: a mapped file is replaced (renamed over), never truncated, while it is mapped.
// Errors: every one is a sentence with the path and the system's own words, e.g.
//   cannot write a/config.json: No space left on device; free some space or choose another place
// Reference: POSIX.1-2017; fsync(2), rename(2), mmap(2).
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "ctgpt/base/error.hpp"

namespace ctgpt::inline CTGPT_ABI {

// Throws "cannot <action> <path>: <what the system says>". `code` is an errno value.
[[noreturn]] inline void fail_system(std::string_view action, const std::string& path, int code) {
  const bool full = code == ENOSPC || code == EDQUOT;
  fail("cannot ", action, " ", path, ": ", std::generic_category().message(code),
       full ? "; free some space or choose another place" : "");
}

// Owns a file descriptor.
// Ensures: closed exactly once.
class file_descriptor {
 public:
  file_descriptor() = default;
  explicit file_descriptor(int number) : number_(number) {}
  file_descriptor(file_descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  file_descriptor& operator=(file_descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~file_descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_ = -1;
};

// open(2), again after a signal. The result is not open when it failed; errno says why.
inline file_descriptor try_open(const std::string& path, int flags) {
  for (;;) {
    const int number = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
    if (number >= 0 || errno != EINTR) return file_descriptor(number);
  }
}

inline file_descriptor open_or_fail(const std::string& path, int flags, std::string_view action) {
  file_descriptor file = try_open(path, flags);
  if (!file.is_open()) fail_system(action, path, errno);
  return file;
}

// What stat(2) says of an open file; a directory is refused, for it has no contents of its own.
inline struct stat status_or_fail(const file_descriptor& file, const std::string& path) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail_system("read", path, errno);
  if (S_ISDIR(status.st_mode)) fail_system("read", path, EISDIR);
  return status;
}

inline bool is_directory(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}
inline bool is_file(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

// "a/b" of "a/b/c", "." of "c", "/" of "/c"; trailing slashes do not count.
inline std::string parent_directory(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(path.substr(0, std::max<std::size_t>(slash, 1)));
}

inline constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

inline std::string read_file(const std::string& path, std::uint64_t limit = no_limit) {
  const file_descriptor file = open_or_fail(path, O_RDONLY, "read");
  const struct stat status = status_or_fail(file, path);
  // A hint only: pipes and /proc say 0, and a file may grow while it is read.
  const auto expected = static_cast<std::uint64_t>(std::max<off_t>(status.st_size, 0));
  const auto check = [&](std::uint64_t bytes) {
    expects(bytes <= limit, "cannot read ", path, ": it is larger than the ", limit,
            " bytes allowed here");
  };
  check(expected);
  std::string contents;
  std::size_t used = 0;
  try {
    for (;;) {
      if (used == contents.size()) {
        // One byte more than expected, so that the end of the file is seen without growing again.
        contents.resize(used + std::max<std::size_t>(used == 0 ? expected + 1 : used / 2, 65536));
      }
      const ssize_t got = ::read(file.get(), contents.data() + used, contents.size() - used);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail_system("read", path, errno);
      if (got == 0) break;
      used += static_cast<std::size_t>(got);
      check(used);
    }
    contents.resize(used);
  } catch (const std::bad_alloc&) {
    fail("cannot read ", path, ": there is not enough memory for its contents");
  } catch (const std::length_error&) {
    fail("cannot read ", path, ": there is not enough memory for its contents");
  }
  return contents;
}

class mapped_file {
 public:
  mapped_file() = default;
  explicit mapped_file(const std::string& path) {
    const file_descriptor file = open_or_fail(path, O_RDONLY, "read");
    const struct stat status = status_or_fail(file, path);
    expects(S_ISREG(status.st_mode), "cannot map ", path, ": it is not a regular file");
    const auto bytes = static_cast<std::size_t>(status.st_size);
    if (bytes == 0) return;  // mmap refuses an empty range
    void* data = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (data == MAP_FAILED) fail_system("map", path, errno);
    bytes_ = {static_cast<const std::byte*>(data), bytes};
  }
  mapped_file(mapped_file&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  mapped_file& operator=(mapped_file&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~mapped_file() {
    if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }

  std::span<const std::byte> bytes() const { return bytes_; }
  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }

 private:
  std::span<const std::byte> bytes_;
};

// fsync(2), again after a signal. What cannot be synchronised (pipes, some file systems'
// directories) needs no promise and passes.
inline void sync_or_fail(const file_descriptor& file, const std::string& path) {
  while (::fsync(file.get()) != 0) {
    if (errno == EINTR) continue;
    if (errno == EINVAL || errno == ENOTSUP) return;
    fail_system("write", path, errno);
  }
}

// Makes the names in a directory durable: creations, renames and removals.
inline void sync_directory(const std::string& path) {
  sync_or_fail(open_or_fail(path, O_RDONLY | O_DIRECTORY, "open the directory"), path);
}

class output_file {
 public:
  // Refuses a path that exists.
  static output_file create(const std::string& path) {
    return output_file(open_or_fail(path, O_WRONLY | O_CREAT | O_EXCL, "create"), path);
  }
  // One write is one append: lines of several writers never mix.
  static output_file append(const std::string& path) {
    return output_file(open_or_fail(path, O_WRONLY | O_CREAT | O_APPEND, "write"), path);
  }
  // `shown` is the name that errors use.
  output_file(file_descriptor file, std::string shown)
      : file_(std::move(file)), path_(std::move(shown)) {}

  const std::string& path() const { return path_; }

  void write(std::string_view text) {
    while (!text.empty()) {
      const ssize_t put = ::write(file_.get(), text.data(), text.size());
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) fail_system("write", path_, put < 0 ? errno : EIO);
      text.remove_prefix(static_cast<std::size_t>(put));
    }
  }
  void write(std::span<const std::byte> bytes) {
    write(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  // Over what was written before. Not for appending.
  void write_at(std::uint64_t offset, std::string_view text) {
    while (!text.empty()) {
      const ssize_t put =
          ::pwrite(file_.get(), text.data(), text.size(), static_cast<off_t>(offset));
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) fail_system("write", path_, put < 0 ? errno : EIO);
      text.remove_prefix(static_cast<std::size_t>(put));
      offset += static_cast<std::uint64_t>(put);
    }
  }
  void sync() { sync_or_fail(file_, path_); }

  // Reports what a network file system tells only now. The destructor closes too, in silence.
  void close() {
    if (file_.is_open() && ::close(file_.release()) != 0 && errno != EINTR) {
      fail_system("write", path_, errno);
    }
  }

 private:
  file_descriptor file_;
  std::string path_;
};

// PATH.tmp-PID, then PATH.tmp-PID-1 and so on: a dead process may have left the first names behind.
inline std::string temporary_name(const std::string& path, int attempt) {
  std::string name = path + ".tmp-" + std::to_string(::getpid());
  if (attempt > 0) name += "-" + std::to_string(attempt);
  return name;
}

// make(name) tries one temporary name, returns false and sets errno; returns the name that worked.
template <class Make>
std::string make_temporary(const std::string& path, std::string_view action, Make make) {
  for (int attempt = 0;; ++attempt) {
    std::string name = temporary_name(path, attempt);
    if (make(name)) return name;
    if (errno != EEXIST || attempt == 1000) fail_system(action, path, errno);
  }
}

// A file that appears under its name only at commit(), complete and durable. A symbolic link is
// followed, so that its target is replaced; a device or pipe is written to directly, for renaming
// over /dev/null would take it from everybody.
class atomic_file {
 public:
  explicit atomic_file(const std::string& path) : path_(resolve(path)) {
    struct stat status {};
    const bool exists = ::stat(path_.c_str(), &status) == 0;
    if (exists && S_ISDIR(status.st_mode)) fail_system("write", path_, EISDIR);
    if (exists && !S_ISREG(status.st_mode)) {
      file_ = output_file(open_or_fail(path_, O_WRONLY, "write"), path_);
      return;
    }
    file_descriptor file;
    temporary_ = make_temporary(path_, "write", [&](const std::string& name) {
      file = try_open(name, O_WRONLY | O_CREAT | O_EXCL);
      return file.is_open();
    });
    file_ = output_file(std::move(file), path_);
  }
  atomic_file(const atomic_file&) = delete;
  atomic_file& operator=(const atomic_file&) = delete;
  ~atomic_file() {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }

  output_file& file() { return file_; }

  void commit() {
    file_.sync();
    file_.close();
    if (temporary_.empty()) return;
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail_system("write", path_, errno);
    temporary_.clear();
    sync_directory(parent_directory(path_));
  }

 private:
  static std::string resolve(const std::string& path) {
    char* real = ::realpath(path.c_str(), nullptr);
    if (real == nullptr) return path;
    struct stat status {};
    const bool link = ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
    std::string target = link ? std::string(real) : path;
    std::free(real);
    return target;
  }

  std::string path_, temporary_;
  output_file file_{file_descriptor(), {}};
};

inline void write_file_atomic(const std::string& path, std::string_view contents) {
  atomic_file target(path);
  target.file().write(contents);
  target.commit();
}

}  // namespace ctgpt::inline CTGPT_ABI
