// ctgpt sample and chat: what goes where, and what decides the text.
#include "app/runs.hpp"

using namespace ctgpt_test;

namespace {

words sample(const std::string& model, const words& more) {
  return words{"sample", "--model", model, "--threads", "1"} + more;
}

}  // namespace

TEST_CASE("sample: standard output is the prompt, its continuation and one newline, nothing else") {
  const playground here;
  const std::string run = here.trained("run");
  const outcome result = result_of(sample(run, {"--prompt", "Once", "--tokens", "30"}));
  REQUIRE(result.code == 0);
  CHECK(result.err.empty());
  CHECK(result.out.size() == 4 + 30 + 1);  // characters of the world are ASCII
  CHECK(result.out.starts_with("Once"));
  CHECK(result.out.ends_with("\n"));
  // Without a prompt it starts from a newline.
  const std::string bare = output_of(sample(run, {"--tokens", "30"}));
  CHECK(bare.size() == 1 + 30 + 1);
  CHECK(bare.starts_with("\n"));
  CHECK(bare == output_of(sample(run, {"--tokens", "30", "--prompt", "\n"})));
  // From a file, byte for byte.
  ctgpt::write_file_atomic(here.file("prompt.txt"), "Once\n");
  const std::string filed =
      output_of(sample(run, {"--prompt-file", here.file("prompt.txt"), "-n", "5"}));
  CHECK(filed.starts_with("Once\n"));
  CHECK(filed.size() == 5 + 5 + 1);
}

TEST_CASE("sample: --json prints one object with text, the same text as without") {
  const playground here;
  const std::string run = here.trained("run");
  const words flags{"--prompt", "The", "--tokens", "20"};
  const std::string plain = output_of(sample(run, flags));
  const std::string out = output_of(sample(run, flags + words{"--json"}));
  CHECK(lines_of(out).size() == 1);
  CHECK(text_of(parsed(out), "text") + "\n" == plain);
  CHECK(number(parsed(out), "tokens") == 20);
  // Several samples: an object each, of seeds that follow each other.
  const std::vector<std::string> many =
      lines_of(output_of(sample(run, flags + words{"--json", "--samples", "3", "--seed", "5"})));
  REQUIRE(many.size() == 3);
  for (int i = 0; i < 3; ++i) {
    const std::string seed = std::to_string(5 + i);
    const ctgpt::io::json one = parsed(many[static_cast<std::size_t>(i)]);
    CHECK(text_of(one, "text") + "\n" == output_of(sample(run, flags + words{"--seed", seed})));
  }
}

TEST_CASE("sample: greedy is the same for every seed, sampling for equal seeds alone") {
  const playground here;
  const std::string run = here.trained("run");
  const auto text = [&](const words& more) {
    return output_of(sample(run, words{"--prompt", "A", "--tokens", "60"} + more));
  };
  const std::string greedy = text({"--temperature", "0"});
  CHECK(greedy == text({"--temperature", "0", "--seed", "9"}));
  CHECK(greedy == text({"--temperature", "1", "--top-k", "1", "--seed", "9"}));
  CHECK(greedy == text({"--temperature", "1", "--min-p", "1"}));
  CHECK(greedy == text({"--temperature", "1", "--top-p", "0"}));
  const std::string seven = text({"--temperature", "1", "--seed", "7"});
  CHECK(seven == text({"--temperature", "1", "--seed", "7"}));
  CHECK(seven != text({"--temperature", "1", "--seed", "8"}));
  CHECK(seven != text({"--temperature", "1", "--seed", "7", "--repetition-penalty", "2"}));
  // Any backend, any threads, past the context of 256 tokens too.
  const words far{"--prompt", "A", "--tokens", "300", "--temperature", "0", "--model", run};
  const std::string long_text = output_of(words{"sample", "-t", "1"} + far);
  CHECK(long_text == output_of(words{"sample", "-t", "2"} + far));
  CHECK(long_text.size() == 302);
}

TEST_CASE("sample: --stop ends before the text, and may be given again") {
  const playground here;
  const std::string run = here.trained("run", {"--steps", "60"});
  const words flags{"--prompt", "Q", "--tokens", "80", "--temperature", "0"};
  const std::string whole = output_of(sample(run, flags));
  const std::string stop = whole.substr(30, 5);
  const std::string cut = output_of(sample(run, flags + words{"--stop", stop}));
  CHECK(cut == whole.substr(0, whole.find(stop, 1)) + "\n");
  CHECK(cut == output_of(sample(run, flags + words{"--stop", "@@@@", "--stop", stop})));
  const std::string json = output_of(sample(run, flags + words{"--json", "--stop", stop}));
  CHECK(text_of(parsed(json), "finish_reason") == "stop");
}

TEST_CASE("sample: a run directory means its best, else its last; a model directory itself") {
  const playground here;
  const std::string run = here.trained("run");
  const words flags{"--prompt", "A", "--tokens", "40", "--temperature", "1"};
  const std::string three = output_of(sample(run + "/step-3", flags));
  const std::string six = output_of(sample(run + "/step-6", flags));
  CHECK(three != six);
  std::filesystem::remove(run + "/best");
  std::filesystem::create_symlink("step-3", run + "/best");
  CHECK(output_of(sample(run, flags)) == three);
  CHECK(output_of(sample(run + "/last", flags)) == six);
  std::filesystem::remove(run + "/best");
  CHECK(output_of(sample(run, flags)) == six);
  std::filesystem::remove(run + "/last");
  CHECK(contains(sentence(result_of(sample(run, flags)), 1), "holds no model"));
  CHECK(
      contains(sentence(result_of(sample(here.file("none"), flags)), 1), "there is no directory"));
}

TEST_CASE("sample: short options are llama.cpp's") {
  const playground here;
  const std::string run = here.trained("run");
  CHECK(output_of({"sample", "-m", run, "-p", "One", "-n", "9", "-t", "1"}) ==
        output_of(sample(run, {"--prompt", "One", "--tokens", "9"})));
}

TEST_CASE("sample: defaults come from generation_config.json, flags override them") {
  const playground here;
  const std::string run = here.trained("run");
  const std::string path = run + "/best/generation_config.json";
  const ctgpt::io::json ours = ctgpt::io::read_json(path);
  CHECK(number(ours, "temperature") == 0.8);
  CHECK(number(ours, "top_k") == 200);
  const auto text = [&](const words& more) {
    return output_of(sample(run, words{"--prompt", "A"} + more));
  };
  const std::string usual = text({"-n", "50"});
  CHECK(usual == text({"-n", "50", "--temperature", "0.8", "--top-k", "200"}));
  CHECK(text({}).size() == 1 + 200 + 1);
  const std::string greedy = text({"-n", "50", "--temperature", "0"});
  for (const char* config :
       {R"({"temperature": 0.0, "max_new_tokens": 50})", R"({"top_k": 1, "max_new_tokens": 50})",
        R"({"do_sample": false, "max_new_tokens": 50})"}) {
    ctgpt::write_file_atomic(path, config);
    CHECK(text({}) == greedy);
  }
  CHECK(text({"-n", "50", "--temperature", "0.8", "--top-k", "200"}) == usual);
  ctgpt::write_file_atomic(path, R"({"temperature": -1})");
  CHECK(
      contains(sentence(result_of(sample(run, {})), 1), "generation_config.json: the temperature"));
  std::filesystem::remove(path);
  CHECK(text({"-n", "50"}) == usual);
}

TEST_CASE("sample: a prompt that the tokenizer does not know is one sentence, and no output") {
  const playground here;
  const std::string run = here.trained("run");
  const std::string said = sentence(result_of(sample(run, {"--prompt", "Gar\xC3\xA7on"})), 1);
  CHECK(contains(said, "does not know the character '\xC3\xA7' (U+00E7) at byte 3"));
  CHECK(sentence(result_of(sample(run, {"--prompt", "\xFF\xFE"})), 1) ==
        "the prompt is not UTF-8 at byte 0; this model reads characters, so it needs UTF-8");
  ctgpt::write_file_atomic(here.file("binary"), "ab\xFF");
  const words binary{"--prompt-file", here.file("binary")};
  CHECK(sentence(result_of(sample(run, binary)), 1) ==
        "the prompt file " + here.file("binary") +
            " is not UTF-8 at byte 2; this model reads characters, so it needs UTF-8");
  CHECK(contains(sentence(result_of({"eval", "-m", run, "--data", here.file("binary")}), 1),
                 "the data file " + here.file("binary") + " is not UTF-8 at byte 2"));
  CHECK(contains(sentence(result_of(sample(run, {"--prompt", ""})), 2), "--prompt"));
  ctgpt::write_file_atomic(here.file("empty.txt"), "");
  const words empty{"--prompt-file", here.file("empty.txt")};
  CHECK(contains(sentence(result_of(sample(run, empty)), 1), "is empty"));
  const words missing{"--prompt-file", here.file("missing.txt")};
  CHECK(contains(sentence(result_of(sample(run, missing)), 1), "cannot read"));
  CHECK(contains(sentence(result_of(sample(run, empty + words{"--prompt", "A"})), 2), "not both"));
  CHECK(contains(sentence(result_of({"sample"}), 2), "--model DIR"));
}

TEST_CASE("sample: without a newline in its corpus a model starts from its first character") {
  const playground here;
  std::string letters;
  for (int i = 0; i < 900; ++i) letters += "abc ";
  ctgpt::write_file_atomic(here.file("letters"), letters);
  const std::string run = here.trained("run", {"--data", here.file("letters"), "--steps", "2"});
  const outcome result = result_of(sample(run, {"-n", "3"}));
  CHECK(result.code == 0);
  CHECK(result.out.size() == 5);
  CHECK(result.out[0] == ' ');
  CHECK(contains(result.err, "knows no newline: starting from \" \""));
}

TEST_CASE("sample: a model that its user may not read says so") {
  if (::geteuid() != 0) {
    MESSAGE("left out: this test gives up root's rights");
    return;
  }
  const playground here;
  const std::string run = here.trained("run");
  std::filesystem::permissions(run + "/step-6", std::filesystem::perms::owner_all);
  std::filesystem::permissions(run + "/step-3", std::filesystem::perms::owner_all);
  const outcome result = result_of(
      sample(run, {}), {.before = [] { REQUIRE(::setuid(65534) == 0); }});
  CHECK(contains(sentence(result, 1), "Permission denied"));
}

TEST_CASE("sample: the bytes tokenizer takes any prompt, and never splits UTF-8") {
  const playground here;
  const std::string run = here.trained("run", {"--tokenizer", "bytes", "--steps", "4"});
  const std::string out = output_of(
      sample(run, {"--prompt", "\xE2\x82\xAC", "--tokens", "200", "--temperature", "100"}));
  CHECK(out.starts_with("\xE2\x82\xAC"));
  CHECK(ctgpt::utf8_error_offset(out) == std::string::npos);
  const outcome raw = result_of(sample(run, {"--prompt", "\xFF", "--tokens", "5"}));
  CHECK(raw.code == 0);
  CHECK(raw.out.starts_with("\xFF"));
  CHECK(contains(sentence(result_of(sample(run, {"--prompt", "\xFF", "--json"})), 2), "UTF-8"));
}

TEST_CASE("sample: a reader that leaves, and a full device, end it cleanly") {
  const playground here;
  const std::string run = here.trained("run");
  const std::string line = std::string(CTGPT_PROGRAM) + " sample -t 1 -n 5000 -m " + run +
                           " -p Once | head -c 1; echo \" ${PIPESTATUS[0]}\"";
  const outcome piped = running({"-c", line}, {}, "/bin/bash").wait();
  CHECK(piped.err.empty());
  CHECK((piped.out == "O 141\n" || piped.out == "O 0\n"));  // 128 + SIGPIPE, as for every program
  REQUIRE(std::filesystem::exists("/dev/full"));
  for (const words& each :
       {sample(run, {"-n", "3"}), sample(run, {"-n", "3", "--json"}), words{"describe", "-m", run},
        words{"eval", "-m", run, "--data", here.data()}, words{"--help"}}) {
    const std::string said = sentence(result_of(each, {.out = "/dev/full"}), 1);
    CHECK(contains(said, "cannot write standard output"));
  }
}

TEST_CASE("chat: it says that it completes text, continues each line, and ends with its input") {
  const playground here;
  const std::string run = here.trained("run");
  const words chat{"chat", "-m", run, "-n", "12", "-t", "1"};
  const outcome result = result_of(chat, {.input = "Hello\n\nBob\n"});
  REQUIRE(result.code == 0);
  CHECK(contains(result.err, "no chat template"));
  CHECK(contains(result.err, "completes text"));
  const std::string hello = output_of(sample(run, {"-p", "Hello", "-n", "12"}));
  const std::string bob = output_of(sample(run, {"-p", "Bob", "-n", "12"}));
  CHECK(result.out == hello + bob);
  CHECK(result_of(chat).code == 0);  // nothing to read at all
}

TEST_CASE("chat: characters that the tokenizer does not know do not end it; /again, /quit") {
  const playground here;
  const std::string run = here.trained("run");
  const words chat{"chat", "-m", run, "-n", "12", "-t", "1"};
  const outcome result = result_of(chat, {.input = "\xC3\x87"
                                                   "a va?\n\xFF\nBob\r\n"});
  CHECK(result.code == 0);
  CHECK(contains(result.err, "does not know the character"));
  CHECK(result.out == output_of(sample(run, {"-p", "Bob", "-n", "12"})));
  const outcome again = result_of(chat, {.input = "/again\nBob\n/again\n/quit\nHello\n"});
  CHECK(again.out ==
        result.out + output_of(sample(run, {"-p", "Bob", "-n", "12", "--seed", "1338"})));
}
