// tokenizer_train: the verb `tokenizer train`, which learns a tokenizer from text files.
//
// Writes DIR/tokenizer.json, which `ctgpt` and Hugging Face's packages open, and
// tokenizer_config.json beside it. The directory appears when all is done; a signal leaves nothing.
// Errors: usage_error for flags that do not fit each other; a file that cannot be read; a DIR that
// is there already.
#pragma once

#include <algorithm>
#include <cstdio>
#include <optional>

#include "ctgpt/app/print.hpp"
#include "ctgpt/app/stop_signal.hpp"
#include "ctgpt/app/training_texts.hpp"
#include "ctgpt/app/verbs.hpp"
#include "ctgpt/app/work_bar.hpp"
#include "ctgpt/base/directory.hpp"
#include "ctgpt/text/bpe_training.hpp"
#include "ctgpt/text/tokenizer.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

inline training_texts texts_of(const tokenizer_train_flags& given) {
  return {given.data, given.format.value_or("auto"), given.field.value_or("text")};
}

// Counts the pieces of all files; false after a signal.
template <class Pattern>
bool count_files(text::piece_counts<Pattern>& counts, const training_texts& texts) {
  work_bar bar("Counting");
  const auto all = static_cast<double>(texts.bytes());
  const bool whole = texts.each(
      [&](const std::string&, std::span<const std::string_view> some, std::size_t before) {
        return counts.add(some, [&](std::size_t done) {
          bar.show(std::min(static_cast<double>(before + done), all), all);
          return stop_signal::received() == 0;
        });
      });
  if (!whole || stop_signal::received() != 0) return false;
  expects(counts.bytes() > 0, "the data files are empty; a tokenizer is learnt from text");
  bar.end();
  if (counts.cut_pieces() > 0) {
    std::fprintf(stderr, "%s words longer than %s bytes were counted in parts of that length\n",
                 grouped(static_cast<long long>(counts.cut_pieces())).c_str(),
                 grouped(static_cast<long long>(text::most_piece)).c_str());
  }
  return true;
}

inline std::optional<text::tokenizer> learn_bpe(const tokenizer_train_flags& given, isize vocab,
                                                int threads) {
  std::optional<text::tokenizer> made;
  text::visit_pattern(given.pattern.value_or("gpt2"), [&]<class Pattern>(Pattern) {
    text::piece_counts<Pattern> counts(given.special, threads);
    if (!count_files(counts, texts_of(given))) return;
    work_bar bar("Merging");
    auto tables =
        text::train_bpe(counts, {.vocab = vocab,
                                 .specials = given.special,
                                 .least = given.least.value_or(1),
                                 .goes_on = [&](isize done, isize all) {
                                   bar.show(static_cast<double>(done), static_cast<double>(all));
                                   return stop_signal::received() == 0;
                                 }});
    if (!tables) return;
    bar.end();
    made = text::bpe<Pattern>(std::move(*tables));
  });
  return made;
}

inline std::optional<text::tokenizer> learn_words(const tokenizer_train_flags& given, isize vocab,
                                                  int threads) {
  text::piece_counts<text::gpt2> counts({}, threads);
  if (!count_files(counts, texts_of(given))) return std::nullopt;
  return text::words::of(counts, vocab);
}

inline text::tokenizer learn_characters(const tokenizer_train_flags& given) {
  std::vector<char32_t> alphabet;
  texts_of(given).each(
      [&](const std::string& path, std::span<const std::string_view> some, std::size_t) {
        for (const std::string_view each : some) {
          const auto of_text = text::characters::of(each, path);
          alphabet.insert(alphabet.end(), of_text.alphabet().begin(), of_text.alphabet().end());
        }
        std::sort(alphabet.begin(), alphabet.end());
        alphabet.erase(std::unique(alphabet.begin(), alphabet.end()), alphabet.end());
        return stop_signal::received() == 0;
      });
  return text::characters(std::move(alphabet));
}

inline void check_flags(const tokenizer_train_flags& given, const std::string& kind) {
  if (given.data.empty()) throw usage_error("say what to learn from by --data FILE");
  if (!given.out) throw usage_error("say where the tokenizer goes by --out DIR");
  if (kind != "bpe" && kind != "words" && kind != "chars") {
    throw usage_error(join("--kind must be bpe, words or chars, not \"", kind, "\""));
  }
  if (kind == "chars" && given.vocab) {
    throw usage_error("--vocab is not for --kind chars, which has every character of the data");
  }
  if (kind != "chars" && !given.vocab) {
    throw usage_error("say how many tokens to make by --vocab N");
  }
  const bool of_bpe = given.pattern || given.least || !given.special.empty();
  if (kind != "bpe" && of_bpe) {
    throw usage_error("--pattern, --special and --least are for --kind bpe alone");
  }
  const auto least = static_cast<isize>(256 + given.special.size());
  if (kind == "bpe" && *given.vocab < least) {
    throw usage_error(join("--vocab ", *given.vocab, " is too small: 256 bytes and ",
                           given.special.size(), " special tokens are ", least));
  }
  if (given.pattern) text::visit_pattern(*given.pattern, [](auto) {});
  for (auto name = given.special.begin(); name != given.special.end(); ++name) {
    if (std::find(given.special.begin(), name, *name) != name) {
      throw usage_error(join("--special ", io::quote_json(*name), " is there twice"));
    }
  }
}

int tokenizer_train_command(const tokenizer_train_flags& given) {
  const std::string kind = given.kind.value_or("bpe");
  check_flags(given, kind);
  const stop_signal stop("\nStopping; nothing is written.\n");
  atomic_directory directory(*given.out);  // before the work, so that a bad place is said at once
  const int threads = given.threads.value_or(thread_pool::available());
  const isize wanted = given.vocab.value_or(0);
  std::optional<text::tokenizer> made;
  if (kind == "chars") {
    made = learn_characters(given);
  } else {
    made = kind == "bpe" ? learn_bpe(given, wanted, threads) : learn_words(given, wanted, threads);
  }
  if (!made || stop_signal::received() != 0) return 128 + stop_signal::received();
  made->save(directory.file("tokenizer.json"));
  write_file_atomic(directory.file("tokenizer_config.json"), text::tokenizer_config_json(*made));
  directory.commit();
  if (made->vocab_size() < wanted) {
    std::fprintf(stderr, "The data gave no more than %s of %s tokens\n",
                 grouped(made->vocab_size()).c_str(), grouped(wanted).c_str());
  }
  std::fprintf(stderr, "Wrote %s/tokenizer.json, %s tokens\n", given.out->c_str(),
               grouped(made->vocab_size()).c_str());
  return 0;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
