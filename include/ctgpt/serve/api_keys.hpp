// api_keys: who may use the server, from a file with a key a line.
//
//   # a comment
//   sk-5f1c0e                                       a key; its name is made of its hash
//   anna sk-9d2a77                                  a name, and its key
//   bob sk-31bb04 requests_per_minute=20 tokens_per_day=50000
//
//   const api_keys keys = read_api_keys("keys.txt");
//   const api_key* who = keys.find("sk-9d2a77");    nullptr: nobody's
//
// Several keys may have one name: they are one person's. Only the keys' hashes are kept, and all of
// them are compared, so that the time taken says nothing.
// Errors: one sentence with file and line, without the key: a key shorter than 8 characters, with
// other characters than visible ASCII or with a percent sign (cpp-httplib decodes headers), a key
// twice, an unknown quota; a file without a key.
#pragma once

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/base/element.hpp"
#include "ctgpt/base/error.hpp"
#include "ctgpt/base/file.hpp"
#include "ctgpt/base/utf8.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

struct api_key {
  std::string name;
  std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
  double requests_per_minute = 0.0;  // 0: the server's own limit
  isize tokens_per_day = 0;          // 0: no limit
};

inline std::array<unsigned char, SHA256_DIGEST_LENGTH> hash_of_key(std::string_view key) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), hash.data());
  return hash;
}

class api_keys {
 public:
  bool empty() const { return keys_.empty(); }
  std::size_t size() const { return keys_.size(); }

  const api_key* find(std::string_view key) const {
    const auto hash = hash_of_key(key);
    const api_key* found = nullptr;
    for (const api_key& each : keys_) {
      if (CRYPTO_memcmp(each.hash.data(), hash.data(), hash.size()) == 0) found = &each;
    }
    return found;
  }
  // False: the key is there already.
  bool add(api_key one) {
    for (const api_key& each : keys_) {
      if (each.hash == one.hash) return false;
    }
    keys_.push_back(std::move(one));
    return true;
  }

 private:
  std::vector<api_key> keys_;
};

class api_keys_reader {
 public:
  explicit api_keys_reader(std::string path) : path_(std::move(path)) {}

  api_keys read(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      ++line_;
      read_line(text.substr(0, end));
      text.remove_prefix(end == text.npos ? text.size() : end + 1);
    }
    expects(!keys_.empty(), path_, ": there is no key in it; write one a line, KEY or NAME KEY");
    return std::move(keys_);
  }

 private:
  template <class... Parts>
  [[noreturn]] void wrong(const Parts&... parts) const {
    fail(path_, ":", line_, ": ", parts...);
  }

  static std::vector<std::string_view> words_of(std::string_view line) {
    constexpr std::string_view blanks = " \t\r";
    std::vector<std::string_view> words;
    std::size_t at = 0;
    while ((at = line.find_first_not_of(blanks, at)) != line.npos) {
      const std::size_t end = std::min(line.find_first_of(blanks, at), line.size());
      words.push_back(line.substr(at, end - at));
      at = end;
    }
    return words;
  }

  void read_line(std::string_view line) {
    std::vector<std::string_view> words = words_of(line);
    if (words.empty() || words[0].starts_with('#')) return;
    api_key one;
    while (words.size() > 1 && words.back().find('=') != line.npos &&
           read_quota(one, words.back())) {
      words.pop_back();
    }
    if (words.size() > 2)
      wrong("a line is KEY or NAME KEY, then quotas such as tokens_per_day=5000");
    const std::string_view key = words.back();
    const auto visible = [](char c) { return c > ' ' && c < 0x7F && c != '%'; };
    if (key.size() < 8 || key.size() > 512 || !std::all_of(key.begin(), key.end(), visible)) {
      wrong("a key has 8 to 512 visible ASCII characters, none of them a percent sign");
    }
    one.hash = hash_of_key(key);
    if (words.size() == 2) {
      one.name = words[0];
      if (one.name.size() > 64 || utf8_error_offset(one.name) != std::string::npos) {
        wrong("a name has at most 64 bytes, in UTF-8");
      }
    } else {
      one.name = "key-";  // of the hash, so that it may stand in logs
      for (std::size_t i = 0; i < 6; ++i) {
        one.name += "0123456789abcdef"[one.hash[i] >> 4];
        one.name += "0123456789abcdef"[one.hash[i] & 15];
      }
    }
    if (!keys_.add(std::move(one))) wrong("this key is there already");
  }

  // False: this is no quota, but a key with "=" in it.
  bool read_quota(api_key& one, std::string_view word) const {
    const std::string_view name = word.substr(0, word.find('='));
    const std::string_view digits = word.substr(name.size() + 1);
    if (name != "requests_per_minute" && name != "tokens_per_day") return false;
    std::int64_t value = 0;
    const auto [rest, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (code != std::errc() || rest != digits.data() + digits.size() || value < 1 ||
        value > 1'000'000'000'000) {
      wrong(name, " must be a whole number of at least 1");
    }
    if (name == "tokens_per_day") one.tokens_per_day = value;
    if (name == "requests_per_minute") one.requests_per_minute = static_cast<double>(value);
    return true;
  }

  std::string path_;
  std::size_t line_ = 0;
  api_keys keys_;
};

inline api_keys read_api_keys(const std::string& path) {
  return api_keys_reader(path).read(read_file(path, std::uint64_t{16} << 20));
}

}  // namespace ctgpt::inline CTGPT_ABI::serve
