// Sixty-four people at once on one server: no error, no growth, nobody waits three times as long as
// others, much more is written than for one at a time, and /health answers at once.
//
// Ten seconds, and bounds that a busy machine keeps; CTGPT_SOAK_SECONDS=600 asks for ten minutes on
// a machine of its own, and the bounds that are promised.
#include <atomic>
#include <fstream>
#include <mutex>

#include "app/http.hpp"
#include "app/runs.hpp"
#include "ctgpt/base/clock.hpp"

using namespace ctgpt_test;

namespace {

constexpr int answer_tokens = 100;

// One answer, streamed; its seconds to the first token and to the last, and whether it was whole.
struct experience {
  double first = 0.0, last = 0.0;
  bool whole = false;
};
experience ask(int port, int seed) {
  const std::string body =
      R"({"prompt":"Once there was","temperature":1,"stream":true,"max_tokens":)" +
      std::to_string(answer_tokens) + ",\"seed\":" + std::to_string(seed) +
      // Bytes that end a text are not drawn, so that all answers are of one length.
      R"(,"stream_options":{"include_usage":true}})";
  const std::string request =
      "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  experience seen;
  const double begun = ctgpt::clock_seconds();
  const std::string heard =
      said_to(port, request, 60, [&] { seen.first = ctgpt::clock_seconds() - begun; });
  seen.last = ctgpt::clock_seconds() - begun;
  seen.whole = contains(heard, "\"completion_tokens\":" + std::to_string(answer_tokens)) &&
               contains(heard, "data: [DONE]");
  return seen;
}

double quantile(std::vector<double> values, double share) {
  REQUIRE_FALSE(values.empty());
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
}

long resident_kilobytes(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/status");
  std::string word;
  long value = 0;
  while (file >> word) {
    if (word == "VmRSS:") file >> value;
  }
  return value;
}

// Answers a second of so many people who ask without a pause.
struct load {
  double answers_per_second = 0.0;
  std::vector<double> first, last, health;
  int broken = 0;
};
load drive(int port, int people, double seconds) {
  load seen;
  std::mutex mutex;
  std::atomic<bool> over = false;
  const double begun = ctgpt::clock_seconds();
  std::vector<std::thread> threads;
  for (int i = 0; i < people; ++i) {
    threads.emplace_back([&, i] {
      for (int turn = 0; ctgpt::clock_seconds() - begun < seconds; ++turn) {
        const experience one = ask(port, 1000 * i + turn);
        const std::lock_guard hold(mutex);
        if (!one.whole) ++seen.broken;
        seen.first.push_back(one.first);
        seen.last.push_back(one.last);
      }
    });
  }
  std::thread looking([&] {
    while (!over) {
      const double asked = ctgpt::clock_seconds();
      const int status = http(port, "/health").status;
      seen.health.push_back(ctgpt::clock_seconds() - asked);
      if (status != 200) ++seen.broken;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
  for (std::thread& each : threads) each.join();
  const double taken = ctgpt::clock_seconds() - begun;
  over = true;
  looking.join();
  seen.answers_per_second = static_cast<double>(seen.last.size()) / taken;
  return seen;
}

}  // namespace

TEST_CASE("serve: sixty-four streams at once" * doctest::timeout(1200)) {
  if (result_of({"serve", "--help"}).code != 0) {
    MESSAGE("left out: the program was built without the component ctgpt::serve");
    return;
  }
  const char* asked = std::getenv("CTGPT_SOAK_SECONDS");
  const double seconds = asked != nullptr ? std::stod(asked) : 10.0;
  const bool strict = asked != nullptr;
  // Large enough that its weights, not what surrounds them, take the time.
  const playground here(30000);
  const std::string model =
      here.trained("model", {"--preset", "shakespeare-char", "--tokenizer", "bytes", "--context",
                             "128", "--batch", "1", "--steps", "1", "--eval-every", "1"});
  run_options options;
  options.seconds = 1200;
  serving server({"--model", model, "--queue", "1000", "--threads", "2"}, options);
  const load alone = drive(server.port(), 1, std::min(10.0, seconds / 5.0));
  drive(server.port(), 64, seconds / 5.0);  // every buffer has its size
  const long before = resident_kilobytes(server.pid());
  const load crowd = drive(server.port(), 64, seconds);
  const long grown = resident_kilobytes(server.pid()) - before;
  const double gain = crowd.answers_per_second / alone.answers_per_second;
  const double half = quantile(crowd.last, 0.5), longest = quantile(crowd.last, 1.0);
  MESSAGE("answers of ", answer_tokens, " tokens a second: ", alone.answers_per_second,
          " for one, ", crowd.answers_per_second, " for 64 (", gain,
          " times); seconds of one: half ", half, ", longest ", longest,
          "; to the first token: half ", quantile(crowd.first, 0.5), ", longest ",
          quantile(crowd.first, 1.0), "; /health p99 ", 1000.0 * quantile(crowd.health, 0.99),
          " ms; memory ", before, " + ", grown, " KiB");
  CHECK(alone.broken == 0);
  CHECK(crowd.broken == 0);
  CHECK(grown < 16'000);
  CHECK(crowd.last.size() >= 64);
  CHECK(longest < (strict ? 3.0 : 6.0) * half);
  CHECK(gain > (strict ? 3.0 : 1.2));
  CHECK(quantile(crowd.health, 0.99) < (strict ? 0.05 : 0.25));
  server.send(SIGTERM);
  CHECK(server.wait().code == 0);
}
