// Cleans files into a directory of parts, by any pipeline: in constant memory, on all threads, and
// going on where a killed run ended.
//
// cleaner<pipeline<gopher, c4>> run("clean/", files, pipeline(gopher(), c4()), settings, {});
// while (run.step()) show(run.report(), run.consumed());       a batch of about 8 MB
//
// The directory gets parts (data/part_writer.hpp) and report.json (data/clean_report.hpp), which is
// written anew with each part. A run on a directory whose report is not finished goes on behind its
// last part, or anew where it has no part; on a finished one it has nothing to do. Batches and
// parts end by the documents alone, so threads, and being killed, change no byte of them.
// `settings` say what the pipeline and the files are; a directory of other ones is refused.
// Requires: the stage keeps nothing from one document to the next but what it counts.
// Errors: those of reading, of stages and of writing; a directory of another run; files without a
// document (of a shard that is no error).
#pragma once

#include "ctgpt/base/lock.hpp"
#include "ctgpt/data/clean_report.hpp"
#include "ctgpt/data/input_slices.hpp"
#include "ctgpt/data/part_writer.hpp"
#include "ctgpt/data/pipeline.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

struct clean_options {
  read_options read = {};
  work_shard shard = {};
  std::uint64_t part_bytes = 64'000'000;  // of text; a part ends with the batch that reaches it
  std::uint64_t batch_bytes = 8'000'000;
  std::size_t batch_documents = 8192;
  int threads = 0;  // 0: all
};

template <stage Stage>
class cleaner {
 public:
  cleaner(const std::string& directory, const std::vector<std::string>& files, const Stage& each,
          const io::json& settings, clean_options options)
      : directory_(without_trailing_slashes(directory)), options_(std::move(options)) {
    options_.batch_bytes = std::min(options_.batch_bytes, options_.part_bytes);
    create_directories(directory_);
    if (options_.shard.count == 1) lock_.emplace(directory_);
    begin(files, settings);
    if (report_.finished) return;
    // Written before anything is read, so that a directory with parts always has a report.
    save();
    slices_ = slices_of(files, options_.shard, options_.read);
    report_.files = slices_.size();
    for (const input_slice& slice : slices_) total_ += slice.size;
    for (std::size_t i = 0; i < report_.file && i < slices_.size(); ++i) before_ += slices_[i].size;
    skip_ = report_.document;
    slice_ = report_.file;
    workers_.emplace(each, options_.threads);
    open_writer();
  }

  // Cleans the next batch; false when there is none and the report is finished.
  bool step() {
    if (report_.finished) return false;
    const bool more = read_batch();
    const std::vector<verdict>& said = workers_->run(pages_);
    for (std::size_t i = 0; i < pages_.size(); ++i) {
      if (said[i].keeps()) {
        writer_->add(pages_[i]);
      } else {
        report_.dropped.add(said[i].reason);
      }
    }
    count();
    if (!more) {
      if (options_.shard.count == 1) expect_documents(report_.input);
      writer_->finish();
      report_.finished = true;
    } else if (writer_->bytes() - bytes_at_part_ >= options_.part_bytes) {
      writer_->finish();
    } else {
      return true;
    }
    bytes_at_part_ = writer_->bytes();
    for (; told_parts_ < writer_->parts().size(); ++told_parts_) {
      report_.parts.push_back(writer_->parts()[told_parts_]);
    }
    report_.file = slice_;
    report_.document = taken_;
    save();
    return more;
  }

  // As of the last batch.
  const clean_report& report() const { return report_; }
  // Bytes of the files on the disk: read so far, and in all.
  std::uint64_t consumed() const { return before_ + (reader_ ? reader_->consumed() : 0); }
  std::uint64_t total() const { return total_; }
  // Whether an earlier run had begun.
  bool goes_on() const { return goes_on_; }

 private:
  void begin(const std::vector<std::string>& files, const io::json& settings) {
    report_.shard = options_.shard;
    report_.settings = settings;
    io::json names = io::json::array();
    for (const std::string& file : files) {
      std::string mended;
      utf8_append_repaired(mended, file);
      names.push(mended);
    }
    report_.settings.set("files", names);
    report_.settings.set("part_bytes", static_cast<std::int64_t>(options_.part_bytes));
    const std::string path = directory_ + "/" + report_name(options_.shard);
    if (!is_file(path)) return;
    clean_report old = clean_report::from_json(io::read_json(path), path);
    const bool same = old.settings == report_.settings && old.shard == options_.shard;
    if (!same && !old.finished && old.parts.empty()) return;  // nothing is lost with it
    expects(same, directory_,
            " holds a run with other settings or files; choose another directory");
    report_ = std::move(old);
    goes_on_ = true;
  }

  void open_writer() {
    const std::string first = part_name(options_.shard, 0);
    const std::string mine = first.substr(0, first.size() - part_ending.size() - 5);
    for (const directory_entry& entry : list_entries(directory_)) {
      const std::optional<part_id> id = part_of_name(entry.name);
      // A part that was finished but not reported is done again; so is one that was not.
      const bool again =
          goes_on_ && id && id->shard == options_.shard && id->number >= report_.parts.size();
      const bool half = is_temporary_name(entry.name) && entry.name.starts_with(mine) &&
                        (options_.shard.count > 1 || lock_);
      if (again || half) ::unlink((directory_ + "/" + entry.name).c_str());
    }
    part_options how;
    how.shard = options_.shard;
    how.part_bytes = ~std::uint64_t{0};  // parts end with batches
    how.first_part = static_cast<std::uint32_t>(report_.parts.size());
    writer_.emplace(directory_, how);
    base_ = report_;
  }

  // Fills pages_; false at the end of the input.
  bool read_batch() {
    pages_.clear();
    std::uint64_t bytes = 0;
    while (slice_ < slices_.size()) {
      const input_slice& slice = slices_[slice_];
      if (!reader_) {
        reader_.emplace(slice.path, options_.read);
        for (std::uint64_t i = 0; i < slice.begin + skip_; ++i) reader_->next();
        taken_ = skip_;
        skip_ = 0;
      }
      while (slice.begin + taken_ < slice.end) {
        if (bytes >= options_.batch_bytes || pages_.size() >= options_.batch_documents) return true;
        std::optional<document> page = reader_->next();
        if (!page) break;
        ++taken_;
        bytes += page->text.size();
        ++report_.input.documents;
        report_.input.bytes += page->text.size();
        pages_.push_back(std::move(*page));
      }
      // A file's documents are counted one by one; here, what it holds besides.
      read_counts rest = slice.counts ? *slice.counts : reader_->counts();
      rest.documents = rest.bytes = 0;
      report_.input.add(rest);
      before_ += slice.size;
      reader_.reset();
      taken_ = 0;
      ++slice_;
    }
    return false;
  }

  // What was counted since this process began, on top of what an earlier one reported.
  void count() {
    report_.kept = base_.kept + writer_->documents();
    report_.kept_bytes = base_.kept_bytes + writer_->bytes();
    report_.repaired = base_.repaired + writer_->repaired();
    report_.changed = base_.changed;
    workers_->tell(report_.changed);
  }

  void save() const {
    write_file_atomic(directory_ + "/" + report_name(options_.shard),
                      io::write_json(report_.to_json(), {.pretty = true}) + "\n");
  }

  std::string directory_;
  clean_options options_;
  std::optional<directory_lock> lock_;
  clean_report report_, base_;
  bool goes_on_ = false;
  std::vector<input_slice> slices_;
  std::optional<parallel_stage<Stage>> workers_;
  std::optional<part_writer> writer_;
  std::optional<document_reader> reader_;
  std::vector<document> pages_;
  std::size_t slice_ = 0, told_parts_ = 0;
  std::uint64_t taken_ = 0, skip_ = 0, before_ = 0, total_ = 0, bytes_at_part_ = 0;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
