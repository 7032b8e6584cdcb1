// Tokens and files of them for tests.
#pragma once

#include <numeric>

#include "base/child.hpp"
#include "base/temporary.hpp"
#include "ctgpt/data/token_loader.hpp"
#include "ctgpt/data/token_set.hpp"

namespace ctgpt_test {

using ids = std::vector<std::int32_t>;

inline ids counting(int count) {
  ids values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 0);
  return values;
}

inline ids all_of(const ctgpt::data::token_source& source) {
  ids values(static_cast<std::size_t>(source.size()));
  source.read(0, values);
  return values;
}

using spans = std::vector<std::pair<ctgpt::isize, ctgpt::isize>>;
inline spans documents_of(const ctgpt::data::token_source& source) {
  spans found;
  source.documents([&](ctgpt::isize begin, ctgpt::isize end) { found.push_back({begin, end}); });
  return found;
}

// The bytes of little-endian numbers.
template <class Number>
std::string packed(const std::vector<Number>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(Number)};
}
inline std::string u16s(const std::vector<std::uint16_t>& numbers) { return packed(numbers); }

// A file of llm.c with this header and these tokens.
inline std::string llmc(std::int32_t magic, std::int32_t version, std::int32_t count,
                        const std::string& tokens) {
  std::vector<std::int32_t> head(256, 0);
  head[0] = magic;
  head[1] = version;
  head[2] = count;
  return packed(head) + tokens;
}

// Writes documents, the first of each pair naming the split.
using labelled = std::vector<std::pair<ctgpt::data::split, ids>>;
inline ctgpt::io::json write_set(const std::string& directory,
                                 const ctgpt::data::token_set_options& options,
                                 const labelled& documents) {
  ctgpt::data::token_set_writer out(directory, options);
  for (const auto& [which, tokens] : documents) {
    out.begin(which);
    out.add(std::span(tokens).first(tokens.size() / 2));  // in two pieces
    out.add(std::span(tokens).subspan(tokens.size() / 2));
    out.end();
  }
  return out.finish();
}

}  // namespace ctgpt_test
