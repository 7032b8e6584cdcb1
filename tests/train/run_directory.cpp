// run_directory: one run a directory, one process a run, and nothing that a kill could leave half.
#include "ctgpt/train/run_directory.hpp"

#include "base/child.hpp"
#include "base/temporary.hpp"

using namespace ctgpt;
using namespace ctgpt_test;

namespace {

io::json some_run() {
  io::json run = io::json::object();
  run.set("command", "ctgpt train");
  return run;
}
// A run with checkpoints of these steps.
void make_run(const std::string& path, const std::vector<int>& steps = {}) {
  create_directories(path);
  run_directory(path, false).write_run(some_run());
  for (const int step : steps) create_directories(path + "/step-" + std::to_string(step));
}
std::vector<std::string> checkpoints(const run_directory& run) {
  return list_directories(run.path());
}
std::string sentence(const std::string& path, bool resume) {
  std::string said = sentence_of([&] { run_directory(path, resume); });
  for (std::size_t at; (at = said.find(path)) != std::string::npos;) {
    said.replace(at, path.size(), "DIR");
  }
  return said;
}
std::string line(int step) { return "{\"step\":" + std::to_string(step) + ",\"loss\":1.5}"; }

// metrics.jsonl after a run that resumed at `step` and wrote one more line.
std::string resumed_metrics(const std::string& before, isize step) {
  const temporary_directory made;
  make_run(made.path());
  write_file_atomic(made.file("metrics.jsonl"), before);
  {
    run_directory run(made.path(), true);
    run.open_metrics(step);
    run.append_metrics(line(static_cast<int>(step) + 1));
  }
  return read_file(made.file("metrics.jsonl"));
}

}  // namespace

TEST_CASE("run_directory: is created with its parents, and holds its run's description") {
  const temporary_directory made;
  const std::string path = made.file("a/b/c");
  {
    const run_directory run(path + "//", false);
    CHECK(run.path() == path);
    CHECK_FALSE(run.newest().has_value());
    run.write_run(some_run());
  }
  const run_directory again(path, true);
  CHECK(again.read_run() == some_run());
  CHECK(read_file(path + "/run.json").back() == '\n');
}

TEST_CASE("run_directory: a run is never overwritten, and what holds none is not taken over") {
  const temporary_directory made;
  const std::string path = made.file("run");
  CHECK(sentence(path, true) ==
        "DIR holds no run to resume (it has no run.json); start one without --resume");
  make_run(path, {10});
  write_file_atomic(path + "/metrics.jsonl", line(1) + "\n");
  CHECK(sentence(path, false) ==
        "DIR already holds a run; go on with it by --resume, or choose another --out");
  CHECK(read_file(path + "/metrics.jsonl") == line(1) + "\n");
  CHECK(sentence(path, true) == "(no error)");

  const std::string other = made.file("other");
  create_directories(other);
  write_file_atomic(other + "/thesis.tex", "years of work");
  CHECK(sentence(other, false) ==
        "DIR is not empty and holds no run (it has thesis.tex); choose another --out");
  CHECK(read_file(other + "/thesis.tex") == "years of work");

  const std::string empty = made.file("empty");
  create_directories(empty);
  CHECK(sentence(empty, false) == "(no error)");
  CHECK(sentence(empty, false) == "(no error)");  // a lock alone is no run
}

TEST_CASE("run_directory: a second process is refused while the first one lives") {
  const temporary_directory made;
  make_run(made.path());
  const auto ask = [&] { return in_child([&] { return sentence(made.path(), true); }); };
  {
    const run_directory held(made.path(), true);
    const child_result refused = ask();
    CHECK(refused.exited());
    CHECK(refused.said == "another run holds the directory DIR (process " +
                              std::to_string(::getpid()) +
                              "); wait until it ends or choose another directory");
  }
  CHECK(ask().said == "(no error)");
  // Killed without a chance to tidy up: the lock goes with the process.
  const child_result killed = in_child([&]() -> std::string {
    const run_directory held(made.path(), true);
    ::raise(SIGKILL);
    return "";
  });
  CHECK(killed.signal() == SIGKILL);
  CHECK(ask().said == "(no error)");
}

TEST_CASE("run_directory: leftovers of killed saves are removed, checkpoints stay") {
  const temporary_directory made;
  make_run(made.path(), {10, 20});
  create_directories(made.file("step-30.tmp-123"));
  write_file_atomic(made.file("step-30.tmp-123") + "/model.safetensors", "half");
  write_file_atomic(made.file("run.json.tmp-77-1"), "{");
  const run_directory run(made.path(), true);
  CHECK(made.names() == names{"lock", "run.json", "step-10", "step-20"});
  CHECK(run.newest() == 20);
}

TEST_CASE("run_directory: the newest checkpoint is that of the largest number") {
  const temporary_directory made;
  make_run(made.path(), {9, 100, 20});
  for (const char* name : {"step-", "step-x", "step-200x", "stop-300", "step--5x"}) {
    create_directories(made.file(name));
  }
  write_file_atomic(made.file("step-400"), "a file");
  CHECK(run_directory(made.path(), true).newest() == 100);
}

TEST_CASE(
    "run_directory: keeps no more than asked, the best and the last among them, links are "
    "relative") {
  const temporary_directory made;
  make_run(made.path());
  const run_directory run(made.path(), true);
  const auto publish = [&](isize step, isize best, isize keep) {
    create_directories(run.step_path(step));
    run.publish(step, best, keep);
    CHECK(symlink_target(made.file("last")) == "step-" + std::to_string(step));
  };
  publish(10, 0, 2);
  CHECK(symlink_target(made.file("best")).empty());
  publish(20, 20, 2);
  CHECK(symlink_target(made.file("best")) == "step-20");
  publish(30, 20, 2);
  CHECK(checkpoints(run) == names{"step-20", "step-30"});
  publish(40, 20, 2);
  CHECK(checkpoints(run) == names{"step-20", "step-40"});
  publish(50, 20, 2);
  CHECK(checkpoints(run) == names{"step-20", "step-50"});
  publish(60, 60, 2);  // the old best is a checkpoint like any other now
  CHECK(checkpoints(run) == names{"step-50", "step-60"});
  CHECK(symlink_target(made.file("best")) == "step-60");
  publish(70, 60, 0);  // the one just written is always kept
  CHECK(checkpoints(run) == names{"step-60", "step-70"});
  // The directory can be moved as a whole.
  const std::string moved = made.path() + "-moved";
  REQUIRE(::rename(made.path().c_str(), moved.c_str()) == 0);
  CHECK(is_directory(moved + "/last"));
  CHECK(is_directory(moved + "/best"));
  REQUIRE(::rename(moved.c_str(), made.path().c_str()) == 0);
}

TEST_CASE("run_directory: metrics past the restored step are dropped") {
  const std::string three = line(1) + "\n" + line(2) + "\n" + line(3) + "\n";
  CHECK(resumed_metrics(three, 3) == three + line(4) + "\n");
  CHECK(resumed_metrics(three, 2) == line(1) + "\n" + line(2) + "\n" + line(3) + "\n");
  CHECK(resumed_metrics(three, 0) == line(1) + "\n");
  CHECK(resumed_metrics("", 5) == line(6) + "\n");
}

TEST_CASE("run_directory: half a line that a kill left is dropped") {
  const std::string two = line(1) + "\n" + line(2) + "\n";
  for (const std::string& half :
       names{"{\"step\":3,\"lo", "{", "{\"step\":3", std::string(4, '\0')}) {
    CHECK(resumed_metrics(two + half, 2) == two + line(3) + "\n");
    CHECK(resumed_metrics(two + half, 3) == two + line(4) + "\n");
  }
  // Blocks that the disk never got, in the middle.
  CHECK(resumed_metrics(line(1) + "\n" + std::string(8, '\0') + "\n" + line(2) + "\n", 9) ==
        line(1) + "\n" + line(10) + "\n");
}

TEST_CASE("run_directory: metrics lines are on disk as soon as they are written") {
  const temporary_directory made;
  run_directory run(made.path(), false);
  run.open_metrics(0);
  run.append_metrics(line(1));
  CHECK(read_file(made.file("metrics.jsonl")) == line(1) + "\n");
}

TEST_CASE("run_directory: a place that cannot be written is named") {
  const temporary_directory made;
  write_file_atomic(made.file("file"), "");
  CHECK(sentence_of([&] { run_directory(made.file("file"), false); }).find(made.file("file")) !=
        std::string::npos);
  CHECK(sentence_of([&] {
          run_directory(made.file("file/inside"), false);
        }).find(made.file("file")) != std::string::npos);
}
