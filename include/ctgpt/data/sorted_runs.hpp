// Sorting more than fits into memory: sorted runs in files, and their merge.
//
// entry_sorter sorter("sig/exact", bytes);
// sorter.add({high, low, place});
// std::vector<std::string> runs = sorter.finish();    sig/exact-00000.run ...
// merge_runs(runs, "out/merge", bytes, [](const entry& next) { ... });    in ascending order
//
// An entry is three 64-bit words and is ordered by them from the first to the last. A run holds a
// header of 32 bytes (mark, version, number of entries, XXH64 of them) and the entries as they lie
// in memory, little-endian. More runs than there is room for buffers are merged in several passes.
// Ensures: the same sequence of entries for any bound of memory and any division into runs.
// Memory: the bound given, at least smallest_sort_memory.
// Errors: a run that is cut, damaged or none at all; what the system says of files.
// Reference: Knuth, "The Art of Computer Programming", volume 3, section 5.4.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "ctgpt/base/checksum.hpp"
#include "ctgpt/base/file.hpp"
#include "ctgpt/data/part_names.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

struct entry {
  std::uint64_t first = 0, second = 0, third = 0;
  auto operator<=>(const entry&) const = default;
};

inline constexpr std::uint64_t smallest_sort_memory = std::uint64_t{1} << 20;

namespace detail {
struct run_header {
  std::array<char, 8> mark{'c', 't', 'g', 'p', 't', 'r', 'u', 'n'};
  std::uint64_t version = 1, entries = 0, sum = 0;
  bool is_ours() const { return mark == run_header{}.mark && version == 1; }
};
static_assert(sizeof(run_header) == 32 && sizeof(entry) == 24);

inline std::string_view bytes_of(const run_header& header) {
  return {reinterpret_cast<const char*>(&header), sizeof header};
}
}  // namespace detail

class run_writer {
 public:
  explicit run_writer(const std::string& path) : file_(output_file::create(path)) {
    file_.write(detail::bytes_of({}));
  }
  // Requires: ascending, also from call to call.
  void add(std::span<const entry> entries) {
    sum_.update(std::as_bytes(entries));
    file_.write(std::as_bytes(entries));
    count_ += entries.size();
  }
  void finish() {
    detail::run_header header;
    header.entries = count_;
    header.sum = sum_.finish();
    file_.write_at(0, detail::bytes_of(header));
    file_.close();
  }

 private:
  output_file file_;
  xxh64 sum_;
  std::uint64_t count_ = 0;
};

class run_reader {
 public:
  run_reader(const std::string& path, std::size_t buffer)
      : path_(path), file_(open_or_fail(path, O_RDONLY, "read")), buffer_(buffer) {
    const auto size = static_cast<std::uint64_t>(status_or_fail(file_, path).st_size);
    const bool whole = size >= sizeof header_ && take(&header_, sizeof header_) == sizeof header_;
    if (!whole || !header_.is_ours()) damaged("it does not begin as a file of signatures does");
    const std::uint64_t held = (size - sizeof header_) / sizeof(entry);
    if (header_.entries != held || (size - sizeof header_) % sizeof(entry) != 0) {
      damaged(
          join("it has ", size, " bytes where its header speaks of ", header_.entries, " entries"));
    }
    left_ = header_.entries;
    refill();
  }

  bool done() const { return at_ == filled_; }
  // Requires: not done().
  const entry& front() const { return buffer_[at_]; }
  void pop() {
    if (++at_ == filled_) refill();
  }

 private:
  [[noreturn]] void damaged(const std::string& why) const {
    fail(path_, " is damaged: ", why, "; remove its directory and make the signatures again");
  }

  std::size_t take(void* to, std::size_t bytes) {
    std::size_t got = 0;
    while (got < bytes) {
      const ssize_t some = ::read(file_.get(), static_cast<char*>(to) + got, bytes - got);
      if (some < 0 && errno == EINTR) continue;
      if (some < 0) fail_system("read", path_, errno);
      if (some == 0) break;
      got += static_cast<std::size_t>(some);
    }
    return got;
  }

  void refill() {
    at_ = 0;
    filled_ = static_cast<std::size_t>(std::min<std::uint64_t>(left_, buffer_.size()));
    if (filled_ == 0) {
      if (sum_.finish() != header_.sum) damaged("its checksum is wrong");
      return;
    }
    const std::size_t bytes = filled_ * sizeof(entry);
    if (take(buffer_.data(), bytes) != bytes) damaged("it ends too early");
    sum_.update(std::as_bytes(std::span(buffer_).first(filled_)));
    left_ -= filled_;
  }

  std::string path_;
  file_descriptor file_;
  detail::run_header header_;
  std::vector<entry> buffer_;
  std::size_t at_ = 0, filled_ = 0;
  std::uint64_t left_ = 0;
  xxh64 sum_;
};

class entry_sorter {
 public:
  // Runs are called PREFIX-NNNNN.run.
  // Requires: memory >= smallest_sort_memory.
  entry_sorter(std::string prefix, std::uint64_t memory)
      : prefix_(std::move(prefix)), most_(static_cast<std::size_t>(memory / sizeof(entry))) {}

  void add(const entry& next) {
    if (held_.size() == most_) write_run();
    if (held_.capacity() == 0) held_.reserve(most_);  // pages that are never used cost nothing
    held_.push_back(next);
  }
  // Names of the runs; the memory is given back.
  std::vector<std::string> finish() {
    if (!held_.empty()) write_run();
    std::vector<entry>().swap(held_);
    return std::move(runs_);
  }

 private:
  void write_run() {
    std::sort(held_.begin(), held_.end());
    std::string path =
        prefix_ + "-" + five_digits(static_cast<std::uint32_t>(runs_.size())) + ".run";
    run_writer run(path);
    run.add(held_);
    run.finish();
    runs_.push_back(std::move(path));
    held_.clear();
  }

  std::string prefix_;
  std::size_t most_;
  std::vector<entry> held_;
  std::vector<std::string> runs_;
};

namespace detail {
template <class Use>
void merge_some(std::span<const std::string> runs, std::uint64_t memory, Use&& use) {
  std::vector<std::unique_ptr<run_reader>> readers;
  const std::uint64_t each =
      std::min<std::uint64_t>(memory / (runs.size() * sizeof(entry)), 1 << 16);
  const auto later = [&](std::size_t a, std::size_t b) {
    return readers[b]->front() < readers[a]->front();
  };
  std::priority_queue<std::size_t, std::vector<std::size_t>, decltype(later)> heap(later);
  for (const std::string& path : runs) {
    readers.push_back(std::make_unique<run_reader>(path, static_cast<std::size_t>(each)));
    if (!readers.back()->done()) heap.push(readers.size() - 1);
  }
  while (!heap.empty()) {
    const std::size_t next = heap.top();
    heap.pop();
    use(readers[next]->front());
    readers[next]->pop();
    if (!readers[next]->done()) heap.push(next);
  }
}
}  // namespace detail

// use(entry) for all entries of all runs, ascending. Passes in between write SCRATCH-NNNNN.run and
// remove it again; the runs given stay.
// Requires: memory >= smallest_sort_memory; nothing is called SCRATCH-NNNNN.run.
template <class Use>
void merge_runs(std::vector<std::string> runs, const std::string& scratch, std::uint64_t memory,
                Use&& use) {
  constexpr std::uint64_t smallest_buffer = 16384, most_files = 512;  // open at a time
  const auto fan =
      static_cast<std::size_t>(std::clamp<std::uint64_t>(memory / smallest_buffer, 2, most_files));
  std::uint32_t passes = 0;
  std::vector<bool> ours(runs.size(), false);
  while (runs.size() > fan) {
    const std::string path = scratch + "-" + five_digits(passes++) + ".run";
    run_writer merged(path);
    std::vector<entry> block;
    block.reserve(smallest_buffer / sizeof(entry));
    const auto flush = [&] {
      merged.add(block);
      block.clear();
    };
    detail::merge_some(std::span(runs).first(fan), memory, [&](const entry& next) {
      block.push_back(next);
      if (block.size() == block.capacity()) flush();
    });
    flush();
    merged.finish();
    for (std::size_t i = 0; i < fan; ++i) {
      if (ours[i]) ::unlink(runs[i].c_str());
    }
    runs.erase(runs.begin(), runs.begin() + static_cast<std::ptrdiff_t>(fan));
    ours.erase(ours.begin(), ours.begin() + static_cast<std::ptrdiff_t>(fan));
    runs.push_back(path);
    ours.push_back(true);
  }
  if (!runs.empty()) detail::merge_some(runs, memory, use);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (ours[i]) ::unlink(runs[i].c_str());
  }
}

}  // namespace ctgpt::inline CTGPT_ABI::data
