// How the kernels walk over tensors: in pieces of f32, shared out among the workers.
//
// Every kernel computes on f32. An f32 tensor is read and written where it lies; bf16 is widened
// into a small buffer before, and rounded from it after. So each kernel is written, and compiled,
// once.
//   for_chunks   pieces of at most `chunk` elements of a row, for kernels that treat elements alone
//   in_parallel  a static partition of any count of items
//   map          out[i] = f(in[i]...) on machine vectors, with a masked end
//   for_vectors  the vectors of a row with their virtual lanes, for reductions
// Work below `worth_a_worker` elements a worker is not shared out; results never depend on it.
// Errors: an element type other than f32 and bf16 throws ctgpt::error before work begins.
#if defined(CTGPT_BACKEND_CPU_CHUNKS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef CTGPT_BACKEND_CPU_CHUNKS_INL
#undef CTGPT_BACKEND_CPU_CHUNKS_INL
#else
#define CTGPT_BACKEND_CPU_CHUNKS_INL
#endif

#include "ctgpt/backend/cpu/lanes-inl.hpp"
#include "ctgpt/backend/cpu/workers.hpp"
#include "ctgpt/backend/kernel_table.hpp"
#include "hwy/highway.h"

namespace ctgpt::inline CTGPT_ABI::cpu_kernels {
// Throws the sentence. Declared and defined (impl.hpp) outside the target regions.
[[noreturn]] inline void reject_element(const char* entry, element type);
}  // namespace ctgpt::inline CTGPT_ABI::cpu_kernels

HWY_BEFORE_NAMESPACE();
namespace ctgpt {
inline namespace CTGPT_ABI {
namespace cpu_kernels {

namespace HWY_NAMESPACE {

constexpr int chunk = 512;  // a multiple of 16, so that lanes stay where they are
struct chunk_buffer {
  alignas(64) float data[chunk];
};

// Throws unless every tensor that is there is f32 (or bf16).
template <class... Tensors>
HWY_INLINE void require_float(const char* entry, const Tensors&... tensors) {
  const auto check = [entry](const tensor& t) HWY_ATTR {
    if (t.data != nullptr && t.type != element::f32 && t.type != element::bf16) {
      reject_element(entry, t.type);
    }
  };
  (check(tensors), ...);
}
template <class... Tensors>
HWY_INLINE void require_f32(const char* entry, const Tensors&... tensors) {
  const auto check = [entry](const tensor& t) HWY_ATTR {
    if (t.data != nullptr && t.type != element::f32) reject_element(entry, t.type);
  };
  (check(tensors), ...);
}

HWY_INLINE isize smaller_of(isize a, isize b) { return a < b ? a : b; }
HWY_INLINE isize pieces_of(isize count, isize size) { return (count + size - 1) / size; }
HWY_INLINE isize padded(isize count) { return pieces_of(count, virtual_lanes) * virtual_lanes; }

// ---- reading and writing --------------------------------------------------------------------

template <class T>
HWY_INLINE T* element_at(const tensor& t, isize row, isize col) {
  return static_cast<T*>(t.data) + row * t.stride + col;
}

inline HWY_NOINLINE void widen(const bf16* from, isize count, float* to) {
  isize i = 0;
  for (; i + native <= count; i += native) store(load(from + i), to + i);
  if (i < count) {
    const int rest = static_cast<int>(count - i);
    store_first(load_first(from + i, rest), to + i, rest);
  }
}
inline HWY_NOINLINE void narrow(const float* from, isize count, bf16* to) {
  isize i = 0;
  for (; i + native <= count; i += native) store(load(from + i), to + i);
  if (i < count) {
    const int rest = static_cast<int>(count - i);
    store_first(load_first(from + i, rest), to + i, rest);
  }
}

// `count` elements of a row as f32: where they lie, or widened into `buffer`.
HWY_INLINE const float* read(const tensor& t, isize row, isize col, isize count, float* buffer) {
  if (t.type != element::bf16) return element_at<const float>(t, row, col);
  widen(element_at<const bf16>(t, row, col), count, buffer);
  return buffer;
}
// Where to compute `count` elements of a row, and the call that puts them there.
HWY_INLINE float* target(const tensor& t, isize row, isize col, float* buffer) {
  return t.type != element::bf16 ? element_at<float>(t, row, col) : buffer;
}
HWY_INLINE void commit(const tensor& t, isize row, isize col, isize count, const float* computed) {
  if (t.type == element::bf16) narrow(computed, count, element_at<bf16>(t, row, col));
}

// out may be one of the inputs.
// Requires: f of 0 is harmless.
template <class F, class... In>
HWY_INLINE void map(isize count, float* out, const F& f, const In*... in) {
  isize i = 0;
  for (; i + native <= count; i += native) store(f(load(in + i)...), out + i);
  if (i < count) {
    const int rest = static_cast<int>(count - i);
    store_first(f(load_first(in + i, rest)...), out + i, rest);
  }
}

// body(i, p, kept) for every machine vector of a row: element i on, virtual lanes of part p, of
// which the first `kept` are in the row. Part p is a constant in every copy of the body, so that
// sixteen lanes stay in registers.
template <class Body>
HWY_INLINE void for_vectors(isize count, const Body& body) {
  isize i = 0;
  for (; i + virtual_lanes <= count; i += virtual_lanes) {
    HWY_UNROLL(16)
    for (int p = 0; p < parts; ++p) body(i + p * native, p, native);
  }
  HWY_UNROLL(16)
  for (int p = 0; p < parts; ++p) {
    const isize left = count - i - p * native;
    if (left > 0) body(i + p * native, p, static_cast<int>(smaller_of(left, native)));
  }
}

// ---- sharing out ----------------------------------------------------------------------------

constexpr isize worth_a_worker = 16384;  // elements; about the price of waking one

struct span {
  isize begin, end;
};
// Part `index` of `total` of [0, count), cut at multiples of `grain`.
HWY_INLINE span share_of(isize count, int total, int index, isize grain) {
  const isize grains = pieces_of(count, grain);
  const isize each = grains / total, rest = grains % total;
  const isize first = each * index + smaller_of(index, rest);
  const isize last = first + each + (index < rest ? 1 : 0);
  return {smaller_of(first * grain, count), smaller_of(last * grain, count)};
}

// How many workers share `items` grains that hold `elements` altogether.
HWY_INLINE int tasks_for(const workers& crew, isize items, isize elements) {
  const isize useful = smaller_of(elements / worth_a_worker, items);
  const isize tasks = smaller_of(useful, crew.count);
  return tasks < 1 ? 1 : static_cast<int>(tasks);
}

// body(span, worker) for each of `tasks` shares of [0, count).
template <class Body>
HWY_INLINE void in_parallel(const workers& crew, int tasks, isize count, isize grain,
                            const Body& body) {
  struct call {
    const Body& body;
    int tasks;
    isize count, grain;
  } work{body, tasks, count, grain};
  crew.run(
      tasks,
      [](void* self, int worker) HWY_ATTR {
        const call& c = *static_cast<const call*>(self);
        c.body(share_of(c.count, c.tasks, worker, c.grain), worker);
      },
      &work);
}

HWY_INLINE bool contiguous(const tensor& t) {
  return t.data == nullptr || t.rows <= 1 || t.stride == t.cols;
}

// body(row, col, count) for every chunk of a (rows, cols) tensor. `flat`: all tensors of the kernel
// are contiguous, so that the whole may pass for one row.
template <class Body>
HWY_INLINE void for_chunks(context* state, isize rows, isize cols, bool flat, const Body& body) {
  if (flat) {
    cols *= rows;
    rows = 1;
  }
  if (rows <= 0 || cols <= 0) return;
  const workers& crew = workers_of(state);
  const isize per_row = pieces_of(cols, chunk);
  const int tasks = tasks_for(crew, rows * per_row, rows * cols);
  in_parallel(crew, tasks, rows * per_row, 1, [&](span units, int) HWY_ATTR {
    isize row = units.begin / per_row, piece = units.begin % per_row;
    for (isize u = units.begin; u < units.end; ++u) {
      const isize col = piece * chunk;
      body(row, col, smaller_of(chunk, cols - col));
      if (++piece == per_row) {
        piece = 0;
        ++row;
      }
    }
  });
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace cpu_kernels
}  // namespace CTGPT_ABI
}  // namespace ctgpt
HWY_AFTER_NAMESPACE();

#endif  // toggle
