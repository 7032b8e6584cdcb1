// training_texts: the texts that a tokenizer is learnt from, file by file.
//
// Plain text files are mapped and read whole. Everything else (directories, compressed files, JSON
// lines and the like) is read document by document, in a program that has the readers of
// ctgpt::data: the unit of the data verbs installs them (app/document_texts.hpp).
// Errors: a file that cannot be read; what is no plain text where no readers are installed.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/base/error.hpp"
#include "ctgpt/base/file.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

// Texts one after the other, none of which goes on in the next, and how many bytes of the file are
// read so far; false: no more is wanted.
using visit_texts = std::function<bool(std::span<const std::string_view> texts, std::size_t done)>;

// How what is no plain text is read; null without the readers.
struct document_texts {
  std::vector<std::string> (*expand)(const std::vector<std::string>& paths) = nullptr;
  bool (*is_document_file)(const std::string& path, const std::string& format) = nullptr;
  // format, field: as of `data clean`.
  bool (*read)(const std::string& path, const std::string& format, const std::string& field,
               const visit_texts& visit) = nullptr;

  static document_texts& installed() {
    static document_texts readers;
    return readers;
  }
};

inline void expect_regular(const std::string& path) {
  struct stat status {};
  const bool there = ::stat(path.c_str(), &status) == 0;
  expects(!there || !S_ISDIR(status.st_mode), path,
          " is a directory, and this program was built without the readers of documents ",
          "(ctgpt::data); give text files");
  expects(!there || S_ISREG(status.st_mode), "the data file ", path,
          " is a pipe or a device; give a regular file");
}

class training_texts {
 public:
  training_texts(const std::vector<std::string>& paths, std::string format, std::string field)
      : paths_(paths), format_(std::move(format)), field_(std::move(field)) {
    const document_texts& readers = document_texts::installed();
    if (readers.expand != nullptr) {
      paths_ = readers.expand(paths);
    } else if (format_ != "auto" && format_ != "text") {
      throw usage_error(join("--format ", format_,
                             " needs the readers of documents (ctgpt::data), ",
                             "which this program was built without"));
    }
    for (const std::string& path : paths_) bytes_ += size_of(path);
  }

  std::size_t bytes() const { return bytes_; }  // of all files

  // Calls visit(path, texts, done) in order; `done` counts over all files. False: visit said so.
  template <class Visit>
  bool each(Visit visit) const {
    const document_texts& readers = document_texts::installed();
    std::size_t before = 0;
    for (const std::string& path : paths_) {
      const auto tell = [&](std::span<const std::string_view> texts, std::size_t done) {
        return visit(path, texts, before + done);
      };
      expect_regular(path);
      if (readers.read != nullptr && readers.is_document_file(path, format_)) {
        if (!readers.read(path, format_, field_, tell)) return false;
        before += size_of(path);
        continue;
      }
      const mapped_file file(path);
      const std::string_view text = file.text();
      const bool packed = text.starts_with("\x1F\x8B") || text.starts_with("\x28\xB5\x2F\xFD");
      expects(!packed, path, " is compressed, and this program was built without the readers of ",
              "documents (ctgpt::data); unpack it first");
      if (!tell({&text, 1}, 0)) return false;
      before += text.size();
    }
    return true;
  }

 private:
  // 0 where nothing is known: it is for progress alone.
  static std::size_t size_of(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? static_cast<std::size_t>(status.st_size) : 0;
  }

  std::vector<std::string> paths_;
  std::string format_, field_;
  std::size_t bytes_ = 0;
};

}  // namespace ctgpt::inline CTGPT_ABI::app
