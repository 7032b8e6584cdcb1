// fetch: the verb `data fetch`, which brings named corpora, models and tokenizers to this machine.
//
// Standard output has one path for each name: the file, or the directory of several; with --json a
// list of {name, kind, licence, path, files}. What a thing is, its licence and where it comes from
// are said before its first byte is asked for. $CTGPT_MIRROR, where it is set, stands for https://
// in the addresses.
// Errors: usage_error for names that are not known, before anything is fetched; those of
// data/fetch.hpp. On a signal (128 + signal) what has arrived is kept for the next time.
#pragma once

#include <cstdio>
#include <cstdlib>

#include "ctgpt/app/fetch_flags.hpp"
#include "ctgpt/app/flags.hpp"
#include "ctgpt/app/print.hpp"
#include "ctgpt/app/status_line.hpp"
#include "ctgpt/app/stop_signal.hpp"
#include "ctgpt/base/clock.hpp"
#include "ctgpt/data/fetch.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

// How far one file is.
class fetch_progress {
 public:
  void begin(std::string name) {
    line_.clear();
    name_ = std::move(name);
    start_ = clock_seconds();
    line_.wait_from(start_);
    before_.reset();
  }
  void at(std::uint64_t bytes, std::optional<std::uint64_t> total) {
    if (!before_ || bytes < *before_) before_ = bytes;  // what was here already is no speed
    const double now = clock_seconds();
    if (!line_.due(now)) return;
    const double speed = static_cast<double>(bytes - *before_) / std::max(now - start_, 1e-9);
    std::string line = name_ + ": " + bytes_text(static_cast<double>(bytes));
    if (total && *total > 0) {
      char rest[96];
      const double left = static_cast<double>(*total - std::min(bytes, *total));
      std::snprintf(rest, sizeof rest, " of %s (%.0f%%), %s/s, %.0f s left",
                    bytes_text(static_cast<double>(*total)).c_str(),
                    100.0 * static_cast<double>(bytes) / static_cast<double>(*total),
                    bytes_text(speed).c_str(), left / std::max(speed, 1.0));
      line += rest;
    } else {
      line += ", " + bytes_text(speed) + "/s";
    }
    line_.show(line);
  }
  void say(const std::string& sentence) {
    line_.clear();
    std::fprintf(stderr, "%s\n", sentence.c_str());
  }

 private:
  status_line line_;
  std::string name_;
  double start_ = 0.0;
  std::optional<std::uint64_t> before_;
};

inline std::string size_text(std::uint64_t bytes) {
  return bytes == 0 ? "?" : bytes_text(static_cast<double>(bytes));
}

inline std::string catalogue_table() {
  std::string table;
  const auto row = [&](std::string_view name, std::string_view kind, const std::string& size,
                       std::string_view licence, std::string_view about) {
    char line[256];
    std::snprintf(line, sizeof line, "%-22.22s  %-9.9s  %8.8s  %-23.23s  %.80s\n",
                  std::string(name).c_str(), std::string(kind).c_str(), size.c_str(),
                  std::string(licence).c_str(), std::string(about).c_str());
    table += line;
  };
  row("name", "kind", "size", "licence", "what it is (*: not every file's sum is known)");
  for (const data::catalogue_entry& entry : data::catalogue) {
    row(entry.name, entry.kind, size_text(entry.size()), entry.licence,
        std::string(entry.about) + (entry.pinned() ? "" : " *"));
  }
  return table;
}

inline io::json entry_json(const data::catalogue_entry& entry) {
  io::json about = io::json::object();
  about.set("name", std::string(entry.name)).set("kind", std::string(entry.kind));
  about.set("licence", std::string(entry.licence)).set("about", std::string(entry.about));
  return about;
}

inline io::json catalogue_json() {
  io::json_array all;
  for (const data::catalogue_entry& entry : data::catalogue) {
    io::json_array files;
    for (const data::catalogue_file& file : entry.files) {
      io::json one = io::json::object();
      one.set("name", std::string(file.name)).set("url", entry.url(file));
      if (file.size > 0) one.set("bytes", file.size);
      if (file.pinned()) one.set("sha256", std::string(file.sha256));
      files.push_back(std::move(one));
    }
    io::json about = entry_json(entry);
    about.set("files", std::move(files));
    all.push_back(std::move(about));
  }
  return all;
}

inline io::json fetched_json(const data::catalogue_entry& entry, const data::fetched& got) {
  io::json_array files;
  for (const data::fetched_file& file : got.files) {
    io::json one = io::json::object();
    one.set("name", file.name).set("path", file.path).set("url", file.url);
    one.set("bytes", file.bytes).set("sha256", file.sha256);
    one.set("pinned", file.pinned).set("was_there", file.was_there);
    files.push_back(std::move(one));
  }
  io::json about = entry_json(entry);
  about.set("path", got.path).set("files", std::move(files));
  return about;
}

inline std::vector<const data::catalogue_entry*> entries_named(
    const std::vector<std::string>& names) {
  if (names.empty()) {
    throw usage_error("say what to fetch: ctgpt data fetch NAME; --list shows the names");
  }
  std::vector<const data::catalogue_entry*> entries;
  for (const std::string& name : names) {
    const data::catalogue_entry* entry = data::find_in_catalogue(name);
    if (entry == nullptr) {
      std::vector<std::string> known;
      for (const data::catalogue_entry& each : data::catalogue) known.emplace_back(each.name);
      const std::string near = nearest_word(name, known);
      throw usage_error(join("there is nothing called ", name, " to fetch",
                             near.empty() ? "" : "; did you mean " + near + "?",
                             near.empty() ? "; ctgpt data fetch --list shows the names" : ""));
    }
    if (std::find(entries.begin(), entries.end(), entry) == entries.end()) {
      entries.push_back(entry);
    }
  }
  return entries;
}

inline void say_sums(fetch_progress& progress, const data::catalogue_entry& entry,
                     const data::fetched& got) {
  for (const data::fetched_file& file : got.files) {
    if (file.pinned || file.confirmed) continue;
    progress.say(join(entry.name, "/", file.name, " is not pinned: its SHA-256 is ", file.sha256,
                      ", and later fetches compare with it"));
  }
}

int fetch_command(const fetch_flags& given) {
  if (given.list) {
    put(given.json ? io::write_json(catalogue_json()) + "\n" : catalogue_table());
    return 0;
  }
  const std::vector<const data::catalogue_entry*> entries = entries_named(given.names);
  fetch_progress progress;
  const stop_signal signals("\nStopping; what has arrived is kept for the next time.\n");
  data::fetch_options how;
  how.cache = without_trailing_slashes(given.cache ? *given.cache : data::default_cache());
  const char* mirror = std::getenv("CTGPT_MIRROR");
  how.mirror = mirror != nullptr ? mirror : "";
  how.network.stop = [] { return stop_signal::received() != 0; };
  how.network.say = [&](const std::string& sentence) { progress.say(sentence); };
  how.network.progress = [&](std::uint64_t bytes, std::optional<std::uint64_t> total) {
    progress.at(bytes, total);
  };
  const data::catalogue_entry* announced = nullptr;
  how.file = [&](const data::catalogue_entry& entry, const data::catalogue_file& file) {
    if (std::exchange(announced, &entry) != &entry) {
      progress.say(join(entry.name, ": ", entry.about, "; ", entry.kind, ", ",
                        entry.size() > 0 ? size_text(entry.size()) : "size not known",
                        "; licence: ", entry.licence, "; from ", entry.base));
    }
    progress.begin(join(entry.name, "/", file.name));
  };
  io::json_array all;
  for (const data::catalogue_entry* entry : entries) {
    const data::fetched got = data::fetch(*entry, how);
    if (got.stopped) return 128 + stop_signal::received();
    say_sums(progress, *entry, got);
    if (given.json) {
      all.push_back(fetched_json(*entry, got));
    } else {
      put(got.path + "\n");
    }
  }
  if (given.json) put(io::write_json(all) + "\n");
  return 0;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
