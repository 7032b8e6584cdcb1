// Attention over a paged cache: every row has the bits of attention over its whole sequence,
// whatever the pages, the pieces and the threads, and whatever lies in slots that are not yet
// written.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "backend/attention_problem.hpp"
#include "ctgpt/backend/cpu.hpp"
#include "ctgpt/base/random.hpp"

namespace {

using namespace attention_test;

// A cache of several sequences whose pages lie scattered, poisoned with NaN, and calls on it.
struct paged {
  const backend& where;
  const problem& p;
  isize page, pages_each;
  device keys, values;
  integers pages;

  paged(const backend& where_, const problem& p_, isize page_, element type)
      : where(where_),
        p(p_),
        page(page_),
        pages_each((p.time + page - 1) / page),
        keys(where, type, p.batch * pages_each, page * p.kv_width()),
        values(where, type, p.batch * pages_each, page * p.kv_width()),
        pages(where, p.batch, pages_each, scattered()) {}

  std::vector<std::int32_t> scattered() const {  // page n of sequence s, last page first
    std::vector<std::int32_t> list;
    for (isize s = 0; s < p.batch; ++s) {
      for (isize n = 0; n < pages_each; ++n) {
        list.push_back(static_cast<std::int32_t>((pages_each - 1 - n) * p.batch + s));
      }
    }
    return list;
  }
  cache_view view() const {
    return {keys.view(), values.view(), pages.view(), page, p.kv_heads, p.size};
  }
  // Writes rows given as (sequence, position), then attends with the same rows.
  floats step(const inputs& x, const std::vector<std::int32_t>& sequences,
              const std::vector<std::int32_t>& positions) const {
    const auto count = static_cast<isize>(sequences.size());
    floats rows;
    for (std::size_t r = 0; r < sequences.size(); ++r) {
      const auto row = x.qkv.begin() + (sequences[r] * p.time + positions[r]) * p.all_width();
      rows.insert(rows.end(), row, row + p.all_width());
    }
    const device qkv(where, p.type, count, p.all_width(), rows);
    const device slopes(where, element::f32, 1, p.heads, x.slopes);
    const device out(where, p.type, count, p.width());
    const integers s(where, 1, count, sequences), n(where, 1, count, positions);
    where.table().cache_write(
        where.state(), {view(), qkv.columns(p.width(), p.kv_width()),
                        qkv.columns(p.width() + p.kv_width(), p.kv_width()), s.view(), n.view()});
    cached_attention_args a;
    a.cache = view();
    a.out = out.view();
    a.q = qkv.columns(0, p.width());
    a.sequences = s.view();
    a.positions = n.view();
    if (p.sloped) a.slopes = slopes.view();
    a.heads = p.heads, a.window = p.window, a.scale = p.scale();
    where.table().cached_attention(where.state(), a);
    where.synchronise();
    return out.read();
  }
};

// Row r of `got` against the uncached output at (sequence, position).
bool equals(const floats& got, const floats& want, const problem& p,
            const std::vector<std::int32_t>& sequences,
            const std::vector<std::int32_t>& positions) {
  for (std::size_t r = 0; r < sequences.size(); ++r) {
    const float* const a = got.data() + at(static_cast<isize>(r) * p.width());
    const float* const b = want.data() + at((sequences[r] * p.time + positions[r]) * p.width());
    if (std::memcmp(a, b, at(p.width()) * sizeof(float)) != 0) return false;
  }
  return true;
}

const std::vector<problem>& cached_problems() {
  static const std::vector<problem> all = {
      {.batch = 2, .time = 140, .heads = 2, .kv_heads = 2, .size = 64},
      {.batch = 3, .time = 131, .heads = 6, .kv_heads = 2, .size = 16, .sloped = true},
      {.batch = 1, .time = 200, .heads = 3, .kv_heads = 1, .size = 20, .window = 70},
      {.batch = 1, .time = 70, .heads = 70, .kv_heads = 1, .size = 8},
  };
  return all;
}

}  // namespace

TEST_CASE("cached attention: every position, one by one, has the bits of the whole sequence") {
  for (problem p : cached_problems()) {
    for (const element type : {element::f32, element::bf16}) {
      p.type = type;
      const inputs x(p);
      const floats want = run(cpu{isa::best, 1}, p, x, false).out;
      for (const isize page : {64, 128}) {
        for (const isa which : exact_isas()) {
          CAPTURE(p.text());
          CAPTURE(page);
          CAPTURE(isa_name(which));
          const backend where = cpu{which, 2};
          const paged cache(where, p, page, type);
          for (std::int32_t n = 0; n < p.time; ++n) {  // all sequences advance together
            std::vector<std::int32_t> sequences, positions;
            for (std::int32_t s = 0; s < p.batch; ++s) {
              sequences.push_back(s);
              positions.push_back(n);
            }
            REQUIRE(equals(cache.step(x, sequences, positions), want, p, sequences, positions));
          }
        }
      }
    }
  }
}

TEST_CASE("cached attention: prompts in pieces, mixed with single rows, have the same bits") {
  for (problem p : cached_problems()) {
    for (const element type : {element::f32, element::bf16}) {
      p.type = type;
      const inputs x(p);
      const floats want = run(cpu{isa::best, 1}, p, x, false).out;
      for (const isize page : {64, 128}) {
        for (const int threads : {1, 3}) {
          CAPTURE(p.text());
          CAPTURE(page);
          CAPTURE(threads);
          const backend where = cpu{isa::best, threads};
          const paged cache(where, p, page, type);
          // Sequence s has read done[s] positions; each call reads a few more of each.
          std::vector<std::int32_t> done(at(p.batch), 0);
          random_stream source(3);
          for (bool more = true; more;) {
            std::vector<std::int32_t> sequences, positions;
            for (std::int32_t s = 0; s < p.batch; ++s) {
              const auto piece = static_cast<std::int32_t>(source.below(90));
              for (std::int32_t i = 0; i < piece && done[at(s)] < p.time; ++i) {
                sequences.push_back(s);
                positions.push_back(done[at(s)]++);
              }
            }
            more = false;
            for (const std::int32_t n : done) more = more || n < p.time;
            if (sequences.empty()) continue;
            REQUIRE(equals(cache.step(x, sequences, positions), want, p, sequences, positions));
          }
        }
      }
    }
  }
}

TEST_CASE("cached attention: a bf16 cache of f32 keys and values rounds when it is written") {
  const problem p{.batch = 1, .time = 100, .heads = 4, .kv_heads = 2, .size = 32};
  const inputs x(p);
  inputs rounded = x;
  for (isize r = 0; r < p.rows(); ++r) {
    for (isize c = p.width(); c < p.all_width(); ++c) {
      float& e = rounded.qkv[at(r * p.all_width() + c)];
      e = stored(e, element::bf16);
    }
  }
  for (const isa which : available_isas()) {
    CAPTURE(isa_name(which));
    const backend where = cpu{which, 1};
    const floats want = run(where, p, rounded, false).out;
    const paged cache(where, p, 64, element::bf16);
    for (std::int32_t n = 0; n < p.time; ++n) {
      REQUIRE(equals(cache.step(x, {0}, {n}), want, p, {0}, {n}));
    }
  }
}

TEST_CASE("cached attention: rows in any order, with NaN in every later slot") {
  const problem p{.batch = 1, .time = 200, .heads = 2, .kv_heads = 2, .size = 16, .window = 140};
  inputs x(p);
  constexpr std::int32_t clean = 150;
  const backend where = cpu{};
  const floats want = run(where, p, x, false).out;
  for (isize r = clean; r < p.rows(); ++r) {
    for (isize c = 0; c < p.all_width(); ++c) x.qkv[at(r * p.all_width() + c)] = not_a_number;
  }
  const paged cache(where, p, 64, element::f32);
  std::vector<std::int32_t> sequences, positions;
  for (std::int32_t n = 199; n >= clean; --n) {
    sequences.push_back(0);
    positions.push_back(n);
  }
  cache.step(x, sequences, positions);
  sequences.assign(at(clean), 0);
  positions.clear();
  for (std::int32_t n = clean - 1; n >= 0; --n) positions.push_back(n);
  CHECK(equals(cache.step(x, sequences, positions), want, p, sequences, positions));
  for (const std::int32_t n : {0, 63, 64, 130, 149}) {
    CHECK(equals(cache.step(x, {0}, {n}), want, p, {0}, {n}));
  }
}
