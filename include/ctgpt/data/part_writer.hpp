// Writes documents as parts: zstd JSON lines, about 64 MB of text each, each whole or not there.
//
// part_writer out("clean/", {.shard = {.index = 0, .count = 3}});
// out.add(page);
// out.finish();                      the last part; without it that part is dropped
//
// A line holds "text", "source" and, where there is one, "url"; the reader of JSON lines gives the
// same document back. A part appears under its name (data/part_names.hpp) by rename, complete and
// durable; a killed run leaves whole parts and a temporary file. Text that is not UTF-8 cannot be
// JSON: its ill-formed bytes become U+FFFD, and the text is counted as repaired.
// Ensures: the same documents give the same bytes, with one version of zstd. Memory: one document.
// Errors: a directory that holds parts of another run, of this one from first_part on, or of
// another number of shards; what the system says while writing.
// Reference: RFC 8878 (zstd), RFC 8259 (JSON).
#pragma once

#include <zstd.h>

#include <memory>
#include <optional>
#include <vector>

#include "ctgpt/base/utf8.hpp"
#include "ctgpt/data/document.hpp"
#include "ctgpt/data/part_names.hpp"
#include "ctgpt/io/json_writer.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

struct part_options {
  work_shard shard = {};
  std::uint64_t part_bytes = 64'000'000;  // of text; a part ends with the document that reaches it
  std::uint32_t first_part = 0;           // a run that goes on keeps the parts before this one
  int level = 3;                          // of zstd
};

class part_writer {
 public:
  explicit part_writer(const std::string& directory, part_options options = {})
      : directory_(without_trailing_slashes(directory)),
        options_(options),
        next_(options.first_part),
        packer_(::ZSTD_createCCtx()) {
    expects(options.shard.index < options.shard.count, "there is no shard ", options.shard.index,
            " of ", options.shard.count, ": shards are counted from 0");
    expects(packer_ != nullptr, "zstd cannot start: not enough memory");
    ::ZSTD_CCtx_setParameter(packer_.get(), ZSTD_c_compressionLevel, options.level);
    ::ZSTD_CCtx_setParameter(packer_.get(), ZSTD_c_checksumFlag, 1);
    create_directories(directory_);
    for (const directory_entry& entry : list_entries(directory_)) refuse_strangers(entry.name);
  }
  part_writer(const part_writer&) = delete;
  part_writer& operator=(const part_writer&) = delete;

  void add(const document& page) {
    if (!file_) {
      expects(next_ < 100'000, "a run cannot write more than 100000 parts; make them larger");
      file_.emplace(directory_ + "/" + part_name(options_.shard, next_));
      part_bytes_ = 0;
    }
    line_.clear();
    io::json_writer line(line_);
    line.begin_object().member("text", mended(page.text, mended_text_));
    if (mended_text_) ++repaired_;
    bool ignored = false;
    line.member("source", mended(page.source, ignored));
    if (!page.url.empty()) line.member("url", mended(page.url, ignored));
    line.end_object();
    line_ += '\n';
    pack(line_, ZSTD_e_continue);
    ++documents_;
    bytes_ += page.text.size();
    part_bytes_ += page.text.size();
    if (part_bytes_ >= options_.part_bytes) finish_part();
  }

  // Ensures: everything added is on the disk under its name. May be called again.
  void finish() {
    if (file_) finish_part();
  }

  // Names of the parts that are finished, in order.
  const std::vector<std::string>& parts() const { return parts_; }
  std::uint64_t documents() const { return documents_; }
  std::uint64_t bytes() const { return bytes_; }
  // Documents whose text was not UTF-8.
  std::uint64_t repaired() const { return repaired_; }

 private:
  void refuse_strangers(const std::string& name) const {
    const std::optional<part_id> id = part_of_name(name);
    if (!id) return;
    expects(id->shard.count == options_.shard.count, directory_, " holds ", name,
            ", a part of a run with another number of shards; choose another directory");
    expects(id->shard != options_.shard || id->number < options_.first_part, directory_, " holds ",
            name, " already; remove it or choose another directory");
  }

  // Valid until the next call.
  std::string_view mended(const std::string& text, bool& was_ill) {
    was_ill = utf8_error_offset(text) != std::string::npos;
    if (!was_ill) return text;
    mended_.clear();
    utf8_append_repaired(mended_, text);
    return mended_;
  }

  void pack(std::string_view text, ZSTD_EndDirective how) {
    ZSTD_inBuffer from{text.data(), text.size(), 0};
    packed_.resize(::ZSTD_CStreamOutSize());
    for (;;) {
      ZSTD_outBuffer to{packed_.data(), packed_.size(), 0};
      const std::size_t left = ::ZSTD_compressStream2(packer_.get(), &to, &from, how);
      expects(::ZSTD_isError(left) == 0, "cannot compress a part: ", ::ZSTD_getErrorName(left));
      file_->file().write(std::string_view(packed_.data(), to.pos));
      if (how == ZSTD_e_end ? left == 0 : from.pos == from.size) return;
    }
  }

  void finish_part() {
    pack({}, ZSTD_e_end);
    file_->commit();
    file_.reset();
    parts_.push_back(part_name(options_.shard, next_++));
  }

  std::string directory_;
  part_options options_;
  std::uint32_t next_;
  struct free_packer {
    void operator()(ZSTD_CCtx* packer) const { ::ZSTD_freeCCtx(packer); }
  };
  std::unique_ptr<ZSTD_CCtx, free_packer> packer_;
  std::optional<atomic_file> file_;
  std::vector<std::string> parts_;
  std::string line_, mended_;
  std::vector<char> packed_;
  std::uint64_t documents_ = 0, bytes_ = 0, part_bytes_ = 0, repaired_ = 0;
  bool mended_text_ = false;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
