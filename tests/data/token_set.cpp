// token_set: what is written is read back as two sequences with their documents, and a directory
// that does not fit together is refused.
#include "ctgpt/data/token_set.hpp"

#include "data/token_data.hpp"

using namespace ctgpt;
using namespace ctgpt::data;
using namespace ctgpt_test;

namespace {

const labelled five{{split::train, {1, 2, 3}},
                    {split::validation, {4, 5}},
                    {split::train, {6}},
                    {split::train, {}},
                    {split::train, {7, 8, 9, 10, 11}}};

std::string refusal(const std::string& directory, std::optional<isize> vocab = {}) {
  std::string said = sentence_of([&] { token_set::open(directory, vocab); });
  for (std::size_t at; (at = said.find(directory)) != std::string::npos;) {
    said.replace(at, directory.size(), "DIR");
  }
  return said;
}

}  // namespace

TEST_CASE("token_set: raw files have the documents in order, each with its end") {
  const temporary_directory here;
  write_set(here.path(), {.vocab = 20, .end_of_text = 19}, five);
  CHECK(here.names() == names{"meta.json", "train.bin", "train.idx", "val.bin", "val.idx"});
  CHECK(read_file(here.file("train.bin")) == u16s({1, 2, 3, 19, 6, 19, 19, 7, 8, 9, 10, 11, 19}));
  CHECK(read_file(here.file("train.idx")) == packed<std::uint64_t>({4, 6, 7, 13}));
  CHECK(read_file(here.file("val.bin")) == u16s({4, 5, 19}));
  const token_set set = token_set::open(here.path());
  CHECK(all_of(*set.train) == ids{1, 2, 3, 19, 6, 19, 19, 7, 8, 9, 10, 11, 19});
  CHECK(documents_of(*set.train) == spans{{0, 4}, {4, 6}, {6, 7}, {7, 13}});
  CHECK(all_of(*set.validation) == ids{4, 5, 19});
  CHECK(set.vocab == 20);
  CHECK(set.end_of_text == 19);
  // Without the index the ends are found by the tokens.
  std::filesystem::remove(here.file("train.idx"));
  CHECK(documents_of(*token_set::open(here.path()).train) ==
        spans{{0, 4}, {4, 6}, {6, 7}, {7, 13}});
}

TEST_CASE("token_set: raw files of a tokenizer without an end-of-text token have the text alone") {
  const temporary_directory here;
  write_set(here.path(), {.type = token_type::u32, .vocab = 20}, five);
  CHECK(read_file(here.file("train.bin")) == packed<std::uint32_t>({1, 2, 3, 6, 7, 8, 9, 10, 11}));
  const token_set set = token_set::open(here.path());
  CHECK(documents_of(*set.train) == spans{{0, 3}, {3, 4}, {4, 9}});  // the empty one is none
  CHECK(all_of(*set.train) == ids{1, 2, 3, 6, 7, 8, 9, 10, 11});
  std::filesystem::remove(here.file("train.idx"));
  CHECK(sentence_of([&] {
          documents_of(*token_set::open(here.path()).train);
        }).starts_with("this data does not say where its documents end"));
}

TEST_CASE("token_set: shards of llm.c are cut after a count of tokens and read as one sequence") {
  const temporary_directory here;
  write_set(here.path(),
            {.format = token_format::llmc, .vocab = 20, .end_of_text = 19, .name = "a", .shard = 5},
            five);
  CHECK(here.names() == names{"a_train_000000.bin", "a_train_000001.bin", "a_train_000002.bin",
                              "a_val_000000.bin", "meta.json"});
  CHECK(read_file(here.file("a_train_000000.bin")) ==
        llmc(20240520, 1, 5, u16s({19, 1, 2, 3, 19})));
  CHECK(read_file(here.file("a_train_000001.bin")) ==
        llmc(20240520, 1, 5, u16s({6, 19, 19, 7, 8})));
  CHECK(read_file(here.file("a_train_000002.bin")) == llmc(20240520, 1, 3, u16s({9, 10, 11})));
  CHECK(read_file(here.file("a_val_000000.bin")) == llmc(20240520, 1, 3, u16s({19, 4, 5})));
  const token_set set = token_set::open(here.path());
  const ids all{19, 1, 2, 3, 19, 6, 19, 19, 7, 8, 9, 10, 11};
  CHECK(all_of(*set.train) == all);
  CHECK(documents_of(*set.train) == spans{{0, 4}, {4, 6}, {6, 7}, {7, 13}});
  // Every part of the sequence, across the seams.
  for (std::size_t first = 0; first < all.size(); ++first) {
    for (std::size_t last = first; last <= all.size(); ++last) {
      ids some(last - first);
      set.train->read(static_cast<isize>(first), some);
      REQUIRE(std::equal(some.begin(), some.end(), all.begin() + static_cast<isize>(first)));
    }
  }
  // A shard that is exactly full is the last one.
  const temporary_directory full;
  write_set(full.path(),
            {.format = token_format::llmc, .vocab = 20, .end_of_text = 0, .name = "a", .shard = 4},
            {{split::train, {1, 2, 3}}, {split::train, {4, 5, 6}}});
  CHECK(full.names() == names{"a_train_000000.bin", "a_train_000001.bin", "meta.json"});
}

TEST_CASE("token_set: meta.json counts what is there") {
  const temporary_directory here;
  const io::json meta =
      write_set(here.path(), {.vocab = 20, .end_of_text = 19, .tokenizer = "bytes"}, five);
  CHECK(io::read_json(here.file("meta.json")) == meta);
  const io::json_field facts(meta, "meta");
  CHECK(facts["format"].string() == "raw");
  CHECK(facts["dtype"].string() == "u16");
  CHECK(facts["vocab_size"].integer() == 20);
  CHECK(facts["end_of_text"].integer() == 19);
  CHECK(facts["tokenizer"].string() == "bytes");
  CHECK(facts["train"]["tokens"].integer() == 13);
  CHECK(facts["train"]["documents"].integer() == 4);
  CHECK(facts["val"]["tokens"].integer() == 3);
  CHECK(facts["val"]["files"][std::size_t{0}].string() == "val.bin");
}

TEST_CASE("token_set: the same documents give the same bytes") {
  for (const token_format format : {token_format::raw, token_format::llmc}) {
    const temporary_directory one, two;
    const token_set_options how{.format = format, .vocab = 20, .end_of_text = 19, .shard = 7};
    write_set(one.path(), how, five);
    write_set(two.path(), how, five);
    CHECK(one.names() == two.names());
    for (const std::string& name : one.names()) {
      CHECK(read_file(one.file(name)) == read_file(two.file(name)));
    }
  }
}

TEST_CASE("token_set: directories of others, without meta.json, are read with their vocabulary") {
  const temporary_directory nano, shards;
  write_file_atomic(nano.file("train.bin"), u16s({1, 2, 3}));
  write_file_atomic(nano.file("val.bin"), u16s({4}));
  CHECK(token_set::is_at(nano.path()));
  CHECK(refusal(nano.path()) ==
        "DIR has no meta.json that tells the vocabulary of its tokens; name their tokenizer");
  const token_set set = token_set::open(nano.path(), 5);
  CHECK(all_of(*set.train) == ids{1, 2, 3});
  CHECK(all_of(*set.validation) == ids{4});
  write_file_atomic(shards.file("web_train_000001.bin"), llmc(20240520, 1, 2, u16s({3, 4})));
  write_file_atomic(shards.file("web_train_000000.bin"), llmc(20240520, 1, 2, u16s({0, 2})));
  write_file_atomic(shards.file("web_train_notes.bin"), "no number, no shard");
  CHECK(token_set::is_at(shards.path()));
  const token_set web = token_set::open(shards.path(), 5, 0);
  CHECK(all_of(*web.train) == ids{0, 2, 3, 4});
  CHECK(documents_of(*web.train) == spans{{0, 4}});
  CHECK(web.validation->size() == 0);
  const temporary_directory none;
  CHECK_FALSE(token_set::is_at(none.path()));
  CHECK_FALSE(token_set::is_at(nano.file("train.bin")));
}

TEST_CASE("token_set: a directory whose files do not fit together is refused") {
  const temporary_directory here;
  write_set(here.path(), {.vocab = 20, .end_of_text = 19}, five);
  CHECK(refusal(here.path()) == "(no error)");
  CHECK(refusal(here.path(), 20) == "(no error)");
  CHECK(refusal(here.path(), 21) ==
        "the tokens of DIR are of a vocabulary of 20, but the tokenizer has 21; use the one that "
        "made them");
  const std::string train = read_file(here.file("train.bin"));
  write_file_atomic(here.file("train.bin"), train + u16s({1}));
  CHECK(refusal(here.path()) ==
        "DIR/meta.json says that train has 13 tokens, but its files hold 14; they belong to other "
        "data");
  write_file_atomic(here.file("train.bin"), train);
  write_file_atomic(here.file("train.idx"), packed<std::uint64_t>({4, 12}));
  CHECK(refusal(here.path()) ==
        "DIR/train.idx: the last document ends at token 12, but there are 13 tokens; the index "
        "belongs to another file");
  std::filesystem::remove(here.file("train.idx"));
  std::filesystem::remove(here.file("val.bin"));
  CHECK(refusal(here.path()) ==
        "DIR/meta.json says that val has 3 tokens, but its files hold 0; they belong to other "
        "data");
  const std::string good = read_file(here.file("meta.json"));
  const auto damage = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    write_file_atomic(here.file("meta.json"), text);
    return refusal(here.path());
  };
  CHECK(damage("\"raw\"", "\"cooked\"").find("DIR/meta.json: format must be a format") == 0);
  CHECK(damage("\"u16\"", "\"u8\"").find("no token type 'u8'") != std::string::npos);
  CHECK(damage("20", "65537") ==
        "DIR/meta.json: vocab_size must be an integer from 1 to 65536, found 65537");
  CHECK(damage("\"end_of_text\": 19", "\"end_of_text\": 20")
            .find("DIR/meta.json: end_of_text must be an integer from 0 to 19") == 0);
  CHECK(damage("\"tokens\": 13", "\"tokens\": \"many\"")
            .find("DIR/meta.json: train.tokens must be an integer") == 0);
  write_file_atomic(here.file("meta.json"), good.substr(0, 40));
  CHECK(refusal(here.path()).find("DIR/meta.json: line ") == 0);
}

TEST_CASE("token_set: what cannot be written is refused before a file is there") {
  const temporary_directory here;
  const auto refused = [&](const token_set_options& options) {
    const std::string said = sentence_of([&] { token_set_writer(here.path(), options); });
    CHECK(here.names().empty());
    return said;
  };
  CHECK(refused({.vocab = 65537}) ==
        "a vocabulary of 65537 tokens does not fit u16, which tells 65536 apart; use u32");
  CHECK(refused({.vocab = 0}).starts_with("a vocabulary of 0 tokens"));
  CHECK(refused({.format = token_format::llmc, .vocab = 256})
            .starts_with("the tokenizer has no end-of-text token, which llm.c's format puts before "
                         "each document"));
  CHECK(refused({.vocab = 256, .end_of_text = 256}) ==
        "the end-of-text token 256 is outside the vocabulary of 256");
  token_set_writer out(here.path(), {.vocab = 65536});
  out.begin(split::train);
  CHECK(sentence_of([&] { out.add(ids{65536}); }) ==
        "the tokenizer gave the token 65536, which is outside its vocabulary of 65536");
}
