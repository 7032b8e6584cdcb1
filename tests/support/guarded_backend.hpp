// A test backend that behaves as a GPU does: the host cannot touch its memory, and calls run
// later.
//
// It wraps any host table. Allocations are page-aligned parts of one reserved arena, which is
// PROT_NONE whenever the caller's code runs: a host read or write above the table ends in
// SIGSEGV.
// Every entry copies its arguments into a queue, which runs in order when somebody synchronises
// or downloads; an upload has read its source when it returns. A tensor that does not lie in the
// arena is refused when the call is made.
// Recordings work as a captured CUDA graph: calls between record_begin and record_end are kept
// and not run, each replay queues them again, and whatever a capture cannot hold (uploads,
// downloads, synchronise, allocate) throws while one is being made.
// Errors: ctgpt::error at the call that is wrong.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "ctgpt/backend/backend.hpp"

namespace ctgpt_test {

using namespace ctgpt;

// Reserved address space of which only `size` bytes have been handed out so far.
class guarded_arena {
 public:
  guarded_arena() {
    void* data =
        mmap(nullptr, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    expects(data != MAP_FAILED, "the guarded backend cannot reserve its address space");
    begin_ = static_cast<std::byte*>(data);
  }
  ~guarded_arena() { munmap(begin_, reserved); }
  guarded_arena(const guarded_arena&) = delete;
  guarded_arena& operator=(const guarded_arena&) = delete;

  void* allocate(std::size_t bytes) {
    const std::size_t pages = std::max<std::size_t>(1, (bytes + page - 1) / page);
    auto& reusable = free_[pages];
    std::byte* data = begin_ + size_;
    if (!reusable.empty()) {
      data = reusable.back();
      reusable.pop_back();
    } else if (size_ + pages * page > reserved) {
      return nullptr;
    } else {
      size_ += pages * page;
    }
    blocks_[data] = pages;
    return data;
  }
  void release(void* data) {
    const auto found = blocks_.find(static_cast<std::byte*>(data));
    expects(found != blocks_.end(), "release() was given memory that allocate() did not make");
    released_.push_back(*found);
    blocks_.erase(found);
  }
  // Queued work may still use what was released; once it has run, the pages can be handed out
  // again.
  void recycle() {
    for (const auto& [data, pages] : released_) free_[pages].push_back(data);
    released_.clear();
  }

  // Does [data, data + bytes) lie inside one live allocation?
  bool holds(const void* data, std::size_t bytes) const {
    const auto* first = static_cast<const std::byte*>(data);
    auto after = blocks_.upper_bound(const_cast<std::byte*>(first));
    if (after == blocks_.begin()) return false;
    --after;
    return first + bytes <= after->first + after->second * page;
  }
  std::size_t live() const { return blocks_.size(); }

  // One call covers every allocation, so a drain costs two.
  void protect(bool closed) const {
    if (size_ == 0) return;
    const int rights = closed ? PROT_NONE : PROT_READ | PROT_WRITE;
    expects(mprotect(begin_, size_, rights) == 0, "the guarded backend cannot change its pages");
  }

 private:
  static constexpr std::size_t page = 4096, reserved = std::size_t{1} << 36;
  std::byte* begin_ = nullptr;
  std::size_t size_ = 0;
  std::map<std::byte*, std::size_t> blocks_;  // to their pages
  std::vector<std::pair<std::byte*, std::size_t>> released_;
  std::map<std::size_t, std::vector<std::byte*>> free_;
};

// Calls visit(tensor) for every tensor of an argument struct. Every entry needs its line here, so
// that a new entry does not compile until it has one.
template <class F>
struct tensor_visitor {
  F visit;
  template <class... T>
  void all(const T&... tensors) const {
    (visit(tensors), ...);
  }
  void operator()(const fill_args& a) const { all(a.dst); }
  void operator()(const convert_args& a) const { all(a.dst, a.src); }
  void operator()(const pack_args& a) const { all(a.dst, a.src); }
  void operator()(const add_args& a) const { all(a.y, a.a, a.b); }
  void operator()(const combine_args& a) const { all(a.y, a.a, a.b, a.factors); }
  void operator()(const dropout_args& a) const { all(a.y, a.x, a.residual, a.random); }
  void operator()(const matmul_args& a) const { all(a.c, a.a, a.b, a.bias, a.before); }
  void operator()(const sum_rows_args& a) const { all(a.out, a.x); }
  void operator()(const embed_args& a) const { all(a.y, a.table, a.places, a.tokens, a.positions); }
  void operator()(const embed_backward_args& a) const { all(a.dy, a.dtable, a.dplaces, a.tokens); }
  void operator()(const norm_args& a) const { all(a.y, a.x, a.gain, a.bias, a.mean, a.rstd); }
  void operator()(const norm_backward_args& a) const {
    all(a.dx, a.dy, a.x, a.gain, a.mean, a.rstd, a.dgain, a.dbias);
  }
  void operator()(const activation_args& a) const { all(a.y, a.x); }
  void operator()(const activation_backward_args& a) const { all(a.dx, a.dy, a.x); }
  void operator()(const rope_args& a) const { all(a.x, a.angles, a.positions); }
  void operator()(const attention_args& a) const {
    all(a.out, a.q, a.k, a.v, a.lse, a.slopes, a.random);
  }
  void operator()(const attention_backward_args& a) const {
    all(a.dq, a.dk, a.dv, a.dout);
    (*this)(a.forward);
  }
  void operator()(const cache_view& a) const { all(a.keys, a.values, a.pages); }
  void operator()(const cache_write_args& a) const {
    (*this)(a.cache);
    all(a.k, a.v, a.sequences, a.positions);
  }
  void operator()(const cached_attention_args& a) const {
    (*this)(a.cache);
    all(a.out, a.q, a.sequences, a.positions, a.slopes);
  }
  void operator()(const cross_entropy_args& a) const {
    all(a.logits, a.targets, a.losses, a.scale);
  }
  void operator()(const softcap_args& a) const { all(a.x); }
  void operator()(const sum_args& a) const { all(a.out, a.x); }
  void operator()(const square_sum_args& a) const { all(a.out, a.x); }
  void operator()(const clip_args& a) const { all(a.numbers, a.squares); }
  void operator()(const adamw_args& a) const {
    all(a.weights, a.master, a.gradient, a.moment1, a.moment2, a.segments, a.numbers);
  }
};
template <class F>
tensor_visitor(F) -> tensor_visitor<F>;

class guarded_context {
 public:
  explicit guarded_context(backend inner) : inner_(std::move(inner)) {}

  static guarded_context& of(context* opaque) {
    return *reinterpret_cast<guarded_context*>(opaque);
  }
  context* opaque() { return reinterpret_cast<context*>(this); }

  using action = std::function<void(const kernel_table&, context*)>;
  using recording = std::vector<action>;

  guarded_arena arena;
  const backend& inner() const { return inner_; }
  // What tests count.
  isize calls = 0, drains = 0, replays = 0, uploads = 0, downloads = 0;
  std::size_t queued() const { return queue_.size(); }

  void push(action next) { (recording_ ? *recording_ : queue_).push_back(std::move(next)); }

  void drain(const action& last = {}) {
    ++drains;
    const opened door(arena);
    std::vector<action> now;
    now.swap(queue_);  // a call that throws leaves an empty queue
    for (const action& next : now) next(inner_.table(), inner_.state());
    inner_.synchronise();
    arena.recycle();
    if (last) last(inner_.table(), inner_.state());
  }

  void outside_a_recording(const char* what) const {
    expects(!recording_, what, " cannot be part of a recording; do it before or after");
  }
  void begin_recording() {
    outside_a_recording("record_begin()");
    recording_ = std::make_unique<recording>();
  }
  recording* end_recording() {
    expects(recording_ != nullptr, "record_end() needs record_begin() first");
    return recording_.release();
  }
  void replay(const recording& kept) {
    outside_a_recording("replay()");
    ++replays;
    queue_.insert(queue_.end(), kept.begin(), kept.end());
  }
  void check(const tensor& t) const {
    if (t.data == nullptr) return;
    isize elements = t.rows > 0 ? (t.rows - 1) * t.stride + t.cols : 0;
    if (t.packing == layout::panels) {
      elements = inner_.table().pack_elements(inner_.state(), t.rows, t.cols, t.type);
    }
    expects(arena.holds(t.data, static_cast<std::size_t>(element_bytes(t.type, elements))),
            "a tensor of ", t.rows, " x ", t.cols, " ", element_name(t.type),
            " does not lie in memory of this backend");
  }

 private:
  struct opened {
    explicit opened(guarded_arena& a) : arena(a) { arena.protect(false); }
    ~opened() { arena.protect(true); }
    guarded_arena& arena;
  };

  backend inner_;
  std::vector<action> queue_;
  std::unique_ptr<recording> recording_;
};

// An entry that checks and copies its arguments, and queues the inner table's.
template <auto Entry>
struct guarded_entry;
template <class Args, void (*kernel_table::*Entry)(context*, const Args&)>
struct guarded_entry<Entry> {
  static void queue(context* state, const Args& args) {
    guarded_context& self = guarded_context::of(state);
    tensor_visitor{[&](const tensor& t) { self.check(t); }}(args);
    ++self.calls;
    self.push([args](const kernel_table& table, context* inner) { (table.*Entry)(inner, args); });
  }
};
template <auto... Entries>
void guard_entries(kernel_table& table) {
  ((table.*Entries = guarded_entry<Entries>::queue), ...);
}

inline void guarded_copy(context* state, const copy_args& args) {
  guarded_context& self = guarded_context::of(state);
  const auto ours = [&](const void* data) {
    expects(self.arena.holds(data, args.bytes), "a copy's backend side (", args.bytes,
            " bytes) does not lie in memory of this backend");
  };
  if (args.bytes == 0) return;
  if (args.way != direction::upload) ours(args.src);
  if (args.way != direction::download) ours(args.dst);
  if (args.way == direction::within) {
    self.push([args](const kernel_table& table, context* inner) { table.copy(inner, args); });
    return;
  }
  self.outside_a_recording("an upload or download");
  if (args.way == direction::upload) {
    ++self.uploads;
    const auto* bytes = static_cast<const std::byte*>(args.src);
    self.push([args, source = std::vector<std::byte>(bytes, bytes + args.bytes)](
                  const kernel_table& table, context* inner) {
      table.copy(inner, {args.dst, source.data(), args.bytes, direction::upload});
    });
    return;
  }
  ++self.downloads;
  self.drain([args](const kernel_table& table, context* inner) { table.copy(inner, args); });
}

inline const kernel_table& guarded_table() {
  static const kernel_table table = [] {
    kernel_table t{};
    t.name = "guarded";
    t.allocate = [](context* state, std::size_t bytes) {
      guarded_context::of(state).outside_a_recording("allocate()");
      return guarded_context::of(state).arena.allocate(bytes);
    };
    t.release = [](context* state, void* data) { guarded_context::of(state).arena.release(data); };
    t.copy = guarded_copy;
    t.synchronise = [](context* state) {
      guarded_context::of(state).outside_a_recording("synchronise()");
      guarded_context::of(state).drain();
    };
    t.record_begin = [](context* state) { guarded_context::of(state).begin_recording(); };
    t.record_end = [](context* state) -> void* {
      return guarded_context::of(state).end_recording();
    };
    t.replay = [](context* state, void* kept) {
      guarded_context::of(state).replay(*static_cast<guarded_context::recording*>(kept));
    };
    t.record_release = [](context*, void* kept) {
      delete static_cast<guarded_context::recording*>(kept);
    };
    t.pack_elements = [](context* state, isize rows, isize cols, element type) {
      const backend& inner = guarded_context::of(state).inner();
      return inner.table().pack_elements(inner.state(), rows, cols, type);
    };
    using k = kernel_table;
    guard_entries<&k::fill, &k::convert, &k::add, &k::combine, &k::dropout, &k::matmul, &k::pack,
                  &k::sum_rows, &k::embed, &k::embed_backward, &k::norm, &k::norm_backward,
                  &k::activate, &k::activate_backward, &k::rope, &k::attention,
                  &k::attention_backward, &k::cache_write, &k::cached_attention, &k::cross_entropy,
                  &k::softcap, &k::sum, &k::square_sum, &k::clip, &k::adamw>(t);
    return t;
  }();
  return table;
}

// guarded g{ctgpt::reference<float>{}}; ctgpt::backend where = g; ... g.state().calls
class guarded {
 public:
  explicit guarded(backend inner) : state_(std::make_shared<guarded_context>(std::move(inner))) {}
  operator backend() const {
    return backend(guarded_table(), state_->opaque(), state_, state_->inner().natural());
  }
  guarded_context& state() const { return *state_; }

 private:
  std::shared_ptr<guarded_context> state_;
};

}  // namespace ctgpt_test
