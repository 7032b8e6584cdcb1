// Whatever is wrong with a file, the program says one sentence and ends; what was saved stays.
#include <sys/stat.h>

#include <random>

#include "app/runs.hpp"

using namespace ctgpt_test;

namespace {

// It opened a valid model, or said one sentence: nothing else is allowed.
void check_end(const outcome& result) {
  INFO(result.err);
  CHECK(result.signal == 0);
  CHECK((result.code == 0 || result.code == 1));
  int sentences = 0;
  for (const std::string& line : lines_of(result.err)) sentences += line.starts_with("ctgpt: ");
  CHECK(sentences == (result.code == 0 ? 0 : 1));
}

std::string flipped(std::string text, std::size_t byte, unsigned bit) {
  text[byte] = static_cast<char>(static_cast<unsigned char>(text[byte]) ^ (1u << bit));
  return text;
}

// A run with one checkpoint, one of whose files can be replaced and put back.
class patient : public playground {
 public:
  patient() { trained("run", {"--steps", "2"}); }
  std::string run() const { return file("run"); }
  std::string path(const std::string& name) const { return run() + "/step-2/" + name; }
  void put(const std::string& name, const std::string& text) const {
    ctgpt::write_file_atomic(path(name), text);
  }
  outcome sample() const { return result_of({"sample", "-m", run(), "-n", "3", "-t", "1"}); }
  // Goes on for a step, in a copy, so that the run stays as it is.
  outcome resume_copy() const {
    std::filesystem::remove_all(file("copy"));
    std::filesystem::copy(
        run(), file("copy"),
        std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
    return result_of(resume(file("copy"), {"--steps", "3"}));
  }
};

}  // namespace

TEST_CASE("bad input: data that cannot be learnt from are one sentence, and nothing is made") {
  const temporary_directory here;
  const auto said = [&](const std::string& data, const words& more = {"--tokenizer", "char"}) {
    const words train{"train",     "--data", data,    "--preset",      "quickstart",
                      "--context", "32",     "--out", here.file("run")};
    const std::string text = sentence(result_of(train + more), 1);
    CHECK_FALSE(std::filesystem::exists(here.file("run")));
    return text;
  };
  const auto file = [&](const char* name, const std::string& text) {
    ctgpt::write_file_atomic(here.file(name), text);
    return here.file(name);
  };
  std::mt19937 random(4);
  std::string noise(100000, '\0');
  for (char& byte : noise) byte = static_cast<char>(random());
  std::string latin;
  for (int i = 0; i < 3000; ++i) latin += "caf\xE9 ";
  CHECK(contains(said(here.file("missing.txt")), "cannot read " + here.file("missing.txt")));
  CHECK(contains(said(here.path()), "holds no tokens"));
  CHECK(contains(said(file("empty.txt", "")), "is empty"));
  CHECK(contains(said(file("tiny.txt", "abc")), "each part needs at least 33 for a context of 32"));
  CHECK(contains(said(file("noise.bin", noise)), "is not UTF-8 at byte"));
  CHECK(contains(said(file("latin.txt", latin)), "is not UTF-8 at byte 3"));
  CHECK(contains(said(file("cut.txt", std::string(5000, 'a') + "\xE2\x82")), "at byte 5000"));
  CHECK(contains(said(file("zero.txt", std::string(40, '\0')), {"--tokenizer", "bytes"}),
                 "40 tokens"));
  REQUIRE(::mkfifo(here.file("pipe").c_str(), 0600) == 0);
  CHECK(contains(said(here.file("pipe")), "is a pipe or a device"));
  for (const std::string mark : {"\x1F\x8B\x08", "\x28\xB5\x2F\xFD", "BZh91AY&SY"}) {
    CHECK(contains(said(file("packed", mark + noise), {"--tokenizer", "bytes"}),
                   "data; unpack it, or make tokens"));
  }
  // More characters than the preset has room for.
  std::string many;
  for (char32_t code = 0x4E00; code < 0x4E00 + 1100; ++code) {
    for (int i = 0; i < 4; ++i) ctgpt::utf8_append(many, code);
  }
  CHECK(contains(said(file("many.txt", many)), "1100 different characters"));
  // The bytes tokenizer takes them.
  const words bytes{"train",
                    "--data",
                    here.file("noise.bin"),
                    "--tokenizer",
                    "bytes",
                    "--preset",
                    "quickstart",
                    "--context",
                    "16",
                    "--batch",
                    "1",
                    "--steps",
                    "2",
                    "--eval-batches",
                    "1",
                    "--threads",
                    "1",
                    "--out",
                    here.file("noise")};
  CHECK(result_of(bytes).code == 0);
  CHECK(result_of({"sample", "-m", here.file("noise"), "-n", "3"}).code == 0);
}

TEST_CASE("bad input: a file of a checkpoint that is cut anywhere is one sentence") {
  const patient here;
  std::mt19937 random(1);
  for (const char* name : {"model.safetensors", "trainer_state.safetensors", "config.json",
                           "tokenizer.json", "generation_config.json"}) {
    const std::string good = contents(here.path(name));
    const bool state = std::string_view(name) == "trainer_state.safetensors";
    std::vector<std::size_t> lengths{0, 1, 7, 8, 9, 100, good.size() / 2, good.size() - 1};
    for (int i = 0; i < 6; ++i) lengths.push_back(random() % good.size());
    for (const std::size_t length : lengths) {
      INFO(name << " cut to " << length);
      here.put(name, good.substr(0, length));
      const outcome result = state ? here.resume_copy() : here.sample();
      // JSON may end in white space, which is nothing lost.
      if (good.find_first_not_of(" \n", length) == std::string::npos) continue;
      CHECK(result.code == 1);
      check_end(result);
      CHECK(contains(result.err, name));
    }
    here.put(name, good);
  }
  CHECK(here.sample().code == 0);
}

TEST_CASE("bad input: one flipped bit among the numbers of a checkpoint is found") {
  const patient here;
  std::mt19937 random(3);
  for (const char* name : {"model.safetensors", "trainer_state.safetensors"}) {
    const std::string good = contents(here.path(name));
    const bool state = std::string_view(name) == "trainer_state.safetensors";
    for (int i = 0; i < 12; ++i) {
      const std::size_t byte = good.size() - 1 - random() % (good.size() / 2);
      const unsigned bit = random() % 8;
      INFO(name << " bit " << bit << " of byte " << byte);
      here.put(name, flipped(good, byte, bit));
      const std::string resumed = sentence(here.resume_copy(), 1);
      CHECK(contains(resumed, std::string(name) + " is damaged: the checksum of its data is "));
      CHECK(contains(resumed, "; remove " + here.file("copy") + "/step-2 to go on"));
      if (!state) CHECK(contains(sentence(here.sample(), 1), " is damaged: the checksum"));
    }
    here.put(name, good);
  }
  // The weights of another step, sound in themselves, do not belong to this state.
  const std::string other = here.trained("other", {"--steps", "3"});
  here.put("model.safetensors", contents(other + "/last/model.safetensors"));
  CHECK(here.sample().code == 0);
  CHECK(contains(sentence(here.resume_copy(), 1), "belongs to other weights"));
}

TEST_CASE("bad input: a checkpoint with flipped bits is a valid model or one sentence") {
  const patient here;
  std::mt19937 random(2);
  for (const char* name :
       {"model.safetensors", "trainer_state.safetensors", "config.json", "tokenizer.json"}) {
    const std::string good = contents(here.path(name));
    const bool state = std::string_view(name) == "trainer_state.safetensors";
    for (int i = 0; i < 30; ++i) {
      // Mostly in the header, where sizes and offsets are.
      const std::size_t reach = std::min<std::size_t>(good.size(), i % 4 == 0 ? good.size() : 2000);
      const std::size_t byte = random() % reach;
      const unsigned bit = random() % 8;
      INFO(name << " bit " << bit << " of byte " << byte);
      here.put(name, flipped(good, byte, bit));
      check_end(state ? here.resume_copy() : here.sample());
    }
    here.put(name, good);
  }
  CHECK(here.sample().code == 0);
}

TEST_CASE("bad input: a checkpoint of another shape, or with absurd sizes in its header") {
  const patient here;
  const std::string good = contents(here.path("model.safetensors"));
  const auto with_length = [&](std::uint64_t length) {
    std::string text = good;
    for (std::size_t i = 0; i < 8; ++i) text[i] = static_cast<char>(length >> (8 * i));
    return text;
  };
  for (const std::uint64_t length :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{99'999'999}, std::uint64_t{1} << 40,
        std::uint64_t{1} << 63, ~std::uint64_t{0}, std::uint64_t{good.size() - 8}}) {
    INFO(length);
    here.put("model.safetensors", with_length(length));
    CHECK(contains(sentence(here.sample(), 1), "model.safetensors"));
    CHECK(here.resume_copy().code == 1);
  }
  // Numbers in the header that promise terabytes.
  for (const char* from : {"\"shape\":[128]", "\"data_offsets\":[0,"}) {
    std::string text = good;
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    text.replace(at, 10, "\"x\":99999,");
    here.put("model.safetensors", text);
    CHECK(contains(sentence(here.sample(), 1), "model.safetensors"));
  }
  here.put("model.safetensors", good);
  // Another size, and more layers than the file has weights for.
  const std::string config = contents(here.path("config.json"));
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string text = config;
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    here.put("config.json", text.replace(at, from.size(), to));
    return sentence(here.sample(), 1);
  };
  CHECK(contains(changed("\"layers\": 3", "\"layers\": 4"), "model.safetensors: the tensor"));
  CHECK(contains(changed("\"width\": 128", "\"width\": 99999999999"), "config.json: ctgpt.width"));
  CHECK(contains(changed("\"heads\": 4", "\"heads\": 5"), "config.json: ctgpt."));
  CHECK(contains(changed("\"vocab_size\": ", "\"vocab_size\": 99"), "config.json"));
  CHECK(contains(changed("\"ctgpt\": {", "\"other\": {"), "model_type must be gpt2 or llama"));
  here.put("config.json", config);
  // A whole model of another preset under this config.
  const std::string other =
      here.trained("other", {"--preset", "shakespeare-char-cpu", "--steps", "2"});
  here.put("model.safetensors", contents(other + "/last/model.safetensors"));
  CHECK(contains(sentence(here.sample(), 1), "model.safetensors: the tensor"));
  CHECK(contains(here.resume_copy().err, "model.safetensors: the tensor"));
}

TEST_CASE("bad input: weights that are no numbers are said, not sampled from") {
  const patient here;
  std::string text = contents(here.path("model.safetensors"));
  text.replace(text.find("xxh64"), 5, "other");  // as another program writes it: no checksum
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (std::size_t at = text.size() - 4096; at < text.size(); at += 4) {
    std::memcpy(text.data() + at, &nan, 4);
  }
  here.put("model.safetensors", text);
  const outcome sampled = here.sample();
  CHECK(sampled.code == 1);
  CHECK(contains(sampled.err, "its weights are damaged, or its training diverged"));
  const std::string evaluated =
      sentence(result_of({"eval", "-m", here.run(), "--data", here.data()}), 1);
  CHECK(contains(evaluated, "the loss is not a finite number"));
  CHECK(contains(here.resume_copy().err, "not a finite number; first bad tensor: the weight"));
}

TEST_CASE("bad input: a tokenizer that does not fit the model, a state of another step") {
  const patient here;
  const std::string good = contents(here.path("tokenizer.json"));
  std::string text = good;
  const std::size_t at = text.find("\"A\":");
  REQUIRE(at != std::string::npos);
  const std::size_t end = text.find('\n', at);
  here.put("tokenizer.json", text.erase(at, end - at));
  CHECK(contains(sentence(here.sample(), 1), "tokenizer.json"));
  here.put("tokenizer.json", good);
  const std::string state = contents(here.path("trainer_state.safetensors"));
  std::string other = state;
  const std::size_t step = other.find("\"step\":\"2\"");
  REQUIRE(step != std::string::npos);
  other[step + 8] = '1';
  here.put("trainer_state.safetensors", other);
  CHECK(contains(here.resume_copy().err, "holds a state of step 1"));
  // Nothing of that touched the model.
  here.put("trainer_state.safetensors", state);
  CHECK(here.sample().code == 0);
  CHECK(here.resume_copy().code == 0);
}
