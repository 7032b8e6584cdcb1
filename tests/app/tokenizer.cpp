// ctgpt tokenizer train, encode, decode and count.
#include "ctgpt/text/tokenizer.hpp"

#include "app/runs.hpp"

using namespace ctgpt_test;
using ctgpt::text::tokenizer;

namespace {

const std::string& story() {
  static const std::string text = [] {
    std::string made;
    for (int i = 0; i < 400; ++i) {
      made += "The cat number " + std::to_string(i) +
              " sat on the mat, and caf\xC3\xA9 \xF0\x9F\x98\x80 isn't far.\n";
    }
    return made;
  }();
  return text;
}

words train_flags(const temporary_directory& place, const std::string& out,
                  const words& more = {}) {
  ctgpt::write_file_atomic(place.file("story.txt"), story());
  return words{"tokenizer", "train", "--data", place.file("story.txt"), "--out", place.file(out)} +
         more;
}

std::string trained(const temporary_directory& place, const words& more = {}) {
  output_of(train_flags(place, "tokens",
                        words{"--vocab", "320", "--special", "<|endoftext|>", "<pad>"} + more));
  return place.file("tokens");
}

words verb(const std::string& name, const std::string& tokens, const words& more = {}) {
  return words{"tokenizer", name, "--tokenizer", tokens} + more;
}

// The sentence of a verb that fails at its input, after it may have written some of the output.
std::string failed(const words& arguments, const std::string& input) {
  const outcome result = result_of(arguments, {.input = input});
  CHECK(result.code == 1);
  CHECK(lines_of(result.err).size() == 1);
  return result.err;
}

}  // namespace

TEST_CASE("tokenizer train: every kind is trained, opened, and gives texts back") {
  const temporary_directory place;
  const tokenizer bpe = tokenizer::load(trained(place));
  CHECK(bpe.vocab_size() == 320);
  CHECK(bpe.pattern() == "gpt2");
  CHECK(bpe.special_tokens().size() == 2);
  CHECK(bpe.decode(bpe.encode(story())) == story());
  CHECK(place.names() == names{"story.txt", "tokens"});
  output_of(train_flags(place, "o200k", {"--vocab", "300", "--pattern", "o200k", "-t", "2"}));
  CHECK(tokenizer::load(place.file("o200k")).pattern() == "o200k");
  output_of(train_flags(place, "words", {"--kind", "words", "--vocab", "100"}));
  const tokenizer of_words = tokenizer::load(place.file("words"));
  CHECK(of_words.name() == "words");
  CHECK(of_words.vocab_size() == 100);
  output_of(train_flags(place, "chars", {"--kind", "chars"}));
  const tokenizer letters = tokenizer::load(place.file("chars"));
  CHECK(letters.name() == "char");
  CHECK(letters.decode(letters.encode(story())) == story());
  // The same data twice, in two files: other counts, the same order of them.
  output_of(train_flags(place, "twice", {"--data", place.file("story.txt"), "--vocab", "300"}));
  CHECK(tokenizer::load(place.file("twice")).vocab_size() == 300);
}

TEST_CASE("tokenizer train: documents of any format give what their texts give") {
  const temporary_directory place;
  const std::string wanted = ctgpt::read_file(trained(place) + "/tokenizer.json");
  std::string lines;
  for (const std::string& line : lines_of(story())) {
    lines += "{\"body\": " + ctgpt::io::quote_json(line + "\n") + "}\n";
  }
  ctgpt::write_file_atomic(place.file("docs.jsonl"), lines);
  const auto learnt = [&](const std::string& from, const std::string& out, const words& more) {
    output_of(words{"tokenizer", "train", "--data", from, "--out", place.file(out), "--vocab",
                    "320", "--special", "<|endoftext|>", "<pad>"} +
              more);
    return ctgpt::read_file(place.file(out) + "/tokenizer.json");
  };
  CHECK(learnt(place.file("docs.jsonl"), "of_lines", {"--field", "body", "-t", "2"}) == wanted);
  output_of({"data", "clean", "--data", place.file("docs.jsonl"), "--field", "body", "--out",
             place.file("parts")});
  CHECK(learnt(place.file("parts"), "of_parts", {}) == wanted);  // a directory, compressed
  // As plain text the file has other pieces.
  CHECK(learnt(place.file("docs.jsonl"), "plain", {"--format", "text"}) != wanted);
  const words usual{"tokenizer", "train", "--vocab", "300", "--out", place.file("none"), "--data"};
  CHECK(contains(sentence(result_of(usual + words{place.file("docs.jsonl")}), 1),
                 "docs.jsonl: none of its 400 records could be read"));
  CHECK(contains(sentence(result_of(usual + words{place.file("docs.jsonl"), "--format", "xml"}), 2),
                 "there is no format 'xml'"));
  output_of({"tokenizer", "train", "--kind", "chars", "--data", place.file("parts"), "--out",
             place.file("chars")});
  CHECK(tokenizer::load(place.file("chars"))
            .decode(tokenizer::load(place.file("chars")).encode(story())) == story());
}

TEST_CASE("tokenizer encode and decode: every format gives the text back, byte for byte") {
  const temporary_directory place;
  const std::string tokens = trained(place);
  const auto expected = tokenizer::load(tokens).encode(story());
  for (const char* format : {"json", "u16", "u32"}) {
    INFO(format);
    const std::string ids =
        output_of(verb("encode", tokens, {"--format", format}), {.input = story()});
    if (format == std::string("json")) {
      const ctgpt::io::json array = parsed(ids);
      const ctgpt::io::json_field list(array, "ids");
      REQUIRE(list.size() == expected.size());
      for (std::size_t i = 0; i < expected.size(); ++i) {
        REQUIRE(list[i].integer() == expected[i]);
      }
    } else {
      CHECK(ids.size() == expected.size() * (format == std::string("u16") ? 2 : 4));
    }
    CHECK(output_of(verb("decode", tokens, {"--format", format}), {.input = ids}) == story());
  }
  CHECK(output_of(verb("encode", tokens), {.input = ""}) == "[]\n");
  CHECK(output_of(verb("decode", tokens), {.input = " [ ]\n"}) == "");
  // A part of a character is written as the bytes that it is; of other kinds of tokenizers too.
  const std::string broken = "caf\xC3";
  CHECK(output_of(verb("decode", tokens),
                  {.input = output_of(verb("encode", tokens), {.input = broken})}) == broken);
  output_of(train_flags(place, "chars", {"--kind", "chars"}));
  const std::string ids = output_of(verb("encode", place.file("chars")), {.input = story()});
  CHECK(output_of(verb("decode", place.file("chars")), {.input = ids}) == story());
}

TEST_CASE("tokenizer count: tokens, and bytes for each") {
  const temporary_directory place;
  const std::string tokens = trained(place);
  const std::size_t expected = tokenizer::load(tokens).encode(story()).size();
  CHECK(output_of(verb("count", tokens), {.input = story()}) == std::to_string(expected) + "\n");
  const ctgpt::io::json json =
      parsed(output_of(verb("count", tokens, {"--json"}), {.input = story()}));
  CHECK(number(json, "tokens") == static_cast<double>(expected));
  CHECK(number(json, "bytes") == static_cast<double>(story().size()));
}

TEST_CASE("tokenizer encode: special tokens are refused unless they are allowed") {
  const temporary_directory place;
  const std::string tokens = trained(place), text = "mat<|endoftext|>";
  CHECK(contains(failed(verb("encode", tokens), story() + text),
                 "the text holds the special token \"<|endoftext|>\" at byte " +
                     std::to_string(story().size() + 3)));
  const words allowed{"--allow-special", "<|endoftext|>"};
  const std::string ids = output_of(verb("encode", tokens, allowed), {.input = text});
  CHECK(ids.ends_with(",318]\n"));
  CHECK(output_of(verb("decode", tokens), {.input = ids}) == text);
  CHECK(contains(
      sentence(result_of(verb("count", tokens, {"--allow-special", "<no>"}), {.input = "a"}), 1),
      "there is no special token \"<no>\" in this vocabulary"));
}

TEST_CASE("tokenizer: wrong flags and wrong input are one sentence") {
  const temporary_directory place;
  const std::string tokens = trained(place);
  const auto said = [&](const words& arguments, int code, const std::string& input = "") {
    return sentence(result_of(arguments, {.input = input}), code);
  };
  CHECK(contains(said(train_flags(place, "t", {}), 2), "--vocab N"));
  CHECK(contains(said(train_flags(place, "t", {"--vocab", "20"}), 2),
                 "--vocab 20 is too small: 256 bytes and 0 special tokens are 256"));
  CHECK(contains(said(train_flags(place, "t", {"--vocab", "300", "--kind", "bytes"}), 2),
                 "--kind must be bpe, words or chars"));
  CHECK(contains(said(train_flags(place, "t", {"--vocab", "300", "--pattern", "gpt3"}), 2),
                 "there is no pattern \"gpt3\""));
  CHECK(contains(said(train_flags(place, "t", {"--vocab", "300", "--kind", "chars"}), 2),
                 "--vocab is not for --kind chars"));
  CHECK(contains(said(train_flags(place, "tokens", {"--vocab", "300"}), 1), place.file("tokens")));
  CHECK(contains(said({"tokenizer", "train", "--data", place.file("none"), "--vocab", "300",
                       "--out", place.file("t")},
                      1),
                 place.file("none")));
  CHECK(contains(said({"tokenizer"}, 2),
                 "tokenizer train, tokenizer encode, tokenizer decode or tokenizer count"));
  CHECK(contains(said({"tokenizer", "encod"}, 2), "did you mean tokenizer encode?"));
  CHECK(contains(said({"tokenizer", "encode"}, 2), "--tokenizer PATH"));
  CHECK(contains(said(verb("encode", tokens, {"--format", "u8"}), 2), "json, u16 or u32"));
  CHECK(contains(failed(verb("decode", tokens), "[1,2"), "without the ] of their array"));
  CHECK(contains(failed(verb("decode", tokens), "[1;2]"), "no JSON array of ids at byte 2"));
  CHECK(contains(failed(verb("decode", tokens), "[1,99999999999999]"), "is in no vocabulary"));
  CHECK(contains(failed(verb("decode", tokens), "[320]"), "320"));
  CHECK(contains(failed(verb("decode", tokens, {"--format", "u32"}), "\1" + std::string(4, '\0')),
                 "cut off"));
  CHECK(place.names() == names{"story.txt", "tokens"});
}

TEST_CASE("tokenizer train: a signal ends it and leaves nothing") {
  const temporary_directory place;
  std::string text;
  std::uint64_t state = 1;
  while (text.size() < (std::size_t{48} << 20)) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    text += " " + std::to_string(state >> 20);
  }
  ctgpt::write_file_atomic(place.file("text"), text);
  running program({"tokenizer", "train", "--data", place.file("text"), "--vocab", "4000000",
                   "--out", place.file("t"), "--threads", "1"});
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  program.send(SIGINT);
  const outcome end = program.wait();
  CHECK(end.code == 128 + SIGINT);
  CHECK(contains(end.err, "Stopping; nothing is written."));
  CHECK(place.names() == names{"text"});
}

TEST_CASE("tokenizer: a model saved with a byte-pair tokenizer is sampled and evaluated") {
  const playground place;
  const std::string run =
      place.trained("run", {"--steps", "2", "--eval-every", "2", "--tokenizer", "bytes"});
  // Bytes in GPT-2's order are 256 tokens as well: the model takes either.
  output_of(
      {"tokenizer", "train", "--data", place.data(), "--vocab", "256", "--out", place.file("t")});
  for (const char* name : {"/best", "/last"}) {
    ctgpt::write_file_atomic(run + name + "/tokenizer.json",
                             ctgpt::read_file(place.file("t") + "/tokenizer.json"));
  }
  CHECK(!output_of({"sample", "-m", run, "-n", "5", "-p", "a"}).empty());
  CHECK(!output_of({"eval", "-m", run, "--data", place.data(), "--json"}).empty());
  // And vocab.json with merges.txt alone.
  const tokenizer bpe = tokenizer::load(place.file("t"));
  const auto& tables = bpe.get_if<ctgpt::text::bpe<ctgpt::text::gpt2>>()->tables();
  for (const std::string name : {"/best", "/last"}) {
    ctgpt::text::write_vocab_merges(tables, run + name + "/vocab.json", run + name + "/merges.txt");
    std::filesystem::remove(run + name + "/tokenizer.json");
  }
  CHECK(!output_of({"sample", "-m", run, "-n", "5", "-p", "a"}).empty());
}
