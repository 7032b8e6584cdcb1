// The README's C++ is that of the examples, which are compiled: a snippet that an example does not
// hold, spaces aside, is found.
#include <doctest/doctest.h>

#include <cctype>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(std::string(CTGPT_REPOSITORY) + "/" + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string without_spaces(const std::string& text) {
  std::string dense;
  for (const char letter : text) {
    if (std::isspace(static_cast<unsigned char>(letter)) == 0) dense += letter;
  }
  return dense;
}

std::vector<std::string> snippets_of(const std::string& markdown) {
  const std::string begin = "```cpp\n", end = "```";
  std::vector<std::string> found;
  for (std::size_t at = 0; (at = markdown.find(begin, at)) != std::string::npos;) {
    const std::size_t first = at + begin.size(), last = markdown.find(end, first);
    found.push_back(markdown.substr(first, last - first));
    at = last;
  }
  return found;
}

bool stands_in(const std::string& snippet, const std::string& program) {
  return without_spaces(program).find(without_spaces(snippet)) != std::string::npos;
}

}  // namespace

TEST_CASE("the README's C++ stands in the examples") {
  const std::vector<std::string> snippets = snippets_of(text_of("README.md"));
  REQUIRE(snippets.size() == 2);
  CHECK(stands_in(snippets[0], text_of("examples/hello.cpp")));
  CHECK(stands_in(snippets[1], text_of("examples/custom_block.cpp")));
  CHECK_FALSE(stands_in(snippets[1], text_of("examples/hello.cpp")));
}
