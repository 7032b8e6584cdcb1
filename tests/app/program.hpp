// The program ctgpt as a user runs it: in a process of its own, with what it wrote and how it
// ended.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/temporary.hpp"
#include "ctgpt/base/file.hpp"
#include "ctgpt/io/json.hpp"

namespace ctgpt_test {

using words = std::vector<std::string>;

inline words operator+(words left, const words& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

struct outcome {
  std::string out, err;
  int code = -1;   // of exit, or -1
  int signal = 0;  // that ended it, or 0
};

struct run_options {
  std::string input = {};             // on standard input
  std::string directory = {};         // to run in; else the tests' own
  std::string out = {};               // a file for standard output, else it is captured
  std::function<void()> before = {};  // in the child, before the program starts
  int seconds = 240;                  // then it hangs
};

// A file without a name, for what a child reads or writes.
class unnamed_file {
 public:
  explicit unnamed_file(const std::string& contents = {}) : file_(std::tmpfile()) {
    REQUIRE(file_ != nullptr);
    REQUIRE(std::fwrite(contents.data(), 1, contents.size(), file_) == contents.size());
    std::rewind(file_);
  }
  unnamed_file(const unnamed_file&) = delete;
  unnamed_file& operator=(const unnamed_file&) = delete;
  ~unnamed_file() { std::fclose(file_); }
  int number() const { return ::fileno(file_); }
  std::string contents() const {
    std::string text;
    char piece[4096];
    std::rewind(file_);
    for (std::size_t got; (got = std::fread(piece, 1, sizeof piece, file_)) > 0;) {
      text.append(piece, got);
    }
    return text;
  }

 private:
  std::FILE* file_;
};

// A program that runs beside the test.
class running {
 public:
  explicit running(const words& arguments, const run_options& options = {},
                   const std::string& program = CTGPT_PROGRAM)
      : input_(options.input), limit_(options.seconds) {
    std::vector<char*> list{const_cast<char*>(program.c_str())};
    for (const std::string& each : arguments) list.push_back(const_cast<char*>(each.c_str()));
    list.push_back(nullptr);
    child_ = ::fork();
    REQUIRE(child_ >= 0);
    if (child_ != 0) return;
    for (const int number : {SIGABRT, SIGSEGV, SIGTERM, SIGINT}) ::signal(number, SIG_DFL);
    const bool there = options.directory.empty() || ::chdir(options.directory.c_str()) == 0;
    int out = out_.number();
    if (!options.out.empty()) out = ::open(options.out.c_str(), O_WRONLY);
    if (!there || out < 0) ::_exit(126);
    ::dup2(input_.number(), 0);
    ::dup2(out, 1);
    ::dup2(err_.number(), 2);
    if (options.before) options.before();
    ::execv(program.c_str(), list.data());
    ::_exit(127);
  }
  running(const running&) = delete;
  running& operator=(const running&) = delete;
  ~running() {
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }

  void send(int signal) const { ::kill(child_, signal); }
  pid_t pid() const { return child_; }
  // What it has written to standard error, and to standard output, so far.
  std::string said() const { return written_to(err_); }
  std::string printed() const { return written_to(out_); }

  // Waits until condition() or the end of the program; false when it ended.
  bool until(const std::function<bool()>& condition) {
    while (!condition()) {
      if (ended()) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }

  outcome wait() {
    const auto start = std::chrono::steady_clock::now();
    while (!ended()) {
      const auto taken = std::chrono::steady_clock::now() - start;
      if (taken > std::chrono::seconds(limit_)) {
        ::kill(child_, SIGKILL);
        FAIL("the program hangs; it wrote: " << err_.contents());
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    outcome result{out_.contents(), err_.contents()};
    if (WIFEXITED(status_)) result.code = WEXITSTATUS(status_);
    if (WIFSIGNALED(status_)) result.signal = WTERMSIG(status_);
    return result;
  }

 private:
  static std::string written_to(const unnamed_file& file) {
    std::string text(4096, '\0');
    const ssize_t got = ::pread(file.number(), text.data(), text.size(), 0);  // its place stays
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
  }
  bool ended() {
    if (child_ > 0 && ::waitpid(child_, &status_, WNOHANG) == child_) child_ = 0;
    return child_ == 0;
  }

  unnamed_file input_, out_, err_;
  int limit_;
  pid_t child_ = 0;
  int status_ = 0;
};

inline outcome result_of(const words& arguments, const run_options& options = {}) {
  return running(arguments, options).wait();
}

// What it wrote, where it must succeed.
inline std::string output_of(const words& arguments, const run_options& options = {}) {
  const outcome result = result_of(arguments, options);
  INFO(result.err);
  REQUIRE(result.signal == 0);
  REQUIRE(result.code == 0);
  return result.out;
}

inline std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// The sentence of a program that failed: the one line that begins with "ctgpt: ". Standard output
// stays empty.
inline std::string sentence(const outcome& result, int code) {
  INFO(result.err);
  CHECK(result.signal == 0);
  CHECK(result.code == code);
  CHECK(result.out.empty());
  std::string found;
  int count = 0;
  for (const std::string& line : lines_of(result.err)) {
    if (!line.starts_with("ctgpt: ")) continue;
    found = line.substr(7);
    ++count;
  }
  CHECK(count == 1);
  CHECK(result.err.ends_with('\n'));
  return found;
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

inline ctgpt::io::json parsed(const std::string& text) {
  return ctgpt::io::parse_json(text, "the program's output");
}
inline double number(const ctgpt::io::json& object, const char* key) {
  return ctgpt::io::json_field(object, "the program's output")[key].number();
}
inline std::string text_of(const ctgpt::io::json& object, const char* key) {
  return ctgpt::io::json_field(object, "the program's output")[key].string();
}
// The keys of an object, in order.
inline words keys_of(const ctgpt::io::json& object) {
  words keys;
  for (const auto& member : ctgpt::io::json_field(object, "the program's output").members()) {
    keys.push_back(member.key);
  }
  return keys;
}

}  // namespace ctgpt_test
