#include "ctgpt/text/tokenizer.hpp"

#include <doctest/doctest.h>

#include "base/child.hpp"
#include "base/temporary.hpp"
#include "io/python.hpp"

using namespace ctgpt;
using ctgpt::text::bytes;
using ctgpt::text::characters;
using ctgpt::text::tokenizer;
using ctgpt::text::tokenizer_kind;
using ctgpt_test::golden;
using ctgpt_test::sentence_of;
using tokens = std::vector<std::int32_t>;

namespace {

struct golden_case {
  std::string text, decoded;
  tokens ids;
};

// What Hugging Face's package made of each text: golden/make_tokenizers.py.
std::vector<golden_case> golden_cases(const io::json_field& cases) {
  std::vector<golden_case> result;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const io::json_field each = cases[i];
    tokens ids;
    for (std::size_t k = 0; k < each["ids"].size(); ++k) {
      ids.push_back(static_cast<std::int32_t>(each["ids"][k].integer()));
    }
    result.push_back({each["text"].string(), each["decoded"].string(), ids});
  }
  return result;
}

const io::json& golden_encodings() {
  static const io::json encodings = io::read_json(golden("text/encodings.json"));
  return encodings;
}
std::string golden_corpus() {
  return io::json_field(golden_encodings(), "encodings.json")["corpus"].string();
}
tokenizer golden_characters() { return characters::of(golden_corpus(), "the corpus"); }

void check_against(const tokenizer& any, const std::vector<golden_case>& cases) {
  CHECK(cases.size() > 5);
  for (const golden_case& each : cases) {
    CHECK(any.encode(each.text) == each.ids);
    CHECK(any.decode(each.ids) == each.text);
    CHECK(each.decoded == each.text);  // the package gives the text back as well
  }
}

// The file with one piece of it replaced by another.
std::string changed(const std::string& json, const std::string& piece, const std::string& by) {
  const std::size_t at = json.find(piece);
  REQUIRE(at != std::string::npos);
  return json.substr(0, at) + by + json.substr(at + piece.size());
}

std::string refusal(const std::string& json) {
  return sentence_of([&] { tokenizer::from_json(json, "tokenizer.json"); });
}

}  // namespace

TEST_CASE(
    "tokenizer: bytes and characters are equal to Hugging Face's tokenizers on golden texts") {
  const io::json_field encodings(golden_encodings(), "encodings.json");
  check_against(bytes{}, golden_cases(encodings["bytes"]));
  check_against(golden_characters(), golden_cases(encodings["characters"]));
}

TEST_CASE("tokenizer: tokenizer.json is byte for byte what Hugging Face's package writes") {
  CHECK(tokenizer(bytes{}).to_json() == read_file(golden("text/bytes.json")));
  CHECK(golden_characters().to_json() == read_file(golden("text/characters.json")));
}

TEST_CASE("tokenizer: one value for both kinds, saved and loaded exactly") {
  const ctgpt_test::temporary_directory directory;
  const std::string path = directory.file("tokenizer.json");
  const tokenizer both[] = {bytes{}, golden_characters()};
  for (const tokenizer& any : both) {
    any.save(path);
    const tokenizer again = tokenizer::load(path);
    CHECK(again.kind() == any.kind());
    CHECK(again.name() == any.name());
    CHECK(again.vocab_size() == any.vocab_size());
    CHECK(again.to_json() == any.to_json());
    std::string every_token;
    tokens ids;
    for (std::int32_t token = 0; token < any.vocab_size(); ++token) {
      CHECK(again.token_bytes(token) == any.token_bytes(token));
      every_token += any.token_bytes(token);
      ids.push_back(token);
    }
    CHECK(any.decode(ids) == every_token);
    CHECK(again.encode(golden_corpus()) == any.encode(golden_corpus()));
  }
  CHECK(both[0].kind() == tokenizer_kind::bytes);
  CHECK(both[0].name() == "bytes");
  CHECK(both[0].get_if<bytes>() != nullptr);
  CHECK(both[0].get_if<characters>() == nullptr);
  CHECK(both[1].kind() == tokenizer_kind::characters);
  CHECK(both[1].name() == "char");
  CHECK(both[1].get_if<characters>()->knows(0x65E5));
}

TEST_CASE("tokenizer: the kinds that --tokenizer names") {
  CHECK(tokenizer::named("bytes", "", "f").vocab_size() == 256);
  CHECK(tokenizer::named("char", "abca", "f").vocab_size() == 3);
  CHECK(sentence_of([] { tokenizer::named("char", "", "f"); }) ==
        "f is empty; a character tokenizer needs a text");
  CHECK(sentence_of([] { tokenizer::named("words", "abc", "f"); }) ==
        "there is no tokenizer 'words'; choose bytes or char");
  CHECK_THROWS_AS(tokenizer::named("", "abc", "f"), usage_error);
}

TEST_CASE("tokenizer: ids of another order and fields of other versions are accepted") {
  const std::string json = golden_characters().to_json();
  const tokenizer plain = tokenizer::from_json(
      R"({"decoder": {"type": "Fuse"}, "model": {"type": "BPE", "merges": [],
          "vocab": {"b": 1, "a": 2, "\u65e5": 0}}})",
      "t");
  CHECK(plain.encode("ab\xE6\x97\xA5") == tokens{2, 1, 0});
  CHECK(refusal(changed(json, "\"fuse_unk\": false", "\"fuse_unk\": true, \"new\": 1")) ==
        "(no error)");
}

TEST_CASE("tokenizer: a tokenizer of another kind gives a sentence") {
  const std::string characters_json = golden_characters().to_json();
  const std::string bytes_json = tokenizer(bytes{}).to_json();
  const std::string only =
      "; only byte and character tokenizers (BPE without merges) can be opened here";
  CHECK(refusal(changed(bytes_json, "\"BPE\"", "\"WordPiece\"")) ==
        "tokenizer.json: the model is \"WordPiece\"" + only);
  CHECK(refusal(changed(bytes_json, "\"merges\": []", "\"merges\": [[\"a\", \"b\"], \"c d\"]")) ==
        "tokenizer.json: the model has 2 merges" + only);
  CHECK(refusal(changed(bytes_json, "\"added_tokens\": []", "\"added_tokens\": [{}]")) ==
        "tokenizer.json: there are 1 added tokens" + only);
  CHECK(
      refusal(changed(bytes_json, "\"normalizer\": null", "\"normalizer\": {\"type\": \"NFC\"}")) ==
      "tokenizer.json: there is a normalizer" + only);
  CHECK(refusal(changed(characters_json, "\"unk_token\": null", "\"unk_token\": \"?\"")) ==
        "tokenizer.json: the model has a unk_token" + only);
  CHECK(refusal(changed(characters_json, "\"byte_fallback\": false", "\"byte_fallback\": true")) ==
        "tokenizer.json: the model has a byte_fallback" + only);
  CHECK(refusal(changed(characters_json, "\"dropout\": null", "\"dropout\": 0.1")) ==
        "tokenizer.json: the model has a dropout" + only);
  CHECK(refusal(changed(characters_json, "\"Fuse\"", "\"ByteLevel\"")) ==
        "tokenizer.json: the pre_tokenizer is null and the decoder is ByteLevel" + only);
  CHECK(refusal(changed(bytes_json, "\"add_prefix_space\": false", "\"add_prefix_space\": true")) ==
        "tokenizer.json: the pre_tokenizer adds a space" + only);
}

TEST_CASE("tokenizer: a damaged file gives a sentence") {
  const std::string json = golden_characters().to_json();
  const std::int32_t token = golden_characters().encode("?").front();
  const std::string entry = "\"?\": " + std::to_string(token);
  const std::string before = "\"?\": " + std::to_string(token - 1);
  CHECK(refusal("") ==
        "tokenizer.json: line 1, column 1: expected a value, found the end of the text");
  CHECK(refusal("[]") == "tokenizer.json: the whole text must be an object, found an array");
  CHECK(refusal("{}") == "tokenizer.json: model is missing; it must be an object");
  CHECK(refusal(changed(json, "\"type\": \"BPE\"", "\"type\": 3")) ==
        "tokenizer.json: model.type must be a string, found 3");
  CHECK(refusal(changed(json, entry, "\"??\": 31")) ==
        "tokenizer.json: model.vocab must be a map from single characters to tokens; the entry "
        "\"??\" is none");
  CHECK(refusal(changed(json, entry, "\"\": 31")).find("the entry \"\" is none") !=
        std::string::npos);
  CHECK(refusal(changed(json, entry, before)) ==
        "tokenizer.json: model.vocab must be a map to distinct tokens; " +
            std::to_string(token - 1) + " is there twice");
  CHECK(refusal(changed(json, entry, "\"?\": 4000000000")) ==
        "tokenizer.json: model.vocab.? must be an integer from 0 to " +
            std::to_string(golden_characters().vocab_size() - 1) + ", found 4000000000");
  CHECK(refusal(changed(json, entry, "\"?\": -1")).find("found -1") != std::string::npos);
  CHECK(refusal(changed(json, entry, "\"0\": 31")).find("is there already") != std::string::npos);
  const std::string bytes_json = tokenizer(bytes{}).to_json();
  CHECK(refusal(changed(changed(bytes_json, "\"A\": 65", "\"A\": 66"), "\"B\": 66", "\"B\": 65")) ==
        "tokenizer.json: model.vocab must be the 256 byte-level symbols, each with its byte as "
        "token");
  const std::string nobody =
      R"({"decoder": {"type": "Fuse"}, "model": {"type": "BPE", "merges": [], "vocab": {}}})";
  CHECK(refusal(nobody) == "tokenizer.json: model.vocab is empty");
  for (std::size_t length = 0; length < json.size(); length += 7) {
    CHECK(refusal(json.substr(0, length)).starts_with("tokenizer.json: line "));
  }
  CHECK(sentence_of([] { tokenizer::load("/dev/null"); }) ==
        "/dev/null: line 1, column 1: expected a value, found the end of the text");
}

TEST_CASE("tokenizer: Hugging Face's package opens what is saved, with equal ids" *
          doctest::timeout(120)) {
  if (!ctgpt_test::python_has("tokenizers")) return;
  const ctgpt_test::temporary_directory directory;
  std::string every_character;
  for (char32_t code = 0; code < 0x110000; code += code < 0x3000 ? 1 : 257) {
    if (is_unicode_scalar(code)) utf8_append(every_character, code);
  }
  const io::json_array texts{"", " ", " a  b ", "\n\r\n\t", "Once upon a time", every_character};
  write_file_atomic(directory.file("texts.json"), io::write_json(texts));
  const tokenizer both[] = {bytes{}, characters::of(every_character, "corpus")};
  for (const tokenizer& any : both) {
    any.save(directory.file("tokenizer.json"));
    const auto printed =
        ctgpt_test::python(ctgpt_test::quoted_for_shell(golden("make_tokenizers.py")) + " encode " +
                           ctgpt_test::quoted_for_shell(directory.file("tokenizer.json")) + " " +
                           ctgpt_test::quoted_for_shell(directory.file("texts.json")));
    REQUIRE(printed.has_value());
    io::json cases = io::json::array();
    for (std::size_t at = 0, end; (end = printed->find('\n', at)) != std::string::npos;
         at = end + 1) {
      cases.push(io::parse_json(std::string_view(*printed).substr(at, end - at), "printed"));
    }
    const auto parsed = golden_cases(io::json_field(cases, "printed"));
    REQUIRE(parsed.size() == texts.size());
    check_against(any, parsed);
  }
}
