// A linear classifier of texts over hashed n-grams: trained on examples in seconds, small, and fast
// enough to filter a corpus by.
//
// ngram_classifier model = ngram_classifier::train(examples, {.epochs = 5});
// model.probability("text")              that its label is true
// model.save("harmful.ngc");  ngram_classifier::load("harmful.ngc")
//
// Features: each word, each pair of neighbouring words, and the 3, 4 and 5 bytes in a row of a word
// with a blank before and behind it; ASCII in lower case; of links and "@names" only that there is
// one. A feature is hashed to one of 2^bits weights.
// Forward:  z = b + sum_i w[h_i] / sqrt(n) over the n features of a text; p = 1 / (1 + exp(-z)).
// Training: logistic loss, one example at a time, in an order drawn from the seed anew each epoch;
//   AdaGrad: g_i += d^2, w_i -= rate * d / sqrt(g_i), d = c (p - y) / sqrt(n); with `balance`, c
//   gives both labels the same weight in all.
// The same examples, options and machine type give the same bits: one thread, a fixed order.
// File: 8 bytes "ctgptngc", u32 version 1, u32 bits, f32 b, the weights as f32, the xxh64 of all
// that; little-endian.
// Errors: no example of a label; a file that is cut, damaged, of another version, or not finite.
// Reference: Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", 2009; Duchi
// et al., "Adaptive Subgradient Methods", 2011; Joulin et al., "Bag of Tricks" (fastText), 2016.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "ctgpt/base/checksum.hpp"
#include "ctgpt/base/file.hpp"
#include "ctgpt/base/random.hpp"
#include "ctgpt/data/word_reader.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

struct labelled_text {
  std::string text = {};
  bool label = false;
};

struct ngram_options {
  int bits = 18;  // 2^bits weights, 4 bytes each
  int epochs = 5;
  float rate = 0.1f;
  bool balance = true;
  std::uint64_t seed = 1;
};

class ngram_classifier {
 public:
  static constexpr int fewest_bits = 8, most_bits = 26;

  static ngram_classifier train(const std::vector<labelled_text>& examples,
                                const ngram_options& options = {}) {
    expects(options.bits >= fewest_bits && options.bits <= most_bits, "ngram_classifier: bits is ",
            options.bits, "; choose ", fewest_bits, " to ", most_bits);
    const auto positive = std::count_if(examples.begin(), examples.end(),
                                        [](const labelled_text& e) { return e.label; });
    const auto negative = static_cast<std::ptrdiff_t>(examples.size()) - positive;
    expects(positive > 0 && negative > 0, "ngram_classifier: there are ", positive,
            " examples labelled true and ", negative, " labelled false; give some of both");
    const float all = static_cast<float>(examples.size());
    const float costs[] = {options.balance ? all / (2.0f * static_cast<float>(negative)) : 1.0f,
                           options.balance ? all / (2.0f * static_cast<float>(positive)) : 1.0f};
    ngram_classifier model(options.bits);
    std::vector<float> squares(model.weights_.size(), 1e-6f);
    float bias_square = 1e-6f;
    std::vector<std::size_t> order(examples.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    random_stream numbers(options.seed);
    std::vector<std::uint32_t> features;
    for (int epoch = 0; epoch < options.epochs; ++epoch) {
      for (std::size_t i = order.size(); i > 1; --i)
        std::swap(order[i - 1], order[numbers.below(i)]);
      for (const std::size_t which : order) {
        const labelled_text& example = examples[which];
        features.clear();
        model.each_feature(example.text, [&](std::uint32_t f) { features.push_back(f); });
        const float scale = scale_of(features.size());
        float sum = 0.0f;
        for (const std::uint32_t f : features) sum += model.weights_[f];
        const float p = squash(model.bias_ + scale * sum);
        const float step = costs[example.label ? 1 : 0] * (p - (example.label ? 1.0f : 0.0f));
        bias_square += step * step;
        model.bias_ -= options.rate * step / std::sqrt(bias_square);
        const float d = step * scale;
        for (const std::uint32_t f : features) {
          squares[f] += d * d;
          model.weights_[f] -= options.rate * d / std::sqrt(squares[f]);
        }
      }
    }
    return model;
  }

  float probability(std::string_view text) const {
    // Four sums, so that an addition does not wait for the one before.
    float sums[4] = {};
    std::size_t count = 0;
    each_feature(text, [&](std::uint32_t f) { sums[count++ & 3] += weights_[f]; });
    return squash(bias_ + scale_of(count) * ((sums[0] + sums[1]) + (sums[2] + sums[3])));
  }

  void save(const std::string& path) const { write_file_atomic(path, bytes()); }
  static ngram_classifier load(const std::string& path) {
    return parse(read_file(path, (std::uint64_t{4} << most_bits) + 64), path);
  }

  std::string bytes() const {
    std::string out(magic);
    put(out, std::uint32_t{1});
    put(out, static_cast<std::uint32_t>(bits_));
    put(out, bias_);
    out.append(reinterpret_cast<const char*>(weights_.data()), weights_.size() * sizeof(float));
    put(out, xxh64_of(out));
    return out;
  }

  // `name` is what errors call the file.
  static ngram_classifier parse(std::string_view bytes, const std::string& name) {
    constexpr std::size_t head = 20, tail = 8;
    expects(bytes.starts_with(magic), name, ": it is no n-gram classifier of ctgpt");
    expects(bytes.size() >= head + tail, name, ": the file is cut off; save the classifier again");
    const auto version = get<std::uint32_t>(bytes, 8);
    expects(version == 1, name, ": it is of version ", version,
            ", and this program reads version 1");
    const auto bits = get<std::uint32_t>(bytes, 12);
    expects(bits >= fewest_bits && bits <= most_bits, name, ": it has 2^", bits,
            " weights; they should be 2^", fewest_bits, " to 2^", most_bits);
    ngram_classifier model(static_cast<int>(bits));
    const std::size_t size = model.weights_.size() * sizeof(float);
    expects(bytes.size() == head + size + tail, name, ": it has ", bytes.size(),
            " bytes instead of ", head + size + tail, "; save the classifier again");
    expects(get<std::uint64_t>(bytes, head + size) == xxh64_of(bytes.substr(0, head + size)),
            name, ": its checksum does not fit its contents; the file is damaged, save it again");
    model.bias_ = get<float>(bytes, 16);
    std::memcpy(model.weights_.data(), bytes.data() + head, size);
    bool finite = std::isfinite(model.bias_);
    for (const float weight : model.weights_) finite = finite && std::isfinite(weight);
    expects(finite, name, ": a weight is not a finite number; train the classifier again");
    return model;
  }

 private:
  static_assert(std::endian::native == std::endian::little, "files are little-endian");
  static constexpr std::string_view magic = "ctgptngc";

  explicit ngram_classifier(int bits) : bits_(bits), weights_(std::size_t{1} << bits) {}

  static float scale_of(std::size_t count) {
    return 1.0f / std::sqrt(static_cast<float>(std::max<std::size_t>(count, 1)));
  }
  static float squash(float z) { return 1.0f / (1.0f + std::exp(-std::clamp(z, -30.0f, 30.0f))); }

  template <class T>
  static void put(std::string& out, T value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  template <class T>
  static T get(std::string_view bytes, std::size_t at) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
  }

  std::uint32_t slot(std::uint64_t key) const {
    key ^= key >> 29;
    return static_cast<std::uint32_t>((key * 0x9E3779B97F4A7C15u) >> (64 - bits_));
  }

  template <class Visit>
  void each_feature(std::string_view text, const Visit& visit) const {
    constexpr std::size_t longest = 40;  // of a word, in bytes; what is longer is cut
    constexpr std::uint64_t tags[] = {0x1F00000000000000u, 0x2F00000000000000u,
                                      0x3F00000000000000u};
    char word[longest + 16];
    std::uint64_t before = 0;
    for (word_span at = next_word(text, 0); at.end > at.begin; at = next_word(text, at.end)) {
      const bool name = at.begin > 0 && text[at.begin - 1] == '@';
      const std::string_view rest = text.substr(at.begin);
      const bool link = rest.starts_with("http://") || rest.starts_with("https://");
      if (name || link) {
        if (link) at.end = std::min(text.find_first_of(" \t\r\n", at.begin), text.size());
        before = name ? 0xA7 : 0x11;
        visit(slot(before));
        continue;
      }
      std::size_t length = 0;
      word[length++] = ' ';
      std::uint64_t hash = 0xcbf29ce484222325u;
      for (std::size_t i = at.begin; i < at.end && length <= longest; ++i) {
        const char c = text[i];
        const char small = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        hash = (hash ^ static_cast<unsigned char>(small)) * 0x100000001b3u;
        word[length++] = small;
      }
      word[length] = ' ';
      std::memset(word + length + 1, 0, 8);
      ++length;
      visit(slot(hash));
      visit(slot(hash * 3 + before));
      before = hash * 0x5851F42D4C957F2Du;
      for (std::size_t i = 0; i + 3 <= length; ++i) {
        std::uint64_t eight;
        std::memcpy(&eight, word + i, 8);
        visit(slot((eight & 0xFFFFFFu) | tags[0]));
        if (i + 4 <= length) visit(slot((eight & 0xFFFFFFFFu) | tags[1]));
        if (i + 5 <= length) visit(slot((eight & 0xFFFFFFFFFFu) | tags[2]));
      }
    }
  }

  int bits_ = 0;
  float bias_ = 0.0f;
  std::vector<float> weights_;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
