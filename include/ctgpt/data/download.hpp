// download: one file from the web, whole and checked, or nothing under its name.
//
//   download_result got = download(url, "cache/gpt2/vocab.json", "cache/.fetch/vocab.json",
//                                  {.sha256 = "1961...", .size = 1042301});
//
// Bytes arrive in PARTIAL, beside which PARTIAL.json keeps what the server said of the file (ETag,
// date, size). A connection that is cut, stands still or meets a passing error is tried again with
// a pause that doubles, and goes on where it stopped; so does the next process. A server that knows
// no ranges, and a file that has changed meanwhile, begin again at the first byte. Only when size
// and SHA-256 are right is PARTIAL renamed to TARGET.
//
// download_options  sha256, size: what is expected, "" and empty when nobody knows; authority: who
//                   says so; tries: those in a row that bring nothing new; pause: seconds before
//                   the second try; stop() is asked several times a second; progress(bytes, total)
//                   and say(sentence) may be empty.
// Requires: the directories are there, on one file system; no one else writes PARTIAL (a lock).
// Ensures: TARGET is complete, durable and right, or as it was. PARTIAL stays after a failure of
// the network, a full disk and a stop; it does not after a wrong sum.
// Errors: one sentence with the URL and the reason; a wrong SHA-256 with both sums.
// Reference: RFC 9110, sections 13 to 15.
#pragma once

#include <time.h>

#include <cstdio>
#include <functional>

#include "ctgpt/base/hash.hpp"
#include "ctgpt/data/http_get.hpp"
#include "ctgpt/io/json.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

struct download_options {
  std::string sha256 = {};
  std::optional<std::uint64_t> size = {};
  std::string authority = "the catalogue";
  int tries = 6;
  double pause = 1.0, longest_pause = 60.0;
  double connect_seconds = 30.0;
  long stall_seconds = 60;
  std::function<bool()> stop = {};
  std::function<void(std::uint64_t, std::optional<std::uint64_t>)> progress = {};
  std::function<void(const std::string&)> say = {};
};

struct download_result {
  bool stopped = false;
  std::string sha256;
  std::uint64_t bytes = 0;
};

// Adds a file to a hash, and its bytes to `length`; false on a stop.
inline bool hash_file(const std::string& path, sha256& hash, std::uint64_t& length,
                      const std::function<bool()>& stop) {
  const file_descriptor file = open_or_fail(path, O_RDONLY, "read");
  std::vector<char> piece(std::size_t{1} << 20);
  for (;;) {
    if (stop && stop()) return false;
    const ssize_t got = ::read(file.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_system("read", path, errno);
    if (got == 0) return true;
    hash.update(std::string_view(piece.data(), static_cast<std::size_t>(got)));
    length += static_cast<std::uint64_t>(got);
  }
}

class downloader final : private http_sink {
 public:
  downloader(std::string url, std::string target, std::string partial, download_options how)
      : url_(std::move(url)),
        target_(std::move(target)),
        partial_(std::move(partial)),
        how_(std::move(how)),
        file_(open_or_fail(partial_, O_WRONLY | O_CREAT | O_APPEND, "write"), partial_) {
    recall();
  }

  download_result run() {
    if (stopped_) return {true, {}, length_};
    for (;;) {
      if (!arrived() && !receive()) return {true, {}, length_};
      const std::string sum = to_hex(sha256(hash_).finish());
      if (how_.sha256.empty() || sum == how_.sha256) {
        finish();
        return {false, sum, length_};
      }
      if (!resumed_ || std::exchange(began_again_, true)) {
        forget();
        fail("the file at ", url_, " has the SHA-256 ", sum, ", but ", how_.authority, " has ",
             how_.sha256, "; nothing of it is kept");
      }
      say("its pieces do not fit together; beginning again");
      restart();
    }
  }

 private:
  std::string notes() const { return partial_ + ".json"; }
  bool stopping() const { return how_.stop && how_.stop(); }
  void say(const std::string& what) const {
    if (how_.say) how_.say(what);
  }

  // What an earlier process left, if it is of this file.
  void recall() {
    try {
      const io::json kept = io::read_json(notes());
      const io::json_field facts(kept, notes());
      if (facts["url"].string() == url_) {
        known_.etag = facts["etag"].string();
        known_.last_modified = facts["last_modified"].string();
        if (facts["total"].present()) known_.total = facts["total"].unsigned_integer();
        take_in();
        return;
      }
    } catch (const error&) {
      // None, or not whole: as if nothing were there.
    }
    restart();
  }

  void take_in() {
    if (!hash_file(partial_, hash_, length_, how_.stop)) {
      stopped_ = true;
      return;
    }
    resumed_ = length_ > 0;
    if (length_ > whole().value_or(no_limit) || !vouched()) restart();
  }
  // Whether a piece of another file would be noticed.
  bool vouched() const { return !known_.validator().empty() || !how_.sha256.empty(); }

  void restart() {
    if (::truncate(partial_.c_str(), 0) != 0) fail_system("write", partial_, errno);
    length_ = 0;
    hash_ = {};
    known_ = {};
    resumed_ = false;
  }

  std::optional<std::uint64_t> whole() const { return how_.size ? how_.size : known_.total; }
  bool arrived() const { return whole() && *whole() == length_ && (*whole() > 0 || begun_); }

  // Until the file is here; false on a stop.
  bool receive() {
    int fruitless = 0;
    double pause = how_.pause;
    std::uint64_t best = length_;
    for (;;) {
      if (stopping()) return false;
      changed_ = false;
      if (!vouched()) restart();
      resumed_ = resumed_ || length_ > 0;
      http_result got = client_.get({url_, length_, length_ > 0 ? known_.validator() : "",
                                     how_.connect_seconds, how_.stall_seconds},
                                    *this);
      if (got.end == http_end::done) {
        if (!whole() || *whole() == length_) return true;
        got.end = http_end::cut;
        got.sentence = "the connection ended before the file";
      }
      const bool behind_end = got.end == http_end::refused && got.reply.status == 416;
      if ((behind_end && length_ > 0) || changed_) {
        got.end = http_end::cut;
        got.sentence = "the file has changed; beginning again";
        restart();
      }
      if (got.end == http_end::stopped) return false;
      if (got.end != http_end::cut) {
        if (length_ == 0) forget();
        fail("cannot fetch ", url_, ": ", got.sentence);
      }
      if (length_ > best) fruitless = 0, pause = how_.pause;
      best = std::max(best, length_);
      if (++fruitless >= how_.tries) give_up(got, fruitless);
      const double wait = std::min(std::max(pause, got.retry_after), how_.longest_pause);
      say(got.sentence + "; trying again in " + seconds_text(wait));
      if (!sleep(wait)) return false;
      pause *= 2.0;
    }
  }

  [[noreturn]] void give_up(const http_result& last, int tries) const {
    if (length_ == 0) forget();
    const char* hint =
        length_ > 0 ? "; what has arrived is kept, and the same command goes on from there"
        : last.reply.status == 0 ? "; check the network, or name a proxy by https_proxy"
                                 : "";
    fail("cannot fetch ", url_, ": ", last.sentence, " (", tries, " tries)", hint);
  }

  static std::string seconds_text(double seconds) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3g s", seconds);
    return text;
  }
  bool sleep(double seconds) const {
    for (double left = seconds; left > 0.0; left -= 0.05) {
      if (stopping()) return false;
      const double step = std::min(left, 0.05);
      const struct timespec time { 0, static_cast<long>(step * 1e9) };
      ::nanosleep(&time, nullptr);
    }
    return !stopping();
  }

  // Of http_sink.
  bool begin(const http_reply& reply) override {
    if (reply.status == 206) {
      const auto differ = [](const auto& before, const auto& now) {
        return before != decltype(before){} && now != decltype(now){} && before != now;
      };
      changed_ = reply.from != length_ || differ(known_.etag, reply.etag) ||
                 differ(known_.last_modified, reply.last_modified) ||
                 differ(known_.total, reply.total);
      return !changed_;
    }
    restart();  // the whole file comes
    begun_ = true;
    known_ = reply;
    if (how_.size && reply.total && *how_.size != *reply.total) {
      forget();
      fail("the file at ", url_, " has ", *reply.total, " bytes, but ", how_.authority, " has ",
           *how_.size);
    }
    io::json note = io::json::object();
    note.set("url", url_).set("etag", reply.etag).set("last_modified", reply.last_modified);
    if (reply.total) note.set("total", *reply.total);
    write_file_atomic(notes(), io::write_json(note) + "\n");
    return true;
  }
  bool body(std::string_view piece) override {
    if (how_.size && piece.size() > *how_.size - std::min(length_, *how_.size)) {
      forget();
      fail("the file at ", url_, " is longer than the ", *how_.size, " bytes that ", how_.authority,
           " has");
    }
    file_.write(piece);
    hash_.update(piece);
    length_ += piece.size();
    if (how_.progress) how_.progress(length_, whole());
    return true;
  }
  bool waiting() override { return !stopping(); }

  void forget() const {
    ::unlink(partial_.c_str());
    ::unlink(notes().c_str());
  }
  void finish() {
    file_.sync();
    file_.close();
    if (::rename(partial_.c_str(), target_.c_str()) != 0) fail_system("write", target_, errno);
    sync_directory(parent_directory(target_));
    ::unlink(notes().c_str());
  }

  std::string url_, target_, partial_;
  download_options how_;
  output_file file_;
  http_client client_;
  http_reply known_;
  sha256 hash_;
  std::uint64_t length_ = 0;
  bool resumed_ = false;  // some of it came in another try, perhaps of another file
  bool changed_ = false, begun_ = false, began_again_ = false;
  bool stopped_ = false;  // before anything was asked for
};

inline download_result download(const std::string& url, const std::string& target,
                                const std::string& partial, const download_options& how) {
  return downloader(url, target, partial, how).run();
}

}  // namespace ctgpt::inline CTGPT_ABI::data
