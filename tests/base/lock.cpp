#include "ctgpt/base/lock.hpp"

#include <doctest/doctest.h>

#include <memory>

#include "base/child.hpp"
#include "base/temporary.hpp"

using namespace ctgpt;
using ctgpt_test::in_child;
using ctgpt_test::sentence_of;
using ctgpt_test::temporary_directory;

TEST_CASE("lock: a second holder is refused by name, in another process and in this one") {
  const temporary_directory run;
  auto held = std::make_unique<directory_lock>(run.path());
  const std::string refusal = "another run holds the directory " + run.path() + " (process " +
                              std::to_string(::getpid()) +
                              "); wait until it ends or choose another directory";
  const auto try_to_lock = [&]() -> std::string {
    const directory_lock second(run.path());
    return "locked";
  };
  CHECK(in_child(try_to_lock).said == refusal);
  CHECK(sentence_of(try_to_lock) == refusal);
  held.reset();
  CHECK(in_child(try_to_lock).said == "locked");
  CHECK(try_to_lock() == "locked");
}

TEST_CASE("lock: a killed holder holds nothing") {
  const temporary_directory run;
  const auto killed = in_child([&]() -> std::string {
    const directory_lock held(run.path());
    ::raise(SIGKILL);
    return "survived";
  });
  CHECK(killed.signal() == SIGKILL);
  CHECK(sentence_of([&] { directory_lock{run.path()}; }) == "(no error)");
}

TEST_CASE("lock: a program started by the holder does not inherit the lock") {
  const temporary_directory run;
  const pid_t holder = ::fork();
  REQUIRE(holder >= 0);
  if (holder == 0) {
    const directory_lock held(run.path());
    if (::fork() == 0) ::execlp("sleep", "sleep", "5", static_cast<char*>(nullptr));
    ::usleep(100000);  // until the program runs
    ::_exit(0);
  }
  REQUIRE(::waitpid(holder, nullptr, 0) == holder);
  CHECK(sentence_of([&] { directory_lock{run.path()}; }) == "(no error)");
}

TEST_CASE("lock: a directory that is missing or not writable gives a sentence") {
  const temporary_directory run;
  CHECK(sentence_of([&] { directory_lock{run.file("none")}; }) ==
        "cannot lock the directory by " + run.file("none/lock") + ": No such file or directory");
  const auto result = in_child([&]() -> std::string {
    expects(::chmod(run.path().c_str(), 0555) == 0, "chmod");
    if (::geteuid() == 0) expects(::setgid(65534) == 0 && ::setuid(65534) == 0, "still root");
    const directory_lock held(run.path());
    return "locked";
  });
  ::chmod(run.path().c_str(), 0755);
  CHECK(result.said == "cannot lock the directory by " + run.file("lock") + ": Permission denied");
}
