// benchmark_filters: what the text filters of data/ do with a document, in bytes a second on one
// core, beside a plain sum of the same bytes.
//
// The text is dickens.txt and wikitext-2-test.txt of the folder CTGPT_DATA where the environment
// names one, else the embedded world; in documents of 500 bytes, which is short for a web page, and
// of 20 kB; for the rules of quality in documents of some 4 kB, whose paragraphs are a line each.
#include "ctgpt/data/filters.hpp"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <numeric>

#include "ctgpt/data/harmful.hpp"
#include "ctgpt/data/language.hpp"
#include "ctgpt/data/ngram_classifier.hpp"
#include "ctgpt/data/pii.hpp"
#include "ctgpt/data/world.hpp"

using namespace ctgpt;
using namespace ctgpt::data;

namespace {

const std::string& corpus() {
  static const std::string text = [] {
    const char* folder = std::getenv("CTGPT_DATA");
    if (folder == nullptr) return world({.bytes = 4 << 20, .seed = 1});
    return read_file(std::string(folder) + "/text/dickens.txt") +
           read_file(std::string(folder) + "/text/wikitext-2-test.txt");
  }();
  return text;
}

template <class Filter>
void over_documents(benchmark::State& state, const Filter& filter) {
  const std::string_view text = corpus();
  const auto size = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    for (std::size_t at = 0; at + size <= text.size(); at += size) {
      benchmark::DoNotOptimize(filter(text.substr(at, size)));
    }
  }
  state.SetBytesProcessed(state.iterations() *
                          static_cast<std::int64_t>(text.size() / size * size));
}

void sum_of_bytes(benchmark::State& state) {
  over_documents(state, [](std::string_view text) {
    return std::accumulate(text.begin(), text.end(), std::uint32_t{0});
  });
}
void personal_data(benchmark::State& state) {
  over_documents(state, [](std::string_view text) { return find_pii(text).size(); });
}
void listed_words(benchmark::State& state) {
  const word_list list = word_list::built_in();
  over_documents(state, [&](std::string_view text) { return list.find(text).size(); });
}
void classifier(benchmark::State& state) {
  const std::string_view text = corpus();
  std::vector<labelled_text> examples;
  for (std::size_t at = 0; at + 200 <= text.size() && examples.size() < 2000; at += 200) {
    examples.push_back({std::string(text.substr(at, 200)), text[at] % 2 == 0});
  }
  const ngram_classifier model = ngram_classifier::train(examples, {.epochs = 1});
  over_documents(state, [&](std::string_view document) { return model.probability(document); });
}
void language(benchmark::State& state) {
  over_documents(state, [](std::string_view text) { return guess_language(text).score; });
}

// The rules of quality look at lines and words, so their documents have some.
const std::vector<document>& pages() {
  static const std::vector<document> made = [] {
    std::vector<document> list(1);
    std::string text = corpus();
    std::erase(text, '\r');
    std::string_view rest = text;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find("\n\n"), rest.size());
      std::string paragraph(rest.substr(0, end));
      std::replace(paragraph.begin(), paragraph.end(), '\n', ' ');
      rest.remove_prefix(std::min(end + 2, rest.size()));
      list.back().text += paragraph + "\n";
      if (list.back().text.size() > 4000) list.emplace_back();
    }
    return list;
  }();
  return made;
}

template <class Stage>
void over_pages(benchmark::State& state, Stage stage) {
  std::int64_t bytes = 0;
  double kept = 0.0;
  for (const document& page : pages()) bytes += static_cast<std::int64_t>(page.text.size());
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<document> copies = pages();
    state.ResumeTiming();
    for (document& page : copies) kept += stage(page).keeps() ? 1.0 : 0.0;
  }
  state.counters["kept"] =
      kept / static_cast<double>(state.iterations()) / static_cast<double>(pages().size());
  state.SetBytesProcessed(state.iterations() * bytes);
}
void rules_of_gopher(benchmark::State& state) { over_pages(state, gopher()); }
void rules_of_c4(benchmark::State& state) { over_pages(state, c4({.terminal_mark = false})); }
void rules_of_fineweb(benchmark::State& state) { over_pages(state, fineweb()); }

}  // namespace

BENCHMARK(rules_of_gopher);
BENCHMARK(rules_of_c4);
BENCHMARK(rules_of_fineweb);
BENCHMARK(sum_of_bytes)->Arg(500)->Arg(20000);
BENCHMARK(personal_data)->Arg(500)->Arg(20000);
BENCHMARK(listed_words)->Arg(500)->Arg(20000);
BENCHMARK(classifier)->Arg(500)->Arg(20000);
BENCHMARK(language)->Arg(500)->Arg(20000);

BENCHMARK_MAIN();
