// fetch: an entry of the catalogue, on this machine.
//
//   const fetched got = fetch(*find_in_catalogue("gpt2"), {.cache = default_cache()});
//   got.path                          the directory of several files, or the one file
//
// CACHE/NAME/FILE are the files; CACHE/.fetch/NAME holds what belongs to the work: the lock, parts
// of files, and sums.json with the SHA-256 that files without one in the catalogue came with, to
// which later fetches hold. A file that is there is read and checked again; a damaged one comes
// anew. Of two processes that fetch one entry, the second waits and finds the files there.
//
// fetch_options  cache: a directory, made where it is missing; mirror: "" or an address that stands
//                for https:// (MIRROR/huggingface.co/...); network: tries, pauses and what is
//                called meanwhile (data/download.hpp); file(entry, file) is called before each
//                download.
// Errors: those of data/download.hpp; a cache that cannot be written; no place for a cache.
// Reference: XDG Base Directory Specification 0.8.
#pragma once

#include <sys/file.h>

#include <cstdlib>

#include "ctgpt/base/directory.hpp"
#include "ctgpt/data/catalogue.hpp"
#include "ctgpt/data/download.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

// $CTGPT_CACHE, $XDG_CACHE_HOME/ctgpt, ~/.cache/ctgpt: the first that is set.
inline std::string default_cache() {
  const auto value = [](const char* name) {
    const char* text = std::getenv(name);
    return std::string(text != nullptr ? text : "");
  };
  if (const std::string own = value("CTGPT_CACHE"); !own.empty()) return own;
  if (const std::string xdg = value("XDG_CACHE_HOME"); xdg.starts_with('/')) return xdg + "/ctgpt";
  const std::string home = value("HOME");
  expects(!home.empty(), "there is no place for downloads: set CTGPT_CACHE to a directory");
  return home + "/.cache/ctgpt";
}

struct fetch_options {
  std::string cache;
  std::string mirror = {};
  download_options network = {};
  std::function<void(const catalogue_entry&, const catalogue_file&)> file = {};
};

struct fetched_file {
  std::string name, path, url, sha256;
  std::uint64_t bytes = 0;
  bool pinned = false;     // by the catalogue
  bool confirmed = false;  // or else by an earlier fetch
  bool was_there = false;
};

struct fetched {
  std::string path;
  std::vector<fetched_file> files;
  bool stopped = false;
};

class entry_fetcher {
 public:
  entry_fetcher(const catalogue_entry& entry, fetch_options how)
      : entry_(entry),
        how_(std::move(how)),
        folder_(how_.cache + "/" + std::string(entry.name)),
        work_(how_.cache + "/.fetch/" + std::string(entry.name)) {}

  fetched run() {
    create_directories(folder_);
    create_directories(work_);
    fetched all;
    all.path =
        entry_.files.size() == 1 ? folder_ + "/" + std::string(entry_.files[0].name) : folder_;
    if (!take_lock()) {
      all.stopped = true;
      return all;
    }
    remove_leftovers(work_);
    read_sums();
    for (const catalogue_file& file : entry_.files) {
      std::optional<fetched_file> got = get(file);
      if (!got) {
        all.stopped = true;
        return all;
      }
      all.files.push_back(std::move(*got));
    }
    return all;
  }

 private:
  bool take_lock() {
    const std::string path = work_ + "/lock";
    lock_ = open_or_fail(path, O_RDWR | O_CREAT, "lock the cache by");
    for (bool said = false; ::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0;) {
      if (errno == EINTR) continue;
      if (errno != EWOULDBLOCK) fail_system("lock", path, errno);
      if (!said && how_.network.say) {
        how_.network.say("another process fetches " + std::string(entry_.name) + "; waiting");
      }
      said = true;
      if (how_.network.stop && how_.network.stop()) return false;
      const struct timespec time { 0, 50'000'000 };
      ::nanosleep(&time, nullptr);
    }
    return true;
  }

  std::string sums_path() const { return work_ + "/sums.json"; }
  void read_sums() {
    sums_ = io::json::object();
    if (!is_file(sums_path())) return;
    try {
      sums_ = io::read_json(sums_path());
      if (sums_.get_if<io::json_object>() == nullptr) sums_ = io::json::object();
    } catch (const error&) {
      // Written by no fetch: as if it were not there.
    }
  }
  // What an earlier fetch from this address got, or "".
  std::string kept_sum(const std::string& name, const std::string& url) const {
    const io::json_field known = io::json_field(sums_, sums_path())[name];
    if (!known.present()) return {};
    try {
      return known["url"].string() == url ? known["sha256"].string() : std::string();
    } catch (const error&) {
      return {};
    }
  }
  void keep_sum(const fetched_file& got) {
    io::json known = io::json::object();
    known.set("url", got.url).set("sha256", got.sha256).set("bytes", got.bytes);
    sums_.set(got.name, std::move(known));
    write_file_atomic(sums_path(), io::write_json(sums_) + "\n");
  }

  std::string address(const std::string& url) const {
    if (how_.mirror.empty()) return url;
    const std::string rest = url.substr(url.find("://") + 3);
    return how_.mirror + (how_.mirror.ends_with('/') ? "" : "/") + rest;
  }

  std::optional<fetched_file> get(const catalogue_file& file) {
    fetched_file got;
    got.name = file.name;
    got.path = folder_ + "/" + got.name;
    got.url = entry_.url(file);
    got.pinned = file.pinned();
    const std::string kept = got.pinned ? std::string() : kept_sum(got.name, got.url);
    const std::string wanted = got.pinned ? std::string(file.sha256) : kept;
    got.confirmed = !kept.empty();
    if (is_file(got.path) && !wanted.empty()) {
      sha256 hash;
      if (!hash_file(got.path, hash, got.bytes, how_.network.stop)) return {};
      got.sha256 = to_hex(hash.finish());
      got.was_there = got.sha256 == wanted;
      if (got.was_there) return got;
      if (how_.network.say) how_.network.say(got.path + " is damaged and comes anew");
    }
    if (how_.file) how_.file(entry_, file);
    download_options options = how_.network;
    options.sha256 = wanted;
    if (options.say) {
      options.say = [&](const std::string& what) {
        how_.network.say(join(entry_.name, "/", file.name, ": ", what));
      };
    }
    if (file.size > 0) options.size = file.size;
    if (!got.pinned) options.authority = "the first fetch";
    const download_result result =
        download(address(got.url), got.path, work_ + "/" + got.name, options);
    if (result.stopped) return {};
    got.sha256 = result.sha256;
    got.bytes = result.bytes;
    if (!got.pinned) keep_sum(got);
    return got;
  }

  const catalogue_entry& entry_;
  fetch_options how_;
  std::string folder_, work_;
  file_descriptor lock_;
  io::json sums_;
};

// Requires: the entry outlives the call.
inline fetched fetch(const catalogue_entry& entry, const fetch_options& how) {
  return entry_fetcher(entry, how).run();
}

}  // namespace ctgpt::inline CTGPT_ABI::data
