// The paged key/value cache: writing rows into it, and attention that reads it.
//
// Position n of a sequence is slot n % page of page pages[sequence][n / page]. A page of keys is
// (KV, page / 64, D, 64): the keys of a tile lie side by side, as the score product reads them. A
// page of values is (KV, page, D).
// cached_attention: row r is the query of (sequence, position) and sees the positions up to its
// own. Rows that follow each other in one sequence, and the query heads that share a key/value
// head, go through a tile together. The bits are those of `attention` over the whole sequence,
// whatever the page, the grouping and the threads; slots past a row's position do not matter.
// Shapes: q, out (M, H*D), k, v (M, KV*D), sequences and positions (1,M) i32. Storage is f32 or
// bf16; a cache narrower than k and v rounds when it is written.
// One row is bound by memory: pages of 256 slots or more read at 0.7 to 0.85 of its bandwidth,
// pages of 64 at 0.5 to 0.8.
// Errors: none (scratch may throw ctgpt::error before the work begins).
// Reference: Kwon et al., "Efficient Memory Management for Large Language Model Serving with
// PagedAttention", 2023.
#if defined(CTGPT_BACKEND_CPU_ATTENTION_CACHE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef CTGPT_BACKEND_CPU_ATTENTION_CACHE_INL
#undef CTGPT_BACKEND_CPU_ATTENTION_CACHE_INL
#else
#define CTGPT_BACKEND_CPU_ATTENTION_CACHE_INL
#endif

#include "ctgpt/backend/cpu/attention-packing-inl.hpp"
#include "ctgpt/backend/cpu/attention-products-inl.hpp"
#include "ctgpt/backend/cpu/attention-tiles-inl.hpp"
#include "ctgpt/backend/cpu/workers.hpp"
#include "ctgpt/backend/kernel_table.hpp"
#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ctgpt {
inline namespace CTGPT_ABI {
namespace cpu_kernels {
namespace HWY_NAMESPACE {
namespace attending {

// Where position n lies: its page, and the element of the page where a head's tile or slot begins.
HWY_INLINE isize page_of(const cache_view& cache, isize sequence, isize n) {
  return integer_at(cache.pages, sequence, n / cache.page);
}
HWY_INLINE isize key_column(const cache_view& cache, isize head, isize n) {
  const isize slot = n % cache.page, tiles = cache.page / tile;
  return (head * tiles + slot / tile) * cache.head_size * tile + slot % tile;
}
HWY_INLINE isize value_column(const cache_view& cache, isize head, isize n) {
  return (head * cache.page + n % cache.page) * cache.head_size;
}

// Starts to bring `count` elements near.
template <class T>
HWY_INLINE void fetch(const T* from, isize count) {
  for (isize i = 0; i < count; i += 64 / static_cast<isize>(sizeof(T))) hwy::Prefetch(from + i);
}

HWY_INLINE void put(float* to, float x) { *to = x; }
HWY_INLINE void put(bf16* to, float x) { *to = to_bf16(x); }
HWY_INLINE float get(const float* from) { return *from; }
HWY_INLINE float get(const bf16* from) { return to_float(*from); }

template <class Cached, class Given>
void write_position(const cache_write_args& args, isize row, isize head) {
  const cache_view& cache = args.cache;
  const isize n = integer_at(args.positions, 0, row), size = cache.head_size;
  const isize page = page_of(cache, integer_at(args.sequences, 0, row), n);
  Cached* const keys = element_at<Cached>(cache.keys, page, key_column(cache, head, n));
  Cached* const values = element_at<Cached>(cache.values, page, value_column(cache, head, n));
  const Given* const k = element_at<const Given>(args.k, row, head * size);
  const Given* const v = element_at<const Given>(args.v, row, head * size);
  for (isize d = 0; d < size; ++d) put(keys + d * tile, get(k + d));
  for (isize d = 0; d < size; ++d) put(values + d, get(v + d));
}

struct cache_write_job {
  const cache_write_args& args;
  int tasks;
  std::size_t bytes() const { return 0; }
  void run(int worker) const {
    const bool narrow = args.cache.keys.type == element::bf16, given = args.k.type == element::bf16;
    const auto write = narrow
                           ? (given ? write_position<bf16, bf16> : write_position<bf16, float>)
                           : (given ? write_position<float, bf16> : write_position<float, float>);
    share mine{args.cache.kv_heads, tasks, worker};
    for (isize head = 0; head < args.cache.kv_heads; ++head) {
      if (!mine.take(1)) continue;
      for (isize row = 0; row < args.k.rows; ++row) write(args, row, head);
    }
  }
};

HWY_NOINLINE void cache_write(context* state, const cache_write_args& args) {
  const workers& threads = workers_of(state);
  const isize work = args.k.rows * args.cache.kv_heads * args.cache.head_size * 8;
  cache_write_job job{args, tasks_for(threads, args.cache.kv_heads, work)};
  run_job(threads, job.tasks, job);
}

struct cached_job {
  const cached_attention_args& args;
  const workers& threads;
  isize size, padded, group;  // D, D rounded up to 16, query heads of a key/value head
  isize total = 0;            // row times key tile, of all units
  int tasks = 1;

  isize first_key_of(isize position) const {
    return args.window > 0 ? most(0, position - args.window + 1) : 0;
  }
  // Rows [begin, end) of one sequence, and the key tiles that they see.
  struct rows_together {
    isize begin, end, sequence, first_tile, last_tile;
    isize work() const { return (end - begin) * (last_tile - first_tile + 1); }
  };
  rows_together together(isize begin) const {
    const isize most_rows = most(1, tile / group);
    rows_together r{begin, begin, integer_at(args.sequences, 0, begin), 0, 0};
    isize first_key = 0, last_key = 0;
    for (; r.end < args.q.rows && r.end < begin + most_rows; ++r.end) {
      if (integer_at(args.sequences, 0, r.end) != r.sequence) break;
      const isize n = integer_at(args.positions, 0, r.end);
      const isize first = first_key_of(n);
      first_key = r.end == begin ? first : least(first_key, first);
      last_key = most(last_key, n);
    }
    r.first_tile = first_key / tile;
    r.last_tile = last_key / tile;
    return r;
  }

  isize floats() const { return query_rows::floats(padded) + tile * (size + padded); }
  std::size_t bytes() const { return static_cast<std::size_t>(floats()) * sizeof(float); }

  void run(int worker) const {
    query_rows q;
    auto* const memory = static_cast<float*>(threads.scratch(worker, bytes()));
    q.place(memory, size);
    float* const wide = memory + query_rows::floats(padded);
    q.scale = args.scale;
    q.sloped = args.slopes.data != nullptr;
    share mine{total, tasks, worker};
    for (isize begin = 0; begin < args.q.rows;) {
      const rows_together rows = together(begin);
      begin = rows.end;
      for (isize shared = 0; shared < args.cache.kv_heads; ++shared) {
        if (!mine.take(rows.work())) continue;
        for (isize h = 0; h < group; h += tile) {
          const isize heads = least(tile, group - h);
          attend_rows(q, rows, shared, shared * group + h, heads, wide);
        }
      }
    }
  }

  void attend_rows(query_rows& q, const rows_together& rows, isize shared, isize first_head,
                   isize heads, float* wide) const {
    q.rows = 0;
    for (isize row = rows.begin; row < rows.end; ++row) {
      for (isize h = first_head; h < first_head + heads; ++h, ++q.rows) {
        widen_rows(q.queries + q.rows * padded, padded, args.q, row, h * size, 1, size);
        const isize n = integer_at(args.positions, 0, row);
        q.position[q.rows] = n;
        q.first_key[q.rows] = first_key_of(n);
        q.slope[q.rows] = q.sloped ? number_at(args.slopes, h) : 0.0f;
      }
    }
    q.begin();
    if (args.cache.keys.type == element::bf16) {
      attend_tiles<bf16>(q, rows, shared, wide);
    } else {
      attend_tiles<float>(q, rows, shared, wide);
    }
    isize r = 0;
    for (isize row = rows.begin; row < rows.end; ++row) {
      for (isize h = first_head; h < first_head + heads; ++h, ++r) {
        finish(q, r, args.out, row, h * size);
      }
    }
  }

  // For a few rows a tile is read where it lies; for more it is copied, so that each line of it
  // comes from far away once, and the next one is on its way while this one is used.
  template <class T>
  void attend_tiles(query_rows& q, const rows_together& rows, isize shared, float* wide) const {
    const cache_view& cache = args.cache;
    const auto keys_of = [&](isize t) HWY_ATTR {
      return element_at<const T>(cache.keys, page_of(cache, rows.sequence, t * tile),
                                 key_column(cache, shared, t * tile));
    };
    const auto values_of = [&](isize t) HWY_ATTR {
      return element_at<const T>(cache.values, page_of(cache, rows.sequence, t * tile),
                                 value_column(cache, shared, t * tile));
    };
    float* const wide_keys = wide;
    float* const wide_values = wide + tile * size;
    for (isize t = rows.first_tile; t <= rows.last_tile; ++t) {
      const isize next = least(t + 1, rows.last_tile);
      if (size == padded && q.rows < 4) {
        attend(q, keys_of(t), values_of(t), size, t * tile, keys_of(next), values_of(next));
        continue;
      }
      isize seen = 0;  // values past the last position stay where they are
      for (isize r = 0; r < q.rows; ++r) seen = most(seen, q.position[r] + 1 - t * tile);
      widen_rows(wide_keys, tile, keys_of(t), tile, size, tile);
      widen_rows(wide_values, padded, values_of(t), size, clamp_to_tile(seen), size);
      fetch(keys_of(next), tile * size);
      fetch(values_of(next), tile * size);
      attend<float>(q, wide_keys, wide_values, padded, t * tile);
    }
  }
};

HWY_NOINLINE void cached_attention(context* state, const cached_attention_args& args) {
  if (args.q.rows <= 0) return;
  const workers& threads = workers_of(state);
  const isize size = args.cache.head_size, kv_heads = args.cache.kv_heads;
  cached_job job{args, threads, size, round_up(size, virtual_lanes), args.heads / kv_heads};
  isize units = 0;
  for (isize row = 0; row < args.q.rows; ++units) {
    const auto rows = job.together(row);
    job.total += rows.work() * kv_heads;
    row = rows.end;
  }
  // Four for one: a single row waits for memory, not for arithmetic.
  const isize multiply_adds = 4 * job.total * job.group * tile * size * 2;
  job.tasks = tasks_for(threads, units * kv_heads, multiply_adds);
  run_job(threads, job.tasks, job);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace attending
}  // namespace HWY_NAMESPACE
}  // namespace cpu_kernels
}  // namespace CTGPT_ABI
}  // namespace ctgpt
HWY_AFTER_NAMESPACE();

#endif  // toggle
