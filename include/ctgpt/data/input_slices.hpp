// Which documents of which files a shard of the work reads.
//
// for (const input_slice& slice : slices_of(files, {.index = 0, .count = 3}, options)) ...
//
// The files in their order are one row of bytes, as they lie on the disk, and shard i of n has the
// i-th part of n equal ones. So each file is read by one shard, and no other opens it; a file that
// a border falls in is read by the shards on both sides, which count its documents first and take
// their share of them. All shards together, in order, are the documents of one run.
// Requires: every shard is told the same files, and they stay as they are.
// A pipe has no size, and is read by one shard.
// Errors: those of reading.
#pragma once

#include <sys/stat.h>

#include <limits>
#include <optional>
#include <vector>

#include "ctgpt/data/reader.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

struct input_slice {
  static constexpr std::uint64_t all = std::numeric_limits<std::uint64_t>::max();

  std::string path;
  std::uint64_t size = 0;                  // of the file on the disk
  std::uint64_t begin = 0, end = all;      // documents, counted from 0
  std::optional<read_counts> counts = {};  // of a file that was read to count its documents
};

inline std::uint64_t size_on_disk(const std::string& path) {
  struct stat status {};
  const bool known = ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
  return known ? static_cast<std::uint64_t>(status.st_size) : 0;
}

inline std::vector<input_slice> slices_of(const std::vector<std::string>& files, work_shard shard,
                                          const read_options& options) {
  std::vector<input_slice> slices;
  std::uint64_t total = 0;
  for (const std::string& file : files) {
    slices.push_back({file, size_on_disk(file)});
    total += slices.back().size;
  }
  if (shard.count == 1) return slices;
  const auto border = [&](std::uint64_t index) {  // in bytes; the first shards have one more
    return total / shard.count * index + std::min<std::uint64_t>(index, total % shard.count);
  };
  const std::uint64_t from = border(shard.index), to = border(shard.index + std::uint64_t{1});
  std::vector<input_slice> mine;
  std::uint64_t before = 0;
  for (input_slice& file : slices) {
    const std::uint64_t begin = before, end = begin + file.size;
    before = end;
    // What has no bytes goes where the byte before it goes.
    const std::uint64_t place = file.size > 0 || begin == 0 ? begin : begin - 1;
    const bool begins_here = place >= from && (place < to || (total == 0 && shard.index == 0));
    if (file.size == 0 || (begins_here && end <= to)) {
      if (begins_here) mine.push_back(std::move(file));
      continue;
    }
    if (end <= from || begin >= to) continue;
    document_reader reader(file.path, options);
    while (reader.next()) continue;
    const auto share = [&](std::uint64_t at) {
      const double part = static_cast<double>(at - begin) / static_cast<double>(file.size);
      const double documents = static_cast<double>(reader.counts().documents);
      return static_cast<std::uint64_t>(part * documents);
    };
    file.begin = begin < from ? share(from) : 0;
    file.end = end > to ? share(to) : input_slice::all;
    file.counts = begins_here ? reader.counts() : read_counts{};
    mine.push_back(std::move(file));
  }
  return mine;
}

}  // namespace ctgpt::inline CTGPT_ABI::data
