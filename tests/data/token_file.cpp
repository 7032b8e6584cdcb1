// token_file: tokens come back as they were written, and no lie of a file is believed.
#include "ctgpt/data/token_file.hpp"

#include "ctgpt/data/token_writer.hpp"
#include "data/token_data.hpp"

using namespace ctgpt;
using namespace ctgpt::data;
using namespace ctgpt_test;

namespace {

ids read_all(const token_file& file) {
  ids values(static_cast<std::size_t>(file.size()));
  file.read(0, values);
  return values;
}

// The sentence of opening these bytes as a file f.bin and reading all of it.
std::string refusal(token_format format, const std::string& bytes, isize vocab = 1000,
                    token_type type = token_type::u16) {
  return sentence_of([&] {
    read_all(token_file::parse(std::as_bytes(std::span(bytes)), format, type, vocab, "f.bin"));
  });
}
std::string index_refusal(const std::vector<std::uint64_t>& ends, isize tokens,
                          const std::string& more = {}) {
  const std::string bytes = packed(ends) + more;
  return sentence_of([&] {
    document_index::parse(std::as_bytes(std::span(bytes)), tokens, "f.idx").each([](isize, isize) {
    });
  });
}

}  // namespace

TEST_CASE("token_file: what a writer writes in any pieces is read back, of every format and type") {
  const temporary_directory here;
  int number = 0;
  for (const token_format format : {token_format::raw, token_format::llmc}) {
    for (const token_type type : {token_type::u16, token_type::u32}) {
      for (const int count : {0, 1, 2, 1000, 70000, 200001}) {
        ids tokens = counting(count);
        for (std::int32_t& id : tokens) id = id * 7919 % 65536;
        if (count > 1 && type == token_type::u32) tokens[1] = 2147483646;
        const std::string path = here.file(std::to_string(number++));
        token_writer out(path, format, type);
        for (std::size_t at = 0; at < tokens.size();) {
          const std::size_t some = std::min<std::size_t>(tokens.size() - at, 1 + at % 997);
          out.add(std::span(tokens).subspan(at, some));
          at += some;
        }
        out.finish();
        const auto file = token_file::open(path, format, token_type::u16, isize{1} << 31);
        const auto again = token_file::open(path, format, type, isize{1} << 31);
        CHECK((read_all(again) == tokens));
        if (format == token_format::llmc) CHECK((read_all(file) == tokens));  // it says its type
      }
    }
  }
}

TEST_CASE("token_file: the bytes are those of nanoGPT and of llm.c") {
  const temporary_directory here;
  const ids tokens{1, 515, 65535};
  token_writer raw(here.file("raw"), token_format::raw, token_type::u16);
  raw.add(tokens);
  raw.finish();
  CHECK(read_file(here.file("raw")) == std::string("\1\0\3\2\xff\xff", 6));
  token_writer small(here.file("small"), token_format::llmc, token_type::u16);
  small.add(tokens);
  small.finish();
  CHECK(read_file(here.file("small")) == llmc(20240520, 1, 3, u16s({1, 515, 65535})));
  token_writer large(here.file("large"), token_format::llmc, token_type::u32);
  large.add(tokens);
  large.finish();
  CHECK(read_file(here.file("large")) ==
        llmc(20240801, 7, 3, packed<std::uint32_t>({1, 515, 65535})));
}

TEST_CASE("token_file: a file that was not finished is refused") {
  const temporary_directory here;
  token_writer out(here.file("f"), token_format::llmc, token_type::u16);
  out.add(counting(100000));
  CHECK(sentence_of([&] {
          token_file::open(here.file("f"), token_format::llmc, token_type::u16, 200000);
        }).find(" begins with 0, not with the magic number") != std::string::npos);
}

TEST_CASE("token_file: every lie of a header, and every odd size, gets its sentence") {
  const std::string two = u16s({1, 2});
  CHECK(refusal(token_format::llmc, llmc(20240520, 1, 2, two)) == "(no error)");
  CHECK(refusal(token_format::llmc, llmc(20240520, 1, 3, two)) ==
        "f.bin: the header promises 3 tokens of 2 bytes, but 4 bytes follow it; write the file "
        "again");
  CHECK(refusal(token_format::llmc, llmc(20240520, 1, 1, two)) ==
        "f.bin: the header promises 1 tokens of 2 bytes, but 4 bytes follow it; write the file "
        "again");
  CHECK(refusal(token_format::llmc, llmc(20240520, 1, 2147483647, two)) ==
        "f.bin: the header promises 2147483647 tokens of 2 bytes, but 4 bytes follow it; write the "
        "file again");
  CHECK(refusal(token_format::llmc, llmc(20240520, 1, 2, two + "x")) ==
        "f.bin: the header promises 2 tokens of 2 bytes, but 5 bytes follow it; write the file "
        "again");
  CHECK(refusal(token_format::llmc, llmc(20240801, 7, 2, two)) ==
        "f.bin: the header promises 2 tokens of 4 bytes, but 4 bytes follow it; write the file "
        "again");
  CHECK(refusal(token_format::llmc, llmc(20240520, 1, -2, two)) ==
        "f.bin: the header promises -2 tokens");
  CHECK(refusal(token_format::llmc, llmc(20240520, 2, 2, two)) ==
        "f.bin is of version 2, but token files of llm.c with magic 20240520 are read in version "
        "1");
  CHECK(refusal(token_format::llmc, llmc(20240801, 1, 2, two)) ==
        "f.bin is of version 1, but token files of llm.c with magic 20240801 are read in version "
        "7");
  CHECK(refusal(token_format::llmc, llmc(1, 1, 2, two)) ==
        "f.bin begins with 1, not with the magic number of a token file of llm.c, 20240520 or "
        "20240801");
  CHECK(refusal(token_format::llmc, llmc(20240522, 1, 2, two)) ==
        "f.bin is an evaluation set of llm.c (magic 20240522), not a file of tokens to train on");
  CHECK(refusal(token_format::llmc, two) ==
        "f.bin has 4 bytes, but the header of a token file of llm.c alone has 1024");
  CHECK(refusal(token_format::llmc, "") ==
        "f.bin has 0 bytes, but the header of a token file of llm.c alone has 1024");
  CHECK(refusal(token_format::raw, two + "x") ==
        "f.bin has 5 bytes, which is no whole number of tokens of 2 bytes; it may be cut short or "
        "hold another type of token");
  CHECK(refusal(token_format::raw, two + two + two, 1000, token_type::u32).find("12 bytes") ==
        std::string::npos);
  CHECK(refusal(token_format::raw, two + u16s({3}), 1000, token_type::u32) ==
        "f.bin has 6 bytes, which is no whole number of tokens of 4 bytes; it may be cut short or "
        "hold another type of token");
}

TEST_CASE("token_file: a token outside the vocabulary is named with its place when it is read") {
  const std::string end =
      " is outside the vocabulary of 1000; the file is damaged, holds another type of token, or "
      "belongs to another tokenizer";
  CHECK(refusal(token_format::raw, u16s({1, 999})) == "(no error)");
  CHECK(refusal(token_format::raw, u16s({1, 999, 1000})) ==
        "f.bin: the token 1000 at byte 4" + end);
  CHECK(refusal(token_format::llmc, llmc(20240520, 1, 2, u16s({1, 65535}))) ==
        "f.bin: the token 65535 at byte 1026" + end);
  CHECK(refusal(token_format::raw, packed<std::uint32_t>({1, 4294967295u}), 1000,
                token_type::u32) == "f.bin: the token 4294967295 at byte 4" + end);
  const std::string bytes = u16s({1, 2000, 3});
  const auto file = token_file::parse(std::as_bytes(std::span(bytes)), token_format::raw,
                                      token_type::u16, 1000, "f.bin");
  ids one(1);
  file.read(2, one);  // what is not read is not known
  CHECK(one[0] == 3);
}

TEST_CASE("token_file: an index must ascend and end where the tokens do") {
  CHECK(index_refusal({3, 5, 9}, 9) == "(no error)");
  CHECK(index_refusal({}, 0) == "(no error)");
  CHECK(index_refusal({3, 5, 9}, 10) ==
        "f.idx: the last document ends at token 9, but there are 10 tokens; the index belongs to "
        "another file");
  CHECK(index_refusal({}, 10).find("ends at token 0, but there are 10") != std::string::npos);
  CHECK(index_refusal({3, 9}, 9, "abc") ==
        "f.idx has 19 bytes, which is no whole number of ends of documents of 8 bytes");
  CHECK(index_refusal({5, 3, 9}, 9) ==
        "f.idx: document 1 ends at token 3, but begins at 5 of 9; the index is damaged");
  CHECK(index_refusal({5, 5, 9}, 9).find("document 1 ends at token 5") != std::string::npos);
  CHECK(index_refusal({5, std::uint64_t{1} << 63, 9}, 9)
            .find("document 1 ends at token 9223372036854775808") != std::string::npos);
}

TEST_CASE("token_file: names of formats and types are read back, others refused with the choice") {
  CHECK(parse_token_type("u16") == token_type::u16);
  CHECK(parse_token_type(name_of(token_type::u32)) == token_type::u32);
  CHECK(parse_token_format(name_of(token_format::llmc)) == token_format::llmc);
  CHECK(sentence_of([] { parse_token_type("u8"); }) ==
        "there is no token type 'u8'; choose u16 or u32");
  CHECK(sentence_of([] { parse_token_format("bin"); }) ==
        "there is no format 'bin' of token files; choose raw or llmc");
}
