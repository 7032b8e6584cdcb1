// The log: what goes in comes out, each person sees only their own, events add up to the tables,
// what is erased is nowhere in the files, and files that are not ours are left alone.
#include "ctgpt/feedback/log.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <thread>

#include "base/temporary.hpp"

using namespace ctgpt;
using namespace ctgpt::feedback;
using ctgpt_test::temporary_directory;

namespace {

template <class Action>
std::string sentence_of(Action&& act) {
  try {
    act();
  } catch (const error& wrong) {
    return wrong.what();
  }
  return "no error";
}

io::json settings(double temperature) { return io::json::object().set("temperature", temperature); }

// A conversation of two turns, with a second answer to the first question.
struct example {
  std::string id, question, answer, other, again;
};
example talk(chat_log& log, const std::string& person, const std::string& word = "sea") {
  example made;
  made.id = log.open(person, {"Trip", "Be brief.", settings(0.5)}).id;
  made.question = log.add(person, made.id, {"", "user", "Where to?"})->id;
  made.answer = log.add(person, made.id, {made.question, "assistant", "To the " + word + "."})->id;
  made.other = log.add(person, made.id, {made.question, "assistant", "To the hills."})->id;
  made.again = log.add(person, made.id, {made.answer, "user", "Why?"})->id;
  return made;
}

std::vector<io::json> exported(chat_log& log, const std::string& person) {
  std::vector<io::json> lines;
  log.export_person(person, [&](std::string_view line) {
    REQUIRE(line.ends_with('\n'));
    lines.push_back(io::parse_json(line, "line"));
  });
  return lines;
}

std::string text_at(const io::json& line, std::size_t place, std::string_view key) {
  return io::json_field(line, "line")["messages"][place][key].string();
}

// All bytes of the database and the files that SQLite keeps beside it.
std::string bytes_of(const temporary_directory& here) {
  std::string all;
  for (const std::string& name : here.names()) {
    std::ifstream file(here.file(name), std::ios::binary);
    all.append(std::istreambuf_iterator<char>(file), {});
  }
  return all;
}

}  // namespace

TEST_CASE("a conversation comes back as it went in, after the program has ended too") {
  const temporary_directory here;
  example made;
  {
    chat_log log(here.file("chat.db"));
    made = talk(log, "anna");
    CHECK(log.rate("anna", made.answer, {-1, "wrong", "no\nsea", "To Rome.", 0}));
  }
  chat_log log(here.file("chat.db"));
  const auto found = log.find("anna", made.id);
  REQUIRE(found);
  CHECK(found->head.title == "Trip");
  CHECK(found->head.system == "Be brief.");
  CHECK(found->head.settings == settings(0.5));
  CHECK(found->leaf == made.again);
  REQUIRE(found->messages.size() == 4);
  CHECK(found->messages[1].parent == made.question);
  CHECK(found->messages[1].content == "To the sea.");
  REQUIRE(found->messages[1].rated);
  CHECK(found->messages[1].rated->comment == "no\nsea");
  CHECK(found->messages[1].rated->answer == "To Rome.");
  CHECK(!found->messages[2].rated);
  CHECK(found->updated >= found->created);
  CHECK(found->created > 1'600'000'000'000);
}

TEST_CASE("the file is in write-ahead mode and says whose it is and which schema it has") {
  const temporary_directory here;
  { chat_log log(here.file("chat.db")); }
  sqlite::database file(here.file("chat.db"), true);
  auto mode = file.prepare("PRAGMA journal_mode");
  REQUIRE(mode.step());
  CHECK(mode.text(0) == "wal");
  CHECK(file.number("PRAGMA user_version") == std::ssize(log_migrations));
  CHECK(file.number("PRAGMA application_id") == log_application);
}

TEST_CASE("a title, a system prompt and the shown branch change; what is not named stays") {
  const temporary_directory here;
  chat_log log(here.file("chat.db"));
  const example made = talk(log, "anna");
  CHECK(log.change("anna", made.id, {.title = "Journey", .leaf = made.other}));
  CHECK(log.change("anna", made.id, {.settings = settings(0.0)}));
  const auto found = log.find("anna", made.id);
  CHECK(found->head.title == "Journey");
  CHECK(found->head.system == "Be brief.");
  CHECK(found->head.settings == settings(0.0));
  CHECK(found->leaf == made.other);
}

TEST_CASE("each person sees and changes only their own; a foreign id is an unknown one") {
  const temporary_directory here;
  chat_log log(here.file("chat.db"));
  const example hers = talk(log, "anna");
  const example his = talk(log, "bob", "lake");
  const std::string unknown(32, '0');
  for (const std::string& id : {hers.id, unknown}) {
    CHECK(!log.find("bob", id));
    CHECK(!log.add("bob", id, {"", "user", "x"}));
    CHECK(!log.change("bob", id, {.title = "x"}));
    CHECK(!log.erase("bob", id));
  }
  CHECK(!log.add("bob", his.id, {hers.question, "assistant", "x"}));
  CHECK(!log.change("bob", his.id, {.leaf = hers.answer}));
  CHECK(!log.rate("bob", hers.answer, {.value = 1}));
  CHECK(log.list("bob").size() == 1);
  CHECK(log.list("bob", {.search = "sea"}).empty());
  REQUIRE(exported(log, "bob").size() == 2);
  CHECK(text_at(exported(log, "bob")[1], 2, "content") == "To the lake.");
  CHECK(log.list("").empty());
  CHECK(log.find("anna", hers.id)->messages.size() == 4);
  CHECK(log.erase_person("bob") == 1);
  CHECK(log.list("anna").size() == 1);
}

TEST_CASE("conversations are listed newest first, in pages") {
  const temporary_directory here;
  chat_log log(here.file("chat.db"));
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(log.open("anna", {"talk " + std::to_string(i)}).id);
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  CHECK(log.add("anna", ids[1], {"", "user", "hello"}));
  const auto first = log.list("anna", {.limit = 2});
  REQUIRE(first.size() == 2);
  CHECK(first[0].title == "talk 1");
  CHECK(first[1].title == "talk 4");
  const auto last = log.list("anna", {.limit = 2, .offset = 4});
  REQUIRE(last.size() == 1);
  CHECK(last[0].title == "talk 0");
}

TEST_CASE("a search finds words of titles and messages, accents and case aside, and beginnings") {
  const temporary_directory here;
  chat_log log(here.file("chat.db"));
  const std::string cafe = log.open("anna", {"Breakfast"}).id;
  CHECK(log.add("anna", cafe, {"", "user", "Where is the Café of Zürich? 100% sure"}));
  const std::string other = log.open("anna", {"50% discount"}).id;
  const auto found = [&](const std::string& words) {
    std::vector<std::string> ids;
    for (const auto& line : log.list("anna", {.search = words})) ids.push_back(line.id);
    return ids;
  };
  const std::vector<std::string> only_cafe{cafe}, only_other{other}, none;
  CHECK(found("cafe") == only_cafe);
  CHECK(found("ZÜRICH caf") == only_cafe);
  CHECK(found("zürich rome") == none);
  CHECK(found("breakf") == only_cafe);
  CHECK(found("50%") == only_other);
  CHECK(found("5_%") == none);
  // What would be signs of the search language is text.
  for (const char* words : {"\"", "café\"", "café OR rome", "content:cafe", "NEAR(a b)", "*", "^",
                            "(", "-cafe", "'; DROP TABLE events; --", "\\"}) {
    INFO(words);
    CHECK_NOTHROW(found(words));
  }
  CHECK_NOTHROW(found(std::string("\0", 1)));
  CHECK(log.list("anna", {.search = "zürich"})[0].snippet.find("Zürich") != std::string::npos);
}

TEST_CASE("the newest rating counts, and the same one twice is one event") {
  const temporary_directory here;
  chat_log log(here.file("chat.db"));
  const example made = talk(log, "anna");
  const std::int64_t before = log.events();
  CHECK(log.rate("anna", made.answer, {.value = 1}));
  CHECK(log.rate("anna", made.answer, {.value = 1}));
  CHECK(log.events() == before + 1);
  CHECK(log.rate("anna", made.answer, {.value = -1, .comment = "no"}));
  CHECK(log.events() == before + 2);
  CHECK(log.find("anna", made.id)->messages[1].rated->value == -1);
  CHECK(sentence_of([&] { log.rate("anna", made.answer, {.value = 2}); }) ==
        "a rating is -1, 0 or 1");
}

TEST_CASE("consent is off until it is given, and opens an export without names") {
  const temporary_directory here;
  chat_log log(here.file("chat.db"));
  talk(log, "anna");
  talk(log, "bob", "lake");
  const auto shared = [&] {
    std::string all;
    log.export_consented([&](std::string_view line) { all += line; });
    return all;
  };
  CHECK(!log.consent("anna"));
  CHECK(shared() == "");
  log.set_consent("anna", true);
  CHECK(log.consent("anna"));
  CHECK(shared().find("sea") != std::string::npos);
  CHECK(shared().find("lake") == std::string::npos);
  CHECK(shared().find("anna") == std::string::npos);
  log.set_consent("anna", false);
  CHECK(shared() == "");
}

TEST_CASE("an export has every branch as OpenAI messages, with ratings by place") {
  const temporary_directory here;
  chat_log log(here.file("chat.db"));
  const example made = talk(log, "anna");
  log.rate("anna", made.answer, {.value = -1, .answer = "To Rome."});
  log.open("anna", {"empty"});
  const auto lines = exported(log, "anna");
  REQUIRE(lines.size() == 2);
  const io::json_field other(lines[0], "line"), shown(lines[1], "line");
  REQUIRE(other["messages"].size() == 3);
  CHECK(!other["shown"].boolean());
  CHECK(text_at(lines[0], 2, "content") == "To the hills.");
  REQUIRE(shown["messages"].size() == 4);
  CHECK(shown["shown"].boolean());
  const char* const roles[] = {"system", "user", "assistant", "user"};
  for (std::size_t i = 0; i < 4; ++i) CHECK(text_at(lines[1], i, "role") == roles[i]);
  CHECK(text_at(lines[1], 0, "content") == "Be brief.");
  CHECK(shown["records"].size() == 3);
  CHECK(shown["records"][1]["message"].integer() == 2);
  CHECK(shown["records"][1]["rating"]["answer"].string() == "To Rome.");
  CHECK(shown["settings"]["temperature"].number() == 0.5);
}

TEST_CASE("events are never changed, nor removed but with their person's data") {
  const temporary_directory here;
  chat_log log(here.file("chat.db"));
  talk(log, "anna");
  sqlite::database file(here.file("chat.db"));
  CHECK(sentence_of([&] { file.run("UPDATE events SET at = 0"); }).find("never changed") !=
        std::string::npos);
  CHECK(sentence_of([&] { file.run("DELETE FROM events"); }).find("only removed") !=
        std::string::npos);
  CHECK(log.events() == 5);
}

TEST_CASE("the tables are what the events add up to") {
  const temporary_directory here;
  chat_log log(here.file("chat.db"));
  const example made = talk(log, "anna");
  log.change("anna", made.id, {.title = "Journey", .leaf = made.other});
  log.rate("anna", made.answer, {.value = 1, .reason = "correct"});
  log.set_consent("anna", true);
  const auto before = exported(log, "anna");
  {
    sqlite::database file(here.file("chat.db"));
    file.run(
        "UPDATE conversations SET title = 'lost'; DELETE FROM messages; "
        "DELETE FROM ratings; DELETE FROM people");
  }
  CHECK(exported(log, "anna") != before);
  log.rebuild();
  CHECK(exported(log, "anna") == before);
  CHECK(log.consent("anna"));
  CHECK(log.find("anna", made.id)->head.title == "Journey");
  CHECK(log.list("anna", {.search = "hills"}).size() == 1);
}

TEST_CASE("what is erased is gone from every byte of every file, and the rest stays") {
  const temporary_directory here;
  chat_log log(here.file("chat.db"));
  const std::string secret = "Xylophonist", later = "Quokkahunter";
  const example kept = talk(log, "anna", "Marmalade");
  const example hers = talk(log, "anna", secret);
  talk(log, "bob-the-secretive", later);
  log.set_consent("bob-the-secretive", true);
  CHECK(bytes_of(here).find(secret) != std::string::npos);
  CHECK(log.erase("anna", hers.id));
  CHECK(bytes_of(here).find(secret) == std::string::npos);
  CHECK(bytes_of(here).find("xylophonist") == std::string::npos);  // the words of the index
  CHECK(bytes_of(here).find(hers.id) == std::string::npos);
  CHECK(!log.find("anna", hers.id));
  CHECK(log.find("anna", kept.id));

  CHECK(log.erase_person("bob-the-secretive") == 1);
  CHECK(bytes_of(here).find(later) == std::string::npos);
  CHECK(bytes_of(here).find("quokkahunter") == std::string::npos);
  CHECK(bytes_of(here).find("bob-the-secretive") == std::string::npos);
  CHECK(!log.consent("bob-the-secretive"));
  CHECK(log.list("anna", {.search = "marmalade"}).size() == 1);
  log.rebuild();
  CHECK(log.list("anna").size() == 1);
  CHECK(log.list("bob-the-secretive").empty());
}

TEST_CASE("what is not UTF-8 is refused and leaves no trace") {
  const temporary_directory here;
  chat_log log(here.file("chat.db"));
  const std::string id = log.open("anna", {"t"}).id;
  CHECK(sentence_of([&] {
          log.add("anna", id, {"", "user", "\xff"});
        }) == "a text for the log must be UTF-8");
  CHECK(sentence_of([&] { log.change("anna", id, {.title = "\xc3"}); }) ==
        "a text for the log must be UTF-8");
  CHECK(log.events() == 1);
  const std::string zero("a\0b", 3);
  CHECK(log.add("anna", id, {"", "user", zero}));
  CHECK(log.find("anna", id)->messages[0].content == zero);
}

TEST_CASE("a file that is not a log, or a newer ctgpt's, is left alone with a sentence") {
  const temporary_directory here;
  const std::string other = here.file("other.db"), newer = here.file("newer.db"),
                    text = here.file("text.db");
  sqlite::database(other).run("CREATE TABLE t (a)");
  CHECK(sentence_of([&] { chat_log log(other); }) ==
        "the file " + other +
            " is a SQLite database of another program, not a log of ctgpt; name another file");
  CHECK(sqlite::database(other).number("SELECT count(*) FROM sqlite_master") == 1);

  { chat_log log(newer); }
  sqlite::database(newer).run("PRAGMA user_version = 99");
  CHECK(sentence_of([&] { chat_log log(newer); }) ==
        "the log " + newer + " has schema 99, but this ctgpt knows only up to " +
            std::to_string(std::ssize(log_migrations)) + "; use the newer ctgpt that wrote it");

  std::ofstream(text) << std::string(2000, 'x');
  CHECK(sentence_of([&] { chat_log log(text); }) ==
        "the log " + text + " is not a SQLite database; name another file");
  CHECK(sentence_of([&] { chat_log log(here.file("no/such.db")); }) ==
        "cannot open the log " + here.file("no/such.db") +
            ": its directory is missing, or this user may not write there");
}

TEST_CASE("a log of an older schema is brought to the newest, or stays as it was") {
  const temporary_directory here;
  sqlite::database file(here.file("a.db"));
  const char* const first[] = {"CREATE TABLE t (a)"};
  const char* const both[] = {"CREATE TABLE t (a)", "ALTER TABLE t ADD b DEFAULT 7"};
  const char* const broken[] = {"CREATE TABLE t (a)", "ALTER TABLE t ADD b", "nonsense"};
  migrate(file, first);
  file.run("INSERT INTO t VALUES (1)");
  CHECK(sentence_of([&] { migrate(file, broken); }).find("syntax error") != std::string::npos);
  CHECK(file.number("PRAGMA user_version") == 1);
  migrate(file, both);
  CHECK(file.number("SELECT b FROM t") == 7);
  CHECK(file.number("PRAGMA user_version") == 2);
}
