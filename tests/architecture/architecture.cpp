// The plan of the house is executable: the repository obeys it, and each rule is shown to bite on a
// planted file that breaks it.
#include <doctest/doctest.h>

#include "architecture/floors.hpp"
#include "architecture/source.hpp"
#include "architecture/style.hpp"

using namespace architecture;

namespace {

std::string joined(const findings& found) {
  std::string text;
  for (const std::string& sentence : found) text += sentence + "\n";
  return text;
}

const sources& repository() {
  static const sources files = read_repository(CTGPT_REPOSITORY);
  return files;
}

// A planted header that includes one thing.
findings planted(const std::string& path, const std::string& include) {
  return check_floors(
      {{"include/ctgpt/" + path, "// x\n#pragma once\n#include " + include + "\n"}});
}

}  // namespace

TEST_CASE("the reader sees the repository's files") {
  std::size_t headers = 0;
  bool itself = false;
  for (const source& file : repository()) {
    headers += starts_with(file.path, "include/ctgpt/") ? 1 : 0;
    itself = itself || file.path == "tests/architecture/architecture.cpp";
  }
  CHECK(itself);
  CHECK(headers > 10);
}

TEST_CASE("every include stands on a lower floor") {
  CHECK(joined(check_floors(repository())) == "");
}

TEST_CASE("no file is too long or too wide") { CHECK(joined(check_lengths(repository())) == ""); }

TEST_CASE("no file names a machine's path, unfinished work or its makers") {
  CHECK(joined(check_words(repository())) == "");
}

TEST_CASE("users see fewer than ten macros") { CHECK(joined(check_macros(repository())) == ""); }

TEST_CASE("headers open with a comment, guard themselves and live in the ABI namespace") {
  CHECK(joined(check_form(repository())) == "");
}

TEST_CASE("each part of a layer's or a model's opening comment begins its own line, in order") {
  CHECK(joined(check_openings(repository())) == "");
}

TEST_CASE("an include that breaks the plan is found") {
  struct plant {
    const char* path;
    const char* include;
  };
  for (const plant& bad : std::vector<plant>{
           {"base/x.hpp", "\"ctgpt/core/shape.hpp\""},
           {"io/x.hpp", "\"ctgpt/text/bytes.hpp\""},
           {"text/x.hpp", "\"ctgpt/data/world.hpp\""},
           {"text/x.hpp", "\"ctgpt/layer/linear.hpp\""},
           {"data/x.hpp", "\"ctgpt/backend/kernel_table.hpp\""},
           {"core/x.hpp", "<vector>"},
           {"core/x.hpp", "<iostream>"},
           {"layer/x.hpp", "\"ctgpt/backend/kernel_table.hpp\""},
           {"backend/x.hpp", "\"ctgpt/layer/linear.hpp\""},
           {"backend/x.hpp", "\"ctgpt/model/gpt.hpp\""},
           {"train/x.hpp", "\"ctgpt/infer/sampler.hpp\""},
           {"infer/x.hpp", "\"ctgpt/train/trainer.hpp\""},
           {"train/x.hpp", "\"ctgpt/app/engine.hpp\""},
           {"ctgpt.hpp", "\"ctgpt/app/engine.hpp\""},
           {"cellar/x.hpp", "<array>"},
           {"backend/cpu/x-inl.hpp", "<algorithm>"},
           {"backend/cpu/x-inl.hpp", "<Eigen/Core>"},
           {"backend/cpu/x-inl.hpp", "\"ctgpt/base/error.hpp\""},
           {"backend/cpu/x-inl.hpp", "<hwy/foreach_target.h>"},
           {"backend/cpu.hpp", "<hwy/highway.h>"},
           {"backend/cpu.hpp", "\"ctgpt/backend/cpu/x-inl.hpp\""},
           {"backend/cpu.hpp", "\"ctgpt/backend/cpu/impl.hpp\""},
           {"backend/cuda/x.cuh", "\"ctgpt/base/error.hpp\""},
           {"backend/cuda/x.cuh", "<Eigen/Core>"},
           {"model/x.hpp", "<Eigen/Core>"},
           {"infer/x.hpp", "<nlohmann/json.hpp>"},
           {"train/x.hpp", "<CLI/CLI.hpp>"},
           {"io/x.hpp", "<zlib.h>"},
           {"text/x.hpp", "<re2/re2.h>"},
           {"serve/x.hpp", "<re2/re2.h>"},
           {"app/x.hpp", "<httplib.h>"},
           {"safety/x.hpp", "<sqlite3.h>"},
           {"app/program.hpp", "<toml++/toml.h>"},
           {"io/x.hpp", "\"file.hpp\""},
           {"io/x.hpp", "<ctgpt/base/file.hpp>"},
           {"base/library.cpp", "<array>"},
       }) {
    INFO(bad.path, " with ", bad.include);
    CHECK(planted(bad.path, bad.include).size() >= 1);
  }
}

TEST_CASE("includes that the plan allows are left alone") {
  CHECK(joined(planted("core/x.hpp", "<array>")) == "");
  CHECK(joined(planted("layer/x.hpp", "\"ctgpt/ops.hpp\"")) == "");
  CHECK(joined(planted("backend/cpu/x-inl.hpp", "\"ctgpt/backend/cpu/workers.hpp\"")) == "");
  CHECK(joined(planted("backend/cpu/x-inl.hpp", "<hwy/highway.h>")) == "");
  CHECK(joined(planted("backend/cpu/impl.hpp", "<hwy/foreach_target.h>")) == "");
  CHECK(joined(planted("app/x.hpp", "<CLI/CLI.hpp>")) == "");
  CHECK(joined(planted("data/x.hpp", "<libxml/parser.h>")) == "");
  CHECK(joined(planted("serve/x.hpp", "<httplib.h>")) == "");
  CHECK(joined(planted("safety/x.hpp", "<re2/re2.h>")) == "");
  CHECK(joined(planted("feedback/x.hpp", "<sqlite3.h>")) == "");
  CHECK(joined(planted("app/toml_file.hpp", "<toml++/toml.h>")) == "");
  CHECK(joined(planted("train/x.hpp", "\"ctgpt/model/gpt.hpp\"")) == "");
}

TEST_CASE("a circle, and a library behind the umbrella, are found") {
  const source first{"include/ctgpt/io/a.hpp", "// x\n#include \"ctgpt/io/b.hpp\"\n"};
  const source second{"include/ctgpt/io/b.hpp", "// x\n#include \"ctgpt/io/a.hpp\"\n"};
  CHECK(check_floors({first}).empty());
  CHECK(check_floors({first, second}).size() == 2);

  const source umbrella{"include/ctgpt/ctgpt.hpp", "// x\n#include \"ctgpt/backend/eigen.hpp\"\n"};
  const source eigen{"include/ctgpt/backend/eigen.hpp", "// x\n#  include <Eigen/Core>\n"};
  CHECK(check_floors({umbrella}).empty());
  CHECK(check_floors({umbrella, eigen}) ==
        findings{"ctgpt.hpp reaches Eigen/Core through include/ctgpt/backend/eigen.hpp"});
}

TEST_CASE("a long file, a wide line and a forbidden word are found") {
  std::string tall;
  for (std::size_t i = 0; i <= longest_file; ++i) tall += "\n";
  CHECK(check_lengths({{"include/ctgpt/base/x.hpp", tall}}).size() == 1);
  CHECK(check_lengths({{"notes.md", tall}}).empty());
  const std::string edge(longest_line, 'x');
  CHECK(check_lengths({{"tests/io/x.cpp", edge + "\n"}}).empty());
  CHECK(check_lengths({{"tests/io/x.cpp", edge + "x\n"}}).size() == 1);
  std::string accents;
  for (std::size_t i = 0; i < longest_line; ++i) accents += "\xC3\xA9";
  CHECK(check_lengths({{"tests/io/x.cpp", accents}}).empty());

  for (const forbidden& word : forbidden_texts()) {
    CHECK(check_words({{"README.md", "see " + word.text + "abc"}}).size() <= 1);
    CHECK(check_words({{"README.md", "x " + word.text + " y"}}).size() == 1);
  }
  CHECK(check_words({{"README.md", "an autodoc of custodomy"}}).empty());
  CHECK(check_words({{"README.md", std::string("../sha") + "red/data/text"}}).empty());
}

TEST_CASE("a tenth macro and a header without its form are found") {
  std::string eight;  // and CTGPT_CPU_FAMILY, which always counts
  for (char letter = 'A'; letter < 'I'; ++letter) {
    eight += std::string("#define CTGPT_") + letter + "\n";
  }
  const std::string nine = eight + "#ifdef CTGPT_I\n";
  CHECK(check_macros({{"include/ctgpt/base/x.hpp", eight}}).empty());
  CHECK(check_macros({{"include/ctgpt/base/x.hpp", nine}}).size() == 1);
  CHECK(check_macros({{"include/ctgpt/base/x.hpp", nine + "#undef CTGPT_A\n"}}).empty());
  CHECK(check_macros({{"include/ctgpt/backend/cpu/x-inl.hpp", nine}}).empty());

  const std::string path = "include/ctgpt/base/x.hpp";
  CHECK(check_form({{path, "// x\n#pragma once\nnamespace ctgpt::inline CTGPT_ABI {}\n"}}).empty());
  CHECK(check_form({{path, "\n#pragma once\nnamespace ctgpt::inline CTGPT_ABI {}\n"}}).size() == 1);
  CHECK(check_form({{path, "// x\nnamespace ctgpt::inline CTGPT_ABI {}\n"}}).size() == 1);
  CHECK(check_form({{path, "// x\n#pragma once\nnamespace ctgpt {}\n"}}).size() == 1);
}

TEST_CASE("an opening comment whose parts run together or change places is found") {
  const auto opening = [](const std::string& room, const std::string& comment) {
    return joined(
        check_openings({{"include/ctgpt/" + room + "/x.hpp", comment + "#pragma once\n"}}));
  };
  const std::string good =
      "// x<N>: a layer.\n//\n// Forward: y = x\n// Backward: dx = dy\n// Shapes: x, y (N,W).\n"
      "// Parameters: none.\n// Tape: nothing.\n// Errors: none.\n// Reference: a paper.\n";
  CHECK(opening("layer", good) == "");
  CHECK(opening("model", good) == "");
  // Two kinds of one layer may each have a part.
  CHECK(opening("layer", "// x.\n//\n// Backward: dx = dy\n// Backward: dx = 0\n") == "");
  // A word of the text is no part.
  CHECK(opening("layer", "// x.\n// OtherErrors: none; Errors and Shapes of it.\n") == "");

  CHECK(opening("layer", "// x.\n// Shapes: (N).  Tape: nothing. Errors: none.\n") ==
        "include/ctgpt/layer/x.hpp:2: Tape: does not begin its line\n"
        "include/ctgpt/layer/x.hpp:2: Errors: does not begin its line\n");
  CHECK(opening("model", "// x.\n// Errors: none.\n// Shapes: (N)\n") ==
        "include/ctgpt/model/x.hpp:3: Shapes: comes after Errors:\n");
  CHECK(opening("model", "// x.\n//   Tape: nothing.\n") ==
        "include/ctgpt/model/x.hpp:2: Tape: does not begin its line\n");
  // Elsewhere, and after the opening comment, such words are free.
  CHECK(opening("io", "// x.\n// Shapes: (N).  Tape: nothing.\n") == "");
  CHECK(opening("layer", "// x.\n#include <array>\n// Requires: x. Errors: none.\n") == "");
}
