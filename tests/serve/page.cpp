// What the chat page stands on: answers are stored before they are acknowledged, branches, each
// person their own, and a page that lets nothing in from elsewhere.
#include "serve/page_fixture.hpp"

using namespace ctgpt_test;
using ctgpt::io::json;
using ctgpt::io::json_field;

namespace {

json_field field(const json& value) { return json_field(value, "it"); }

}  // namespace

TEST_CASE("the page is one file that allows its own scripts and styles alone") {
  const page_fixture here;
  visitor anna(here);
  const auto page = anna.ask("GET", "/");
  CHECK(page.status == 200);
  const auto header = [&](const char* name) {
    const auto found = page.headers.find(name);
    return found == page.headers.end() ? std::string() : found->second;
  };
  CHECK(header("Content-Type") == "text/html; charset=utf-8");
  const std::string policy = header("Content-Security-Policy");
  CHECK(policy.starts_with("default-src 'none'; style-src 'sha256-"));
  CHECK(policy.find("unsafe") == policy.npos);
  CHECK(header("X-Content-Type-Options") == "nosniff");
  // No attribute is a script or a style, and no address leads out.
  for (const char* forbidden :
       {" onclick=", " onload=", " style=", "src=", "@import", "url(", "innerHTML", "outerHTML",
        "insertAdjacentHTML", "document.write", "eval("}) {
    INFO(forbidden);
    CHECK(page.body.find(forbidden) == page.body.npos);
  }
  CHECK(page.body.size() < 200'000);
  const std::string cookie = header("Set-Cookie");
  CHECK(cookie.find("HttpOnly") != cookie.npos);
  CHECK(cookie.find("SameSite=Strict") != cookie.npos);
}

TEST_CASE("an answer is streamed, stored, and found again with its branch") {
  const page_fixture here({.answer = [](const std::string& prompt) {
    return prompt.find("Again") != prompt.npos ? std::string("More.") : std::string("Héllo ☃");
  }});
  visitor anna(here);
  const auto first = anna.chat(R"({"content": "  Hi\nthere ", "system": "Be kind.",)"
                               R"("settings": {"temperature": 0.5, "max_tokens": 40}})");
  const std::string id = text_in(first[0], "conversation", "id");
  const std::string question = text_in(first[0], "question", "id");
  CHECK(text_in(first[0], "conversation", "title") == "Hi");
  CHECK(here.engine->last_prompt() == "Be kind.\n  Hi\nthere \n> ");
  std::string text;
  for (const json& event : first) {
    if (event.find("text") != nullptr) text += text_in(event, "text");
  }
  CHECK(text == "Héllo ☃");
  const json last = first.back();
  const json_field answer = field(last)["answer"];
  CHECK(answer["content"].string() == text);
  CHECK(answer["parent"].string() == question);
  CHECK(answer["details"]["model"].string() == "tiny-chat");
  CHECK(answer["details"]["ending"].string() == "stop");
  CHECK(answer["details"]["settings"]["temperature"].number() == 0.5);
  CHECK(answer["details"]["tokens"].integer() == 10);

  const std::string answered = answer["id"].string();
  anna.chat(R"({"conversation": ")" + id + R"(", "parent": ")" + answered +
            R"(", "content": "Again"})");
  CHECK(here.engine->last_prompt() == "Be kind.\n  Hi\nthere \nHéllo ☃\nAgain\n> ");
  // Answered anew: a second child of the first question.
  anna.chat(R"({"conversation": ")" + id + R"(", "parent": ")" + question + R"("})");
  const json talk = anna.ask("GET", "/api/conversations/" + id).json();
  const json_field messages = field(talk)["messages"];
  REQUIRE(messages.size() == 5);
  CHECK(messages[4]["parent"].string() == question);
  CHECK(field(talk)["leaf"].string() == messages[4]["id"].string());
  const auto lines = anna.ask("GET", "/api/export").body;
  CHECK(std::count(lines.begin(), lines.end(), '\n') == 2);
}

TEST_CASE("what a question lacks is said before anything is stored") {
  const page_fixture here;
  visitor anna(here);
  const auto status = [&](const std::string& body) {
    return anna.ask("POST", "/api/chat", body).status;
  };
  CHECK(status(R"({"content": " \n "})") == 400);
  CHECK(status(R"({"content": 7})") == 400);
  CHECK(status(R"({})") == 400);
  CHECK(status(R"({"content": "x", "settings": {"temperature": 3}})") == 400);
  CHECK(status(R"({"content": "x", "settings": []})") == 400);
  CHECK(status(R"({"content": "x", "conversation": "00"})") == 404);
  CHECK(status(R"({"content": "x", "parent": "00"})") == 404);
  CHECK(status("{") == 400);
  CHECK(status(R"({"content": ")" + std::string(3000, 'x') + "\"}") == 400);
  CHECK(here.log->events() == 0);
}

TEST_CASE("each person sees only their own; a foreign id answers 404 everywhere") {
  for (const bool keys : {true, false}) {
    const page_fixture here({.keys = keys ? "anna key-of-anna\nbob key-of-bob\n" : ""});
    visitor anna(here, keys ? "key-of-anna" : ""), bob(here, keys ? "key-of-bob" : "");
    const auto events = anna.chat(R"({"content": "My secret is plum."})");
    const std::string id = text_in(events[0], "conversation", "id");
    const std::string message = text_in(events.back(), "answer", "id");
    const std::string question = text_in(events[0], "question", "id");
    CHECK(anna.ask("GET", "/api/conversations/" + id).status == 200);
    bob.chat(R"({"content": "Hello"})");
    const auto refused = [&](const char* method, const std::string& path,
                             const std::string& body = {}) {
      INFO(method, " ", path);
      CHECK(bob.ask(method, path, body).status == 404);
    };
    refused("GET", "/api/conversations/" + id);
    refused("PATCH", "/api/conversations/" + id, R"({"title": "x"})");
    refused("DELETE", "/api/conversations/" + id);
    refused("POST", "/api/messages/" + message + "/rating", R"({"value": 1})");
    refused("GET", "/api/conversations/" + id + "/tokens/" + message);
    refused("POST", "/api/chat",
            R"({"conversation": ")" + id + R"(", "parent": ")" + question + R"("})");
    refused("POST", "/api/runs/page-000/stop");
    CHECK(bob.ask("GET", "/api/conversations?search=plum").body.find("plum") == std::string::npos);
    CHECK(bob.ask("GET", "/api/export").body.find("plum") == std::string::npos);
    CHECK(field(bob.ask("DELETE", "/api/data").json())["conversations"].integer() == 1);
    CHECK(anna.ask("GET", "/api/conversations/" + id).status == 200);
    CHECK(anna.ask("GET", "/api/conversations?search=plum").body.find("plum") != std::string::npos);
    if (keys) {
      visitor nobody(here);
      CHECK(nobody.ask("GET", "/").status == 200);
      CHECK(nobody.ask("GET", "/api/me").status == 401);
      CHECK(nobody.ask("GET", "/api/conversations").status == 401);
      CHECK(text_in(anna.ask("GET", "/api/me").json(), "person") == "anna");
    }
  }
}

TEST_CASE("ratings, titles, consent and deletion") {
  const page_fixture here;
  visitor anna(here);
  const auto events = anna.chat(R"({"content": "Hello"})");
  const std::string id = text_in(events[0], "conversation", "id");
  const std::string message = text_in(events.back(), "answer", "id");
  const std::string rating = "/api/messages/" + message + "/rating";
  CHECK(anna.ask("POST", rating,
                 R"({"value": -1, "reason": "Wrong", "comment": "no",)"
                 R"("answer": "Better."})")
            .status == 200);
  CHECK(anna.ask("POST", rating, R"({"value": 2})").status == 400);
  CHECK(anna.ask("POST", rating, R"({})").status == 400);
  CHECK(anna.ask("PATCH", "/api/conversations/" + id, R"({"title": "Greeting"})").status == 200);
  const json talk = anna.ask("GET", "/api/conversations/" + id).json();
  CHECK(text_in(talk, "title") == "Greeting");
  CHECK(field(talk)["messages"][1]["rating"]["answer"].string() == "Better.");
  CHECK(!field(anna.ask("GET", "/api/me").json())["consent"].boolean());
  CHECK(anna.ask("POST", "/api/consent", R"({"consent": true})").status == 200);
  CHECK(field(anna.ask("GET", "/api/me").json())["consent"].boolean());
  CHECK(anna.ask("DELETE", "/api/conversations/" + id).status == 200);
  CHECK(anna.ask("GET", "/api/conversations/" + id).status == 404);
  CHECK(anna.ask("DELETE", "/api/data").status == 200);
  CHECK(!field(anna.ask("GET", "/api/me").json())["consent"].boolean());
}

TEST_CASE("an answer stops when it is told to, and what was written stays") {
  const page_fixture here(
      {.answer = [](const std::string&) { return std::string(2000, 'x'); }, .step = 0.002});
  visitor anna(here);
  raw_client client(here.port);
  anna.ask("GET", "/api/me");
  const std::string body = R"({"content": "Hello"})";
  client.say("POST /api/chat HTTP/1.1\r\nHost: localhost\r\nCookie: " + anna.cookie +
             "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  const std::string begun = client.hear("\"text\":\"x");
  const std::size_t run = begun.find("page-");
  REQUIRE(run != begun.npos);
  const std::string name = begun.substr(run, begun.find('"', run) - run);
  visitor bob(here);
  CHECK(bob.ask("POST", "/api/runs/" + name + "/stop").status == 404);
  CHECK(anna.ask("POST", "/api/runs/" + name + "/stop").status == 200);
  const std::string rest = client.hear("[DONE]");
  CHECK(rest.find("\"ending\":\"cancelled\"") != rest.npos);
  CHECK(rest.find("\"answer\":{\"id\":") != rest.npos);
}

TEST_CASE("what a reader saw before hanging up is stored") {
  const page_fixture here(
      {.answer = [](const std::string&) { return std::string(2000, 'x'); }, .step = 0.002});
  visitor anna(here);
  anna.ask("GET", "/api/me");
  {
    raw_client client(here.port);
    const std::string body = R"({"content": "Hello"})";
    client.say("POST /api/chat HTTP/1.1\r\nHost: localhost\r\nCookie: " + anna.cookie +
               "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    CHECK(client.hear("\"text\":\"x").find("page-") != std::string::npos);
  }
  json talk;
  std::size_t messages = 0;
  for (int i = 0; i < 100 && messages < 2; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const json list = anna.ask("GET", "/api/conversations").json();
    REQUIRE(field(list)["conversations"].size() == 1);
    const std::string id = field(list)["conversations"][0]["id"].string();
    talk = anna.ask("GET", "/api/conversations/" + id).json();
    messages = field(talk)["messages"].size();
  }
  REQUIRE(messages == 2);
  const json_field answer = field(talk)["messages"][1];
  CHECK(answer["content"].string().starts_with("x"));
  CHECK(answer["details"]["ending"].string() == "cancelled");
}

TEST_CASE("an answer that fails says so, and keeps what it had") {
  const page_fixture here(
      {.answer = [](const std::string&) { return std::string("Half\x05"); }, .step = 0.01});
  visitor anna(here);
  const auto events = anna.chat(R"({"content": "Hello"})");
  CHECK(field(events.back())["error"]["message"].string() == "the model broke");
  const std::string id = text_in(events[0], "conversation", "id");
  json talk;
  for (int i = 0; i < 40 && (talk.is_null() || field(talk)["messages"].size() < 2); ++i) {
    talk = anna.ask("GET", "/api/conversations/" + id).json();
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
  CHECK(field(talk)["messages"][1]["content"].string() == "Half");
  CHECK(field(talk)["messages"][1]["details"]["ending"].string() == "failed");
}

TEST_CASE("a busy server refuses a question before it is stored, with when to come again") {
  page_fixture_options options{.answer = [](const std::string&) { return std::string(400, 'x'); },
                               .step = 0.002};
  options.server.places = 1;
  const page_fixture here(options);
  visitor anna(here);
  anna.ask("GET", "/api/me");
  raw_client client(here.port);
  client.say(
      "POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16\r\n\r\n"
      "{\"content\": \"x\"}\n");
  CHECK(client.hear("\"text\":\"x").find("page-") != std::string::npos);
  const std::int64_t before = here.log->events();
  const auto busy = anna.ask("POST", "/api/chat", R"({"content": "Hello"})");
  CHECK(busy.status == 429);
  CHECK(busy.headers.find("Retry-After") != busy.headers.end());
  CHECK(here.log->events() == before);
}

TEST_CASE("a conversation that is too long goes without its oldest turns, and says so") {
  const page_fixture here(
      {.answer = [](const std::string&) { return std::string(60, 'y'); }, .context = 400});
  visitor anna(here);
  std::string id, parent, prompt;
  ctgpt::isize dropped = 0;
  for (int turn = 0; turn < 8 && dropped == 0; ++turn) {
    const std::string question = "question " + std::to_string(turn);
    const auto events =
        anna.chat(id.empty() ? R"({"content": ")" + question + R"(", "system": "Be brief."})"
                             : R"({"conversation": ")" + id + R"(", "parent": ")" + parent +
                                   R"(", "content": ")" + question + R"("})");
    id = text_in(events[0], "conversation", "id");
    parent = text_in(events.back(), "answer", "id");
    dropped = field(events[0])["dropped"].integer();
    CHECK(field(events.back())["answer"]["details"]["dropped"].integer() == dropped);
    prompt = here.engine->last_prompt();
  }
  CHECK(dropped == 2);
  CHECK(prompt.starts_with("Be brief.\nquestion 1\n"));
}

TEST_CASE("rules hold on the page: questions are refused or masked, answers too") {
  const page_fixture here(
      {.answer = [](const std::string&) { return std::string("It is plum, and more."); },
       .rules = R"([{"name": "a", "phrase": "plum", "action": "mask", "message": "[fruit]"},)"
                R"({"name": "b", "phrase": "bomb", "action": "block", "message": "Not here."}])"});
  visitor anna(here);
  const auto events = anna.chat(R"({"content": "Is plum it?"})");
  CHECK(text_in(events[0], "question", "content") == "Is [fruit] it?");
  CHECK(text_in(events.back(), "answer", "content") == "It is [fruit], and more.");
  const auto refused = anna.ask("POST", "/api/chat", R"({"content": "A bomb"})");
  CHECK(refused.status == 400);
  CHECK(refused.body.find("Not here.") != refused.body.npos);
  CHECK(anna.ask("GET", "/api/export").body.find("plum") == std::string::npos);
}

TEST_CASE("each token of an answer comes with the five likeliest there") {
  const page_fixture here({.answer = [](const std::string&) { return std::string("abc"); }});
  visitor anna(here);
  const auto events = anna.chat(R"({"content": "Hello"})");
  const json told =
      anna.ask("GET", "/api/conversations/" + text_in(events[0], "conversation", "id") +
                          "/tokens/" + text_in(events.back(), "answer", "id"))
          .json();
  const json_field tokens = field(told)["tokens"];
  REQUIRE(tokens.size() == 3);
  CHECK(tokens[1]["text"].string() == "b");
  CHECK(tokens[1]["probability"].number() == doctest::Approx(std::exp(-0.7)));
  REQUIRE(tokens[1]["likeliest"].size() == 5);
  CHECK(tokens[1]["likeliest"][1]["text"].string() == "c");
}
