// SHA-256: a streaming hash, its hexadecimal form, and the hash of a file.
//
// sha256 h;  h.update(bytes);  h.update(more);  h.finish() -> 32 bytes
// sha256_hex(text), sha256_file(path) -> 64 lower-case hexadecimal digits
//
// 64-byte blocks; each is expanded to 64 words W and mixed into eight 32-bit state words by 64
// rounds. The message ends with a 1 bit, zeros, and its length in bits as 64 bits, big-endian.
// Everything but files is constexpr, so the standard's vectors are checked by the compiler as well.
// Requires: update() is not called after finish().
// Errors: only those of reading a file.
// Reference: NIST, FIPS 180-4, "Secure Hash Standard", 2015, sections 5.1.1, 5.3.3 and 6.2.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/base/file.hpp"

namespace ctgpt::inline CTGPT_ABI {

class sha256 {
 public:
  using digest = std::array<std::uint8_t, 32>;

  constexpr void update(std::string_view bytes) {
    length_ += bytes.size();
    if (pending_ > 0) {
      const std::size_t fits = std::min(bytes.size(), block_.size() - pending_);
      keep(bytes.substr(0, fits));
      bytes.remove_prefix(fits);
      if (pending_ < block_.size()) return;
      mix(std::string_view(block_.data(), block_.size()));
      pending_ = 0;
    }
    for (; bytes.size() >= block_.size(); bytes.remove_prefix(block_.size())) {
      mix(bytes.substr(0, block_.size()));
    }
    keep(bytes);
  }
  void update(std::span<const std::byte> bytes) {
    update(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }

  constexpr digest finish() {
    const std::uint64_t bits = length_ * 8;
    std::array<char, 72> tail{};
    tail[0] = static_cast<char>(0x80);
    const std::size_t zeros = (119 - length_ % 64) % 64;
    for (std::size_t i = 0; i < 8; ++i) {
      tail[1 + zeros + i] = static_cast<char>((bits >> (56 - 8 * i)) & 0xFF);
    }
    update(std::string_view(tail.data(), 9 + zeros));
    digest result{};
    for (std::size_t i = 0; i < 32; ++i) {
      result[i] = static_cast<std::uint8_t>(state_[i / 4] >> (24 - 8 * (i % 4)));
    }
    return result;
  }

 private:
  constexpr void keep(std::string_view bytes) {
    for (const char byte : bytes) block_[pending_++] = byte;
  }

  constexpr void mix(std::string_view block) {
    std::array<std::uint32_t, 64> w{};
    for (std::size_t i = 0; i < 64; ++i) {
      w[i / 4] = (w[i / 4] << 8) | static_cast<std::uint8_t>(block[i]);
    }
    for (std::size_t t = 16; t < 64; ++t) {
      const std::uint32_t s0 =
          std::rotr(w[t - 15], 7) ^ std::rotr(w[t - 15], 18) ^ (w[t - 15] >> 3);
      const std::uint32_t s1 = std::rotr(w[t - 2], 17) ^ std::rotr(w[t - 2], 19) ^ (w[t - 2] >> 10);
      w[t] = w[t - 16] + s0 + w[t - 7] + s1;
    }
    auto [a, b, c, d, e, f, g, h] = state_;
    for (std::size_t t = 0; t < 64; ++t) {
      const std::uint32_t s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
      const std::uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + round_constants[t] + w[t];
      const std::uint32_t s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
      const std::uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
      h = g;
      g = f;
      f = e;
      e = d + t1;
      d = c;
      c = b;
      b = a;
      a = t1 + t2;
    }
    const std::array<std::uint32_t, 8> mixed{a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < 8; ++i) state_[i] += mixed[i];
  }

  // Fractional parts of the cube roots of the first 64 primes.
  static constexpr std::array<std::uint32_t, 64> round_constants{
      0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
      0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
      0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
      0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
      0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
      0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
      0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
      0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
      0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
      0xc67178f2};

  // Fractional parts of the square roots of the first 8 primes.
  std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<char, 64> block_{};
  std::size_t pending_ = 0;
  std::uint64_t length_ = 0;
};

inline std::string to_hex(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    text.push_back(digits[byte >> 4]);
    text.push_back(digits[byte & 15]);
  }
  return text;
}

inline std::string sha256_hex(std::string_view bytes) {
  sha256 hash;
  hash.update(bytes);
  return to_hex(hash.finish());
}

// Reads in pieces, so that it also takes pipes and files larger than memory.
inline std::string sha256_file(const std::string& path) {
  const file_descriptor file = open_or_fail(path, O_RDONLY, "read");
  status_or_fail(file, path);
  sha256 hash;
  std::vector<char> piece(std::size_t{1} << 20);
  for (;;) {
    const ssize_t got = ::read(file.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_system("read", path, errno);
    if (got == 0) return to_hex(hash.finish());
    hash.update(std::string_view(piece.data(), static_cast<std::size_t>(got)));
  }
}

}  // namespace ctgpt::inline CTGPT_ABI
