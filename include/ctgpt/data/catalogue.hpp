// catalogue: the public corpora, models and tokenizers that `ctgpt data fetch` knows by name.
//
//   const catalogue_entry* entry = find_in_catalogue("gpt2");       nullptr for an unknown name
//
// catalogue_entry  name, kind, licence, about (one line), base (what every file's address begins
//                  with), files
// catalogue_file   name: what it is called in the cache; sha256: "" where it is not pinned (then
//                  the first fetch says and keeps what it got); size: 0 where it is not known;
//                  path: what follows the base, "" for the name
//
// A sum stands here only if it was computed from the published file, or is published by those who
// made the file; the addresses name a revision wherever the server has revisions. The two files of
// GPT-2's vocabulary are the same bytes for all its sizes.
// Errors: none.
// Reference: huggingface.co (revisions, LFS sums); tiktoken's openai_public.py; gutenberg.org.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

struct catalogue_file {
  std::string_view name;
  std::string_view sha256 = {};
  std::uint64_t size = 0;
  std::string_view path = {};

  constexpr bool pinned() const { return !sha256.empty(); }
};

struct catalogue_entry {
  std::string_view name, kind, licence, about, base;
  std::span<const catalogue_file> files;

  std::string url(const catalogue_file& file) const {
    return std::string(base) + std::string(file.path.empty() ? file.name : file.path);
  }
  // 0 where the size of one is not known.
  constexpr std::uint64_t size() const {
    std::uint64_t sum = 0;
    for (const catalogue_file& file : files) {
      if (file.size == 0) return 0;
      sum += file.size;
    }
    return sum;
  }
  constexpr bool pinned() const {
    for (const catalogue_file& file : files) {
      if (!file.pinned()) return false;
    }
    return true;
  }
};

namespace catalogue_files {

inline constexpr std::string_view vocab_sum =
    "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783";
inline constexpr std::string_view merges_sum =
    "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5";

inline constexpr std::array<catalogue_file, 4> gpt2{{
    {"config.json", "0daed7749b4f02b8f76240d5444551d7b08712dab4d0adb8239c56ba823bb7b4", 665},
    {"vocab.json", vocab_sum, 1042301},
    {"merges.txt", merges_sum, 456318},
    {"model.safetensors", "248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707",
     548105171},
}};
inline constexpr std::array<catalogue_file, 4> gpt2_unpinned{
    {{"config.json"}, {"vocab.json"}, {"merges.txt"}, {"model.safetensors"}}};
inline constexpr std::array<catalogue_file, 4> gpt2_xl{{
    {"config.json", "be48115d52314bc27327e160bf10197760db02ea689d10adb24db4102edf7a8a"},
    {"vocab.json", vocab_sum, 1042301},
    {"merges.txt", merges_sum, 456318},
    {"model.safetensors", "0f8b28eb05a8075f48b61b6f35332978c74fc7763fa9fb4051a1c30511736a6a"},
}};
inline constexpr std::array<catalogue_file, 1> tinyshakespeare{
    {{"tinyshakespeare.txt", "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
      1115394, "input.txt"}}};
inline constexpr std::array<catalogue_file, 3> wikitext_2{{
    {"train.txt"},
    {"valid.txt", "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8", 1121681},
    {"test.txt", "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0", 1256449},
}};
inline constexpr std::array<catalogue_file, 1> wikitext_103{
    {{"wikitext-103-raw-v1.zip", "91c00ae287f0d699e18605c84afc9e45c192bc6b7797ff8837e5474655a33794",
      191984949}}};
inline constexpr std::array<catalogue_file, 2> tinystories{{
    {"TinyStories-train.txt", "c5cf5e22ff13614e830afbe61a99fbcbe8bcb7dd72252b989fa1117a368d401f",
     1924281556},
    {"TinyStories-valid.txt", "94e431816c4cce81ff71e4408ff8d3bda9a42e8d2663986697c3954288cb38b4",
     19447282},
}};
inline constexpr std::array<catalogue_file, 1> tinystories_valid{{tinystories[1]}};
inline constexpr std::array<catalogue_file, 2> fineweb_edu{
    {{"edu_fineweb_train_000001.bin"}, {"edu_fineweb_val_000000.bin"}}};
inline constexpr std::array<catalogue_file, 1> alice{{{"pg11.txt", {}, 0, "11/pg11.txt"}}};
inline constexpr std::array<catalogue_file, 1> frankenstein{{{"pg84.txt", {}, 0, "84/pg84.txt"}}};
inline constexpr std::array<catalogue_file, 1> two_cities{{{"pg98.txt", {}, 0, "98/pg98.txt"}}};
inline constexpr std::array<catalogue_file, 1> pride{{{"pg1342.txt", {}, 0, "1342/pg1342.txt"}}};
inline constexpr std::array<catalogue_file, 1> sherlock{{{"pg1661.txt", {}, 0, "1661/pg1661.txt"}}};
inline constexpr std::array<catalogue_file, 1> moby{{{"pg2701.txt", {}, 0, "2701/pg2701.txt"}}};
inline constexpr std::array<catalogue_file, 1> r50k{
    {{"r50k_base.tiktoken", "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930",
      835554}}};
inline constexpr std::array<catalogue_file, 1> cl100k{
    {{"cl100k_base.tiktoken", "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
      1681126}}};
inline constexpr std::array<catalogue_file, 1> o200k{
    {{"o200k_base.tiktoken", "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
      3613922}}};

inline constexpr std::string_view gpt2_licence = "MIT (modified, OpenAI)";
inline constexpr std::string_view gutenberg_base = "https://www.gutenberg.org/cache/epub/";
inline constexpr std::string_view gutenberg_licence = "public domain (USA)";
inline constexpr std::string_view tinystories_base =
    "https://huggingface.co/datasets/roneneldan/TinyStories/resolve/"
    "f54c09fd23315a6f9c86f9dc80f725de7d8f9c64/";
inline constexpr std::string_view tiktoken_base =
    "https://openaipublic.blob.core.windows.net/encodings/";

}  // namespace catalogue_files

inline constexpr auto catalogue = std::to_array<catalogue_entry>({
    {"gpt2", "model", catalogue_files::gpt2_licence, "GPT-2, 124M parameters",
     "https://huggingface.co/openai-community/gpt2/resolve/"
     "607a30d783dfa663caf39e06633721c8d4cfcd7e/",
     catalogue_files::gpt2},
    {"gpt2-medium", "model", catalogue_files::gpt2_licence, "GPT-2, 355M parameters (1.5 GB)",
     "https://huggingface.co/openai-community/gpt2-medium/resolve/"
     "6dcaa7a952f72f9298047fd5137cd6e4f05f41da/",
     catalogue_files::gpt2_unpinned},
    {"gpt2-large", "model", catalogue_files::gpt2_licence, "GPT-2, 774M parameters (3.2 GB)",
     "https://huggingface.co/openai-community/gpt2-large/resolve/"
     "32b71b12589c2f8d625668d2335a01cac3249519/",
     catalogue_files::gpt2_unpinned},
    {"gpt2-xl", "model", catalogue_files::gpt2_licence, "GPT-2, 1.6B parameters (6.4 GB)",
     "https://huggingface.co/openai-community/gpt2-xl/resolve/"
     "15ea56dee5df4983c59b2538573817e1667135e2/",
     catalogue_files::gpt2_xl},
    {"tinyshakespeare", "corpus", "public domain text", "Shakespeare's plays, a part of them",
     "https://raw.githubusercontent.com/karpathy/char-rnn/"
     "6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/",
     catalogue_files::tinyshakespeare},
    {"tinystories", "corpus", "CDLA-Sharing-1.0", "short stories in a small child's words",
     catalogue_files::tinystories_base, catalogue_files::tinystories},
    {"tinystories-valid", "corpus", "CDLA-Sharing-1.0", "the validation part of tinystories alone",
     catalogue_files::tinystories_base, catalogue_files::tinystories_valid},
    {"wikitext-2", "corpus", "CC BY-SA 3.0", "Wikipedia articles, tokenised, with <unk> (13 MB)",
     "https://raw.githubusercontent.com/pytorch/examples/77f55b912142e11fcfdf5b530231fb9c52f181e8/"
     "word_language_model/data/wikitext-2/",
     catalogue_files::wikitext_2},
    {"wikitext-103", "corpus", "CC BY-SA 3.0", "Wikipedia articles, a zip to unpack",
     "https://wikitext.smerity.com/", catalogue_files::wikitext_103},
    {"fineweb-edu", "corpus", "ODC-By 1.0",
     "educational web pages, 200M tokens of GPT-2's as llm.c's files (400 MB)",
     "https://huggingface.co/datasets/karpathy/fineweb-edu-100B-gpt2-token-shards/resolve/main/",
     catalogue_files::fineweb_edu},
    {"gutenberg-alice", "corpus", catalogue_files::gutenberg_licence,
     "Carroll, Alice in Wonderland", catalogue_files::gutenberg_base, catalogue_files::alice},
    {"gutenberg-frankenstein", "corpus", catalogue_files::gutenberg_licence,
     "Shelley, Frankenstein", catalogue_files::gutenberg_base, catalogue_files::frankenstein},
    {"gutenberg-moby-dick", "corpus", catalogue_files::gutenberg_licence, "Melville, Moby Dick",
     catalogue_files::gutenberg_base, catalogue_files::moby},
    {"gutenberg-pride", "corpus", catalogue_files::gutenberg_licence, "Austen, Pride and Prejudice",
     catalogue_files::gutenberg_base, catalogue_files::pride},
    {"gutenberg-sherlock", "corpus", catalogue_files::gutenberg_licence,
     "Doyle, The Adventures of Sherlock Holmes", catalogue_files::gutenberg_base,
     catalogue_files::sherlock},
    {"gutenberg-two-cities", "corpus", catalogue_files::gutenberg_licence,
     "Dickens, A Tale of Two Cities", catalogue_files::gutenberg_base, catalogue_files::two_cities},
    {"r50k", "tokenizer", "MIT (OpenAI)", "GPT-2's tokens, as tiktoken has them",
     catalogue_files::tiktoken_base, catalogue_files::r50k},
    {"cl100k", "tokenizer", "MIT (OpenAI)", "GPT-4's tokens", catalogue_files::tiktoken_base,
     catalogue_files::cl100k},
    {"o200k", "tokenizer", "MIT (OpenAI)", "GPT-4o's tokens", catalogue_files::tiktoken_base,
     catalogue_files::o200k},
});

inline const catalogue_entry* find_in_catalogue(std::string_view name) {
  for (const catalogue_entry& entry : catalogue) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace ctgpt::inline CTGPT_ABI::data
