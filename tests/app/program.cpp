// The program ctgpt as a whole: verbs, help, exit codes.
#include "app/program.hpp"

using namespace ctgpt_test;

TEST_CASE("program: every verb has --help, on standard output, with its options") {
  const std::vector<std::pair<words, words>> verbs{
      {{},
       {"train", "finetune", "sample", "chat", "eval", "describe", "report", "data", "--version"}},
      {{"train"}, {"--data PATH",      "--tokenizer NAME", "--preset NAME",  "--steps N",
                   "--epochs X",       "--batch N",        "--accumulate N", "--context N",
                   "--lr X",           "--min-lr X",       "--warmup N",     "--schedule NAME",
                   "--dropout X",      "--weight-decay X", "--beta1 X",      "--beta2 X",
                   "--clip X",         "--precision NAME", "--seed N",       "--eval-every N",
                   "--eval-batches N", "--save-every N",   "--keep N",       "--val-fraction X",
                   "--resume",         "--out DIR",        "--backend NAME", "--isa NAME",
                   "-t,--threads N",   "--order NAME",     "--patience N"}},
      {{"finetune"},
       {"-m,--model DIR", "--data FILE", "--val-data FILE", "--format NAME", "--template NAME",
        "--epochs X", "--lr X", "--patience N", "--resume", "--out DIR", "-t,--threads N"}},
      {{"sample"},
       {"-m,--model DIR", "-p,--prompt TEXT", "--prompt-file FILE", "--samples N", "-n,--tokens N",
        "--temperature X", "--top-k N", "--top-p X", "--min-p X", "--repetition-penalty X",
        "--stop TEXT", "--seed N", "--json", "--backend NAME", "--isa NAME", "-t,--threads N"}},
      {{"chat"},
       {"-m,--model DIR", "--system TEXT", "-n,--tokens N", "--temperature X", "-t,--threads N"}},
      {{"eval"},
       {"-m,--model DIR", "--data FILE", "--stride N", "--world-questions SEED", "--json",
        "--backend NAME", "-t,--threads N"}},
      {{"describe"}, {"--preset NAME", "-m,--model DIR", "--batch N", "--context N", "--json"}},
      {{"report"}, {"RUN", "--out FILE"}},
      {{"data"}, {"world"}},
      {{"data", "world"}, {"--bytes N", "--seed N", "--out FILE"}}};
  for (const auto& [verb, parts] : verbs) {
    for (const char* help : {"--help", "-h"}) {
      const outcome result = result_of(verb + words{help});
      CHECK(result.code == 0);
      CHECK(result.err.empty());
      for (const std::string& part : parts) CHECK_MESSAGE(contains(result.out, part), part);
      for (const std::string& line : lines_of(result.out)) CHECK(line.size() <= 110);
    }
  }
  CHECK(output_of({"--version"}) == std::string("ctgpt ") + CTGPT_VERSION + "\n");
}

TEST_CASE("program: the examples' page lists its verbs, and the quickstart goes on with a report") {
  const std::string examples = std::string(CTGPT_REPOSITORY) + "/examples/";
  const std::string page = ctgpt::read_file(examples + "README.md");
  const std::string said = sentence(result_of({}), 2);  // say what to do: train, ..., report or ...
  const std::size_t first = said.find("train,"), end = said.find(" (see");
  REQUIRE(end != std::string::npos);
  std::string verbs = said.substr(first, end - first);
  verbs.replace(verbs.find(" or "), 4, ", ");
  CHECK(contains(page, "the command-line program: " + verbs));
  CHECK(contains(ctgpt::read_file(examples + "quickstart.sh"),
                 "\n  $ctgpt report $dir/base $dir/chat\n"));
}

TEST_CASE("program: no verb, an unknown verb, a verb too many") {
  const auto said = [](const words& arguments) { return sentence(result_of(arguments), 2); };
  CHECK(contains(said({}), "train, finetune, sample, chat, eval, describe, report"));
  CHECK(contains(said({"trian"}), "there is no verb \"trian\"; did you mean train?"));
  CHECK(contains(said({"frobnicate"}), "there is no verb \"frobnicate\"; choose train,"));
  CHECK(contains(said({"data"}), "data world"));
  CHECK(contains(said({"data", "claen"}), "did you mean data clean?") ==
        (result_of({"data", "clean", "--help"}).code == 0));
  CHECK(contains(said({"data", "word"}), "did you mean data world?"));
  CHECK(contains(said({"--verbose"}), "there is no option --verbose"));
  CHECK(contains(said({"sample", "train"}), "not expected"));
}

TEST_CASE("program: exit codes are 0, 1 for a failure, 2 for wrong usage") {
  CHECK(result_of({"describe"}).code == 0);
  CHECK(result_of({"describe", "--model", "nowhere"}).code == 1);
  CHECK(result_of({"describe", "--preset", "nothing"}).code == 2);
  // One line, whatever a name holds.
  CHECK(contains(sentence(result_of({"describe", "--model", "a\nctgpt: b"}), 1), "a ctgpt: b"));
}
