// Causal attention on the CPU: forward, and the entries of the table that this family fills.
//
// s_ij = scale q_i . k_j + slope (j - i) for the keys j that query i sees: j <= i, j > i - window,
// none before its own document;
// lse_i = log sum exp(s_ij);  out_i = sum_j keep_ij exp(s_ij - lse_i) v_j.
// Backward is in attention-backward-inl.hpp, the paged cache in attention-cache-inl.hpp.
// Shapes: q, out (B*T, H*D), k, v (B*T, KV*D), lse (B*T, H). Working space a worker: the keys and
// values of one head, 2 T D floats, and a few tiles; never a T x T matrix.
// Work is cut into (sequence, head, 64 queries), shared out by the number of key tiles; tiles that
// nobody sees are skipped. Results do not depend on the cut.
// Errors: none (scratch may throw ctgpt::error before the work begins).
// Reference: Dao et al., "FlashAttention", 2022; Ainslie et al., "GQA", 2023; Press et al.,
// "ALiBi", 2022.
#if defined(CTGPT_BACKEND_CPU_ATTENTION_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef CTGPT_BACKEND_CPU_ATTENTION_INL
#undef CTGPT_BACKEND_CPU_ATTENTION_INL
#else
#define CTGPT_BACKEND_CPU_ATTENTION_INL
#endif

#include "ctgpt/backend/cpu/attention-backward-inl.hpp"
#include "ctgpt/backend/cpu/attention-cache-inl.hpp"
#include "ctgpt/backend/cpu/attention-packing-inl.hpp"
#include "ctgpt/backend/cpu/attention-products-inl.hpp"
#include "ctgpt/backend/cpu/attention-tiles-inl.hpp"
#include "ctgpt/backend/cpu/workers.hpp"
#include "ctgpt/backend/kernel_table.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ctgpt {
inline namespace CTGPT_ABI {
namespace cpu_kernels {
namespace HWY_NAMESPACE {
namespace attending {

struct forward_job {
  const attention_args& args;
  const workers& threads;
  const dropout_rule* dropout;
  isize size, padded, tiles;  // D, D rounded up to 16, key tiles of a sequence
  isize total = 0;            // key tiles of all units
  int tasks = 1;

  isize first_tile(isize b, isize query_tile) const {  // no later query sees an earlier key
    return first_key_of(args, b, query_tile * tile) / tile;
  }
  isize floats() const { return 2 * tiles * tile * padded + query_rows::floats(padded); }
  std::size_t bytes() const {
    return static_cast<std::size_t>(floats()) * sizeof(float) + static_cast<std::size_t>(tiles);
  }

  // Transposed keys and widened values of one key/value head, packed tile by tile when first
  // needed.
  struct packed_head {
    float *keys, *values, *spare;
    bool* ready;
  };
  void pack(const packed_head& head, isize sequence, isize shared, isize t) const {
    if (head.ready[t]) return;
    head.ready[t] = true;
    const isize row = sequence * args.time + t * tile, column = shared * size;
    const isize rows = least(tile, args.time - t * tile);
    widen_rows(head.spare, padded, args.k, row, column, rows, size);
    transpose(head.keys + t * tile * padded, head.spare, padded, padded);
    widen_rows(head.values + t * tile * padded, padded, args.v, row, column, rows, size);
  }

  void run(int worker) const {
    auto* const memory = static_cast<float*>(threads.scratch(worker, bytes()));
    packed_head head;
    head.keys = memory;
    head.values = head.keys + tiles * tile * padded;
    query_rows q;
    q.place(head.values + tiles * tile * padded, size);
    head.spare = q.output;
    head.ready = reinterpret_cast<bool*>(memory + floats());
    q.scale = args.scale;
    q.sloped = args.slopes.data != nullptr;
    q.dropout = dropout;

    const isize group = args.heads / args.kv_heads;
    share mine{total, tasks, worker};
    for (isize b = 0; b < args.batch; ++b) {
      for (isize shared = 0; shared < args.kv_heads; ++shared) {
        for (isize t = 0; t < tiles; ++t) head.ready[t] = false;
        for (isize h = shared * group; h < (shared + 1) * group; ++h) {
          for (isize query_tile = 0; query_tile < tiles; ++query_tile) {
            const isize first = first_tile(b, query_tile);
            if (!mine.take(query_tile - first + 1)) continue;
            for (isize t = first; t <= query_tile; ++t) pack(head, b, shared, t);
            set_queries(q, b, h, query_tile);
            for (isize t = first; t <= query_tile; ++t) {
              attend(q, head.keys + t * tile * padded, head.values + t * tile * padded, padded,
                     t * tile);
            }
            write(q, b, h, query_tile);
          }
        }
      }
    }
  }

  void set_queries(query_rows& q, isize b, isize h, isize query_tile) const {
    const isize first = query_tile * tile;
    q.rows = least(tile, args.time - first);
    widen_rows(q.queries, padded, args.q, b * args.time + first, h * size, q.rows, size);
    const float slope = q.sloped ? number_at(args.slopes, h) : 0.0f;
    for (isize r = 0; r < q.rows; ++r) {
      q.position[r] = first + r;
      q.first_key[r] = first_key_of(args, b, first + r);
      q.slope[r] = slope;
      q.first_element[r] = probability_element(args, b, h, first + r);
    }
    q.begin();
  }
  void write(query_rows& q, isize b, isize h, isize query_tile) const {
    const isize row = b * args.time + query_tile * tile;
    for (isize r = 0; r < q.rows; ++r) finish(q, r, args.out, row + r, h * size);
    if (args.lse.data == nullptr) return;
    const f32_tag d;
    for (isize r = 0; r < q.rows; r += native) {
      store(hn::Add(load(q.largest + r), log(d, load(q.factor + r))), q.factor + r);
    }
    for (isize r = 0; r < q.rows; ++r) *element_at<float>(args.lse, row + r, h) = q.factor[r];
  }
};

HWY_NOINLINE void attention(context* state, const attention_args& args) {
  if (args.batch <= 0 || args.time <= 0) return;
  const workers& threads = workers_of(state);
  const dropout_rule rule = rule_of(args);
  const isize size = args.q.cols / args.heads;
  forward_job job{args,
                  threads,
                  args.dropout > 0.0f ? &rule : nullptr,
                  size,
                  round_up(size, virtual_lanes),
                  (args.time + tile - 1) / tile};
  for (isize b = 0; b < args.batch; ++b) {
    for (isize t = 0; t < job.tiles; ++t) job.total += t - job.first_tile(b, t) + 1;
  }
  job.total *= args.heads;
  job.tasks =
      tasks_for(threads, args.batch * args.heads * job.tiles, job.total * tile * tile * size);
  run_job(threads, job.tasks, job);
}

}  // namespace attending

void fill_attention(kernel_table& table) {
  table.attention = attending::attention;
  table.attention_backward = attending::attention_backward;
  table.cache_write = attending::cache_write;
  table.cached_attention = attending::cached_attention;
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace cpu_kernels
}  // namespace CTGPT_ABI
}  // namespace ctgpt
HWY_AFTER_NAMESPACE();

#endif  // toggle
