// Directories: one that appears whole or not at all, links that are swapped in one step, removal
// that leaves nothing half-gone under a good name.
//
// atomic_directory dir("runs/a/step-100");          writes go to runs/a/step-100.tmp-PID
// write_file_atomic(dir.file("config.json"), ...);
// dir.commit();                                     fsync of everything, then one rename
// point_symlink("runs/a", "last", "step-100");      last -> step-100, relative, by rename
// remove_tree("runs/a/step-50");                    renamed to a temporary name first, then removed
// remove_leftovers("runs/a");                       what killed processes left; hold the lock
//
// Ensures: commit() replaces nothing. No function here follows a symbolic link downwards.
// Errors: sentences as in base/file.hpp; an atomic_directory that is not committed is removed.
// Reference: POSIX.1-2017; rename(2), renameat2(2), openat(2), unlinkat(2).
#pragma once

#include <dirent.h>
#include <stdio.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/base/file.hpp"

namespace ctgpt::inline CTGPT_ABI {

// mkdir -p.
inline void create_directories(const std::string& path) {
  for (std::size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end + 1);
    const std::string part = path.substr(0, end);
    if (part.empty() || ::mkdir(part.c_str(), 0777) == 0) continue;
    // Whatever mkdir says (EEXIST, or EROFS and EACCES of a parent), what exists will do.
    const int code = errno;
    if (!is_directory(part)) {
      fail_system("create the directory", part, code == EEXIST ? ENOTDIR : code);
    }
  }
}

enum class entry_kind : unsigned char { file, directory, symlink, other };

struct directory_entry {
  std::string name;
  entry_kind kind = entry_kind::other;
};

// What a directory holds, but for "." and "..", sorted by name. `shown` is the name errors use.
inline std::vector<directory_entry> list_entries(const file_descriptor& directory,
                                                 const std::string& shown) {
  // A second descriptor, because closedir closes its own.
  const int number = ::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (number < 0) fail_system("list the directory", shown, errno);
  DIR* stream = ::fdopendir(number);
  if (stream == nullptr) {
    ::close(number);
    fail_system("list the directory", shown, errno);
  }
  const struct closer {
    DIR* stream;
    ~closer() { ::closedir(stream); }
  } close_at_end{stream};
  std::vector<directory_entry> entries;
  for (;;) {
    errno = 0;
    const struct dirent* entry = ::readdir(stream);
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat status {};
    if (::fstatat(number, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // gone since it was listed
      fail_system("list the directory", shown, errno);
    }
    entries.push_back({std::string(name), S_ISREG(status.st_mode)   ? entry_kind::file
                                          : S_ISDIR(status.st_mode) ? entry_kind::directory
                                          : S_ISLNK(status.st_mode) ? entry_kind::symlink
                                                                    : entry_kind::other});
  }
  if (errno != 0) fail_system("list the directory", shown, errno);
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

inline std::vector<directory_entry> list_entries(const std::string& path) {
  return list_entries(open_or_fail(path, O_RDONLY | O_DIRECTORY, "list the directory"), path);
}

// Names of the directories in `path`, sorted; symbolic links to directories are not among them.
inline std::vector<std::string> list_directories(const std::string& path) {
  std::vector<std::string> names;
  for (directory_entry& entry : list_entries(path)) {
    if (entry.kind == entry_kind::directory) names.push_back(std::move(entry.name));
  }
  return names;
}

inline file_descriptor open_inside(const file_descriptor& directory, const std::string& name,
                                   int flags, std::string_view action, const std::string& shown) {
  for (;;) {
    const int number =
        ::openat(directory.get(), name.c_str(), flags | O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (number >= 0) return file_descriptor(number);
    if (errno != EINTR) fail_system(action, shown, errno);
  }
}

inline void sync_tree(const file_descriptor& directory, const std::string& shown) {
  for (const directory_entry& entry : list_entries(directory, shown)) {
    const std::string inside = shown + "/" + entry.name;
    if (entry.kind == entry_kind::directory) {
      sync_tree(open_inside(directory, entry.name, O_DIRECTORY, "write", inside), inside);
    } else if (entry.kind == entry_kind::file) {
      sync_or_fail(open_inside(directory, entry.name, 0, "write", inside), inside);
    }
  }
  sync_or_fail(directory, shown);
}

inline void empty_tree(const file_descriptor& directory, const std::string& shown) {
  for (const directory_entry& entry : list_entries(directory, shown)) {
    const std::string inside = shown + "/" + entry.name;
    const bool deeper = entry.kind == entry_kind::directory;
    if (deeper) {
      empty_tree(open_inside(directory, entry.name, O_DIRECTORY, "remove", inside), inside);
    }
    if (::unlinkat(directory.get(), entry.name.c_str(), deeper ? AT_REMOVEDIR : 0) != 0) {
      fail_system("remove", inside, errno);
    }
  }
}

// NAME.tmp-PID or NAME.tmp-PID-N, as temporary_name() makes them.
inline bool is_temporary_name(std::string_view name) {
  const std::size_t mark = name.rfind(".tmp-");
  if (mark == std::string_view::npos) return false;
  const std::string_view number = name.substr(mark + 5);
  return !number.empty() && number.find_first_not_of("0123456789-") == std::string_view::npos;
}

inline std::string without_trailing_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

// rename(2) that never replaces. rename alone would replace an empty directory.
inline bool rename_new(const std::string& from, const std::string& to) {
#if defined(RENAME_NOREPLACE)
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS) return false;  // those two: not on this file system
#endif
  struct stat status {};
  if (::lstat(to.c_str(), &status) == 0) {
    errno = EEXIST;
    return false;
  }
  return ::rename(from.c_str(), to.c_str()) == 0;
}

// Removes a directory and all that is in it; false when there is none. It loses its name in one
// step before anything in it is touched, so a kill never leaves half a directory that looks whole.
inline bool remove_tree(const std::string& path) {
  const std::string target = without_trailing_slashes(path);
  const std::string name = target.substr(target.rfind('/') + 1);
  expects(!name.empty() && name != "." && name != "..", "refusing to remove the directory '", path,
          "': give it by its name");
  struct stat status {};
  if (::lstat(target.c_str(), &status) != 0) {
    if (errno == ENOENT) return false;
    fail_system("remove", target, errno);
  }
  if (!S_ISDIR(status.st_mode)) fail_system("remove", target, ENOTDIR);
  std::string doomed = target;
  if (!is_temporary_name(name)) {
    doomed = make_temporary(target, "remove", [&](const std::string& temporary) {
      return rename_new(target, temporary);
    });
  }
  empty_tree(open_or_fail(doomed, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, "remove"), doomed);
  if (::rmdir(doomed.c_str()) != 0) fail_system("remove", doomed, errno);
  return true;
}

// Removes temporary files, links and directories that killed processes left in `path`.
// Requires: no live process writes there (hold the directory's lock, base/lock.hpp).
inline void remove_leftovers(const std::string& path) {
  for (const directory_entry& entry : list_entries(path)) {
    if (!is_temporary_name(entry.name)) continue;
    const std::string leftover = path + "/" + entry.name;
    if (entry.kind == entry_kind::directory) {
      remove_tree(leftover);
    } else if (::unlink(leftover.c_str()) != 0 && errno != ENOENT) {
      fail_system("remove", leftover, errno);
    }
  }
}

// Makes DIRECTORY/NAME a symbolic link to `target` (relative to DIRECTORY), in one step: at any
// moment it points to the old target or to the new one.
inline void point_symlink(const std::string& directory, const std::string& name,
                          const std::string& target) {
  const std::string link = directory + "/" + name;
  const std::string temporary = make_temporary(link, "create the link", [&](const auto& candidate) {
    return ::symlink(target.c_str(), candidate.c_str()) == 0;
  });
  if (::rename(temporary.c_str(), link.c_str()) != 0) {
    const int code = errno;
    ::unlink(temporary.c_str());
    fail_system("create the link", link, code);
  }
  sync_directory(directory);
}

// Where a symbolic link points, as it was written; "" when `path` is not one.
inline std::string symlink_target(const std::string& path) {
  std::string target(256, '\0');
  for (;;) {
    const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
    if (length < 0 && (errno == EINVAL || errno == ENOENT)) return {};
    if (length < 0) fail_system("read the link", path, errno);
    if (static_cast<std::size_t>(length) < target.size()) {
      target.resize(static_cast<std::size_t>(length));
      return target;
    }
    target.resize(target.size() * 2);  // it may have been cut
  }
}

class atomic_directory {
 public:
  explicit atomic_directory(const std::string& path) : path_(without_trailing_slashes(path)) {
    struct stat status {};
    // Said early, before hours of work; commit() holds to it whatever happens in between.
    if (::lstat(path_.c_str(), &status) == 0) fail_system("create", path_, EEXIST);
    temporary_ = make_temporary(path_, "create the directory", [](const std::string& name) {
      return ::mkdir(name.c_str(), 0777) == 0;
    });
  }
  atomic_directory(const atomic_directory&) = delete;
  atomic_directory& operator=(const atomic_directory&) = delete;
  ~atomic_directory() {
    if (temporary_.empty()) return;
    try {
      remove_tree(temporary_);
    } catch (const error&) {
      // The failure that brought us here matters more; remove_leftovers will find the rest.
    }
  }

  // Where to write until commit().
  const std::string& path() const { return temporary_; }
  std::string file(const std::string& name) const { return temporary_ + "/" + name; }

  // Ensures: on return the directory is complete under its own name and survives a power cut.
  void commit() {
    sync_tree(open_or_fail(temporary_, O_RDONLY | O_DIRECTORY, "write"), temporary_);
    if (!rename_new(temporary_, path_)) fail_system("create", path_, errno);
    temporary_.clear();
    sync_directory(parent_directory(path_));
  }

 private:
  std::string path_, temporary_;
};

}  // namespace ctgpt::inline CTGPT_ABI
