// Attention in benchmark_ops: forward and backward over whole sequences, and over a paged cache.
//
// Operations are those of the causal half: 4 D a head, query and key that it sees; 2.5 times that
// backward. One query a sequence reads the whole cache for little arithmetic, so memory is its
// ceiling; a chunk of a prompt shares what it reads, so arithmetic is.
#include <numeric>

#include "jobs.hpp"

namespace benchmarks {

namespace {

struct shape {
  isize batch, time, heads, size;
  isize rows() const { return batch * time; }
  isize width() const { return heads * size; }
};

job attention(const std::string& name, shape s, bool backward) {
  const double forward_flops = 2.0 * static_cast<double>(s.batch * s.width()) *
                               static_cast<double>(s.time) * static_cast<double>(s.time + 1);
  return {name, bound::compute, backward ? 2.5 * forward_flops : forward_flops, [=](operands& at) {
            const isize n = s.rows(), width = s.width();
            const tensor qkv = at.random(n, 3 * width);
            attention_args args;
            args.out = at.output(n, width);
            args.q = column_range(qkv, 0, width);
            args.k = column_range(qkv, width, width);
            args.v = column_range(qkv, 2 * width, width);
            args.lse = at.output(n, s.heads);
            args.batch = s.batch;
            args.time = s.time;
            args.heads = args.kv_heads = s.heads;
            args.scale = 0.125f;
            if (!backward) return work{at.call(&kernel_table::attention, args), {}};
            at.table().attention(at.state(), args);
            const tensor dqkv = at.output(n, 3 * width);
            const attention_backward_args back{
                column_range(dqkv, 0, width), column_range(dqkv, width, width),
                column_range(dqkv, 2 * width, width), at.random(n, width), args};
            return work{at.call(&kernel_table::attention_backward, back), {}};
          }};
}

// ---- the cache ------------------------------------------------------------------------------

constexpr isize page = 256;                // what the decoder takes for long contexts
constexpr shape cached{32, 1024, 12, 64};  // 100 MB of keys in f32

// Pages lie out of order, as after a while of serving.
cache_view make_cache(operands& at, element type) {
  const isize each = cached.time / page, count = cached.batch * each;
  std::vector<std::int32_t> pages;
  for (isize i = 0; i < count; ++i) pages.push_back(static_cast<std::int32_t>(i * 13 % count));
  tensor table = at.integers(pages);
  table.rows = cached.batch;
  table.cols = table.stride = each;
  return {at.random(count, page * cached.width(), type),
          at.random(count, page * cached.width(), type),
          table,
          page,
          cached.heads,
          cached.size};
}

job cache_write(const std::string& name, element type) {
  const double moved = 2.0 * (bytes_of(cached.rows(), cached.width()) +
                              bytes_of(cached.rows(), cached.width(), type));
  return {name, bound::update, moved, [=](operands& at) {
            std::vector<std::int32_t> sequences, positions;
            for (isize r = 0; r < cached.rows(); ++r) {
              sequences.push_back(static_cast<std::int32_t>(r / cached.time));
              positions.push_back(static_cast<std::int32_t>(r % cached.time));
            }
            return work{at.call(&kernel_table::cache_write,
                                {make_cache(at, type), at.random(cached.rows(), cached.width()),
                                 at.random(cached.rows(), cached.width()), at.integers(sequences),
                                 at.integers(positions)}),
                        {}};
          }};
}

work attend(operands& at, element type, const std::vector<std::int32_t>& sequences,
            const std::vector<std::int32_t>& positions) {
  const isize rows = static_cast<isize>(sequences.size());
  cached_attention_args args;
  args.cache = make_cache(at, type);
  args.out = at.output(rows, cached.width());
  args.q = at.random(rows, cached.width());
  args.sequences = at.integers(sequences);
  args.positions = at.integers(positions);
  args.heads = cached.heads;
  args.scale = 0.125f;
  return {at.call(&kernel_table::cached_attention, args), {}};
}

// The next token of every sequence.
job cached_decode(const std::string& name, element type) {
  return {name, bound::read, 2.0 * bytes_of(cached.rows(), cached.width(), type),
          [=](operands& at) {
            std::vector<std::int32_t> sequences(static_cast<std::size_t>(cached.batch));
            std::iota(sequences.begin(), sequences.end(), 0);
            const std::vector<std::int32_t> last(sequences.size(),
                                                 static_cast<std::int32_t>(cached.time - 1));
            return attend(at, type, sequences, last);
          }};
}

// The last `count` tokens of one prompt, taken together.
job cached_prompt(const std::string& name, isize count) {
  const isize first = cached.time - count;
  const double seen =
      0.5 * static_cast<double>(count) * static_cast<double>(first + 1 + cached.time);
  return {
      name, bound::compute, 4.0 * static_cast<double>(cached.width()) * seen, [=](operands& at) {
        std::vector<std::int32_t> positions(static_cast<std::size_t>(count));
        std::iota(positions.begin(), positions.end(), static_cast<std::int32_t>(first));
        return attend(at, element::f32, std::vector<std::int32_t>(positions.size(), 3), positions);
      }};
}

}  // namespace

jobs attention_jobs() {
  constexpr shape gpt2{4, 1024, 12, 64}, character{12, 64, 4, 32};
  return {attention("attention B4 T1024 H12 D64", gpt2, false),
          attention("attention_backward B4 T1024 H12 D64", gpt2, true),
          attention("attention B12 T64 H4 D32", character, false),
          attention("attention_backward B12 T64 H4 D32", character, true),
          cache_write("cache_write f32 32768x768", element::f32),
          cache_write("cache_write bf16 32768x768", element::bf16),
          cached_decode("cached_attention f32 32 of T1024", element::f32),
          cached_decode("cached_attention bf16 32 of T1024", element::bf16),
          cached_prompt("cached_attention chunk 256 of T1024", 256)};
}

}  // namespace benchmarks
