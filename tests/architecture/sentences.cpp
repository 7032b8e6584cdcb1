// include/ERRORS.md quotes what the code says: a sentence that no code says any more is found.
#include "architecture/sentences.hpp"

#include <doctest/doctest.h>

using namespace architecture;

namespace {

const sources& repository() {
  static const sources files = read_repository(CTGPT_REPOSITORY);
  return files;
}

const std::string& text_of(std::string_view path) {
  static const std::string nothing;
  for (const source& file : repository()) {
    if (file.path == path) return file.text;
  }
  return nothing;
}

std::string joined(const findings& found) {
  std::string all;
  for (const std::string& sentence : found) all += sentence + "\n";
  return all;
}

}  // namespace

TEST_CASE("what the page of errors quotes is what the code says") {
  const std::string& page = text_of("include/ERRORS.md");
  CHECK(sentences_of(page).size() > 50);
  CHECK(joined(check_sentences(page, repository())) == "");
}

TEST_CASE("a sentence that no code says is found") {
  const auto complaint = [](const std::string& sentence) {
    const std::string code =
        "// the file is old\n"
        "  fail(name, \": the tensor \\\"\", x, \"\\\" has \"\n       \"the shape \", shape, "
        "\", not \", other);\n";
    const std::string page =
        "| x | y |\n|---|---|\n| `x` | y |\n\n| the sentence | why |\n|---|---|\n";
    return joined(check_sentences(page + "| " + sentence + " | because of `this` |\n",
                                  {{"include/ctgpt/io/x.hpp", code}}));
  };
  CHECK(complaint("`... the tensor \"...\" has the shape (..), not SHAPE`") == "");
  CHECK(complaint("`: the tensor` and `has the shape 12, not 13`") == "");
  CHECK(complaint("`has the shape [..]`") == "no code says: has the shape [..]\n");
  CHECK(complaint("`the shape`, `a shape`") == "no code says: a shape\n");
  CHECK(complaint("`the file is old`") != "");  // a comment says nothing
}
