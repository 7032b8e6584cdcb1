// http_get: one try at one GET over HTTP or HTTPS, its body handed on piece by piece.
//
//   http_client client;
//   const http_result got = client.get({.url = url, .from = 1000, .validator = "\"etag\""}, sink);
//
// sink.begin(reply) is called once before the body of a reply of the kind 2xx, sink.body(piece) for
// each piece of it, sink.waiting() several times a second. Each may answer false to stop. What
// a sink throws comes out of get(). Redirects are followed (10 at most, never from https to http),
// certificates are checked (SSL_CERT_FILE names others to trust), and proxies are those of the
// environment (https_proxy, no_proxy).
//
// http_request  from: first byte wanted; validator: sent as If-Range, so that a file that has
//               changed comes whole. A transfer that stands still for stall_seconds is given up.
// http_result   end: done, refused (the server answered with an error), cut (worth another try),
//               stopped (by the sink), failed (not worth one). sentence says what happened.
// Errors: none for what the network does: that is the result.
// Reference: RFC 9110 (13.1.5 If-Range, 14 Range, 10.2.3 Retry-After); libcurl-easy(3).
#pragma once

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>

#include "ctgpt/base/error.hpp"
#include "ctgpt/data/ascii.hpp"
#include "ctgpt/data/no_pipe_signal.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

struct http_request {
  std::string url;
  std::uint64_t from = 0;
  std::string validator = {};
  double connect_seconds = 30.0;
  long stall_seconds = 60;
};

struct http_reply {
  long status = 0;
  std::uint64_t from = 0;              // the byte of the file that the body begins with
  std::optional<std::uint64_t> total;  // bytes of the whole file, where the server says it
  std::string etag, last_modified;

  // What If-Range may hold: a weak ETag may stand for other bytes.
  std::string validator() const { return etag.starts_with('"') ? etag : last_modified; }
};

enum class http_end : unsigned char { done, refused, cut, stopped, failed };

struct http_result {
  http_end end = http_end::failed;
  http_reply reply;
  std::string sentence;
  double retry_after = 0.0;  // seconds that the server asks to wait
};

class http_sink {
 public:
  virtual ~http_sink() = default;
  virtual bool begin(const http_reply& reply) = 0;
  virtual bool body(std::string_view piece) = 0;
  virtual bool waiting() = 0;
};

class http_client {
 public:
  http_client() {
    static const CURLcode ready = ::curl_global_init(CURL_GLOBAL_DEFAULT);
    expects(ready == CURLE_OK, "libcurl cannot be used: ", ::curl_easy_strerror(ready));
    curl_.reset(::curl_easy_init());
    if (!curl_) throw std::bad_alloc();
  }

  http_result get(const http_request& wanted, http_sink& sink) {
    transfer now{curl_.get(), &sink, {}, false, false, nullptr};
    char message[CURL_ERROR_SIZE] = "";
    ::curl_easy_reset(curl_.get());  // keeps the connections
    const list headers(wanted.from > 0 && !wanted.validator.empty()
                           ? ::curl_slist_append(nullptr, ("If-Range: " + wanted.validator).c_str())
                           : nullptr);
    set(CURLOPT_URL, wanted.url.c_str());
    set(CURLOPT_USERAGENT, "ctgpt/" CTGPT_VERSION);
    set(CURLOPT_HTTPHEADER, headers.get());
    set(CURLOPT_ERRORBUFFER, message);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, 10L);
    allow_protocols(lower_ascii(wanted.url.substr(0, 8)) == "https://");
    const char* trusted = std::getenv("SSL_CERT_FILE");
    if (trusted != nullptr && *trusted != '\0') set(CURLOPT_CAINFO, trusted);
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(wanted.connect_seconds * 1000.0));
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, wanted.stall_seconds);
    const std::string range = std::to_string(wanted.from) + "-";
    if (wanted.from > 0) set(CURLOPT_RANGE, range.c_str());
    set(CURLOPT_HEADERFUNCTION, on_header);
    set(CURLOPT_HEADERDATA, &now);
    set(CURLOPT_WRITEFUNCTION, on_body);
    set(CURLOPT_WRITEDATA, &now);
    set(CURLOPT_XFERINFOFUNCTION, on_progress);
    set(CURLOPT_XFERINFODATA, &now);
    set(CURLOPT_NOPROGRESS, 0L);
    const no_pipe_signal quiet;
    const CURLcode code = ::curl_easy_perform(curl_.get());
    if (now.thrown) std::rethrow_exception(now.thrown);
    if (code == CURLE_OK && !now.begun) now.start();  // an empty body
    if (now.thrown) std::rethrow_exception(now.thrown);
    return result_of(now, code, message);
  }

 private:
  struct transfer {
    CURL* curl;
    http_sink* sink;
    http_reply reply;
    bool begun, stopped;
    std::exception_ptr thrown;

    bool good() const { return reply.status >= 200 && reply.status < 300; }
    // Calls what the sink says, and keeps what it throws from C's frames.
    template <class Call>
    bool ask(Call call) {
      try {
        stopped = !call();
      } catch (...) {
        thrown = std::current_exception();
        stopped = true;
      }
      return !stopped;
    }
    bool start() {
      begun = true;
      if (!good()) return true;
      return ask([&] { return sink->begin(reply); });
    }
  };

  struct free_list {
    void operator()(curl_slist* each) const { ::curl_slist_free_all(each); }
  };
  using list = std::unique_ptr<curl_slist, free_list>;
  struct free_client {
    void operator()(CURL* each) const { ::curl_easy_cleanup(each); }
  };

  template <class Value>
  void set(CURLoption option, Value value) {
    const CURLcode code = ::curl_easy_setopt(curl_.get(), option, value);
    expects(code == CURLE_OK, "libcurl cannot be used: ", ::curl_easy_strerror(code));
  }
  void allow_protocols(bool secure) {
#if LIBCURL_VERSION_NUM >= 0x075500
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
#else
    set(CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
    const long more = secure ? CURLPROTO_HTTPS : CURLPROTO_HTTP | CURLPROTO_HTTPS;
    set(CURLOPT_REDIR_PROTOCOLS, more);
#endif
  }

  static std::uint64_t number_at(std::string_view text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }

  // "bytes 100-199/200"; the total may be "*".
  static void read_range(http_reply& reply, std::string_view text) {
    const std::size_t digits = text.find_first_of("0123456789");
    const std::size_t slash = text.find('/');
    if (digits == text.npos || slash == text.npos || digits > slash) return;
    reply.from = number_at(text.substr(digits));
    if (text.substr(slash + 1) != "*") reply.total = number_at(text.substr(slash + 1));
  }

  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* to) {
    http_reply& reply = static_cast<transfer*>(to)->reply;
    const std::string_view line = trimmed({data, size});
    if (line.starts_with("HTTP/")) {  // another reply: the ones before were redirects
      reply = {};
      const std::size_t space = line.find(' ');
      reply.status = space == line.npos ? 0 : static_cast<long>(number_at(line.substr(space + 1)));
      return size;
    }
    const std::size_t colon = line.find(':');
    if (colon == line.npos) return size;
    const std::string name = lower_ascii(line.substr(0, colon));
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (name == "etag") reply.etag = value;
    if (name == "last-modified") reply.last_modified = value;
    if (name == "content-length" && reply.status == 200) reply.total = number_at(value);
    if (name == "content-range" && reply.status == 206) read_range(reply, value);
    return size;
  }

  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* to) {
    transfer& now = *static_cast<transfer*>(to);
    if (!now.begun && !now.start()) return 0;  // 0 of some bytes taken: an error
    if (!now.good()) return size;              // the page of an error
    return now.ask([&] { return now.sink->body({data, size}); }) ? size : 0;
  }

  static int on_progress(void* to, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    transfer& now = *static_cast<transfer*>(to);
    return now.stopped || !now.ask([&] { return now.sink->waiting(); }) ? 1 : 0;
  }

  http_result result_of(const transfer& now, CURLcode code, const char* message) {
    http_result result{http_end::done, now.reply, {}, 0.0};
    const long status = now.reply.status;
    if (now.stopped) {
      result.end = http_end::stopped;
      result.sentence = "it was stopped";
    } else if (status >= 400) {
      const bool passing = status == 408 || status == 425 || status == 429 || status >= 500;
      result.end = passing ? http_end::cut : http_end::refused;
      result.sentence = join("the server answers ", status, words_for(status));
      curl_off_t wait = 0;
      ::curl_easy_getinfo(curl_.get(), CURLINFO_RETRY_AFTER, &wait);
      result.retry_after = std::max(0.0, static_cast<double>(wait));
    } else if (code != CURLE_OK) {
      result.end = is_passing(code) ? http_end::cut : http_end::failed;
      result.sentence = *message != '\0' ? message : ::curl_easy_strerror(code);
    } else if (!now.good()) {
      result.end = http_end::refused;
      result.sentence = join("the server answers ", status, ", which is no file");
    }
    return result;
  }

  static const char* words_for(long status) {
    switch (status) {
      case 401:
      case 403:
        return " (access denied)";
      case 404:
        return " (not found)";
      case 410:
        return " (gone)";
      case 416:
        return " (no such range)";
      case 429:
        return " (too many requests)";
      case 503:
        return " (unavailable)";
      default:
        return status >= 500 ? " (an error of its own)" : "";
    }
  }
  static bool is_passing(CURLcode code) {
    switch (code) {
      case CURLE_COULDNT_RESOLVE_PROXY:
      case CURLE_COULDNT_RESOLVE_HOST:
      case CURLE_COULDNT_CONNECT:
      case CURLE_PARTIAL_FILE:
      case CURLE_OPERATION_TIMEDOUT:
      case CURLE_SSL_CONNECT_ERROR:
      case CURLE_GOT_NOTHING:
      case CURLE_SEND_ERROR:
      case CURLE_RECV_ERROR:
      case CURLE_HTTP2:
      case CURLE_HTTP2_STREAM:
        return true;
      default:
        return false;
    }
  }

  std::unique_ptr<CURL, free_client> curl_;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
