// From real text to a model, as a user does it: documents with things planted in them go through
// clean, dedup, a tokenizer of their own and shard, and a model is trained on the result.
#include <cmath>

#include "app/documents.hpp"
#include "app/runs.hpp"
#include "ctgpt/data/token_set.hpp"
#include "ctgpt/text/tokenizer.hpp"

using namespace ctgpt_test;
using ctgpt::io::json_field;

namespace {

std::string mark(const std::string& kind, std::size_t number) {
  return "qz" + kind + std::to_string(number) + "z";
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != text.npos; at += part.size()) ++count;
  return count;
}

struct personal {
  const char* text;  // never in the result
  const char* mask;  // instead of it
  const char* kind;  // in the report
};
const personal secrets[] = {{"jane.doe@example-mail.com", "<EMAIL>", "pii_email"},
                            {"j_smith+books@mail.example.org", "<EMAIL>", "pii_email"},
                            {"(212) 555-0187", "<PHONE>", "pii_phone"},
                            {"+44 20 7946 0958", "<PHONE>", "pii_phone"},
                            {"GB29 NWBK 6016 1331 9268 19", "<IBAN>", "pii_iban"},
                            {"DE89370400440532013000", "<IBAN>", "pii_iban"},
                            {"4111 1111 1111 1111", "<CARD>", "pii_card"},
                            {"5555-5555-5555-4444", "<CARD>", "pii_card"},
                            {"219-09-9999", "<SSN>", "pii_ssn"},
                            {"536-22-8743", "<SSN>", "pii_ssn"}};

const char menu[] = "This page is a part of the library of qzmenuz, which is open to all.\n";

// The page with another word after each 80th: nearly the same.
std::string altered(const std::string& page) {
  std::string text;
  std::size_t words = 0;
  for (const char c : page) {
    text += c;
    if (c == ' ' && ++words % 80 == 0) text += "truly ";
  }
  return text;
}

const words rules{"--rules",    "gopher,c4,fineweb", "--language",
                  "en",         "--normalise",       "entities,control,nfc,whitespace",
                  "--mask-pii", "--drop-harmful",    "--json"};

// What is planted, in pages that are clean themselves.
struct collection {
  static constexpr std::size_t twins = 6, menus = 8, questions = 8;
  std::vector<planted> bad;
  std::size_t documents = 0, pages = 0;

  // The directory `out` of JSON lines and plain files. The last pages carry the questions.
  void write(const std::string& out, const words& clean, const words& asked) {
    REQUIRE(asked.size() == questions);
    pages = clean.size() - questions;
    bad = junk(clean[0] + "\n");
    std::string book, web;
    words plain;
    const auto put = [&](std::size_t i, const std::string& text) {
      ++documents;
      if (i % 3 == 2) {
        plain.push_back(text);
      } else {
        (i % 3 == 0 ? book : web) += line_of(text);
      }
    };
    for (std::size_t i = 0; i < pages; ++i) {
      std::string page = clean[i] + "\nThe mark of this page is " + mark("page", i) + ".\n";
      if (i >= 20 && i < 20 + std::size(secrets)) {
        page +=
            "You may ask for " + mark("pii", i - 20) + " by " + secrets[i - 20].text + " now.\n";
      }
      if (i >= 40 && i < 40 + menus) page += menu;
      put(i, page);
      // In the last file, so that the first stays: as they are, or with a few words more.
      if (i >= 60 && i < 60 + twins) put(2, page);
      if (i >= 80 && i < 80 + twins) put(2, altered(page) + mark("near", i - 80) + " is it.\n");
      if (i >= 100 && i < 100 + bad.size()) put(i, bad[i - 100].text);
    }
    for (std::size_t i = 0; i < questions; ++i) {
      put(i, clean[pages + i] + "\n" + asked[i] + "\nSo said " + mark("eval", i) + ".\n");
    }
    ctgpt::create_directories(out + "/plain");
    ctgpt::write_file_atomic(out + "/a-book.jsonl", book);
    ctgpt::write_file_atomic(out + "/b-web.jsonl", web + "{\"text\": \"qzcut\n" + line_of(""));
    for (std::size_t i = 0; i < plain.size(); ++i) {
      ctgpt::write_file_atomic(out + "/plain/" + std::to_string(1000 + i) + ".txt", plain[i]);
    }
  }
};

// Pages of three real corpora that the rules keep as they are; none where a corpus is missing.
words clean_pages(const temporary_directory& here) {
  std::string raw;
  for (const auto& [name, most] : {std::pair("text/dickens.txt", 130u),
                                   {"text/wikitext-2-test.txt", 60u},
                                   {"text/tinyshakespeare.txt", 60u}}) {
    const std::string path = corpus(name);
    if (path.empty()) return {};
    const words pages = pages_of(path, most);
    REQUIRE(pages.size() == most);
    for (const std::string& page : pages) raw += line_of(page);
  }
  ctgpt::write_file_atomic(here.file("raw.jsonl"), raw);
  output_of(words{"data", "clean", "--data", here.file("raw.jsonl"), "--out", here.file("raw")} +
            rules);
  return documents_of(here.file("raw"), here.file("raw"));
}

words questions_of(const std::string& path, std::size_t most) {
  words questions;
  for (const std::string& line : lines_of(contents(path))) {
    questions.push_back(text_of(parsed(line), "question"));
    if (questions.size() == most) break;
  }
  return questions;
}

// What may be in no text behind a step.
void check_clean(const std::string& text, const collection& given) {
  for (const personal& each : secrets) CHECK_FALSE(contains(text, each.text));
  for (std::size_t i = 0; i < given.bad.size(); ++i) {
    CHECK_FALSE(contains(text, "qzjunk" + std::to_string(i)));
  }
  CHECK_FALSE(contains(text, "qzcut"));
  for (std::size_t i = 0; i < std::size(secrets); ++i) {
    CHECK(contains(text, "ask for " + mark("pii", i) + " by " + secrets[i].mask + " now."));
  }
}
void check_unique(const std::string& text, const collection& given, const words& asked) {
  check_clean(text, given);
  for (std::size_t i = 0; i < given.pages; ++i) {
    INFO(i);
    CHECK(count_of(text, mark("page", i)) == 1);  // every page stays, once
  }
  CHECK(count_of(text, "qzmenuz") == 1);
  for (std::size_t i = 0; i < given.twins; ++i) CHECK_FALSE(contains(text, mark("near", i)));
  for (std::size_t i = 0; i < asked.size(); ++i) {
    CHECK_FALSE(contains(text, mark("eval", i)));
    CHECK_FALSE(contains(text, asked[i]));
  }
}

}  // namespace

TEST_CASE(
    "prepare: what is planted in real text is found on the way to a model, and nothing else") {
  if (!has_data_verb("clean")) return;
  const std::string eval = corpus("eval/gsm8k/test.jsonl");
  if (eval.empty()) return;
  const temporary_directory here;
  const words pages = clean_pages(here);
  if (pages.empty()) return;
  REQUIRE(pages.size() > 150);
  const words asked = questions_of(eval, collection::questions);
  collection given;
  given.write(here.file("in"), pages, asked);

  const auto cleaned = parsed(output_of(
      words{"data", "clean", "--data", here.file("in"), "--out", here.file("clean")} + rules));
  CHECK(ctgpt::io::read_json(here.file("clean/report.json")) == cleaned);
  const json_field rubbish(cleaned, "report.json");
  std::int64_t dropped = 0;
  for (const auto& each : rubbish["dropped"].members()) {
    dropped += rubbish["dropped"][each.key].integer();
  }
  for (const planted& each : given.bad) {
    INFO(each.reason);
    CHECK(rubbish["dropped"][each.reason].integer_or(0) == 1);
  }
  for (const personal& each : secrets) CHECK(rubbish["changed"][each.kind].integer_or(0) == 2);
  const std::int64_t kept = rubbish["kept"]["documents"].integer();
  CHECK(rubbish["input"]["documents"].integer() == static_cast<std::int64_t>(given.documents));
  CHECK(dropped == static_cast<std::int64_t>(given.bad.size()));
  CHECK(kept + dropped == static_cast<std::int64_t>(given.documents));
  CHECK(rubbish["input"]["bad"].integer() == 1);
  CHECK(rubbish["input"]["left_out"].integer() == 1);
  check_clean(texts_of(here.file("clean"), here.file("clean")), given);

  const auto unique = parsed(
      output_of({"data", "dedup", "--data", here.file("clean"), "--exact", "--minhash", "--lines",
                 "--decontaminate", eval, "--out", here.file("unique"), "--json"}));
  CHECK(ctgpt::io::read_json(here.file("unique/report.json")) == unique);
  const json_field doubles(unique, "report.json");
  const json_field why = doubles["dropped"];
  CHECK(doubles["read"]["documents"].integer() == kept);
  CHECK(why["contaminated"]["documents"].integer() == collection::questions);
  CHECK(why["exact_duplicate"]["documents"].integer() == collection::twins);
  CHECK(why["near_duplicate"]["documents"].integer() == collection::twins);
  CHECK(why["no_line_left"]["documents"].integer() == 0);
  CHECK(doubles["lines"]["removed"].integer() == collection::menus - 1);
  CHECK(doubles["kept"]["documents"].integer() == static_cast<std::int64_t>(given.pages));
  for (std::size_t i = 0; i < collection::questions; ++i) {
    const json_field each = doubles["contaminated"][i];
    CHECK(each["evaluation"].string() == eval);
    CHECK(each["evaluation_line"].integer(1) <= static_cast<std::int64_t>(asked.size()));
  }
  const std::string text = texts_of(here.file("unique"), here.file("unique"));
  check_unique(text, given, asked);

  // A tokenizer of these texts, and they in its tokens.
  output_of({"tokenizer", "train", "--data", here.file("unique"), "--vocab", "1024", "--special",
             "<|endoftext|>", "--out", here.file("bpe")});
  const auto tokens = ctgpt::text::tokenizer::load(here.file("bpe"));
  CHECK(tokens.vocab_size() == 1024);
  const auto shards =
      parsed(output_of({"data", "shard", "--data", here.file("unique"), "--tokenizer",
                        here.file("bpe"), "--out", here.file("shards"), "--json"}));
  const json_field meta(shards, "meta.json");
  CHECK(meta["documents"].integer() == static_cast<std::int64_t>(given.pages));
  CHECK(meta["train"]["documents"].integer() + meta["val"]["documents"].integer() ==
        static_cast<std::int64_t>(given.pages));
  const auto set = ctgpt::data::token_set::open(here.file("shards"), 1024);
  std::string back;
  std::int64_t count = 0;
  for (const auto& half : {set.train, set.validation}) {
    half->documents([&](ctgpt::isize begin, ctgpt::isize end) {
      std::vector<std::int32_t> ids(static_cast<std::size_t>(end - begin));
      half->read(begin, ids);
      CHECK(ids.back() == 1023);  // the end-of-text token
      back += tokens.decode(std::span(ids).first(ids.size() - 1)) + "\n";
      ++count;
    });
  }
  CHECK(count == static_cast<std::int64_t>(given.pages));
  CHECK(back.size() == text.size());
  check_unique(back, given, asked);

  // A model of these tokens, and what it is good for.
  output_of({"train",
             "--data",
             here.file("shards"),
             "--preset",
             "quickstart",
             "--steps",
             "20",
             "--batch",
             "2",
             "--context",
             "32",
             "--eval-every",
             "10",
             "--eval-batches",
             "2",
             "--threads",
             "1",
             "--warmup",
             "2",
             "--out",
             here.file("run")});
  const auto lines = metrics_lines(here.file("run"));
  REQUIRE(lines.size() > 2);
  for (const std::string& line : lines) CHECK(std::isfinite(number(parsed(line), "loss")));
  const double first = number(parsed(lines.front()), "loss");
  CHECK(std::fabs(first - std::log(1024.0)) < 0.5);
  CHECK(number(parsed(lines.back()), "loss") < first);
  ctgpt::write_file_atomic(here.file("short.txt"), text.substr(0, 4000));
  const auto score = parsed(output_of(
      {"eval", "--model", here.file("run/last"), "--data", here.file("short.txt"), "--json"}));
  CHECK(std::isfinite(number(score, "loss")));
  CHECK(!output_of({"sample", "--model", here.file("run"), "--prompt", "It was", "--tokens", "8"})
             .empty());
}
