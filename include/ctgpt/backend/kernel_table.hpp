// The contract between the library and a backend: one table of functions, and nothing else.
//
// Every entry takes the backend's opaque context first and plain structs of pointers and integers
// after it. Calls may be queued and run later in order: an argument struct is copied by value, so
// it points only to backend memory. Only copy() sees host memory: an upload has read its source
// when it returns, a download has waited for all queued work and written its destination. Whatever
// changes between two steps (learning rate, clip factor, random counter, positions, targets) is
// read from backend memory, so a recorded step can be replayed with new inputs.
//
// Shapes: a tensor is `rows` rows of `cols` consecutive elements, `stride` elements apart. One row
// of an activation is one token; B sequences of T tokens are B * T rows, sequence-major. Heads lie
// side by side in a row: head h of a row is cols [h * head_size, (h + 1) * head_size).
// Empty optional tensors have data == nullptr.
// Aliasing: an output may not overlap an input unless the entry says so.
// Errors: a table may throw ctgpt::error for an element type that it does not compute on; the rest
// is taken on trust (ops.hpp checks widths).
//
// Determinism: the f32 contract that lets AVX2 and AVX-512, 1 and N threads, cached and uncached
// agree bit for bit (the reference and Eigen tables meet it to rounding only):
// - a product: every output is one chain of fused multiply-adds with k ascending, starting from c
//   when `accumulate`, from 0 otherwise; then bias is added, then the activation applied; for every
//   m, 1 included.
// - a reduction over a row: 16 virtual lanes, element i in lane i % 16, ascending, then one tree
//   (lanes l and l + 8, then + 4, + 2, + 1).
// - a reduction over rows: a chain with the row ascending, or fixed blocks combined in order; never
//   by thread.
// - attention: key tiles start at multiples of attention_tile; scores are chains over the head's
//   elements ascending; the output a chain over keys ascending, rescaled once a tile.
// - dropout: element e of site s keeps its value when word e % 4 of philox{e / 4 lo, e / 4 hi, s,
//   counter}(seed) >= rate * 2^32, and is then multiplied by 1 / (1 - rate).
#pragma once

#include <cstddef>
#include <cstdint>

#include "ctgpt/base/element.hpp"
#include "ctgpt/base/kinds.hpp"
#include "ctgpt/base/tensor.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct context;  // stream, workers and workspace of one backend; opaque above it

// Keys a tile of attention; pages of a key/value cache are a multiple of it.
inline constexpr isize attention_tile = 64;

enum class product : std::uint8_t {
  nn,  // c (M,N) = a (M,K) b (K,N)
  nt,  // c (M,N) = a (M,K) b (N,K)^T     forward: y = x W^T with W (out,in)
  tn,  // c (M,N) = a (K,M)^T b (K,N)     weight gradient: dW = dy^T x
};
struct matmul_args {
  product kind = product::nt;
  tensor c, a, b;  // b may be panels, bf16, q8_0 or q4_0 for nt; a, b, c are f32 or bf16 otherwise
  tensor bias;     // optional (1,N)
  tensor before;   // optional (M,N): receives c before `act`, for the backward pass
  activation act = activation::none;  // not swiglu
  bool accumulate = false;            // c += instead of c =
};

// dst (rows of a weight, as panels) = src (N,K); dst.data holds pack_elements(N, K) elements.
struct pack_args {
  tensor dst, src;
};
struct convert_args {
  tensor dst, src;  // same rows and cols; element types may differ
};
struct fill_args {
  tensor dst;
  double value = 0.0;
};
struct add_args {
  tensor y, a, b;  // y = a + b; y may be a or b
};
// State of the random generator in backend memory: u32 {seed low, seed high, counter, 0}.
struct dropout_args {
  tensor y, x, residual;  // y = dropout(x) (+ residual); y may be x or residual
  tensor random;          // (1,4) u32
  std::uint32_t site = 0;
  float rate = 0.0f;  // element e = row * round_up(cols, 16) + col
};
// y = act(x). swiglu: x is (M,2F), y (M,F): y = silu(x[:, :F]) * x[:, F:].
struct activation_args {
  tensor y, x;
  activation act = activation::gelu;
};
// dx = act'(x) dy; dx may be dy (not for swiglu).
struct activation_backward_args {
  tensor dx, dy, x;
  activation act = activation::gelu;
};
// y = (x - mean) * rstd * gain + bias (layer), y = x * rstd * gain (rms), for each of `groups`
// equal parts of a row (gain and bias are of one part's length). mean and rstd are (M,groups).
struct norm_args {
  tensor y, x, gain, bias;  // gain, bias optional
  tensor mean, rstd;        // optional: kept for backward; mean only for layer
  normalization kind = normalization::layer;
  float epsilon = 1e-5f;
  isize groups = 1;
};
struct norm_backward_args {
  tensor dx, dy, x, gain;  // dx may be dy; gain optional
  tensor mean, rstd;
  tensor dgain, dbias;  // optional, accumulated into
  normalization kind = normalization::layer;
  isize groups = 1;
};
// y[r] = table[tokens[r]] + places[position of r]; position of r is positions[r], or r % time
// without it. A token outside the table gives a row of NaN. table may be panels.
struct embed_args {
  tensor y, table, places;   // places optional (context,C)
  tensor tokens, positions;  // (1,M) i32; positions optional
  isize time = 0;
};
// dtable[tokens[r]] += dy[r], dplaces[position of r] += dy[r], r ascending.
struct embed_backward_args {
  tensor dy, dtable, dplaces, tokens;  // dplaces optional
  isize time = 0;
  tensor positions = {};  // as in embed
};
// Rotates pairs (i, i + D/2) of each head in place by position * frequency i, read from a table of
// cos (D/2) then sin (D/2) a position; inverse rotates back (the backward pass).
// Reference: Su et al., "RoFormer", 2021, in the half-split form of Llama checkpoints.
struct rope_args {
  tensor x;          // (M, heads * D)
  tensor angles;     // (context, D) cos | sin
  tensor positions;  // optional (1,M) i32; r % time without it
  isize time = 0;
  isize heads = 1;
  bool inverse = false;
};
// out = softmax(scale q k^T + bias, causal, last `window` keys) v; lse (M,heads) receives the
// log-sum-exp of each row's scores. Query head h reads key/value head h * kv_heads / heads.
// slopes (1,heads): ALiBi, adds slope * (key - query). Dropout acts on the probabilities:
// element e = ((b * heads + h) * T + i) * round_up(T, 16) + j.
// Where a sequence holds several documents, one behind the other, positions (1,B*T) i32 are each
// row's place in its own, from 0, and row i sees none before i - position.
struct attention_args {
  tensor out, q, k, v, lse;
  tensor slopes, random;  // optional
  isize batch = 0, time = 0, heads = 0, kv_heads = 0;
  isize window = 0;  // 0: all earlier keys; else keys j with i - window < j <= i
  float scale = 1.0f, dropout = 0.0f;
  std::uint32_t site = 0;
  tensor positions = {};  // optional
};
struct attention_backward_args {
  tensor dq, dk, dv, dout;  // dq, dk, dv are overwritten; they may not overlap q, k, v
  attention_args forward;   // with out and lse as the forward call left them
};
// A paged key/value cache of one layer. Page p of keys is (kv_heads, page / attention_tile, D,
// attention_tile) elements, of values (kv_heads, page, D): keys of a tile lie side by side.
// Position n of sequence s is in page pages[s][n / page], slot n % page.
struct cache_view {
  tensor keys, values;  // rows: number of pages; cols: page * kv_heads * D
  tensor pages;         // (sequences, pages a sequence) i32
  isize page = attention_tile, kv_heads = 0, head_size = 0;
};
struct cache_write_args {
  cache_view cache;
  tensor k, v;                  // (M, kv_heads * D)
  tensor sequences, positions;  // (1,M) i32
};
// As attention forward for rows of (sequence, position): row r sees positions 0..positions[r] of
// its sequence. The same bits as attention over the whole sequence.
struct cached_attention_args {
  cache_view cache;
  tensor out, q;                // (M, heads * D)
  tensor sequences, positions;  // (1,M) i32
  tensor slopes;                // optional
  isize heads = 0, window = 0;
  float scale = 1.0f;
};
// losses[r] = -log softmax(cap(logits[r]))[targets[r]], 0 where the target is negative; with
// `gradient`, logits become d(sum of losses * scale)/d(logits). cap(x) = softcap * tanh(x /
// softcap) when softcap > 0. A target past the last column gives NaN.
struct cross_entropy_args {
  tensor logits, targets, losses;  // (M,V) f32 or bf16, (1,M) i32, (1,M)
  tensor scale;                    // (1,1), in backend memory
  float softcap = 0.0f;
  bool gradient = false;
};
struct softcap_args {
  tensor x;  // x = cap * tanh(x / cap), in place
  float cap = 0.0f;
};
// out (1,N) += sum over rows of x (M,N).
struct sum_rows_args {
  tensor out, x;
};
// out[0] = (accumulate ? out[0] : 0) + factor * sum of x; out is f64 (complex128 in complex
// tables).
struct sum_args {
  tensor out, x;
  double factor = 1.0;
  bool accumulate = false;
};
// out[0] f64 = sum of squares of x.
struct square_sum_args {
  tensor out, x;
};

// The optimiser's numbers of one step: (1, optimizer_fields) f32 in backend memory.
enum optimizer_field : int {
  learning_rate,
  beta1,
  beta2,
  epsilon,
  weight_decay,
  correction1,   // 1 - beta1^step
  correction2,   // 1 - beta2^step
  clip_factor,   // written by clip()
  maximum_norm,  // 0: no clipping
  optimizer_fields
};
// numbers[clip_factor] = min(1, maximum_norm / (sqrt(squares[0]) + 1e-6)), or 1 without clipping.
struct clip_args {
  tensor numbers, squares;
};
// AdamW over one flat range, one pass: g = clip_factor * gradient; m += (1 - beta1) (g - m);
// v += (1 - beta2) (g^2 - v); w -= lr * (m / correction1 / (sqrt(v / correction2) + epsilon)
// + weight_decay * w), the last term only in segments that decay.
// Reference: Loshchilov, Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
struct adamw_args {
  tensor weights;           // (1,N), the stored type
  tensor master;            // optional (1,N): the truth when weights are stored in bf16
  tensor gradient;          // (1,N), zero afterwards
  tensor moment1, moment2;  // (1,N)
  tensor segments;          // (S,3) u32: first element (low, high word), 1 if it decays; ascending,
                            // the first starts at 0
  tensor numbers;           // (1,optimizer_fields)
};

enum class direction : std::uint8_t { upload, download, within };
struct copy_args {
  void* dst = nullptr;
  const void* src = nullptr;
  std::size_t bytes = 0;
  direction way = direction::within;
};

// What a backend can be asked. Functions take the context and a struct; all of them may queue, but
// for allocate, release, synchronise, pack_elements and the host's half of an upload or download.
struct kernel_table {
  const char* name;  // "avx512", "eigen", "reference<f64>", ...

  // Memory of this backend, aligned to 64 bytes, contents undefined; nullptr when there is none
  // left.
  void* (*allocate)(context*, std::size_t bytes);
  void (*release)(context*, void*);
  void (*copy)(context*, const copy_args&);
  void (*synchronise)(context*);

  // Calls between record_begin and record_end are kept, and run by each replay. A table that cannot
  // record leaves these null; its callers then make the calls again.
  void (*record_begin)(context*);
  void* (*record_end)(context*);
  void (*replay)(context*, void* recording);
  void (*record_release)(context*, void* recording);

  // Runs `rounds` rounds of the fastest arithmetic on all workers, out of registers, waits, and
  // returns the floating-point operations done: the ceiling that speeds are compared with. May be
  // null.
  double (*burn)(context*, isize rounds);

  void (*fill)(context*, const fill_args&);
  void (*convert)(context*, const convert_args&);
  void (*add)(context*, const add_args&);
  void (*dropout)(context*, const dropout_args&);
  void (*matmul)(context*, const matmul_args&);
  isize (*pack_elements)(context*, isize rows, isize cols, element);
  void (*pack)(context*, const pack_args&);
  void (*sum_rows)(context*, const sum_rows_args&);
  void (*embed)(context*, const embed_args&);
  void (*embed_backward)(context*, const embed_backward_args&);
  void (*norm)(context*, const norm_args&);
  void (*norm_backward)(context*, const norm_backward_args&);
  void (*activate)(context*, const activation_args&);
  void (*activate_backward)(context*, const activation_backward_args&);
  void (*rope)(context*, const rope_args&);
  void (*attention)(context*, const attention_args&);
  void (*attention_backward)(context*, const attention_backward_args&);
  void (*cache_write)(context*, const cache_write_args&);
  void (*cached_attention)(context*, const cached_attention_args&);
  void (*cross_entropy)(context*, const cross_entropy_args&);
  void (*softcap)(context*, const softcap_args&);
  void (*sum)(context*, const sum_args&);
  void (*square_sum)(context*, const square_sum_args&);
  void (*clip)(context*, const clip_args&);
  void (*adamw)(context*, const adamw_args&);
};

}  // namespace ctgpt::inline CTGPT_ABI
