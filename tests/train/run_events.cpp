// run_events: the event file says what the two JSON files say, whatever was there before.
#include "ctgpt/train/run_events.hpp"

#include "base/child.hpp"
#include "base/temporary.hpp"

using namespace ctgpt;
using namespace ctgpt_test;

namespace {

constexpr const char* metrics =
    "{\"step\":1,\"loss\":4.5,\"lr\":0.1,\"seconds\":2.0}\n"
    "{\"step\":2,\"loss\":4.25,\"val_loss\":4.0,\"seconds\":3.0}\n"
    "{\"step\":3,\"lo";  // a kill
constexpr const char* samples = "{\"step\":2,\"text\":\"Once\\nupon\"}\n{\"step\":3,";

std::string expected(double begun) {
  std::string all;
  io::append_event_version(all, begun);
  const io::event_scalar first[] = {{"loss", 4.5}, {"lr", 0.1}};
  io::append_event_scalars(all, begun + 2.0, 1, first);
  const io::event_scalar second[] = {{"loss", 4.25}, {"val_loss", 4.0}};
  io::append_event_scalars(all, begun + 5.0, 2, second);
  io::append_event_text(all, begun + 5.0, 2, "sample", "    Once\n    upon");
  return all;
}

}  // namespace

TEST_CASE("run_events: is rewritten from the lines, under the name that it has") {
  const temporary_directory made;
  write_file_atomic(made.file("metrics.jsonl"), metrics);
  write_file_atomic(made.file("samples.jsonl"), samples);
  const std::string path = made.file("events.out.tfevents.1700000000.ctgpt");
  for (const std::string& before :
       {std::string("torn"), expected(1.7e9) + "later", std::string()}) {
    write_file_atomic(path, before);
    CHECK(run_events(made.path()).path() == path);
    CHECK(read_file(path) == expected(1.7e9));
  }
  CHECK(made.names() ==
        names{"events.out.tfevents.1700000000.ctgpt", "metrics.jsonl", "samples.jsonl"});
}

TEST_CASE("run_events: a new file is named by the time at which the run began") {
  const temporary_directory made;
  write_file_atomic(made.file("metrics.jsonl"), metrics);
  write_file_atomic(made.file("events.out.tfevents.x.ctgpt"), "of somebody else");
  const double before = wall_seconds();
  const std::string path = run_events(made.path()).path();
  const std::string number = path.substr(made.file("events.out.tfevents.").size());
  CHECK(std::stod(number) >= std::floor(before - 5.0));
  CHECK(std::stod(number) <= wall_seconds() - 5.0);
  CHECK(read_file(made.file("events.out.tfevents.x.ctgpt")) == "of somebody else");
}

TEST_CASE("run_events: records are in the file as soon as they are written") {
  const temporary_directory made;
  run_events events(made.path());
  std::size_t size = read_file(events.path()).size();
  events.step({.step = 1, .loss = 1.0}, std::nullopt);
  CHECK(read_file(events.path()).size() > size);
  size = read_file(events.path()).size();
  events.sample(1, "text");
  CHECK(read_file(events.path()).size() > size);
}

TEST_CASE("run_events: a damaged line is named by its file and number") {
  const temporary_directory made;
  const std::string path = made.file("metrics.jsonl");
  write_file_atomic(path, "{\"step\":1,\"loss\":2.0}\n{\"step\":2,\"loss\":}\n");
  CHECK(sentence_of([&] { run_events(made.path()); }) ==
        path + ", line 2 is damaged: it is no JSON; remove that line");
  write_file_atomic(path, "{\"step\":1,\"loss\":\"low\"}\n");
  CHECK(sentence_of([&] { run_events(made.path()); }).find(path + ", line 1: loss must be a") == 0);
}
