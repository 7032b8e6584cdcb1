// step_log: a file of JSON lines, each of one step, that a run goes on with after a kill.
//
//   log.open(path, 12);      for appending after the lines of step 12; later lines are dropped
//   log.append("{\"step\":13,\"loss\":1.5}");
//
// Whatever does not begin with a step and end a whole line, and all that follows it, is dropped at
// open: half a line that a kill left, blocks that the disk never got. The file is then replaced in
// one step. A line is on its way to the disk as soon as append returns.
// Errors: those of reading and writing the file, one sentence each.
#pragma once

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>

#include "ctgpt/base/element.hpp"
#include "ctgpt/base/file.hpp"

namespace ctgpt::inline CTGPT_ABI {

class step_log {
 public:
  step_log() = default;
  step_log(const step_log&) = delete;
  step_log& operator=(const step_log&) = delete;
  ~step_log() {
    if (file_ != nullptr) std::fclose(file_);
  }

  void open(const std::string& path, isize step) {
    path_ = path;
    std::string kept;
    if (is_file(path)) {
      const std::string text = read_file(path);
      std::size_t begin = 0;
      for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
        const std::string_view line(text.data() + begin, end - begin);
        if (line_step(line) > step || line_step(line) < 1) break;
        kept.append(line).push_back('\n');
      }
      if (kept != text) write_file_atomic(path, kept);
    }
    file_ = std::fopen(path.c_str(), "ab");
    if (file_ == nullptr) fail_system("write", path, errno);
  }

  void append(std::string_view line) {
    const bool written = std::fwrite(line.data(), 1, line.size(), file_) == line.size() &&
                         std::fputc('\n', file_) != EOF && std::fflush(file_) == 0;
    if (!written) fail_system("write", path_, errno);
  }

 private:
  static isize line_step(std::string_view line) {
    constexpr std::string_view opening = "{\"step\":";
    if (!line.starts_with(opening) || !line.ends_with('}')) return 0;
    isize step = 0;
    std::from_chars(line.data() + opening.size(), line.data() + line.size(), step);
    return step;
  }

  std::string path_;
  std::FILE* file_ = nullptr;
};

}  // namespace ctgpt::inline CTGPT_ABI
