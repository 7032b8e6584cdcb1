// Feeds a fuzz target every file of its corpus and a few thousand mutations of them, always the
// same. Usage: fuzz_NAME CORPUS
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "ctgpt/base/random.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void feed(const std::string& input) {
  // A copy of exactly this size, so that the address sanitizer sees one byte too many.
  const std::vector<std::uint8_t> bytes(input.begin(), input.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

// One to four edits: a bit flipped, a byte replaced, a piece removed, a piece repeated.
std::string mutated(std::string input, ctgpt::random_stream& random) {
  const std::uint64_t edits = 1 + random.below(4);
  for (std::uint64_t edit = 0; edit < edits && !input.empty(); ++edit) {
    const std::size_t at = random.below(input.size());
    const std::size_t length = 1 + random.below(input.size() - at);
    switch (random.below(4)) {
      case 0:
        input[at] = static_cast<char>(input[at] ^ (1 << random.below(8)));
        break;
      case 1:
        input[at] = static_cast<char>(random.below(256));
        break;
      case 2:
        input.erase(at, length);
        break;
      default:
        input.insert(at, input.substr(at, length));
    }
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 || !std::filesystem::is_directory(argv[1])) {
    std::fprintf(stderr, "usage: %s CORPUS, a folder with at least one file\n", argv[0]);
    return 2;
  }
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> corpus{""};
  for (const std::filesystem::path& path : paths) {
    std::ifstream file(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>{});
  }
  if (corpus.size() < 2) {
    std::fprintf(stderr, "%s holds no file\n", argv[1]);
    return 2;
  }
  for (const std::string& input : corpus) feed(input);
  ctgpt::random_stream random(1);
  for (int i = 0; i < 4000; ++i) feed(mutated(corpus[random.below(corpus.size())], random));
  std::printf("%zu inputs and 4000 mutations\n", corpus.size());
}
