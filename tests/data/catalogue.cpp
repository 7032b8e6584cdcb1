#include "ctgpt/data/catalogue.hpp"

#include <doctest/doctest.h>

#include <set>

#include "base/corpora.hpp"
#include "ctgpt/base/hash.hpp"

using namespace ctgpt::data;

TEST_CASE("catalogue: every entry is well formed") {
  std::set<std::string_view> known;
  for (const catalogue_entry& entry : catalogue) {
    INFO(entry.name);
    CHECK(known.insert(entry.name).second);
    CHECK(find_in_catalogue(entry.name) == &entry);
    CHECK(entry.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") ==
          std::string_view::npos);
    CHECK((entry.kind == "model" || entry.kind == "corpus" || entry.kind == "tokenizer"));
    CHECK_FALSE(entry.licence.empty());
    CHECK_FALSE(entry.about.empty());
    CHECK(entry.base.starts_with("https://"));
    CHECK(entry.base.ends_with('/'));
    CHECK_FALSE(entry.files.empty());
    std::set<std::string_view> names;
    for (const catalogue_file& file : entry.files) {
      INFO(file.name);
      CHECK(names.insert(file.name).second);
      CHECK_FALSE(file.name.empty());
      CHECK_FALSE(file.name.starts_with('.'));
      CHECK(file.name.find('/') == std::string_view::npos);
      CHECK(entry.url(file).find_first_of(" \"'<>\\") == std::string::npos);
      if (!file.pinned()) continue;
      CHECK(file.sha256.size() == 64);
      CHECK(file.sha256.find_first_not_of("0123456789abcdef") == std::string_view::npos);
    }
  }
  CHECK(find_in_catalogue("nothing") == nullptr);
}

TEST_CASE("catalogue: GPT-2 is there whole, pinned, and at one revision") {
  const catalogue_entry* gpt2 = find_in_catalogue("gpt2");
  REQUIRE(gpt2 != nullptr);
  CHECK(gpt2->pinned());
  CHECK(gpt2->size() == 549'604'455);
  CHECK(gpt2->url(gpt2->files[0]) ==
        "https://huggingface.co/openai-community/gpt2/resolve/"
        "607a30d783dfa663caf39e06633721c8d4cfcd7e/config.json");
  CHECK_FALSE(find_in_catalogue("gpt2-medium")->pinned());
  CHECK(find_in_catalogue("gpt2-medium")->size() == 0);
}

TEST_CASE("catalogue: the sums and sizes are those of the files themselves, where these are here") {
  const struct {
    const char *entry, *file, *corpus;
  } known[] = {{"tinyshakespeare", "tinyshakespeare.txt", "text/tinyshakespeare.txt"},
               {"wikitext-2", "valid.txt", "text/wikitext-2-valid.txt"},
               {"wikitext-2", "test.txt", "text/wikitext-2-test.txt"},
               {"gpt2", "vocab.json", "tokenizers/gpt2/vocab.json"},
               {"gpt2", "merges.txt", "tokenizers/gpt2/merges.txt"},
               {"cl100k", "cl100k_base.tiktoken", "tokenizers/cl100k_base.tiktoken"},
               {"o200k", "o200k_base.tiktoken", "tokenizers/o200k_base.tiktoken"}};
  for (const auto& each : known) {
    const std::string path = ctgpt_test::corpus(each.corpus);
    if (path.empty()) return;
    INFO(each.file);
    bool found = false;
    for (const catalogue_file& file : find_in_catalogue(each.entry)->files) {
      if (file.name != each.file) continue;
      found = true;
      const std::string contents = ctgpt::read_file(path);
      CHECK(file.size == contents.size());
      CHECK(file.sha256 == ctgpt::sha256_hex(contents));
    }
    CHECK(found);
  }
}
