// ctgpt train with GPT-2's vocabulary: a preset of 124 million parameters on any text.
#include <cmath>

#include "app/documents.hpp"
#include "app/runs.hpp"
#include "ctgpt/text/tokenizer.hpp"

using namespace ctgpt_test;

TEST_CASE("train: gpt2-124m learns any text in GPT-2's tokens, and the directory is whole") {
  const std::string vocab = corpus("tokenizers/gpt2/vocab.json");
  const std::string book = corpus("text/tinyshakespeare.txt");
  if (vocab.empty() || book.empty()) return;
  const temporary_directory here;
  const std::string run = here.file("run"), text = here.file("some.txt");
  ctgpt::write_file_atomic(text, contents(book).substr(0, 20000));
  const words how{"--preset",     "gpt2-124m", "--steps",        "2",  "--batch",  "1",
                  "--accumulate", "1",         "--context",      "32", "--warmup", "1",
                  "--eval-every", "2",         "--eval-batches", "1"};
  output_of(words{"train", "--data", text, "--tokenizer", vocab.substr(0, vocab.rfind('/')),
                  "--out", run} +
            how);
  const auto steps = metrics_lines(run);
  REQUIRE(steps.size() >= 2);
  const double first = number(parsed(steps.front()), "loss");
  CHECK(std::fabs(first - std::log(50257.0)) < 0.3);  // nothing is learnt yet
  CHECK(number(parsed(steps.back()), "loss") < first);
  const auto tokens = ctgpt::text::tokenizer::load(run + "/last");
  CHECK(tokens.vocab_size() == 50257);
  CHECK(tokens.encode("Hello world") == std::vector<std::int32_t>{15496, 995});
  const ctgpt::io::json config = ctgpt::io::read_json(run + "/last/config.json");
  CHECK(number(config, "vocab_size") == 50257);
  ctgpt::write_file_atomic(text, contents(book).substr(0, 600));
  const auto score =
      parsed(output_of({"eval", "--model", run + "/last", "--data", text, "--json"}));
  const double loss = number(score, "loss");
  CHECK((loss > 5.0 && loss < 11.0));
}
