// ctgpt report: the page is well-formed, holds the runs' numbers, and nothing of a run is markup.
#include <set>

#include "app/runs.hpp"
#include "ctgpt/app/report_chart.hpp"

using namespace ctgpt_test;
using namespace ctgpt::app;

namespace {

// A run directory as training leaves one, made by hand.
class made_run {
 public:
  made_run(const temporary_directory& here, const std::string& name) : path(here.file(name)) {
    std::filesystem::create_directory(path);
    facts(
        "{\"parameters\":599936,\"threads\":1,\"backend\":\"avx2\",\"data_sha256\":"
        "\"0123456789abcdef0123\",\"settings\":{\"preset\":\"quickstart\",\"steps\":9,"
        "\"lr\":0.0005,\"seed\":1337}}");
  }
  void facts(const std::string& text) const { put("run.json", text); }
  void metrics(const std::string& text) const { put("metrics.jsonl", text); }
  void samples(const std::string& text) const { put("samples.jsonl", text); }
  const std::string path;

 private:
  void put(const std::string& name, const std::string& text) const {
    ctgpt::write_file_atomic(path + "/" + name, text);
  }
};

constexpr const char* three_steps =
    "{\"step\":1,\"loss\":4.25,\"lr\":0.001,\"grad_norm\":2.5,\"tokens_per_second\":1000.0,"
    "\"seconds\":0.5}\n"
    "{\"step\":2,\"loss\":3.5,\"val_loss\":3.625,\"lr\":0.002,\"grad_norm\":1.5,"
    "\"tokens_per_second\":2000.0,\"seconds\":0.25}\n"
    "{\"step\":3,\"loss\":3.75,\"val_loss\":3.875,\"lr\":0.001,\"grad_norm\":1.25,"
    "\"tokens_per_second\":1500.0,\"seconds\":0.25}\n";

std::string page_of(const words& arguments) {
  const std::string path = output_of(words{"report"} + arguments);
  REQUIRE(path.ends_with('\n'));
  return contents(path.substr(0, path.size() - 1));
}

// The elements of the page in order, "name attributes"; checks that each is closed where it must
// be, that attributes are quoted, and that & begins one of the five entities.
std::vector<std::string> elements_of(std::string_view page) {
  std::vector<std::string> open, all;
  REQUIRE(page.starts_with("<!DOCTYPE html>"));
  page.remove_prefix(15);
  while (!page.empty()) {
    if (page.front() == '&') {
      bool known = false;
      for (const char* entity : {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"}) {
        known = known || page.starts_with(entity);
      }
      REQUIRE_MESSAGE(known, page.substr(0, 20));
    }
    if (page.front() != '<') {
      page.remove_prefix(1);
      continue;
    }
    const std::size_t end = page.find('>');
    REQUIRE(end != std::string_view::npos);
    const std::string tag(page.substr(1, end - 1));
    page.remove_prefix(end + 1);
    if (tag.starts_with('/')) {
      REQUIRE(!open.empty());
      REQUIRE(open.back() == tag.substr(1));
      open.pop_back();
      continue;
    }
    REQUIRE(tag.find('<') == std::string::npos);
    REQUIRE(std::count(tag.begin(), tag.end(), '"') % 2 == 0);
    all.push_back(tag);
    if (!tag.ends_with('/')) open.push_back(tag.substr(0, tag.find(' ')));
  }
  CHECK(open.empty());
  return all;
}

// Which kinds of element and attribute the page has: a run must not be able to add one.
std::set<std::string> kinds_of(const std::string& page) {
  std::set<std::string> kinds;
  for (const std::string& tag : elements_of(page)) {
    std::string bare;
    bool quoted = false;
    for (const char c : tag) {
      if (c == '"') quoted = !quoted;
      if (!quoted && c != '"' && c != '/') bare += c;
    }
    kinds.insert(bare);
  }
  return kinds;
}

}  // namespace

TEST_CASE("report: a page with curves, facts and samples, at the place that it prints") {
  const temporary_directory here;
  const made_run run(here, "first");
  run.metrics(three_steps);
  run.samples("{\"step\":2,\"text\":\"early\"}\n{\"step\":3,\"text\":\"Once upon\"}\n");
  CHECK(output_of({"report", run.path + "/"}) == run.path + "/report.html\n");
  const std::string page = contents(run.path + "/report.html");
  elements_of(page);
  for (const std::string& part :
       words{"<bdi>first</bdi>",
             "<td>quickstart</td>",
             "<td>599,936</td>",
             "<td>3 of 9</td>",
             "<td>3.6250 at step 2</td>",
             "<td>1.0 s</td>",
             "<td>avx2, 1</td>",
             "<td>0123456789ab</td>",
             "<td>0.0005</td>",
             "<td>1337</td>",
             ">nats per token</text>",
             ">tokens per second</text>",
             ">Learning rate</figcaption>",
             ">Gradient norm</figcaption>",
             ">step</text>",
             "prefers-color-scheme:dark",
             "step 3, validation loss 3.8750</summary>",
             "\nOnce upon</pre>",
             "\nearly</pre>",
             "first: validation 3.625 at step 2",
             "{\"steps\":[1.0,2.0,3.0],\"values\":[4.25,3.5,3.75],\"at\":[2.0,3.0],"
             "\"validation\":[3.625,3.875]}"}) {
    CHECK_MESSAGE(contains(page, part), part);
  }
  // Nothing is asked of the network.
  for (const char* part : {"http:", "https:", "src=", "@import", "url("}) {
    CHECK_FALSE_MESSAGE(contains(page, part), part);
  }
  CHECK(page_of({run.path, "--out", here.file("other.html")}) == page);
}

TEST_CASE("report: several runs, with what differs marked; the same run twice is drawn once") {
  const temporary_directory here;
  const made_run one(here, "one"), two(here, "two");
  one.metrics(three_steps);
  two.metrics(three_steps);
  CHECK_FALSE(contains(page_of({one.path, two.path}), "<tr class=\"differs\">"));
  two.facts(
      "{\"threads\":1,\"backend\":\"avx2\",\"settings\":{\"preset\":\"quickstart\","
      "\"lr\":0.25,\"seed\":1337}}");
  const std::string page = page_of({one.path, two.path});
  CHECK(contains(page,
                 "<tr class=\"differs\"><th scope=\"row\">lr \xE2\x89\xA0</th>"
                 "<td>0.0005</td><td>0.25</td>"));
  CHECK_FALSE(contains(page, "seed \xE2\x89\xA0"));
  CHECK(contains(page, "class=\"thin c1 d0\""));
  std::filesystem::create_symlink(one.path, here.file("link"));
  const outcome again = result_of({"report", one.path, here.file("link"), one.path + "/."});
  CHECK(again.code == 0);
  CHECK(contains(again.err, "link is the same run as " + one.path + ": drawn once."));
  CHECK_FALSE(contains(contents(one.path + "/report.html"), " c1 d0"));
  // Runs of one name are told by their paths.
  std::filesystem::create_directory(here.file("deep"));
  const made_run deep(here, "deep/one");
  CHECK(contains(page_of({one.path, deep.path}), "<bdi>" + deep.path + "</bdi>"));
}

TEST_CASE("report: nothing in a run becomes markup") {
  const temporary_directory here;
  const made_run plain(here, "plain");
  plain.metrics(three_steps);
  plain.samples("{\"step\":2,\"text\":\"x\"}\n");
  const std::set<std::string> usual = kinds_of(page_of({plain.path}));
  const std::string attack = "</script></pre><script>alert(1)</script>\" onload='x' &lt; <!-- ";
  const made_run run(here, "<img src=x onerror=alert(1)>\" onload=\"'&\x01\xFF");
  run.metrics(three_steps);
  std::string facts, sample;
  ctgpt::io::json settings = ctgpt::io::json::object();
  settings.set("preset", attack).set(attack, attack).set("steps", attack);
  ctgpt::io::json whole = ctgpt::io::json::object();
  whole.set("settings", settings).set("backend", attack).set("threads", attack);
  whole.set("data_sha256", "\"'<>&" + attack).set("parameters", attack);
  run.facts(ctgpt::io::write_json(whole));
  whole = ctgpt::io::json::object();
  whole.set("step", 2).set(
      "text", attack + std::string("\0\x1B\xEF\xBF\xBE\xEF\xBF\xBF|\r\n|\r|\n\r\n|", 18));
  run.samples(ctgpt::io::write_json(whole) + "\n");
  const std::string page = page_of({run.path});
  CHECK(kinds_of(page) == usual);
  CHECK_FALSE(contains(page, "<img"));
  CHECK_FALSE(contains(page, "<script>alert"));
  CHECK(ctgpt::utf8_error_offset(page) == std::string::npos);
  for (const char c : {'\0', '\x01', '\x1B', '\r'}) CHECK(page.find(c) == std::string::npos);
  for (const char* never : {"\xEF\xBF\xBE", "\xEF\xBF\xBF"}) CHECK_FALSE(contains(page, never));
  // Four characters that no page can hold, and every kind of line's end.
  CHECK(contains(page, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD|\n|\n|\n\n|"));
  CHECK(html("a\r") == "a\n");
  CHECK(html("\xEF\xBF\xBD\xEF\xBB\xBF") == "\xEF\xBF\xBD\xEF\xBB\xBF");
  CHECK(contains(page, "&lt;/script&gt;&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;"));
}

TEST_CASE("report: runs that have only begun, and damaged ones") {
  const temporary_directory here;
  const made_run run(here, "run");
  CHECK(contains(page_of({run.path}), "no step yet"));
  const std::string one(three_steps, std::string(three_steps).find('\n') + 1);
  run.metrics(one);
  std::string page = page_of({run.path});
  elements_of(page);
  CHECK(contains(page, "not evaluated yet"));
  CHECK(contains(page, "No samples yet."));
  CHECK_FALSE(contains(page, "nan"));
  CHECK_FALSE(contains(page, "inf"));
  run.metrics(one + "{\"step\":2,\"lo");  // being written
  CHECK(page_of({run.path}) == page);
  const auto said = [&] { return sentence(result_of({"report", run.path}), 1); };
  const std::string metrics = run.path + "/metrics.jsonl, line 2";
  run.metrics(one + "{\"step\":2,\"lo\n" + one);
  CHECK(said() == metrics + " is damaged: it is no JSON; remove that line");
  run.metrics(one + "{\"step\":2}\n");
  CHECK(contains(said(), metrics + ": loss is missing"));
  run.metrics(one + one);
  CHECK(contains(said(), metrics + ": step must be after step 1, found 1"));
  run.metrics(one);
  run.samples("{\"step\":1}\n");
  CHECK(contains(said(), run.path + "/samples.jsonl, line 1: text is missing"));
  run.samples("");
  run.facts("[]");
  elements_of(page_of({run.path}));
  run.facts("{");
  CHECK(contains(said(), "run.json"));
}

TEST_CASE("report: paths that are no runs, and wrong usage") {
  const temporary_directory here;
  CHECK(contains(sentence(result_of({"report"}), 2), "say which runs to draw"));
  CHECK(contains(sentence(result_of({"report", "--out", "x"}), 2), "say which runs to draw"));
  CHECK(contains(sentence(result_of({"report", ""}), 2), "not an empty text"));
  CHECK(contains(sentence(result_of({"report", here.file("none")}), 1),
                 "there is no directory " + here.file("none")));
  CHECK(contains(sentence(result_of({"report", here.path()}), 1), "holds no run"));
  const made_run run(here, "run");
  CHECK(contains(sentence(result_of({"report", run.path, "--out", here.path()}), 1),
                 "Is a directory"));
  CHECK(contains(sentence(result_of({"report", run.path, "--out", here.file("a/b.html")}), 1),
                 "No such file or directory"));
}

TEST_CASE("report: 100,000 steps are drawn as a few thousand points that keep every extreme") {
  const temporary_directory here;
  const made_run run(here, "long");
  std::string lines;
  for (int step = 1; step <= 100000; ++step) {
    const double loss = step == 77777 ? 9.5 : step == 33333 ? 0.125 : 2.0 + step % 7 * 0.125;
    lines += "{\"step\":" + std::to_string(step) + ",\"loss\":" + std::to_string(loss) +
             ",\"lr\":0.001,\"grad_norm\":1.0,\"tokens_per_second\":5.0,\"seconds\":0.001}\n";
  }
  run.metrics(lines);
  const std::string page = page_of({run.path});
  CHECK(page.size() < 1'000'000);
  CHECK(contains(page, "77777.0"));
  CHECK(contains(page, ",9.5,"));
  CHECK(contains(page, ",0.125,"));
}

TEST_CASE("report: decimation keeps first, last and extremes, in order") {
  curve all;
  for (int i = 0; i < 50000; ++i) all.add(i, i == 31007 ? 50.0 : i == 4099 ? -50.0 : i % 13);
  const curve few = decimated(all, 100);
  CHECK(few.size() <= 202);
  CHECK(few.steps.front() == 0.0);
  CHECK(few.steps.back() == 49999.0);
  CHECK(std::is_sorted(few.steps.begin(), few.steps.end()));
  CHECK(*std::max_element(few.values.begin(), few.values.end()) == 50.0);
  CHECK(*std::min_element(few.values.begin(), few.values.end()) == -50.0);
  const curve small = decimated(few, 101);
  CHECK(small.steps == few.steps);
}

TEST_CASE("report: smoothing is the exponential mean, unbiased from the first point on") {
  curve all;
  for (const double value : {4.0, 1.0, 1.0}) all.add(static_cast<double>(all.size()), value);
  const curve mean = smoothed(all, 3.0);  // a = 1/2
  CHECK(mean.values[0] == 4.0);
  CHECK(mean.values[1] == doctest::Approx((0.5 * 4.0 + 1.0) / 1.5));
  CHECK(mean.values[2] == doctest::Approx((0.25 * 4.0 + 0.5 + 1.0) / 1.75));
}

TEST_CASE("report: axes have ticks at round values inside their range") {
  CHECK(linear_ticks(0.0, 10.0, 5) == std::vector<double>{0.0, 2.0, 4.0, 6.0, 8.0, 10.0});
  CHECK(linear_ticks(-1.0, 1.0, 4) == std::vector<double>{-1.0, -0.5, 0.0, 0.5, 1.0});
  axis log(true, false);
  for (const double value : {0.0, 0.01, 100.0, -5.0}) log.show(value);
  log.finish(0.0);
  CHECK(log.place(1.0) == doctest::Approx(0.5));
  CHECK_FALSE(log.shows(0.0));
  CHECK(log.ticks().size() == 5);
  axis flat(false, false);
  flat.show(3.0);
  flat.finish(0.04);
  CHECK(flat.place(3.0) == doctest::Approx(0.5));
  CHECK(tick_text(0.0004) == "0.0004");
  CHECK(tick_text(12500.0) == "12.5k");
  CHECK(tick_text(3e6) == "3M");
}
