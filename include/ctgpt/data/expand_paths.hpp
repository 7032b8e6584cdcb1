// The files that paths stand for: a file is itself, a directory all files below it.
//
// expand_paths({"books/", "extra.txt"})
//
// The paths keep their order; below a directory the order is that of names, byte by byte, folder by
// folder, on every file system. Left out below a directory: names that begin with a dot, temporary
// files of a run that was killed, links to directories (they may lead in a circle); where there are
// parts that a run has written (data/part_names.hpp), everything but these; and all of a directory
// that holds nothing but the report and the lock of a run, which kept no document.
// Errors: a path that is not there; a directory that cannot be listed or holds no file; no file at
// all but those of runs that kept no document.
#pragma once

#include <vector>

#include "ctgpt/data/part_names.hpp"
#include "ctgpt/io/json.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

// Whether a file is the report of `data clean` or `data dedup`; one of the user's is a document.
inline bool is_run_report(const std::string& path) {
  if (!is_file(path)) return false;
  try {
    const io::json report = io::read_json(path);
    return report.find("kept") != nullptr && report.find("parts") != nullptr;
  } catch (const error&) {
    return false;
  }
}

// `kept_none` becomes the folder of a run that kept no document, where there is one.
inline void append_files_below(std::vector<std::string>& files, const std::string& folder,
                               std::string& kept_none) {
  const std::vector<directory_entry> entries = list_entries(folder);
  const std::string start = folder + (folder.ends_with('/') ? "" : "/");
  const auto is_part = [](const directory_entry& entry) {
    return part_of_name(entry.name).has_value();
  };
  const auto is_report = [&](const directory_entry& entry) {
    return is_report_name(entry.name) && is_run_report(start + entry.name);
  };
  const auto is_of_run = [&](const directory_entry& entry) {
    return entry.name == "lock" || entry.name.starts_with('.') || is_temporary_name(entry.name) ||
           is_report(entry);
  };
  const bool parts = std::any_of(entries.begin(), entries.end(), is_part);
  if (std::all_of(entries.begin(), entries.end(), is_of_run) &&
      std::any_of(entries.begin(), entries.end(), is_report)) {
    kept_none = folder;
    return;
  }
  for (const directory_entry& entry : entries) {
    if (entry.name.starts_with('.') || is_temporary_name(entry.name)) continue;
    if (parts && !is_part(entry)) continue;
    const std::string path = start + entry.name;
    if (entry.kind == entry_kind::directory) {
      append_files_below(files, path, kept_none);
    } else if (entry.kind == entry_kind::file || is_file(path)) {  // or a link to a file
      files.push_back(path);
    }
  }
}

inline std::vector<std::string> expand_paths(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  std::string kept_none;
  for (const std::string& path : paths) {
    if (!is_directory(path)) {
      // Said now rather than after hours of work. A pipe or a device will do.
      if (::access(path.c_str(), R_OK) != 0) fail_system("read", path, errno);
      files.push_back(path);
      continue;
    }
    const std::size_t before = files.size();
    append_files_below(files, path, kept_none);
    expects(files.size() > before || !kept_none.empty(), "there is no file to read below ", path);
  }
  expects(!files.empty() || kept_none.empty(), "there is no document in ", kept_none,
          ": it holds the report of a run, and no part");
  return files;
}

}  // namespace ctgpt::inline CTGPT_ABI::data
