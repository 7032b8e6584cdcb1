// The files that paths stand for: a file is itself, a directory all files below it.
//
// expand_paths({"books/", "extra.txt"})
//
// The paths keep their order; below a directory the order is that of names, byte by byte, folder by
// folder, on every file system. Left out below a directory: names that begin with a dot, temporary
// files of a run that was killed, links to directories (they may lead in a circle); and where there
// are parts that a run has written (data/part_names.hpp), everything but these; and all of a
// directory that holds nothing but the report and the lock of a run that has kept no document.
// Errors: a path that is not there; a directory that cannot be listed or holds no file.
#pragma once

#include <vector>

#include "ctgpt/data/part_names.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

inline bool is_empty_run(const std::vector<directory_entry>& entries) {
  bool reports = false, others = false;
  for (const directory_entry& entry : entries) {
    const std::string_view name = entry.name;
    const bool report =
        name == "report.json" || (name.starts_with("report-") && name.ends_with(".json"));
    reports = reports || report;
    others = others || (!report && name != "lock" && !name.starts_with('.'));
  }
  return reports && !others;
}

inline void append_files_below(std::vector<std::string>& files, const std::string& folder) {
  std::vector<directory_entry> entries = list_entries(folder);
  const auto is_part = [](const directory_entry& entry) {
    return part_of_name(entry.name).has_value();
  };
  const bool parts = std::any_of(entries.begin(), entries.end(), is_part);
  if (is_empty_run(entries)) return;
  for (const directory_entry& entry : entries) {
    if (entry.name.starts_with('.') || is_temporary_name(entry.name)) continue;
    if (parts && !is_part(entry)) continue;
    const std::string path = folder + (folder.ends_with('/') ? "" : "/") + entry.name;
    if (entry.kind == entry_kind::directory) {
      append_files_below(files, path);
    } else if (entry.kind == entry_kind::file || is_file(path)) {  // or a link to a file
      files.push_back(path);
    }
  }
}

inline std::vector<std::string> expand_paths(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    if (!is_directory(path)) {
      // Said now rather than after hours of work. A pipe or a device will do.
      if (::access(path.c_str(), R_OK) != 0) fail_system("read", path, errno);
      files.push_back(path);
      continue;
    }
    const std::size_t before = files.size();
    append_files_below(files, path);
    expects(files.size() > before, "there is no file to read below ", path);
  }
  return files;
}

}  // namespace ctgpt::inline CTGPT_ABI::data
