#include "ctgpt/base/file.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/time.h>

#include <thread>

#include "base/child.hpp"
#include "base/temporary.hpp"

using namespace ctgpt;
using ctgpt_test::in_child;
using ctgpt_test::names;
using ctgpt_test::sentence_of;
using ctgpt_test::temporary_directory;

namespace {

// Gives up the rights of root, for which no file is unreadable.
void become_nobody() {
  if (::geteuid() == 0) expects(::setgid(65534) == 0 && ::setuid(65534) == 0, "still root");
}

}  // namespace

TEST_CASE("file: what is written is read back, whatever bytes it holds") {
  const temporary_directory directory;
  std::string every_byte;
  for (int i = 0; i < 256; ++i) every_byte += static_cast<char>(i);
  const std::string long_text(300000, 'y');
  for (const std::string& contents : {std::string(), std::string("x"), every_byte, long_text}) {
    write_file_atomic(directory.file("a"), contents);
    CHECK(read_file(directory.file("a")) == contents);
    const mapped_file mapped(directory.file("a"));
    CHECK(mapped.text() == contents);
    CHECK(mapped.bytes().size() == contents.size());
  }
  CHECK(directory.names() == names{"a"});
}

TEST_CASE("file: a path that cannot be read gives a sentence with the path and the reason") {
  const temporary_directory directory;
  const std::string missing = directory.file("none");
  CHECK(sentence_of([&] { read_file(missing); }) ==
        "cannot read " + missing + ": No such file or directory");
  CHECK(sentence_of([&] { mapped_file{missing}; }) ==
        "cannot read " + missing + ": No such file or directory");
  CHECK(sentence_of([&] { read_file(directory.path()); }) ==
        "cannot read " + directory.path() + ": Is a directory");
  CHECK(sentence_of([&] { mapped_file{directory.path()}; }) ==
        "cannot read " + directory.path() + ": Is a directory");
  CHECK(sentence_of([&] { mapped_file{"/dev/null"}; }) ==
        "cannot map /dev/null: it is not a regular file");
  write_file_atomic(directory.file("a"), "text");
  CHECK(sentence_of([&] { read_file(directory.file("a/b")); }) ==
        "cannot read " + directory.file("a/b") + ": Not a directory");
  ::chmod(directory.file("a").c_str(), 0);
  const auto result = in_child([&] {
    become_nobody();
    return read_file(directory.file("a"));
  });
  CHECK(result.said == "cannot read " + directory.file("a") + ": Permission denied");
}

TEST_CASE("file: the size limit holds for files and for what has no size beforehand") {
  const temporary_directory directory;
  write_file_atomic(directory.file("ten"), "0123456789");
  CHECK(read_file(directory.file("ten"), 10) == "0123456789");
  CHECK(sentence_of([&] { read_file(directory.file("ten"), 9); }) ==
        "cannot read " + directory.file("ten") + ": it is larger than the 9 bytes allowed here");
  CHECK(sentence_of([] { read_file("/dev/zero", 1000000); }) ==
        "cannot read /dev/zero: it is larger than the 1000000 bytes allowed here");
  CHECK(read_file("/dev/null").empty());
  CHECK(read_file("/proc/self/stat").size() > 20);  // stat says that it has 0 bytes
}

TEST_CASE("file: reading and writing go on after signals") {
  const temporary_directory directory;
  const std::string pipe = directory.file("pipe");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const std::string contents(400000, 'z');  // several times what a pipe holds
  const auto result = in_child([&] {
    struct sigaction action {};
    action.sa_handler = [](int) {};  // without SA_RESTART: calls return EINTR
    ::sigaction(SIGALRM, &action, nullptr);
    const itimerval every{{0, 500}, {0, 500}};
    ::setitimer(ITIMER_REAL, &every, nullptr);
    std::thread writer([&] {
      output_file target(open_or_fail(pipe, O_WRONLY, "write"), pipe);
      for (std::size_t done = 0; done < contents.size(); done += 100000) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        target.write(std::string_view(contents).substr(done, 100000));
      }
      target.close();
    });
    const std::string got = read_file(pipe);
    writer.join();
    return std::string(got == contents ? "equal" : "different");
  });
  CHECK(result.said == "equal");
}

TEST_CASE("file: an atomic write replaces the old file and leaves nothing else") {
  const temporary_directory directory;
  write_file_atomic(directory.file("a"), "old");
  {
    atomic_file given_up(directory.file("a"));
    given_up.file().write("half of the ne");
    CHECK(directory.names().size() == 2);
  }
  CHECK(read_file(directory.file("a")) == "old");
  CHECK(directory.names() == names{"a"});
  // Names that a dead process of the same number left behind are stepped over, not destroyed.
  write_file_atomic(temporary_name(directory.file("a"), 0), "left behind");
  write_file_atomic(directory.file("a"), "new");
  CHECK(read_file(directory.file("a")) == "new");
  CHECK(directory.names().size() == 2);
}

TEST_CASE("file: an atomic write follows a link and writes into devices") {
  const temporary_directory directory;
  write_file_atomic(directory.file("a"), "old");
  REQUIRE(::symlink("a", directory.file("link").c_str()) == 0);
  write_file_atomic(directory.file("link"), "new");
  CHECK(std::filesystem::is_symlink(directory.file("link")));
  CHECK(read_file(directory.file("a")) == "new");
  write_file_atomic("/dev/null", "nothing");
  CHECK(std::filesystem::is_character_file("/dev/null"));
}

TEST_CASE("file: a path that cannot be written gives a sentence and leaves nothing") {
  const temporary_directory directory;
  const std::string missing = directory.file("none/a");
  CHECK(sentence_of([&] { write_file_atomic(missing, ""); }) ==
        "cannot write " + missing + ": No such file or directory");
  CHECK(sentence_of([&] { write_file_atomic(directory.path(), ""); }) ==
        "cannot write " + directory.path() + ": Is a directory");
  write_file_atomic(directory.file("a"), "text");
  CHECK(sentence_of([&] { output_file::create(directory.file("a")); }) ==
        "cannot create " + directory.file("a") + ": File exists");
  ::chmod(directory.path().c_str(), 0555);
  const auto result = in_child([&] {
    become_nobody();
    write_file_atomic(directory.file("b"), "text");
    return std::string("written");
  });
  CHECK(result.said == "cannot write " + directory.file("b") + ": Permission denied");
  ::chmod(directory.path().c_str(), 0755);
  CHECK(directory.names() == names{"a"});
}

TEST_CASE("file: appended lines follow each other, also through two handles") {
  const temporary_directory directory;
  output_file first = output_file::append(directory.file("log"));
  output_file second = output_file::append(directory.file("log"));
  first.write("one\n");
  second.write("two\n");
  first.write("three\n");
  first.sync();
  first.close();
  second.close();
  CHECK(read_file(directory.file("log")) == "one\ntwo\nthree\n");
}

TEST_CASE("file: a device without room is a sentence that says what to do") {
  if (::access("/dev/full", W_OK) != 0) {
    MESSAGE("left out: this system has no /dev/full");
    return;
  }
  CHECK(sentence_of([] { write_file_atomic("/dev/full", "text"); }) ==
        "cannot write /dev/full: No space left on device; free some space or choose another place");
}

TEST_CASE("file: a write that stops half way keeps the old file and removes the new one") {
  const temporary_directory directory;
  write_file_atomic(directory.file("a"), "old");
  const auto result = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{100000, 100000};
    expects(::setrlimit(RLIMIT_FSIZE, &limit) == 0, "no limit");
    // The first write is cut short at the limit, the second one fails.
    write_file_atomic(directory.file("a"), std::string(150000, 'n'));
    return std::string("written");
  });
  CHECK(result.said == "cannot write " + directory.file("a") + ": File too large");
  CHECK(read_file(directory.file("a")) == "old");
  CHECK(directory.names() == names{"a"});
}

TEST_CASE("file: a reader beside a writer that is killed sees the old contents or the new") {
  const temporary_directory directory;
  const std::string path = directory.file("a");
  const std::string contents[] = {std::string(70000, '0'), std::string(70000, '1')};
  write_file_atomic(path, contents[0]);
  for (int round = 0; round < 4; ++round) {
    const pid_t writer = ::fork();
    REQUIRE(writer >= 0);
    if (writer == 0) {
      for (int i = 0;; ++i) write_file_atomic(path, contents[i % 2]);
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(60);
    int seen[2] = {0, 0};
    while (std::chrono::steady_clock::now() < end) {
      const std::string now = read_file(path);
      REQUIRE((now == contents[0] || now == contents[1]));
      ++seen[now == contents[1]];
    }
    ::kill(writer, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(writer, &status, 0) == writer);
    REQUIRE(WIFSIGNALED(status));
    const std::string after = read_file(path);
    CHECK((after == contents[0] || after == contents[1]));
    CHECK(seen[0] + seen[1] > 0);
  }
}

TEST_CASE("file: names of parents") {
  CHECK(parent_directory("a/b/c") == "a/b");
  CHECK(parent_directory("a/b/") == "a");
  CHECK(parent_directory("c") == ".");
  CHECK(parent_directory("/c") == "/");
  CHECK(parent_directory("/") == "/");
  CHECK(is_directory("/"));
  CHECK_FALSE(is_directory("/dev/null"));
  CHECK_FALSE(is_file("/dev/null"));
  CHECK_FALSE(is_file("/"));
}
