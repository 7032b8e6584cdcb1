// Requests are read as OpenAI documents them: every member typed and bounded, null as absent, what
// is not known ignored, what is not done refused; each sentence names its member.
#include <doctest/doctest.h>

#include "ctgpt/serve/chat_request.hpp"
#include "ctgpt/serve/text_request.hpp"

using namespace ctgpt::serve;

namespace {

const ctgpt::sampling defaults{};

chat_request chat(const std::string& members) {
  const std::string body = R"({"messages":[{"role":"user","content":"hi"}])" +
                           (members.empty() ? "" : "," + members) + "}";
  return read_chat_request(parse_request(body), defaults, 256);
}
completions_request completion(const std::string& members) {
  return read_completions_request(parse_request("{" + members + "}"), defaults, 256);
}

// The param of the refusal; "accepted" where there is none.
template <class Read>
std::string refused(Read read) {
  try {
    read();
  } catch (const api_error& problem) {
    CHECK(problem.status == 400);
    CHECK(std::string(problem.what()).size() > 10);
    CHECK(problem.body().starts_with("{\"error\":{\"message\":"));
    return problem.param;
  }
  return "accepted";
}
std::string refused_chat(const std::string& members) {
  return refused([&] { chat(members); });
}
std::string refused_body(const std::string& body) {
  return refused([&] { read_chat_request(parse_request(body), defaults, 256); });
}

}  // namespace

TEST_CASE("every number has its range, and no other kind of value is one") {
  struct bounds {
    const char* name;
    const char *least, *most, *below, *above;
  };
  for (const bounds& each : {bounds{"temperature", "0", "2", "-0.001", "2.001"},
                             {"top_p", "0", "1", "-1", "1.01"},
                             {"min_p", "0", "1", "-1", "1.01"},
                             {"frequency_penalty", "-2", "2", "-2.01", "2.01"},
                             {"presence_penalty", "-2", "2", "-2.01", "2.01"},
                             {"repetition_penalty", "0.01", "100", "0", "101"},
                             {"top_k", "0", "16777216", "-1", "16777217"},
                             {"n", "1", "128", "0", "129"},
                             {"max_tokens", "1", "131072", "0", "131073"},
                             {"max_completion_tokens", "1", "131072", "-5", "131073"},
                             {"seed", "-9223372036854775808", "9223372036854775807",
                              "-9223372036854775809", "9223372036854775808"}}) {
    INFO(each.name);
    const auto member = [&](const std::string& value) {
      return "\"" + std::string(each.name) + "\":" + value;
    };
    for (const char* good : {each.least, each.most, "null"}) {
      CHECK(refused_chat(member(good)) == "accepted");
    }
    for (const char* bad : {each.below, each.above, "\"1\"", "true", "[]", "[1]", "{}", "1e308",
                            "-1e308", "18446744073709551615", "1e18"}) {
      INFO(bad);
      CHECK(refused_chat(member(bad)) == each.name);
    }
    for (const char* none : {"NaN", "Infinity", "1e999", "+1", "01", ".5", "0x10"}) {
      CHECK(refused_chat(member(none)) == "");  // no JSON
    }
  }
  CHECK(refused_chat(R"("n":1.5)") == "n");
  CHECK(chat(R"("temperature":0.5)").ask.choose.temperature == 0.5f);
  CHECK(chat("").ask.choose.temperature == defaults.temperature);
  CHECK(chat(R"("seed":-1)").seed == ~std::uint64_t{0});
}

TEST_CASE("a sentence says what a member must be, and what it is") {
  try {
    chat(R"("temperature":"hot")");
    FAIL("accepted");
  } catch (const api_error& problem) {
    CHECK(std::string(problem.what()) == "temperature must be a number from 0 to 2, not \"hot\"");
    CHECK(problem.body() ==
          R"({"error":{"message":"temperature must be a number from 0 to 2, not \"hot\"",)"
          R"("type":"invalid_request_error","param":"temperature","code":null}})");
  }
}

TEST_CASE("bodies that are none") {
  for (const std::string& body :
       {std::string(), std::string("{"), std::string("[]"), std::string("null"), std::string("7"),
        std::string("{}"), std::string("{\"messages\":[]} x"), std::string("\xEF\xBB\xBF{}"),
        std::string("{\"messages\":\"\xFF\"}"), std::string("{\"messages\":\"\\ud800\"}"),
        std::string(100'000, '['), "{\"a\":" + std::string(100'000, '[') + "}",
        std::string("{\"n\":1,\"n\":2}"), std::string("{\"messages\":\"a\0b\"}", 18)}) {
    CHECK(refused_body(body) != "accepted");
  }
  std::string many = "{\"a\":[0";
  for (int i = 0; i < 400'000; ++i) many += ",0";
  CHECK(refused_body(many + "]}") == "");
  CHECK(refused_chat(R"("nobody_knows":{"this":[1,2,3]},"metadata":{},"store":true)") ==
        "accepted");
}

TEST_CASE("messages: roles, contents as text or parts, and where one is wrong") {
  const auto read = [](const std::string& messages) {
    return read_chat_request(parse_request("{\"messages\":" + messages + "}"), defaults, 256)
        .messages;
  };
  CHECK(read(R"([{"role":"developer","content":"a"},{"role":"assistant","content":null},)"
             R"({"role":"user","content":[{"type":"text","text":"b"},)"
             R"({"type":"text","text":"c"}]}])") ==
        ctgpt::align::conversation{{"system", "a"}, {"assistant", ""}, {"user", "bc"}});
  const auto refusal = [&](const std::string& messages) {
    return refused([&] { read(messages); });
  };
  CHECK(refusal("[]") == "messages");
  CHECK(refusal("null") == "messages");
  CHECK(refusal("\"hi\"") == "messages");
  CHECK(refusal("[1]") == "messages[0]");
  CHECK(refusal("[{}]") == "messages[0].role");
  CHECK(refusal(R"([{"role":"robot","content":"a"}])") == "messages[0].role");
  CHECK(refusal(R"([{"role":"user"}])") == "messages[0].content");
  CHECK(refusal(R"([{"role":"user","content":7}])") == "messages[0].content");
  CHECK(refusal(R"([{"role":"user","content":[]}])") == "messages[0].content");
  CHECK(refusal(R"([{"role":"user","content":["a"]}])") == "messages[0].content[0]");
  CHECK(refusal(R"([{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}])") ==
        "messages[0].content[0].type");
  CHECK(refusal(R"([{"role":"user","content":[{"type":"text"}]}])") ==
        "messages[0].content[0].text");
  std::string many = "[";
  for (int i = 0; i < 3000; ++i) many += R"({"role":"user","content":"a"},)";
  many.back() = ']';
  CHECK(refusal(many) == "messages");
}

TEST_CASE("stop, logit_bias, streams, log probabilities") {
  CHECK(chat(R"("stop":"a")").ask.stop == std::vector<std::string>{"a"});
  CHECK(chat(R"("stop":["a","b","c","d"])").ask.stop.size() == 4);
  for (const char* bad : {R"([""])", R"("")", "[1]", "7", R"(["a","b","c","d","e"])", "{}"}) {
    CHECK(refused_chat(std::string("\"stop\":") + bad) == "stop");
  }
  const auto biases = chat(R"("logit_bias":{"65":-100,"7":1.5})").ask.logit_bias;
  REQUIRE(biases.size() == 2);
  CHECK(biases[0] == std::pair<std::int32_t, float>(65, -100.0f));
  CHECK(refused_chat(R"("logit_bias":{"256":1})") == "logit_bias");
  CHECK(refused_chat(R"("logit_bias":{"-1":1})") == "logit_bias");
  CHECK(refused_chat(R"("logit_bias":{"x":1})") == "logit_bias");
  CHECK(refused_chat(R"("logit_bias":{"65":101})") == "logit_bias.65");
  CHECK(refused_chat(R"("logit_bias":[1])") == "logit_bias");
  CHECK(chat(R"("stream":true,"stream_options":{"include_usage":true})").stream_usage);
  CHECK(refused_chat(R"("stream_options":{"include_usage":true})") == "stream_options");
  CHECK(refused_chat(R"("stream":"yes")") == "stream");
  CHECK(chat(R"("logprobs":true,"top_logprobs":20)").ask.likeliest == 20);
  CHECK(chat(R"("logprobs":true)").ask.likeliest == 0);
  CHECK(chat(R"("logprobs":false)").ask.likeliest == -1);
  CHECK(refused_chat(R"("top_logprobs":3)") == "top_logprobs");
  CHECK(refused_chat(R"("logprobs":true,"top_logprobs":21)") == "top_logprobs");
  CHECK(refused_chat(R"("max_tokens":5,"max_completion_tokens":6)") == "max_tokens");
}

TEST_CASE("what this server does not do is refused, its neutral forms are not") {
  CHECK(refused_chat(R"("tools":[{"type":"function"}])") == "tools");
  CHECK(refused_chat(R"("tools":[],"functions":null)") == "accepted");
  CHECK(refused_chat(R"("response_format":{"type":"json_object"})") == "response_format.type");
  CHECK(refused_chat(R"("response_format":{"type":"json_schema","json_schema":{}})") ==
        "response_format.type");
  CHECK(refused_chat(R"("response_format":{})") == "response_format.type");
  CHECK(refused_chat(R"("response_format":{"type":"text"})") == "accepted");
  CHECK(refused_chat(R"("modalities":["text","audio"])") == "modalities");
  CHECK(refused_chat(R"("modalities":["text"],"audio":null)") == "accepted");
}

TEST_CASE("prompts: text, texts, ids, lists of ids; echo, best_of, logprobs") {
  CHECK(completion(R"("prompt":"a")").prompts.size() == 1);
  CHECK(completion(R"("prompt":"a")").tokens == 16);
  CHECK(completion(R"("prompt":["a","b"])").prompts.size() == 2);
  CHECK(completion(R"("prompt":[1,2,3])").prompts.size() == 1);
  CHECK(completion(R"("prompt":[[1],[2,3]])").prompts.size() == 2);
  CHECK(completion(R"("prompt":"a","echo":true,"max_tokens":0,"logprobs":5)").tokens == 0);
  const auto refusal = [](const std::string& members) {
    return refused([&] { completion(members); });
  };
  CHECK(refusal(R"("x":1)") == "prompt");
  CHECK(refusal(R"("prompt":[])") == "prompt");
  CHECK(refusal(R"("prompt":{})") == "prompt");
  CHECK(refusal(R"("prompt":[1,"a"])") == "prompt[1]");
  CHECK(refusal(R"("prompt":["a",null])") == "prompt[1]");
  CHECK(refusal(R"("prompt":[256])") == "prompt[0]");
  CHECK(refusal(R"("prompt":[-1])") == "prompt[0]");
  CHECK(refusal(R"("prompt":[[1],[1e5]])") == "prompt[1][0]");
  CHECK(refusal(R"("prompt":"a","max_tokens":0)") == "max_tokens");
  CHECK(refusal(R"("prompt":"a","suffix":"b")") == "suffix");
  CHECK(refusal(R"("prompt":"a","n":3,"best_of":2)") == "best_of");
  CHECK(refusal(R"("prompt":"a","stream":true,"best_of":2)") == "best_of");
  CHECK(refusal(R"("prompt":"a","logprobs":6)") == "logprobs");
  CHECK(refusal(R"("prompt":"a","logprobs":true)") == "logprobs");
  const auto embeddings = [](const std::string& members) {
    return refused([&] { read_embeddings_request(parse_request("{" + members + "}"), 256); });
  };
  CHECK(embeddings(R"("input":["a",[1]],"encoding_format":"base64","dimensions":3)") == "accepted");
  CHECK(embeddings(R"("input":"a","encoding_format":"hex")") == "encoding_format");
  CHECK(embeddings(R"("input":"a","dimensions":0)") == "dimensions");
  CHECK(embeddings(R"("encoding_format":"float")") == "input");
}
