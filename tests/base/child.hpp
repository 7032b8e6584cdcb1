// A piece of code in a process of its own: for tests that limit, kill or disarm what they run in.
#pragma once

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <exception>
#include <string>

namespace ctgpt_test {

struct child_result {
  int status = 0;    // of waitpid
  std::string said;  // what the function returned, or the text of what it threw
  bool exited() const { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }
  int signal() const { return WIFSIGNALED(status) ? WTERMSIG(status) : 0; }
};

// Runs function() -> std::string in a fork; a child that hangs is killed after 20 seconds.
template <class Function>
child_result in_child(Function function) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // The crash handlers of the test program and of sanitizers belong to the parent.
    for (const int number : {SIGABRT, SIGSEGV, SIGTERM}) ::signal(number, SIG_DFL);
    ::alarm(20);
    std::string said;
    try {
      said = function();
    } catch (const std::exception& failure) {
      said = failure.what();
    }
    const ssize_t put = ::write(ends[1], said.data(), said.size());
    ::_exit(put == static_cast<ssize_t>(said.size()) ? 0 : 99);
  }
  ::close(ends[1]);
  child_result result;
  char piece[4096];
  for (ssize_t got; (got = ::read(ends[0], piece, sizeof piece)) > 0;) {
    result.said.append(piece, static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  REQUIRE(::waitpid(child, &result.status, 0) == child);
  return result;
}

// What the error says that function() throws.
template <class Function>
std::string sentence_of(Function function) {
  try {
    function();
  } catch (const std::exception& failure) {
    return failure.what();
  }
  return "(no error)";
}

}  // namespace ctgpt_test
