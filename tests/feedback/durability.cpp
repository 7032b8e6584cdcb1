// The log under many threads, and under kill -9: whatever it acknowledged is there.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "base/temporary.hpp"
#include "ctgpt/feedback/log.hpp"

using namespace ctgpt::feedback;
using ctgpt_test::temporary_directory;

namespace {

// Writes messages for ever, and the number of each into the pipe once the log has returned.
[[noreturn]] void write_until_killed(const std::string& path, int pipe) {
  chat_log log(path);
  const std::string id = log.open("anna", {"t"}).id;
  std::string parent;
  for (std::uint32_t number = 0;; ++number) {
    parent = log.add("anna", id, {parent, "user", std::to_string(number)})->id;
    if (number % 3 == 0) log.rate("anna", parent, {.value = 1, .comment = std::to_string(number)});
    if (::write(pipe, &number, sizeof number) != sizeof number) ::_exit(1);
  }
}

// What the child acknowledged before it was killed; -1 for nothing.
std::int64_t acknowledged_of_a_killed_child(const std::string& path, int messages) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) write_until_killed(path, ends[1]);
  ::close(ends[1]);
  std::int64_t last = -1;
  std::uint32_t number = 0;
  while (last + 1 < messages && ::read(ends[0], &number, sizeof number) == sizeof number) {
    last = number;
  }
  ::kill(child, SIGKILL);
  // What it acknowledged between our decision and its end counts too.
  while (::read(ends[0], &number, sizeof number) == sizeof number) last = number;
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  return last;
}

}  // namespace

TEST_CASE("nothing acknowledged is lost on kill -9") {
  for (int messages = 1; messages < 60; messages += 7) {
    const temporary_directory here;
    const std::int64_t last = acknowledged_of_a_killed_child(here.file("chat.db"), messages);
    REQUIRE(last + 1 >= messages);
    chat_log log(here.file("chat.db"));
    const auto lines = log.list("anna");
    REQUIRE(lines.size() == 1);
    const auto talk = log.find("anna", lines[0].id);
    REQUIRE(std::ssize(talk->messages) > last);
    for (std::size_t i = 0; i < talk->messages.size(); ++i) {
      CHECK(talk->messages[i].content == std::to_string(i));
      if (i % 3 == 0 && static_cast<std::int64_t>(i) <= last) CHECK(talk->messages[i].rated);
    }
    const auto before = log.events();
    log.rebuild();
    CHECK(log.events() == before);
    CHECK(log.find("anna", lines[0].id)->messages.size() == talk->messages.size());
  }
}

TEST_CASE("threads write and read at once, and none sees another person's") {
  const temporary_directory here;
  chat_log log(here.file("chat.db"));
  constexpr int people = 4, messages = 25;
  std::vector<int> strange(people, 0), lost(people, 0);
  std::vector<std::thread> threads;
  for (int which = 0; which < people; ++which) {
    threads.emplace_back([&, which] {
      const auto place = static_cast<std::size_t>(which);
      const std::string person = "person " + std::to_string(which);
      const std::string id = log.open(person, {person}).id;
      for (int i = 0; i < messages; ++i) {
        if (!log.add(person, id, {"", "user", person + " says hello"})) ++lost[place];
        for (const auto& line : log.list(person, {.search = "hello"})) {
          if (line.title != person) ++strange[place];
        }
        log.export_person(person, [&](std::string_view text) {
          if (text.find(person) == text.npos) ++strange[place];
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(strange == std::vector<int>(people, 0));
  CHECK(lost == std::vector<int>(people, 0));
  CHECK(log.events() == people * (messages + 1));
}

TEST_CASE("two programs share a log") {
  const temporary_directory here;
  chat_log one(here.file("chat.db")), two(here.file("chat.db"));
  const std::string id = one.open("anna", {"t"}).id;
  CHECK(two.add("anna", id, {"", "user", "hello"}));
  CHECK(one.find("anna", id)->messages.size() == 1);
}
