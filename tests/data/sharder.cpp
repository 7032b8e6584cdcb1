// sharder: every document goes to the split of its hash, whole, whatever comes before it.
#include "ctgpt/data/sharder.hpp"

#include "ctgpt/data/world.hpp"
#include "data/token_data.hpp"

using namespace ctgpt;
using namespace ctgpt::data;
using namespace ctgpt_test;

namespace {

std::vector<std::string> pages(int count) {
  std::vector<std::string> texts;
  for (int i = 0; i < count; ++i)
    texts.push_back(join("Page ", i, " says ", i * 7919 % 1000, ".\n"));
  return texts;
}

// What the splits of these texts decode to.
struct both {
  std::string train, validation;
  spans documents;
};
both sharded(const std::vector<std::string>& texts, double fraction) {
  const temporary_directory here;
  token_set_writer out(here.path(), {.vocab = 256});
  sharder cut(out, text::bytes{}, fraction);
  for (const std::string& text : texts) cut.add({.text = text});
  out.finish();
  const token_set set = token_set::open(here.path());
  return {text::bytes{}.decode(all_of(*set.train)), text::bytes{}.decode(all_of(*set.validation)),
          set.train->size() > 0 ? documents_of(*set.train) : spans{}};
}

}  // namespace

TEST_CASE("sharder: about the fraction asked for validates, and the same whatever the order") {
  std::vector<std::string> texts = pages(2000);
  const both there = sharded(texts, 0.1);
  int validates = 0;
  for (const std::string& text : texts) {
    const bool in_train = there.train.find(text) != std::string::npos;
    const bool in_validation = there.validation.find(text) != std::string::npos;
    REQUIRE(in_train != in_validation);
    REQUIRE(in_validation == (split_of(text, 0.1) == split::validation));
    validates += in_validation ? 1 : 0;
  }
  CHECK(validates > 150);
  CHECK(validates < 250);
  CHECK(there.train.size() + there.validation.size() == [&] {
    std::size_t sum = 0;
    for (const std::string& text : texts) sum += text.size();
    return sum;
  }());
  std::reverse(texts.begin(), texts.end());
  const both back = sharded(texts, 0.1);
  CHECK(back.validation.size() == there.validation.size());
  for (const std::string& text : texts) {
    REQUIRE((back.train.find(text) == std::string::npos) ==
            (there.train.find(text) == std::string::npos));
  }
  // A larger fraction takes more, and gives back none.
  for (const std::string& text : texts) {
    if (split_of(text, 0.1) == split::validation) {
      REQUIRE(split_of(text, 0.2) == split::validation);
    }
  }
  CHECK(sharded(texts, 0.0).validation.empty());
}

TEST_CASE("sharder: a long text is cut at ends of lines, and nothing of it is lost") {
  const std::string text = world({.bytes = 3'000'000, .seed = 1});
  const both there = sharded({text}, 0.2);
  CHECK(there.train.size() + there.validation.size() == text.size());
  CHECK(there.validation.size() > text.size() / 20);
  CHECK(there.documents.size() > 1);
  // The documents of the training split are runs of the text, each after a line's end.
  std::size_t at = 0;
  for (const auto& [begin, end] : there.documents) {
    const std::string run =
        there.train.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
    const std::size_t found = text.find(run, at);
    REQUIRE(found != std::string::npos);
    REQUIRE((found == 0 || text[found - 1] == '\n'));
    at = found + run.size();
  }
  const both all = sharded({text}, 0.0);
  CHECK((all.train == text));
  CHECK(all.documents == spans{{0, static_cast<isize>(text.size())}});
}

TEST_CASE("sharder: a document of a megabyte or less is never cut") {
  const std::string text = world({.bytes = 1 << 20, .seed = 1});
  const both there = sharded({text}, 0.5);
  CHECK((there.train.size() == text.size() || there.validation.size() == text.size()));
}

TEST_CASE("sharder: blocks end after lines, and between characters where there are no lines") {
  const std::string lines = [] {
    std::string text;
    while (text.size() < 300000) text += "A line of thirty characters.\n";
    return text;
  }();
  const std::size_t cut = sharder::next_cut(lines);
  CHECK(cut >= sharder::block);
  CHECK(cut < sharder::block + 40);
  CHECK(lines[cut - 1] == '\n');
  for (int shift = 0; shift < 4; ++shift) {
    std::string flat(static_cast<std::size_t>(shift), 'x');
    while (flat.size() < 300000) flat += "\xF0\x9F\x8C\x8D";
    const std::size_t at = sharder::next_cut(flat);
    CHECK(at > 2 * sharder::block - 4);
    CHECK(at <= 2 * sharder::block);
    CHECK((static_cast<unsigned char>(flat[at]) & 0xC0) != 0x80);
  }
  CHECK(sharder::next_cut("short") == 5);
  CHECK(sharder::next_cut(std::string(300000, '\x80')) <= 2 * sharder::block);  // no UTF-8 at all
}

TEST_CASE("sharder: what the tokenizer refuses names the document") {
  const temporary_directory here;
  const text::tokenizer tokens = text::characters::of("abc", "abc");
  token_set_writer out(here.path(), {.vocab = 3});
  sharder cut(out, tokens, 0.0);
  cut.add({.text = "abc"});
  CHECK(sentence_of([&] {
          cut.add({.text = "abx", .source = "d.jsonl", .line = 7});
        }).starts_with("d.jsonl, record 7: the tokenizer does not know the character"));
}
