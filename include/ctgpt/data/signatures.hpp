// Signatures of documents: what of each is compared to find duplicates, in sorted runs on the disk.
//
// make_signatures("out/signatures", files, settings, {.index = 0, .count = 3}, index, work);
// const signature_set all = load_signatures("out/signatures", files, settings);
//
// A shard takes the files whose place in the list is its index modulo the number of shards. Its
// directory, SHARD-of-SHARDS, appears whole by rename and holds shard.json and runs of entries:
//   exact         (digest, digest, document)    the 128-bit name of the text
//   near          (bucket, key, document)       14 of them, by MinHash
//   lines         (hash, document, line)        lines of at least settings.shortest_line bytes
//   contaminated  (document, source, line)      instead of all others
// A document is numbered file * 2^40 + its place in the file, so that numbers do not depend on
// shards. A shard that is there already is not made again.
// Memory: settings.memory, and the largest document.
// Errors: a shard that was made with other settings or files, one that is missing or damaged;
// memory under smallest_dedup_memory; a file that is no regular one, since it is read twice.
#pragma once

#include <atomic>
#include <functional>
#include <new>

#include "ctgpt/base/parallel.hpp"
#include "ctgpt/data/contamination.hpp"
#include "ctgpt/data/minhash.hpp"
#include "ctgpt/data/sorted_runs.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

inline constexpr std::uint64_t smallest_dedup_memory = std::uint64_t{8} << 20;

struct dedup_settings {
  bool exact = true, near = true, lines = false;
  std::size_t shortest_line = 20;               // bytes; shorter lines may repeat
  std::vector<std::string> decontaminate = {};  // files of evaluation texts
  read_options read = {};
  std::uint64_t memory = std::uint64_t{1} << 30;
};

// What is told while a step works; bytes of the files, as they lie on the disk.
using dedup_progress =
    std::function<void(std::string_view step, std::uint64_t done, std::uint64_t all)>;

struct file_facts {
  std::string path;
  std::uint64_t bytes = 0;
};

inline std::vector<file_facts> facts_of(const std::vector<std::string>& paths) {
  std::vector<file_facts> facts;
  for (const std::string& path : paths) {
    const file_descriptor file = open_or_fail(path, O_RDONLY, "read");
    const struct stat status = status_or_fail(file, path);
    expects(S_ISREG(status.st_mode), path,
            " is not a regular file; deduplication reads its data twice");
    facts.push_back({path, static_cast<std::uint64_t>(status.st_size)});
  }
  expects(facts.size() < (std::size_t{1} << 24), "there are more than 16 million files; join some");
  return facts;
}

inline constexpr unsigned place_bits = 40;
constexpr std::uint64_t place_of(std::uint64_t file, std::uint64_t document) {
  return file << place_bits | document;
}

inline constexpr std::string_view run_kinds[] = {"contaminated", "exact", "near", "lines"};
enum class run_kind : unsigned char { contaminated, exact, near, lines };

// What one shard, or all of them together, found out.
struct signature_set {
  std::uint32_t shards = 1;
  std::vector<std::uint64_t> documents;  // of each file
  read_counts read;
  std::array<std::vector<std::string>, std::size(run_kinds)> runs;  // paths

  const std::vector<std::string>& of(run_kind kind) const {
    return runs[static_cast<std::size_t>(kind)];
  }
};

// What must be equal for the signatures of shards to go together.
inline std::string identity_of(const dedup_settings& settings,
                               const std::vector<file_facts>& files) {
  std::string text = join("exact ", settings.exact ? 1 : 0, " near ", settings.near ? 1 : 0,
                          " lines ", settings.lines ? settings.shortest_line : 0, " format ",
                          name_of(settings.read.format), " field ", settings.read.field);
  for (const file_facts& file : facts_of(settings.decontaminate)) {
    text += join(" evaluation ", file.path, " ", file.bytes);
  }
  for (const file_facts& file : files) text += join("\n", file.path, " ", file.bytes);
  return sha256_hex(text);
}

inline std::string shard_name(work_shard shard) {
  return five_digits(shard.index) + "-of-" + five_digits(shard.count);
}

namespace detail {
struct document_signature {
  std::optional<contamination_index::place> contaminated;
  digest_128 digest{};
  bool has_buckets = false;
  bucket_hashes buckets{};
  std::vector<std::array<std::uint64_t, 2>> lines;  // number, hash
};

// Documents are read one after the other and hashed side by side, a batch at a time.
class signature_maker {
 public:
  signature_maker(const std::string& directory, const dedup_settings& settings,
                  const contamination_index& index, thread_pool& workers)
      : settings_(settings), index_(index), workers_(workers) {
    const std::uint64_t kinds =
        1 + (settings.exact ? 1 : 0) + (settings.near ? 1 : 0) + (settings.lines ? 1 : 0);
    const std::uint64_t each = std::max(settings.memory / 2 / kinds, smallest_sort_memory);
    for (const std::string_view kind : run_kinds) {
      sorters_.emplace_back(directory + "/" + std::string(kind), each);
    }
    most_bytes_ = std::min<std::uint64_t>(settings.memory / 16, std::uint64_t{1} << 24);
  }

  void add(document page, std::uint64_t place) {
    bytes_ += page.text.size() + sizeof(item);
    batch_.push_back({std::move(page.text), place, {}});
    if (bytes_ >= most_bytes_) flush();
  }

  std::vector<std::string> finish(run_kind kind) {
    flush();
    return sorters_[static_cast<std::size_t>(kind)].finish();
  }

 private:
  struct item {
    std::string text;
    std::uint64_t place;
    document_signature signature;
  };

  void flush() {
    next_.store(0);
    workers_.run(
        std::min<int>(workers_.size(), static_cast<int>(batch_.size())),
        [](void* self, int) { static_cast<signature_maker*>(self)->work(); }, this);
    if (failed_.load()) throw std::bad_alloc();
    for (const item& each : batch_) put(each);
    batch_.clear();
    bytes_ = 0;
  }

  void work() {
    try {
      word_hashes words;
      for (std::size_t i; (i = next_.fetch_add(1)) < batch_.size();) sign(batch_[i], words);
    } catch (const std::bad_alloc&) {
      failed_.store(true);
    }
  }

  void sign(item& each, word_hashes& words) const {
    document_signature& made = each.signature;
    if (settings_.near || !index_.empty()) words.read(each.text);
    made.contaminated = index_.find(words);
    if (made.contaminated) return;
    if (settings_.exact) made.digest = text_digest(each.text);
    if (settings_.near) made.has_buckets = near_(words, made.buckets);
    if (settings_.lines) {
      for_each_line(each.text, settings_.shortest_line,
                    [&](std::uint64_t number, std::uint64_t hash) {
                      made.lines.push_back({number, hash});
                    });
    }
  }

  entry_sorter& sorter(run_kind kind) { return sorters_[static_cast<std::size_t>(kind)]; }

  void put(const item& each) {
    const document_signature& made = each.signature;
    if (made.contaminated) {
      sorter(run_kind::contaminated)
          .add({each.place, made.contaminated->source, made.contaminated->line});
      return;
    }
    if (settings_.exact) {
      sorter(run_kind::exact).add({made.digest[0], made.digest[1], each.place});
    }
    for (std::size_t b = 0; made.has_buckets && b < made.buckets.size(); ++b) {
      sorter(run_kind::near).add({b, made.buckets[b], each.place});
    }
    for (const auto& [number, hash] : made.lines) {
      sorter(run_kind::lines).add({hash, each.place, number});
    }
  }

  const dedup_settings& settings_;
  const contamination_index& index_;
  thread_pool& workers_;
  minhash near_;
  std::vector<entry_sorter> sorters_;
  std::vector<item> batch_;
  std::uint64_t bytes_ = 0, most_bytes_ = 0;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> failed_{false};
};

inline std::string shard_json(const signature_set& made, const std::string& identity,
                              const std::string& directory) {
  std::string text;
  io::json_writer out(text, {.pretty = true});
  out.begin_object().member("version", 1).member("identity", identity);
  out.key("documents").begin_array();
  for (const std::uint64_t count : made.documents) out.value(count);
  out.end_array();
  out.member("bytes", made.read.bytes).member("left_out", made.read.left_out);
  out.member("bad", made.read.bad).key("messages").begin_array();
  for (const std::string& message : made.read.messages) {
    std::string repaired;
    utf8_append_repaired(repaired, message);
    out.value(repaired);
  }
  out.end_array();
  for (std::size_t k = 0; k < std::size(run_kinds); ++k) {
    out.key(run_kinds[k]).begin_array();
    for (const std::string& run : made.runs[k]) out.value(run.substr(directory.size() + 1));
    out.end_array();
  }
  out.end_object();
  return text + "\n";
}

inline void add_shard(signature_set& all, const std::string& directory,
                      const std::string& identity) {
  const std::string path = directory + "/shard.json";
  const io::json text = io::read_json(path);
  const io::json_field shard(text, path);
  expects(shard["version"].integer() == 1 && shard["identity"].string() == identity, directory,
          " was made with other flags or other data; remove it or give another --out");
  const io::json_field documents = shard["documents"];
  if (documents.size() != all.documents.size()) documents.wrong("a number for each file");
  for (std::size_t f = 0; f < documents.size(); ++f) {
    all.documents[f] += documents[f].unsigned_integer();
    all.read.documents += documents[f].unsigned_integer();
  }
  read_counts read;
  read.bytes = shard["bytes"].unsigned_integer();
  read.left_out = shard["left_out"].unsigned_integer();
  read.bad = shard["bad"].unsigned_integer();
  const io::json_field messages = shard["messages"];
  for (std::size_t i = 0; i < messages.size(); ++i) read.messages.push_back(messages[i].string());
  all.read.add(read);
  for (std::size_t k = 0; k < std::size(run_kinds); ++k) {
    const io::json_field runs = shard[run_kinds[k]];
    for (std::size_t i = 0; i < runs.size(); ++i) {
      all.runs[k].push_back(directory + "/" + runs[i].string());
    }
  }
}
}  // namespace detail

inline void check_dedup_memory(std::uint64_t memory) {
  expects(memory >= smallest_dedup_memory, "deduplication needs at least ", smallest_dedup_memory,
          " bytes of memory, not ", memory);
}

// Makes the signatures of one shard below `directory`; false when they were there already.
inline bool make_signatures(const std::string& directory, const std::vector<file_facts>& files,
                            const dedup_settings& settings, work_shard shard, int threads = 0,
                            const dedup_progress& tell = {}) {
  check_dedup_memory(settings.memory);
  expects(shard.index < shard.count, "there is no shard ", shard.index, " of ", shard.count,
          ": shards are counted from 0");
  const std::string identity = identity_of(settings, files);
  const std::string name = directory + "/" + shard_name(shard);
  signature_set made;
  made.documents.resize(files.size());
  if (is_directory(name)) {
    detail::add_shard(made, name, identity);
    return false;
  }
  contamination_index index;
  for (const std::string& path : settings.decontaminate) index.add_file(path);
  create_directories(directory);
  atomic_directory output(name);
  thread_pool workers(threads);
  detail::signature_maker maker(output.path(), settings, index, workers);
  std::uint64_t done = 0, all = 0;
  for (std::size_t f = shard.index; f < files.size(); f += shard.count) all += files[f].bytes;
  for (std::size_t f = shard.index; f < files.size(); f += shard.count) {
    document_reader reader(files[f].path, settings.read);
    while (auto page = reader.next()) {
      maker.add(std::move(*page), place_of(f, made.documents[f]++));
      if (tell) tell("signatures", done + reader.consumed(), all);
    }
    made.read.add(reader.counts());
    done += files[f].bytes;
  }
  for (std::size_t k = 0; k < std::size(run_kinds); ++k) {
    made.runs[k] = maker.finish(static_cast<run_kind>(k));
  }
  write_file_atomic(output.file("shard.json"), detail::shard_json(made, identity, output.path()));
  output.commit();
  return true;
}

// The shards that lie below `directory`: how many there are to be; 0 when none is there.
inline std::uint32_t shards_of_signatures(const std::string& directory) {
  std::uint32_t shards = 0;
  if (!is_directory(directory)) return 0;
  for (const std::string& name : list_directories(directory)) {
    if (is_temporary_name(name)) continue;
    const auto id = part_of_name("part-" + name + "-00000" + std::string(part_ending));
    const bool single = name == shard_name({});
    expects(id || single, directory, "/", name, " is no directory of signatures; remove it");
    const std::uint32_t count = single ? 1 : id->shard.count;
    expects(shards == 0 || shards == count, directory, " holds signatures of ", shards,
            " shards and of ", count, "; remove those that are not wanted");
    shards = count;
  }
  return shards;
}

// All shards together.
inline signature_set load_signatures(const std::string& directory,
                                     const std::vector<file_facts>& files,
                                     const dedup_settings& settings) {
  signature_set all;
  all.shards = shards_of_signatures(directory);
  all.documents.resize(files.size());
  expects(all.shards > 0, "there are no signatures in ", directory);
  const std::string identity = identity_of(settings, files);
  for (std::uint32_t s = 0; s < all.shards; ++s) {
    const std::string name = directory + "/" + shard_name({s, all.shards});
    expects(is_directory(name), directory, " lacks shard ", s, " of ", all.shards,
            "; make it with --shard ", s, "/", all.shards);
    detail::add_shard(all, name, identity);
  }
  return all;
}

}  // namespace ctgpt::inline CTGPT_ABI::data
