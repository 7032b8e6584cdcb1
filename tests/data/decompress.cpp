// Compressed files are read as the tools read them, and what is good of a damaged one is given.
#include "ctgpt/data/decompress.hpp"

#include "data/documents.hpp"

using namespace ctgpt;
using namespace ctgpt::data;

namespace {

struct unpacked {
  std::string text, said;
};

unpacked unpack(const std::string& bytes, const std::string& name, std::size_t piece = 65536,
                std::size_t room = 4096) {
  unpacked result;
  try {
    const auto source = decompressed(std::make_unique<memory_source>(bytes, piece), name);
    std::string some(room, '\0');
    while (const std::size_t got = source->read(some)) result.text.append(some, 0, got);
    CHECK(source->read(some) == 0);
    CHECK(source->consumed() == bytes.size());
  } catch (const damaged_file& damaged) {
    result.said = damaged.what();
  }
  return result;
}

std::string long_text() {
  random_stream random(1);
  std::string text;
  for (int i = 0; i < 60000; ++i) text += "word " + std::to_string(random.below(1000)) + "\n";
  return text;
}

using packer = std::string (*)(const std::string&);
struct kind {
  packer pack;
  const char* ending;
  const char* name;
};
const kind kinds[] = {{ctgpt_test::gzip, ".gz", "gzip"},
                      {ctgpt_test::zstd, ".zst", "zstd"},
                      {ctgpt_test::bzip2, ".bz2", "bzip2"}};

}  // namespace

TEST_CASE("decompress: one member or many, in pieces of any size, with and without the ending") {
  const std::string text = long_text();
  for (const kind& each : kinds) {
    const packer pack = each.pack;
    const char *const ending = each.ending, *const name = each.name;
    INFO(name);
    const std::string one = pack(text);
    CHECK(one.size() < text.size() / 2);
    for (const char* path : {"a", "a.txt"}) {
      for (const std::string& suffix : {std::string(), std::string(ending)}) {
        const unpacked all = unpack(one, path + suffix);
        CHECK(all.text == text);
        CHECK(all.said == "");
      }
    }
    const std::string many = pack("first ") + pack("") + pack("second ") + pack(text);
    for (const std::size_t piece : {1u, 2u, 3u, 1000u}) {
      for (const std::size_t room : {1u, 5u, 100000u}) {
        CHECK(unpack(many, std::string("a") + ending, piece, room).text == "first second " + text);
      }
    }
    CHECK(unpack(pack(""), std::string("a") + ending).said == "");
    CHECK(unpack(pack(""), std::string("a") + ending).text == "");
  }
}

TEST_CASE("decompress: plain bytes pass, whatever they look like") {
  for (const std::string text : {"", "a", "BZh9 is how bzip2 begins", "\x1F\x8B", "(\xB5/"}) {
    CHECK(unpack(text, "a.txt").text == text);
    CHECK(unpack(text, "a.txt").said == "");
  }
}

TEST_CASE("decompress: of a cut file all that could be decoded comes before the sentence") {
  const std::string text = long_text();
  for (const kind& each : kinds) {
    const packer pack = each.pack;
    const char *const ending = each.ending, *const name = each.name;
    const std::string path = std::string("a") + ending, packed = pack("one\n") + pack(text);
    const std::size_t first = pack("one\n").size();
    random_stream random(2);
    for (int i = 0; i < 60; ++i) {
      const std::size_t cut = first + 1 + random.below(packed.size() - first - 1);
      const unpacked part = unpack(packed.substr(0, cut), path);
      INFO(name << " cut at " << cut << " of " << packed.size());
      CHECK(part.text.size() >= 4);
      CHECK(("one\n" + text).starts_with(part.text));
      CHECK(part.said == join(path, ": the ", name, " data end too early, after ", part.text.size(),
                              " good bytes of text; fetch the file again"));
      const unpacked in_pieces = unpack(packed.substr(0, cut), path, 3, 777);
      CHECK(in_pieces.text == part.text);
      CHECK(in_pieces.said == part.said);
    }
    // Blocks are given as they are whole: a file cut at its end has lost its end only.
    CHECK(unpack(packed.substr(0, packed.size() - 5), path).text.size() > text.size() / 2);
  }
}

TEST_CASE("decompress: a changed byte is noticed, and so is what follows the data") {
  const std::string text = long_text();
  for (const kind& each : kinds) {
    const packer pack = each.pack;
    const char *const ending = each.ending, *const name = each.name;
    INFO(name);
    const std::string path = std::string("a") + ending, packed = pack(text);
    std::string changed = packed;
    changed[packed.size() / 2] = static_cast<char>(changed[packed.size() / 2] ^ 1);
    const unpacked part = unpack(changed, path);
    CHECK(part.said.starts_with(join(path, ": the ", name, " data are damaged (")));
    CHECK(part.said.ends_with(" good bytes of text; fetch the file again"));

    const unpacked with_tail = unpack(packed + "some other text", path);
    CHECK(with_tail.text == text);
    CHECK(with_tail.said.starts_with(join(path, ": the ", name, " data are damaged (")));
    // Tapes and block devices pad files with zeros.
    const unpacked padded = unpack(packed + std::string(200000, '\0'), path);
    CHECK(padded.text == text);
    CHECK(padded.said == "");
  }
}

TEST_CASE("decompress: what is good before damage does not hang on how the file is cut") {
  const std::string text = long_text().substr(0, 20000);
  random_stream random(8);
  for (const kind& each : kinds) {
    const packer pack = each.pack;
    const char* const ending = each.ending;
    const std::string path = std::string("a") + ending;
    const std::string packed = pack(text.substr(0, 100)) + pack(text) + pack("end");
    for (int i = 0; i < 200; ++i) {
      std::string changed = packed;
      char& byte = changed[10 + random.below(packed.size() - 10)];
      byte = static_cast<char>(byte ^ (1 << random.below(8)));
      const unpacked whole = unpack(changed, path);
      for (const std::size_t piece : {1u, 5u, 4000u}) {
        const unpacked part = unpack(changed, path, piece, 1 + 100 * piece);
        CHECK(part.text == whole.text);
        CHECK(part.said == whole.said);
      }
    }
  }
}

TEST_CASE("decompress: a name that promises what the file does not hold is told") {
  CHECK(unpack("plain text", "a.gz").said ==
        "a.gz: it is named as gzip data, but does not begin so");
  CHECK(unpack("", "a.zst").said == "a.zst: it is named as zstd data, but is empty");
  CHECK(unpack(ctgpt_test::gzip("x"), "a.bz2").said ==
        "a.bz2: it is named as bzip2 data, but does not begin so");
}

TEST_CASE("decompress: zstd frames that carry other data are passed over") {
  const std::string skippable = std::string("\x50\x2A\x4D\x18\x03\x00\x00\x00xyz", 11);
  CHECK(unpack(skippable + ctgpt_test::zstd("text") + skippable, "a.zst").text == "text");
}
