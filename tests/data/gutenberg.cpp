// Project Gutenberg's frames come off, and nothing else does.
#include "ctgpt/data/readers/gutenberg.hpp"

#include "base/corpora.hpp"
#include "data/documents.hpp"

using namespace ctgpt;
using namespace ctgpt::data;
using ctgpt_test::read_bytes;
using ctgpt_test::texts;

namespace {

const std::string new_head =
    "The Project Gutenberg eBook of Emma\n\nThis ebook is for the use of anyone anywhere\n\n"
    "*** START OF THE PROJECT GUTENBERG EBOOK EMMA ***\n\n\n";
const std::string new_tail =
    "\n\n\n*** END OF THE PROJECT GUTENBERG EBOOK EMMA ***\n\nUpdated editions will replace\n";
const std::string old_head =
    "**The Project Gutenberg Etext of Hard Times**\n\n***START**THE SMALL PRINT!**FOR PUBLIC "
    "DOMAIN "
    "ETEXTS**START***\nWhy is this here? You know: lawyers.\n"
    "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n\n";
const std::string old_tail = "\n\nEnd of the Project Gutenberg Etext of Hard Times\n\n";
const std::string book =
    "CHAPTER I\n\nEmma Woodhouse, handsome, clever, and rich\n\n* * *\n\nTHE END";

std::string inside(const std::string& text) {
  return inside_gutenberg_frames(text).value_or("(no frame)");
}

}  // namespace

TEST_CASE("gutenberg: the book between the marks, in the frames of all years") {
  CHECK(inside(new_head + book + new_tail) == book);
  CHECK(inside(old_head + book + old_tail) == book);
  CHECK(inside(new_head + book + "\n\nEnd of Project Gutenberg's Emma, by Jane Austen" +
               new_tail) == book);
  CHECK(inside("*** START OF THIS PROJECT GUTENBERG EBOOK A LONG\r\nTITLE, WITH MORE ***\r\n\r\n" +
               book + "\r\n*** END OF THIS PROJECT GUTENBERG EBOOK ***\r\n") == book);
  CHECK(inside("***START OF THE PROJECT GUTENBERG EBOOK X***\n" + book) == book);
  CHECK(inside(book + new_tail) == book);
}

TEST_CASE("gutenberg: several books in one file all stay") {
  std::string second = "BOOK THE SECOND\n";
  for (int i = 0; i < 2000; ++i) second += "It was the best of times, it was the worst.\n";
  second += "END";
  CHECK(inside(old_head + book + old_tail + new_head + second + new_tail) ==
        book + "\n\n\n\n" + second);
  // A book without its last words ends where the next one's small print begins.
  const std::string both = inside(old_head + second + "\n\n" + old_head + book + old_tail);
  CHECK(both.starts_with(second));
  CHECK(both.ends_with(book));
  CHECK(both.find("lawyers") == std::string::npos);
}

TEST_CASE("gutenberg: text that only speaks of it has no frame") {
  for (const std::string text :
       {"", "plain", "*** a line of stars ***\n", "Start of the Project Gutenberg story\n",
        "He wrote *** START OF THE PROJECT GUTENBERG EBOOK *** on the wall.\n",
        "*** START OF THE STORY ***\n", "End of the story\n"}) {
    CHECK(inside(text) == "(no frame)");
  }
}

TEST_CASE("gutenberg: the reader of text takes the frame off unless told not to") {
  const std::string framed = new_head + book + new_tail;
  CHECK(read_bytes(framed, "emma.txt").all() == texts{book});
  CHECK(read_bytes(framed, "emma.txt", {.gutenberg = false}).all() == texts{framed});
  CHECK(read_bytes(ctgpt_test::gzip(framed), "emma.txt.gz").all() == texts{book});
}

TEST_CASE("gutenberg: of Dickens' works, one file of many books, the novels stay whole") {
  const std::string path = ctgpt_test::corpus("text/dickens.txt");
  if (path.empty()) return;
  const std::string all = read_file(path), kept = inside(all);
  CHECK(kept.size() > all.size() * 95 / 100);
  CHECK(kept.size() < all.size() - 80000);
  CHECK(kept.find("THE SMALL PRINT!") == std::string::npos);
  CHECK(kept.find("End of The Project Gutenberg") == std::string::npos);
  CHECK(kept.find("Whether I shall turn out to be the hero of my own life") != std::string::npos);
}
