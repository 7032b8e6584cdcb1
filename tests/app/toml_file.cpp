// --config FILE reads TOML 1.0 to the letter: values, tables, and a sentence for what is wrong.
#include "app/runs.hpp"

using namespace ctgpt_test;

namespace {

// A file c.toml, and what the program says to it.
class toml : public temporary_directory {
 public:
  std::string with(const std::string& text) const {
    ctgpt::write_file_atomic(file("c.toml"), text);
    return file("c.toml");
  }
  // The sentence about a file of flags for `verb`, without the file's path.
  std::string said(const std::string& text, const words& verb = {"train"}) const {
    const std::string path = with(text);
    const run_options here{.directory = this->path()};
    const std::string told =
        sentence(result_of(verb + words{"--config", path, "--out", file("out")}, here), 2);
    CHECK_FALSE(std::filesystem::exists(file("out")));
    CHECK(told.starts_with(path));
    return told.substr(std::min(path.size(), told.size()));
  }
  // The only file that ctgpt data world leaves beside c.toml.
  std::string written(const std::string& text) const {
    std::filesystem::create_directory(file("made"));
    output_of({"data", "world", "--config", with(text)}, {.directory = file("made")});
    std::string name;
    for (const auto& each : std::filesystem::directory_iterator(file("made"))) {
      CHECK(name.empty());
      name = each.path().filename().string();
    }
    CHECK(std::filesystem::file_size(file("made/" + name)) == 10000);
    std::filesystem::remove_all(file("made"));
    return name;
  }
};

}  // namespace

TEST_CASE("toml: values are read as the standard says") {
  const toml here;
  CHECK(here.written("bytes = 10_000\nout = \"A\\nB\\t\\u00e9\\\"\"\n") == "A\nB\t\xC3\xA9\"");
  CHECK(here.written("bytes = +10000\nout = 'A\\nB'\n") == "A\\nB");
  CHECK(here.written("bytes = 0x2710 # so many\n'out' = \"\"\"\nA\nB # C\"\"\"\n") == "A\nB # C");
  CHECK(here.written("bytes = \"10000\"\nout = \"\"\"A\\\n   B\"\"\"\n") == "AB");
  CHECK(here.written("data.world = {bytes = 0b10011100010000, out = '[a, b]'}\n") == "[a, b]");
  CHECK(here.written("\xEF\xBB\xBF"
                     "bytes = 1e4\r\nout = '''it's'''\r\n") == "it's");
}

TEST_CASE("toml: what the standard forbids is one sentence with line, column and what to write") {
  const toml here;
  const auto refused = [&](const std::string& text, const std::string& place,
                           const std::string& advice) {
    const std::string said = here.said(text);
    INFO(said);
    CHECK(said.starts_with(":" + place + ": error while parsing "));
    CHECK(contains(said, "; " + advice));
  };
  refused("preset = quickstart\n", "1:10", "put a text in quotes, key = \"text\"");
  refused("\nresume = yes\n", "2:10", "put a text in quotes");
  refused("resume = True\n", "1:10", "put a text in quotes");
  refused("data = \"a.txt\nsteps = 3\n", "1:14", "end the text with the quotes");
  refused("data = 'a.txt", "1:14", "end the text with the quotes");
  refused("steps = 3 4\n", "1:11", "write one key = value, or one [table], a line");
  refused("data = \"a\" b\n", "1:12", "write one key = value, or one [table], a line");
  refused("steps\n", "1:6", "write key = value, one a line");
  refused("steps 3\n", "1:7", "write key = value, one a line");
  refused("[train\nsteps = 3\n", "1:7", "write [train] for the table of that verb");
  refused("steps = 3\nsteps = 4\n", "2:9", "leave one out");
  refused("data = \"C:\\q\"\n", "1:12", "write \\\\ for a backslash");
  refused("steps = 1__0\n", "1:11", "https://toml.io");
  refused("steps = 03\n", "1:11", "https://toml.io");
  CHECK(contains(here.said("data = \"\xFF\"\n"), "; save the file as UTF-8"));
}

TEST_CASE("toml: a table of no verb is refused, one of another verb is left alone") {
  const toml here;
  CHECK(here.said("\n\n[trian]\nsteps = 3\n") ==
        ":3: there is no verb [trian]; did you mean "
        "[train]?");
  CHECK(contains(here.said("[world]\nbytes = 3\n"),
                 ":1: there is no verb [world]; did you mean "
                 "[data.world]?"));
  CHECK(contains(here.said("[data]\nbytes = 3\n"),
                 ":2: there is no verb [data]; did you mean "
                 "[data.world]?"));
  CHECK(contains(here.said("[data.word]\n"), "no verb [data.word]; did you mean [data.world]?"));
  CHECK(contains(here.said("[x]\n"),
                 "choose one of [train], [finetune], [sample], [chat], [eval], [describe], "
                 "[report], [data.world]"));
  CHECK(here.said("[[train]]\nsteps = 3\n") ==
        ":1: train is a verb, whose flags stand in one table, [train]");
  CHECK(here.said("[train.zebra]\n") == ":1: there is no option zebra of ctgpt train");
  // The verb's own table wins, in whatever order; the others may hold anything.
  CHECK(here.written("out = 'root'\nbytes = 5\n[train]\nnot-yet = 1\n[data.world]\nbytes = 10000\n"
                     "[sample.of]\nwhat = 1979-05-27\n") == "root");
  CHECK(here.said("[data.world]\nbyte = 1\n", {"data", "world"}) ==
        ":2: there is no option byte of ctgpt data world; did you mean bytes?");
}

TEST_CASE("toml: a value of another kind is refused by name and line") {
  const toml here;
  CHECK(here.said("resume = \"yes\"\n") == ":1: resume must be true or false, not \"yes\"");
  CHECK(here.said("resume = 1\n") == ":1: resume must be true or false, not 1");
  CHECK(here.said("steps = true\n") == ":1: steps must be a text or a number, not true");
  CHECK(here.said("\ndata = 1979-05-27\n") == ":2: data must be a text or a number, not a date");
  CHECK(here.said("data = 07:32:00\n") == ":1: data must be a text or a number, not a time");
  CHECK(contains(here.said("data = 1979-05-27T07:32:00Z\n"), "not a date with a time"));
  CHECK(here.said("steps = {a = 1}\n") == ":1: steps must be a text or a number, not a table");
  CHECK(here.said("[train.steps]\n") == ":1: steps must be a text or a number, not a table");
  CHECK(here.said("steps = [1, 2]\n") == ":1: steps takes one value, not a list");
  CHECK(here.said("tokenizer = \"\"\n") == ":1: tokenizer needs a value, not an empty text");
  CHECK(here.said("min-lr = 1\nmin_lr = 2\n") ==
        ":2: min_lr is given a second time; leave one out");
  CHECK(here.said("config = \"d.toml\"\n") ==
        ":1: config cannot stand in a file; give it on the command line");
}

TEST_CASE("toml: an error about a value from the file names the file") {
  const toml here;
  CHECK(here.said("steps = 0\n") ==
        ":1: --steps must be a whole number from 1 to 1,000,000,000, not \"0\"");
  CHECK(here.said("data = 'x'\nlr = 1e-3\npreset = 'quickstart'\n\n[train]\nmin-lr = 0.1\n") ==
        ":6: --min-lr 0.1 is above --lr 0.001");
  CHECK(contains(here.said("data = 'x'\npreset = 'mine'\n"), ":2: there is no preset \"mine\""));
  // What came from the command line is not the file's.
  const words both{"train", "--config", here.with("steps = 3\n"), "--lr", "x"};
  CHECK(sentence(result_of(both), 2).starts_with("--lr must be a number"));
}

TEST_CASE("toml: a flag that may be given again takes a list, in its order, brackets and all") {
  const playground here;
  const std::string run = here.trained("run"), file = here.file("c.toml");
  const words sampled{"sample", "-m", run, "-n", "40", "--temperature", "1", "-p", "A"};
  ctgpt::write_file_atomic(file, "[sample]\nstop = [\"a\", \"e\", \"i\", \"o\", \"u\"]\n");
  const std::string cut = output_of(sampled + words{"--config", file});
  CHECK(cut == output_of(sampled + words{"--stop", "a", "--stop", "e", "--stop", "i", "--stop", "o",
                                         "--stop", "u"}));
  CHECK(cut.size() < output_of(sampled).size());
  ctgpt::write_file_atomic(file, "stop = []\n");
  CHECK(output_of(sampled + words{"--config", file}) == output_of(sampled));
  ctgpt::write_file_atomic(file, "stop = [\"a\", [1]]\n");
  CHECK(sentence(result_of(sampled + words{"--config", file}), 2) ==
        file + ":1: stop must be a text or a number, not a list");
  ctgpt::write_file_atomic(file, "prompt = \"--A\\nB = C\"\n");
  const words one{"sample", "-m", run, "-n", "1", "--config", file};
  CHECK(output_of(one).starts_with("--A\nB = C"));
}
