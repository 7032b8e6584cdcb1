// packed_windows: every target of every document once, and none across the end of one.
#include "ctgpt/data/packed_windows.hpp"

#include <map>

#include "data/token_data.hpp"

using namespace ctgpt;
using namespace ctgpt::data;
using namespace ctgpt_test;

namespace {

// Documents of these lengths, of tokens that count from 0 over all of them.
memory_documents documents(const std::vector<isize>& lengths) {
  std::vector<isize> ends;
  isize end = 0;
  for (const isize length : lengths) ends.push_back(end += length);
  return memory_documents(counting(static_cast<int>(end)), ends);
}
std::vector<isize> random_lengths(std::uint64_t seed, int count, std::uint64_t most) {
  random_stream draw(seed);
  std::vector<isize> lengths;
  for (int i = 0; i < count; ++i) lengths.push_back(1 + static_cast<isize>(draw.below(most)));
  return lengths;
}

}  // namespace

TEST_CASE("packed_windows: each target of each document is in exactly one window") {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    const std::vector<isize> lengths = random_lengths(seed, 3000, 100);
    const memory_documents source = documents(lengths);
    const isize time = 32;
    const packed_windows windows(source, time);
    std::map<std::int32_t, int> learnt;
    ids inputs(static_cast<std::size_t>(time)), targets(inputs.size());
    isize scored = 0;
    for (isize w = 0; w < windows.count(); ++w) {
      windows.read(source, w, inputs, targets);
      isize here = 0;
      for (std::size_t t = 0; t < targets.size(); ++t) {
        if (targets[t] < 0) continue;
        REQUIRE(targets[t] == inputs[t] + 1);
        ++learnt[targets[t]];
        ++here;
      }
      CHECK(here == windows.scored(w));
      scored += here;
    }
    isize begin = 0, expected = 0;
    for (const isize length : lengths) {
      REQUIRE(learnt.count(static_cast<std::int32_t>(begin)) == 0);  // it follows nothing
      for (isize t = begin + 1; t < begin + length; ++t, ++expected) {
        REQUIRE(learnt[static_cast<std::int32_t>(t)] == 1);
      }
      begin += length;
    }
    CHECK(scored == expected);
    // Best fit leaves little room empty.
    CHECK(static_cast<double>(scored) > 0.98 * static_cast<double>(windows.count() * time));
  }
}

TEST_CASE("packed_windows: a document that fits is not cut, and a window begins with a document") {
  const std::vector<isize> lengths = random_lengths(7, 2000, 33);
  const memory_documents source = documents(lengths);
  std::map<isize, isize> of_begin;
  isize begin = 0;
  for (const isize length : lengths) {
    of_begin[begin] = length;
    begin += length;
  }
  const packed_windows windows(source, 32);
  for (isize w = 0; w < windows.count(); ++w) {
    for (const packed_piece& piece : windows.window(w)) {
      REQUIRE(of_begin.count(piece.first) == 1);
      REQUIRE(piece.count == of_begin[piece.first] - 1);
    }
  }
}

TEST_CASE("packed_windows: small cases by hand") {
  const auto shown = [](const std::vector<isize>& lengths, isize time) {
    const memory_documents source = documents(lengths);
    const packed_windows windows(source, time);
    std::string text;
    for (isize w = 0; w < windows.count(); ++w) {
      for (const packed_piece& p : windows.window(w)) text += join(p.first, "+", p.count, " ");
      text += "| ";
    }
    return text;
  };
  CHECK(shown({5}, 4) == "0+4 | ");
  CHECK(shown({6}, 4) == "0+4 | 4+1 | ");
  CHECK(shown({9}, 4) == "0+4 | 4+4 | ");
  CHECK(shown({3, 3}, 4) == "0+2 3+2 | ");           // the first of equals first
  CHECK(shown({2, 4, 2}, 4) == "2+3 0+1 | 6+1 | ");  // the longest first
  CHECK(shown({1, 2, 1}, 4) == "1+1 | ");            // one token alone predicts nothing
  CHECK(sentence_of([&] {
          shown({1, 1}, 4);
        }) == "no document of the data has two tokens, so there is nothing to predict");
  CHECK(sentence_of([&] {
          packed_windows(memory_tokens(counting(9)), 4);
        }).starts_with("this data does not say where its documents end"));
}

TEST_CASE("packed_windows: a part knows its documents, the cut ones as far as they go") {
  const auto whole = std::make_shared<memory_documents>(documents({4, 5, 6}));
  CHECK(documents_of(token_part(whole, 0, 15)) == spans{{0, 4}, {4, 9}, {9, 15}});
  CHECK(documents_of(token_part(whole, 2, 8)) == spans{{0, 2}, {2, 7}, {7, 8}});
  CHECK(documents_of(token_part(whole, 4, 5)) == spans{{0, 5}});
  CHECK(sentence_of([] { memory_documents(counting(4), {3}); }) ==
        "the last document ends at token 3, but there are 4 tokens");
  CHECK(sentence_of([] {
          memory_documents(counting(4), {3, 3, 4});
        }) == "a document ends at token 3, but begins at 3");
}
