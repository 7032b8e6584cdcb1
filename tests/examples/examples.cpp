// The examples print what their heads say. Numbers may differ by 5 % (other instruction sets round
// otherwise), and what is a speed or a time is not compared.
#include <algorithm>
#include <cmath>
#include <optional>

#include "app/program.hpp"
#include "base/temporary.hpp"

using namespace ctgpt_test;

namespace {

outcome run_example(const std::string& name, const words& arguments = {}) {
  const std::string path = std::string(CTGPT_EXAMPLES) + "/example_" + name;
  outcome result = running(arguments, {}, path).wait();
  INFO(name << ": " << result.err);
  REQUIRE(result.signal == 0);
  REQUIRE(result.code == 0);
  return result;
}

// The lines below "Prints" at the head of an example, without what stands in brackets after them.
std::vector<std::string> head_of(const std::string& name) {
  const std::string source =
      ctgpt::read_file(std::string(CTGPT_REPOSITORY) + "/examples/" + name + ".cpp");
  std::vector<std::string> found;
  bool printed = false;
  for (std::string line : lines_of(source)) {
    if (!line.starts_with("//")) break;
    if (line.starts_with("// Prints")) printed = true;
    if (!printed || !line.starts_with("//   ")) continue;
    line = line.substr(5);
    if (const auto remark = line.find("  ("); remark != std::string::npos) line.resize(remark);
    found.push_back(line);
  }
  REQUIRE(!found.empty());
  return found;
}

words words_of(const std::string& line) {
  words found(1);
  for (const char each : line) {
    if (each == ' ') {
      found.emplace_back();
    } else {
      found.back() += each;
    }
  }
  std::erase(found, "");
  return found;
}

std::optional<double> number_of(std::string word) {
  if (word.ends_with(',')) word.pop_back();
  std::size_t read = 0;
  try {
    const double value = std::stod(word, &read);
    if (read == word.size()) return value;
  } catch (const std::exception&) {
  }
  return {};
}

bool alike(const std::string& said, const std::string& expected) {
  const words left = words_of(said), right = words_of(expected);
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](const std::string& a, const std::string& b) {
                      const auto x = number_of(a), y = number_of(b);
                      if (!x || !y) return a == b;
                      return std::abs(*x - *y) <= 0.05 * std::abs(*y);
                    });
}

void check_lines(const std::vector<std::string>& said, const std::vector<std::string>& expected) {
  REQUIRE(said.size() == expected.size());
  for (std::size_t i = 0; i < said.size(); ++i) {
    INFO("printed:  " << said[i] << "\nthe head: " << expected[i]);
    CHECK(alike(said[i], expected[i]));
  }
}

std::vector<std::string> lines_without_text(const std::string& out, std::size_t count) {
  std::vector<std::string> lines = lines_of(out);
  REQUIRE(lines.size() >= count);
  lines.resize(count);
  return lines;
}

// The continuation of "Once" by 200 bytes, with at most one character that was begun before.
void check_story(const std::string& text) {
  INFO(text);
  CHECK(text.starts_with("Once"));
  CHECK(text.size() >= 201);
  CHECK(text.size() <= 205);  // the newline that ends it
  CHECK(std::count(text.begin(), text.end(), ' ') > 20);
}

}  // namespace

TEST_CASE("the comparison of outputs notices what differs") {
  CHECK(alike("loss 5.54, after 2", "loss 5.55, after 2"));
  CHECK(!alike("loss 5.54", "loss 6.54"));
  CHECK(!alike("loss 5.54", "less 5.54"));
  CHECK(!alike("loss 5.54", "loss 5.54 now"));
}

TEST_CASE("hello writes a text of words after its prompt") {
  check_story(run_example("hello").out);
}

TEST_CASE("train_char reaches the loss of its head, and saves what the program opens") {
  const temporary_directory made;
  const std::string saved = made.file("saved");
  const outcome result = run_example("train_char", {"", saved});
  auto expected = head_of("train_char");
  REQUIRE(expected.size() == 1);
  expected[0].replace(expected[0].find("DIR"), 3, saved);
  check_lines(lines_without_text(result.out, 1), expected);
  const std::string text = result.out.substr(result.out.find('\n') + 1);
  CHECK(text.size() == 302);  // the prompt's newline, 300 characters, and the line's end
  CHECK(text.starts_with('\n'));
  CHECK(ctgpt::is_file(saved + "/model.safetensors"));

  const std::string opened = run_example("open_any", {saved}).out;
  CHECK(opened.starts_with("4 layers, 4 heads, width 128, "));
  CHECK(!contains(opened, "as a compiled type"));
}

TEST_CASE("custom_block has a right gradient, and it learns") {
  const std::string out = run_example("custom_block").out;
  const auto expected = head_of("custom_block");
  CHECK(lines_without_text(out, 1) == expected);
  check_story(out.substr(out.find("Once")));
}

TEST_CASE("custom_layer has a right gradient, a wrong one is seen, and the model learns") {
  const auto said = lines_of(run_example("custom_layer").out);
  const auto expected = head_of("custom_layer");
  REQUIRE(said.size() == 4);
  REQUIRE(expected.size() == 4);
  for (std::size_t i = 0; i < 2; ++i) {
    const words now = words_of(said[i]), head = words_of(expected[i]);
    REQUIRE(now.size() == 2);
    CHECK(now[0] == head[0]);
    CHECK(number_of(now[1]).value() < 1e-12);
  }
  check_lines({said[2], said[3]}, {expected[2], expected[3]});
}

TEST_CASE("compare_backends gets the same losses from each of them") {
  const auto said = lines_of(run_example("compare_backends").out);
  const auto expected = head_of("compare_backends");
  REQUIRE(said.size() >= 4);
  CHECK(said[0] == expected[0]);
  const words head = words_of(expected[1]);
  for (std::size_t i = 1; i < said.size(); ++i) {
    INFO(said[i]);
    const words line = words_of(said[i]);
    REQUIRE(line.size() == 4);
    if (i == 1) CHECK(line[0] == "reference");
    if (i == 2) CHECK(line[0] == "eigen");
    CHECK(std::abs(number_of(line[1]).value() - number_of(head[1]).value()) < 1e-4);
    CHECK(std::abs(number_of(line[2]).value() - number_of(head[2]).value()) < 1e-3);
    CHECK(number_of(line[3]).value() > 0);
  }
}

TEST_CASE("compare_with_eigen prints its head, and the difference is small") {
  const auto said = lines_of(run_example("compare_with_eigen").out);
  const auto expected = head_of("compare_with_eigen");
  REQUIRE(said.size() == 3);
  CHECK(said[0].starts_with("y = x W^T: largest difference "));
  CHECK(number_of(words_of(said[0])[6]).value() < 1e-7);
  check_lines({said[1], said[2]}, {expected[1], expected[2]});
}

TEST_CASE("open_any shows the numbers of tokens where the tokenizer cannot be read") {
  const temporary_directory made;
  const std::string saved = made.file("saved");
  std::filesystem::copy(std::string(CTGPT_REPOSITORY) + "/tests/golden/hugging_face/gpt2-tanh",
                        saved);
  const auto check = [&](const std::string& reason) {
    const outcome result = run_example("open_any", {saved});
    CHECK(contains(result.err, reason));
    CHECK(result.err.ends_with("; so tokens are shown by their numbers\n"));
    const auto said = lines_of(result.out);
    REQUIRE(said.size() == 2);
    CHECK(said[0] == "2 layers, 3 heads, width 24, 21216 parameters");
    const words ids = words_of(said[1]);
    REQUIRE(ids.size() == 41);
    CHECK(ids[0] == "0");
    for (const std::string& id : ids) CHECK(number_of(id).value_or(-1) == std::stoi(id));
  };
  check("cannot read " + saved + "/tokenizer.json");  // save_pretrained of a model writes none
  ctgpt::write_file_atomic(saved + "/tokenizer.json",
                           "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1, "
                           "\"ab\": 2}, \"merges\": [\"a b\"]}}");
  check("only byte and character tokenizers");
}

TEST_CASE("open_any and embed_in_app open a model of the quickstart's size") {
  const temporary_directory made;
  const std::string run = made.file("run");
  const std::string text = made.file("text.txt");
  output_of({"data", "world", "--bytes", "65536", "--out", text});
  output_of({"train", "--data", text, "--preset", "quickstart", "--steps", "2", "--out", run});
  const auto opened = lines_of(run_example("open_any", {run + "/best"}).out);
  const auto expected = head_of("open_any");
  REQUIRE(opened.size() >= 3);
  CHECK(opened.front() == expected.front());
  CHECK(opened.back() == expected.back());

  const outcome frames = run_example("embed_in_app", {run + "/best", "1000"});
  CHECK(!frames.out.empty());
  CHECK(frames.err.starts_with("120 frames, the slowest took "));
  CHECK(frames.err.ends_with(" ms of the 1000.0 it had\n"));
}

TEST_CASE("chat_engine holds two conversations at once, and finds the first turn in its cache") {
  const temporary_directory made;
  const std::string run = made.file("run"), chat = made.file("chat"), text = made.file("text.txt");
  const std::string talks = made.file("talks.jsonl");
  output_of({"data", "world", "--bytes", "65536", "--out", text});
  output_of({"data", "world", "--conversations", "50", "--out", talks});
  output_of({"train", "--data", text, "--preset", "quickstart", "--steps", "2", "--out", run});
  const auto answers = [](const std::string& out) {  // pieces, then one line for each answer
    std::vector<std::string> ends;
    int pieces = 0;
    for (const std::string& line : lines_of(out)) {
      if (line.starts_with("1: ") || line.starts_with("2: ")) ends.push_back(line);
      if (line.starts_with("1| ") || line.starts_with("2| ")) ++pieces;
    }
    CHECK(pieces > 4);
    REQUIRE(ends.size() == 4);
    return ends;
  };
  const auto base = answers(run_example("chat_engine", {run + "/best"}).out);
  CHECK(base[0].starts_with("1: 40 tokens, 0 of "));
  output_of({"finetune", "--model", run, "--data", talks, "--steps", "2", "--out", chat});
  const auto tuned = answers(run_example("chat_engine", {chat + "/best"}).out);
  const auto number = [&](std::size_t line, std::size_t word) {
    return number_of(words_of(tuned[line])[word]).value();
  };
  CHECK(number(0, 3) == 0);
  CHECK(number(2, 3) >= number(0, 5));  // all of the first prompt at least
}
