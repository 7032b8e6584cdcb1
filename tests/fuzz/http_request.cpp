// Any bytes as a request: its head, its target, its body for each of the four ways of asking.
// Refused with a status of 400 to 505 and a sentence in OpenAI's form, or read into what stays
// within its bounds.
//
// The input: a head, which ends with an empty line, then a body.
#include "ctgpt/serve/api_keys.hpp"
#include "ctgpt/serve/chat_request.hpp"
#include "ctgpt/serve/origins.hpp"
#include "ctgpt/serve/request_head.hpp"
#include "ctgpt/serve/request_target.hpp"
#include "ctgpt/serve/sse_reader.hpp"
#include "ctgpt/serve/text_request.hpp"
#include "fuzz/require.hpp"

using namespace ctgpt;
using namespace ctgpt::serve;
using fuzz::require;

namespace {

constexpr isize vocab = 300;

template <class Read>
void refused_or_read(Read read) {
  try {
    read();
  } catch (const api_error& problem) {
    require(problem.status >= 400 && problem.status <= 505, "a status of refusal");
    const std::string body = problem.body();
    const io::json told = io::parse_json(body, "f");
    const io::json_field error = io::json_field(told, "f")["error"];
    require(error["message"].string().size() > 5, "a sentence");
    require(error["param"].value() != nullptr && error["code"].value() != nullptr, "all members");
  }
}

void check_generation(const generation_fields& read) {
  require(read.ask.choose.validate().empty(), "settings that a sampler takes");
  require(read.n >= 1 && read.n <= 128, "n");
  require(!read.tokens || (*read.tokens >= 0 && *read.tokens <= most_tokens), "tokens");
  require(read.ask.stop.size() <= most_stops, "stops");
  for (const std::string& each : read.ask.stop) require(!each.empty(), "no empty stop");
  for (const auto& [token, bias] : read.ask.logit_bias) {
    require(token >= 0 && token < vocab && bias >= -100.0f && bias <= 100.0f, "biases");
  }
}
void check_prompts(const std::vector<prompt_text>& prompts) {
  require(!prompts.empty(), "a prompt");
  for (const prompt_text& each : prompts) {
    const auto* ids = std::get_if<std::vector<std::int32_t>>(&each);
    if (ids == nullptr) continue;
    for (const std::int32_t id : *ids) require(id >= 0 && id < vocab, "ids of the vocabulary");
  }
}

void check_head(std::string_view bytes) {
  const std::size_t end = head_end(bytes);
  if (end == bytes.npos) return;
  const request_head read = read_request_head(bytes.substr(0, end));
  require(!(read.chunked && read.length > 0), "one length");
  require(head_end(read.text) == read.text.size(), "one head, to its end");
  const request_head again = read_request_head(read.text);
  require(again.method == read.method && again.target == read.target &&
              again.length == read.length && again.chunked == read.chunked,
          "httplib is told the same");
  const std::string path = path_of_target(read.target);
  require(path.starts_with('/') && path.find('\0') == path.npos, "a path");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text_of(data, size);
  refused_or_read([&] { check_head(bytes); });
  const std::size_t end = head_end(bytes);
  const std::string_view body = end == bytes.npos ? bytes : bytes.substr(end);
  refused_or_read([&] {
    const io::json parsed = parse_request(body);
    const sampling defaults;
    refused_or_read([&] {
      const chat_request read = read_chat_request(parsed, defaults, vocab);
      check_generation(read);
      require(!read.messages.empty(), "a message");
      require(read.ask.likeliest >= -1 && read.ask.likeliest <= 20, "top_logprobs");
    });
    refused_or_read([&] {
      const completions_request read = read_completions_request(parsed, defaults, vocab);
      check_generation(read);
      check_prompts(read.prompts);
      require(read.best_of >= read.n && (!read.stream || read.best_of == read.n), "best_of");
    });
    refused_or_read([&] { check_prompts(read_generate_request(parsed, defaults, vocab).prompts); });
    refused_or_read([&] { check_prompts(read_embeddings_request(parsed, vocab).inputs); });
  });
  refused_or_read([&] { chunk_size(body.substr(0, body.find('\n'))); });
  static_cast<void>(host_name_of(body));
  try {
    api_keys_reader("f").read(body);
  } catch (const error&) {
  }
  // A stream read in two pieces is the stream.
  std::string whole, cut;
  const auto into = [](std::string& all) {
    return [&all](std::string_view event) { all.append(event).append("|"); };
  };
  sse_reader once, twice;
  once.feed(body, into(whole));
  twice.feed(body.substr(0, body.size() / 3), into(cut));
  twice.feed(body.substr(body.size() / 3), into(cut));
  require(whole == cut, "events do not depend on how their bytes are cut");
  return 0;
}
