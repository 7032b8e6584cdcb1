// The C++ on the repository's pages is that of files that are compiled: a snippet that none of them
// holds, spaces aside, is found. So is a link that leads nowhere.
#include <doctest/doctest.h>

#include "architecture/markdown.hpp"

using namespace architecture;

namespace {

const sources& repository() {
  static const sources files = read_repository(CTGPT_REPOSITORY);
  return files;
}

std::string joined(const findings& found) {
  std::string all;
  for (const std::string& sentence : found) all += sentence + "\n";
  return all;
}

const std::string& text_of(std::string_view path) {
  static const std::string nothing;
  for (const source& file : repository()) {
    if (file.path == path) return file.text;
  }
  return nothing;
}

}  // namespace

TEST_CASE("the README's C++ stands in the examples") {
  const std::vector<std::string> snippets = snippets_of(text_of("README.md"));
  REQUIRE(snippets.size() == 2);
  CHECK(stands_in(snippets[0], text_of("examples/hello.cpp")));
  CHECK(stands_in(snippets[1], text_of("examples/custom_block.cpp")));
  CHECK_FALSE(stands_in(snippets[1], text_of("examples/hello.cpp")));
}

TEST_CASE("a block of one's own is a program of under forty lines, its opening comment included") {
  const std::vector<std::string> lines = lines_of(text_of("examples/custom_block.cpp"));
  CHECK(lines.size() > 20);
  CHECK(lines.size() < 40);
}

TEST_CASE("the guides' C++ stands in the headers, the examples, the tests or the benchmarks") {
  CHECK(snippets_of(text_of("include/ctgpt/layer/README.md")).size() >= 5);
  CHECK(snippets_of(text_of("include/ctgpt/backend/README.md")).size() >= 8);
  CHECK(joined(check_snippets(repository())) == "");
}

TEST_CASE("every relative link of a page leads to a file and a heading that are there") {
  CHECK(links_of(text_of("include/README.md")).size() > 30);
  const std::filesystem::path top = CTGPT_REPOSITORY;
  CHECK(joined(check_links(repository(), [&](const std::string& path) {
          return std::filesystem::exists(top / path);
        })) == "");
}

TEST_CASE("the map names every room") {
  const std::string& map = text_of("include/README.md");
  for (const source& file : repository()) {
    const std::string room = room_of(file.path);
    if (room.empty() || room == "ctgpt") continue;
    INFO(file.path);
    CHECK((contains(map, "`" + room + "/`") || contains(map, "[" + room + ".hpp]")));
  }
}

TEST_CASE("a snippet that nothing holds and a link that leads nowhere are found") {
  const source program{"examples/x.cpp", "int main() {\n  return 0;\n}\n"};
  const auto page = [](const std::string& text) { return source{"include/README.md", text}; };
  CHECK(check_snippets({program, page("```cpp\nint main() { return 0; }\n```\n")}).empty());
  CHECK(check_snippets({program, page("```cpp\nint main() { return 1; }\n```\n")}).size() == 1);
  CHECK(check_snippets({program, page("```c++\nint main() { return 1; }\n```\n")}).empty());

  const auto complaint = [&](const std::string& text) {
    return joined(check_links({program, page(text)}, [](const std::string& path) {
      return path == "examples/x.cpp" || path == "include/README.md";
    }));
  };
  CHECK(complaint("# A map\n[x](../examples/x.cpp), [here](#a-map), [far](https://a.b/c)") == "");
  CHECK(complaint("`[x](y)`\n```text\n[x](y)\n```\n") == "");
  CHECK(complaint("[x](x.cpp)") == "include/README.md links to x.cpp, which is not there\n");
  CHECK(complaint("see [x](../examples/x.cpp) and [y](../../y)") ==
        "include/README.md links to ../../y, which is not there\n");
  CHECK(complaint("# A map\n[x](#the-map)") ==
        "include/README.md links to #the-map, but there is no such heading\n");
}
