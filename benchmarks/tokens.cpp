// benchmark_tokens: how fast a vocabulary encodes and decodes texts, on one thread and on several.
//
//   benchmark_tokens VOCABULARY PATTERN FILE...     VOCABULARY: a folder with vocab.json and
//                                                   merges.txt, or a .tiktoken file
//   PATTERN: gpt2, cl100k, o200k or nanochat
//
// Prints a JSON object for each file: bytes, tokens, the XXH64 of the tokens as 32-bit numbers, and
// MB/s: cold (an encoder that has seen nothing; median of 5), warm (that has seen the file; median
// of 9), on two threads, and of decoding. benchmarks/token_peers.py runs it beside its peers.
#include <chrono>
#include <cstdio>
#include <ctgpt/base/checksum.hpp>
#include <ctgpt/ctgpt.hpp>
#include <ctgpt/text/bpe.hpp>
#include <ctgpt/text/bpe_files.hpp>
#include <filesystem>
#include <functional>

namespace text = ctgpt::text;

namespace {

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

template <class Pattern>
void measure(const text::bpe_tables& tables, const std::string& path) {
  const std::string input = ctgpt::read_file(path);
  const double megabytes = static_cast<double>(input.size()) / 1e6;
  std::vector<double> cold, warm, both, decoding;
  std::vector<std::int32_t> tokens;
  for (int i = 0; i < 5; ++i) {
    const text::bpe<Pattern> fresh(tables);
    cold.push_back(seconds_of([&] { tokens = fresh.encode_ordinary(input); }));
  }
  const text::bpe<Pattern> known(tables);
  const std::vector<std::int32_t> first = known.encode_ordinary(input);
  for (int i = 0; i < 9; ++i) {
    warm.push_back(seconds_of([&] { tokens = known.encode_ordinary(input); }));
    both.push_back(seconds_of([&] { tokens = known.encode_ordinary(input, 2); }));
    std::string back;
    decoding.push_back(seconds_of([&] { back = known.decode(tokens); }));
    if (tokens != first || back != input) ctgpt::fail(path, ": encoded twice, two results");
  }
  ctgpt::xxh64 sum;
  sum.update(std::as_bytes(std::span(tokens)));
  std::printf(
      "{\"file\": \"%s\", \"pattern\": \"%s\", \"bytes\": %zu, \"tokens\": %zu, "
      "\"xxh64\": \"%s\", \"cold\": %.1f, \"warm\": %.1f, \"two_threads\": %.1f, "
      "\"decode\": %.1f}\n",
      std::filesystem::path(path).filename().c_str(), std::string(Pattern::name()).c_str(),
      input.size(), tokens.size(), ctgpt::checksum_text(sum.finish()).c_str(),
      megabytes / median(cold), megabytes / median(warm), megabytes / median(both),
      megabytes / median(decoding));
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) try {
  if (count < 4) {
    std::fprintf(stderr, "usage: benchmark_tokens VOCABULARY PATTERN FILE...\n");
    return 2;
  }
  const ctgpt::backend cpu = ctgpt::cpu{};  // brings the vectorised kernel of texts with it
  const std::string vocabulary = arguments[1], pattern = arguments[2];
  const text::bpe_tables tables =
      std::filesystem::is_directory(vocabulary)
          ? text::read_vocab_merges(vocabulary + "/vocab.json", vocabulary + "/merges.txt")
          : text::read_tiktoken(vocabulary);
  for (int i = 3; i < count; ++i) {
    if (pattern == "gpt2") {
      measure<text::gpt2>(tables, arguments[i]);
    } else if (pattern == "cl100k") {
      measure<text::cl100k>(tables, arguments[i]);
    } else if (pattern == "o200k") {
      measure<text::o200k>(tables, arguments[i]);
    } else if (pattern == "nanochat") {
      measure<text::nanochat>(tables, arguments[i]);
    } else {
      ctgpt::fail("there is no pattern ", pattern, "; choose gpt2, cl100k, o200k or nanochat");
    }
  }
  return 0;
} catch (const ctgpt::error& problem) {
  std::fprintf(stderr, "benchmark_tokens: %s\n", problem.what());
  return 1;
}
