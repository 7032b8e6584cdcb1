// MinHash with locality-sensitive hashing: near-duplicate documents, by buckets that they share.
//
// const minhash near;
// word_hashes words;  words.read(page.text);
// bucket_hashes keys;
// if (near(words, keys)) ...   two with keys[i] == other[i] for some i are duplicates
// first_of_cluster clusters(documents);  clusters.join(a, b);  clusters.first(b)
//
// A document is the set of its shingles s: the hashes of 5 words that follow each other (of all its
// words, where there are fewer), mod p = 2^61 - 1. Its signature is 112 minima,
//   m_k = min over s of (a_k s + b_k) mod p,
// in 14 buckets of 8; the key of a bucket is a hash of its 8 minima. Two documents of Jaccard
// similarity J share one minimum with probability J, and so are found with 1 - (1 - J^8)^14:
// 0.924 at J = 0.8, 0.65 at 0.72, 0.05 at 0.5.
// Clusters are what such pairs connect; of each, the first document in order stays.
// Ensures: the same keys for the same words, on every machine; a_k and b_k come from the seed.
// Memory: 8 bytes a shingle of one document; 4 bytes a document for the clusters.
// Errors: none.
// Reference: Broder, "On the resemblance and containment of documents", 1997; Leskovec, Rajaraman,
// Ullman, "Mining of Massive Datasets", section 3.4; the parameters are datatrove's.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "ctgpt/base/random.hpp"
#include "ctgpt/data/words.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

inline constexpr std::size_t shingle_words = 5;
inline constexpr std::size_t minhash_buckets = 14, hashes_per_bucket = 8;
using bucket_hashes = std::array<std::uint64_t, minhash_buckets>;

inline constexpr std::uint64_t mersenne_61 = (std::uint64_t{1} << 61) - 1;

constexpr std::uint64_t modulo_mersenne_61(std::uint64_t x) {
  x = (x & mersenne_61) + (x >> 61);
  return std::min(x, x - mersenne_61);  // x - p wraps where x < p
}

// (a x + b) mod p, as one product and no division. With 8 a in place of a, the product's upper half
// is (a x + b) >> 61 and its lower half, shifted back, the 61 bits below.
// Requires: a, b and x below p.
constexpr std::uint64_t multiply_add_mersenne_61(std::uint64_t a, std::uint64_t x,
                                                 std::uint64_t b) {
  __extension__ using wide = unsigned __int128;
  const wide product = static_cast<wide>(8 * a) * x + 8 * b;
  const std::uint64_t sum = static_cast<std::uint64_t>(product >> 64) +
                            (static_cast<std::uint64_t>(product) >> 3);  // at most 2 p - 2
  return std::min(sum, sum - mersenne_61);
}

// The chance that two documents of this Jaccard similarity share a bucket.
inline double minhash_detection(double similarity) {
  const double bucket = std::pow(similarity, static_cast<double>(hashes_per_bucket));
  return 1.0 - std::pow(1.0 - bucket, static_cast<double>(minhash_buckets));
}

class minhash {
 public:
  static constexpr std::size_t hashes = minhash_buckets * hashes_per_bucket;

  explicit minhash(std::uint64_t seed = 1) {
    random_stream random(seed);
    for (std::size_t k = 0; k < hashes; ++k) {
      a_[k] = 1 + number(random) % (mersenne_61 - 1);
      b_[k] = number(random) % mersenne_61;
    }
  }

  // The keys of a document's buckets; false for one without a word, which resembles nothing.
  bool operator()(const word_hashes& words, bucket_hashes& keys) const {
    if (words.size() == 0) return false;
    const std::size_t length = std::min(words.size(), shingle_words);
    const std::uint64_t factor = word_hashes::power(length);
    const std::size_t count = words.size() - length + 1;
    std::array<std::uint64_t, hashes> minima;
    minima.fill(mersenne_61);
    std::array<std::uint64_t, 1024> shingles;  // they stay in the first cache for all the hashes
    for (std::size_t done = 0; done < count;) {
      const std::size_t some = std::min(count - done, shingles.size());
      for (std::size_t i = 0; i < some; ++i) {
        shingles[i] = modulo_mersenne_61(words.gram(done + i, length, factor));
      }
      for (std::size_t k = 0; k < hashes; k += 2) lower(&minima[k], shingles.data(), some, k);
      done += some;
    }
    for (std::size_t bucket = 0; bucket < minhash_buckets; ++bucket) {
      std::uint64_t key = bucket;
      for (std::size_t i = 0; i < hashes_per_bucket; ++i) {
        key = mix_bits(key * 0x9e3779b97f4a7c15u + minima[bucket * hashes_per_bucket + i]);
      }
      keys[bucket] = key;
    }
    return true;
  }

 private:
  static std::uint64_t number(random_stream& random) {
    const std::uint64_t high = random.next();
    return high << 32 | random.next();
  }

  // Two hashes side by side, for their chains of minima wait on each other's product.
  void lower(std::uint64_t* minima, const std::uint64_t* shingles, std::size_t count,
             std::size_t k) const {
    const std::uint64_t a0 = a_[k], b0 = b_[k], a1 = a_[k + 1], b1 = b_[k + 1];
    std::uint64_t m0 = minima[0], m1 = minima[1];
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t h0 = multiply_add_mersenne_61(a0, shingles[i], b0);
      const std::uint64_t h1 = multiply_add_mersenne_61(a1, shingles[i], b1);
      if (h0 < m0) [[unlikely]]
        m0 = h0;
      if (h1 < m1) [[unlikely]]
        m1 = h1;
    }
    minima[0] = m0;
    minima[1] = m1;
  }

  std::array<std::uint64_t, hashes> a_{}, b_{};
};

// Disjoint sets of documents, each known by its first.
class first_of_cluster {
 public:
  explicit first_of_cluster(std::size_t documents) : parent_(documents) {
    std::iota(parent_.begin(), parent_.end(), std::uint32_t{0});
  }
  void join(std::uint32_t a, std::uint32_t b) {
    a = first(a);
    b = first(b);
    parent_[std::max(a, b)] = std::min(a, b);
  }
  std::uint32_t first(std::uint32_t document) {
    while (parent_[document] != document) {
      document = parent_[document] = parent_[parent_[document]];
    }
    return document;
  }

 private:
  std::vector<std::uint32_t> parent_;  // never later than the document itself
};

}  // namespace ctgpt::inline CTGPT_ABI::data
