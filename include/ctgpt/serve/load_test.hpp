// load_test: people who talk to a server at the same time, and what they experience.
//
//   const load_report seen = run_load({.url = "http://127.0.0.1:8080", .people = 64});
//   seen.first_token.of(0.95), seen.verdict()
//
// Each person reads and writes for a while (exponential, of mean `think` seconds), asks, reads the
// answer as it streams, and asks on; a conversation that fills half of the context is begun anew. A
// model without a chat template is asked to continue texts.
// A machine carries them where nothing failed, nineteen of twenty answers begin within
// patience seconds, and nineteen of twenty come at reading speed, reading_speed tokens a second.
// Errors: a server that cannot be reached, or refuses the first question: error. Later ones are
// failures in the report.
#pragma once

#include <httplib.h>

#include <array>
#include <map>
#include <mutex>
#include <thread>

#include "ctgpt/base/clock.hpp"
#include "ctgpt/base/random.hpp"
#include "ctgpt/io/json.hpp"
#include "ctgpt/serve/sse_reader.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

struct load_options {
  std::string url, key;
  int people = 8;
  double seconds = 30.0, think = 5.0;
  isize tokens = 64;  // of an answer at most
};

inline constexpr double patience = 2.0, reading_speed = 5.0;

// Values that are asked for their quantiles.
class distribution {
 public:
  void add(double value) {
    values_.push_back(value);
    sorted_ = false;
  }
  std::size_t size() const { return values_.size(); }
  // 0 of none.
  double of(double share) {
    if (values_.empty()) return 0.0;
    if (!sorted_) std::sort(values_.begin(), values_.end());
    sorted_ = true;
    const double place = share * static_cast<double>(values_.size() - 1);
    return values_[static_cast<std::size_t>(place + 0.5)];
  }

 private:
  std::vector<double> values_;
  bool sorted_ = false;
};

struct load_report {
  int people = 0;
  double seconds = 0.0;
  isize answers = 0, failures = 0, tokens = 0;
  distribution first_token, speed, whole;  // seconds; tokens a second of an answer; seconds
  std::map<std::string, isize> reasons;    // of failures

  double tokens_per_second() const {
    return seconds > 0.0 ? static_cast<double>(tokens) / seconds : 0.0;
  }
  bool carries() {
    return answers > 0 && failures == 0 && first_token.of(0.95) <= patience &&
           (speed.size() == 0 || speed.of(0.05) >= reading_speed);
  }
  std::string verdict() {
    char text[256];
    std::snprintf(text, sizeof text,
                  "%s: this machine %s %d people: 19 of 20 answers begin within %.2f s and come at "
                  "%.1f tokens/s or more; %lld of %lld failed.",
                  carries() ? "Yes" : "No", carries() ? "carries" : "does not carry", people,
                  first_token.of(0.95), speed.of(0.05), static_cast<long long>(failures),
                  static_cast<long long>(answers + failures));
    return text;
  }
};

class load_run {
 public:
  explicit load_run(const load_options& options) : options_(options) {
    const std::size_t scheme = options_.url.find("://");
    const std::size_t slash =
        scheme == std::string::npos ? scheme : options_.url.find('/', scheme + 3);
    if (scheme == std::string::npos) {
      throw usage_error("the URL must be such as http://127.0.0.1:8080, not \"" + options_.url +
                        "\"");
    }
    site_ = options_.url.substr(0, slash);
    if (slash != std::string::npos) base_ = options_.url.substr(slash);
    while (base_.ends_with('/')) base_.pop_back();
    if (base_.ends_with("/v1")) base_.resize(base_.size() - 3);
    if (!options_.key.empty()) headers_.emplace("Authorization", "Bearer " + options_.key);
    look();
  }

  load_report run() {
    std::vector<std::thread> people;
    const double begun = clock_seconds();
    until_ = begun + options_.seconds;
    for (int i = 0; i < options_.people; ++i) people.emplace_back([this, i] { live(i); });
    for (std::thread& each : people) each.join();
    report_.people = options_.people;
    report_.seconds = clock_seconds() - begun;
    return std::move(report_);
  }

 private:
  struct answer {
    bool good = false, too_long = false;
    std::string problem, text;
    double first = -1.0, last = 0.0;  // seconds from the question
    isize tokens = 0, prompt = 0;
  };

  httplib::Client client() const {
    httplib::Client one(site_);
    one.enable_server_certificate_verification(
        false);  // one's own server, with its own certificate
    one.set_keep_alive(true);
    one.set_tcp_nodelay(true);
    one.set_read_timeout(600, 0);
    return one;
  }

  // What the server serves, and whether it chats.
  void look() {
    httplib::Client one = client();
    const httplib::Result listed = one.Get(base_ + "/v1/models", headers_);
    expects(listed != nullptr, options_.url, " does not answer");
    expects(listed->status == 200, options_.url, " answered with status ", listed->status);
    const io::json parsed = io::parse_json(listed->body, "the list of models");
    const io::json_field model = io::json_field(parsed, "the list of models")["data"][0];
    model_ = model["id"].string();
    context_ = model["context_length"].integer_or(0);
    answer first = ask(one, {{"user", "Hello"}});
    if (!first.good && first.problem.find("chat template") != std::string::npos) {
      chats_ = false;
      first = ask(one, {{"user", "Hello"}});
    }
    expects(first.good, options_.url, ": ", first.problem);
  }

  std::string body_of(const std::vector<std::array<std::string, 2>>& talk) const {
    std::string body;
    io::json_writer out(body);
    out.begin_object().member("model", model_).member("max_tokens", options_.tokens);
    out.member("stream", true).key("stream_options").begin_object();
    out.member("include_usage", true).end_object();
    if (chats_) {
      out.key("messages").begin_array();
      for (const auto& [role, content] : talk) {
        out.begin_object().member("role", role).member("content", content).end_object();
      }
      out.end_array();
    } else {
      std::string text;
      for (const auto& each : talk) text += each[1] + "\n";
      out.member("prompt", text);
    }
    out.end_object();
    return body;
  }

  answer ask(httplib::Client& one, const std::vector<std::array<std::string, 2>>& talk) const {
    answer made;
    sse_reader events;
    std::string raw;
    const double begun = clock_seconds();
    httplib::Request request;
    request.method = "POST";
    request.path = base_ + (chats_ ? "/v1/chat/completions" : "/v1/completions");
    request.headers = headers_;
    request.set_header("Content-Type", "application/json");
    request.body = body_of(talk);
    request.content_receiver = [&](const char* data, std::size_t size, std::uint64_t,
                                   std::uint64_t) {
      raw.append(data, std::min<std::size_t>(size, 4096));
      events.feed({data, size}, [&](std::string_view event) { read(event, made, begun); });
      return true;
    };
    httplib::Response told;
    httplib::Error error{};
    if (!one.send(request, told, error)) {
      made.good = false;
      made.problem = "no answer: " + httplib::to_string(error);
    } else if (told.status != 200) {
      made.good = false;
      made.problem = sentence_of(raw + told.body, told.status);
      made.too_long = made.problem.find("context length") != std::string::npos;
    } else if (!made.good && made.problem.empty()) {
      made.problem = "a stream that ended early";
    }
    return made;
  }

  static std::string sentence_of(const std::string& body, int status) {
    try {
      const io::json parsed = io::parse_json(body, "the answer");
      return io::json_field(parsed, "the answer")["error"]["message"].string();
    } catch (const error&) {
      return join("status ", status);
    }
  }

  static void read(std::string_view event, answer& made, double begun) {
    if (event == "[DONE]") {
      made.good = made.problem.empty();
      return;
    }
    const io::json parsed = io::parse_json(event, "an event");
    const io::json_field all(parsed, "an event");
    if (all["error"].present()) {
      made.problem = all["error"]["message"].string();
      return;
    }
    if (all["usage"].present()) {
      made.tokens = all["usage"]["completion_tokens"].integer();
      made.prompt = all["usage"]["prompt_tokens"].integer();
    }
    for (std::size_t i = 0; i < all["choices"].size(); ++i) {
      const io::json_field choice = all["choices"][i];
      const std::string text = choice["delta"].present() ? choice["delta"]["content"].string_or("")
                                                         : choice["text"].string_or("");
      if (text.empty()) continue;
      made.last = clock_seconds() - begun;
      if (made.first < 0.0) made.first = made.last;
      made.text += text;
    }
  }

  void live(int number) {
    static constexpr std::array<const char*, 6> questions = {
        "Hello! Who are you?",     "What can you do?", "Tell me a story.",
        "And what happened then?", "Why is that so?",  "Thank you. Anything else?"};
    random_stream chance(17, static_cast<std::uint64_t>(number));
    httplib::Client one = client();
    std::vector<std::array<std::string, 2>> talk;
    for (;;) {
      const double uniform = static_cast<double>(1 + chance.below(1'000'000)) / 1e6;
      const double wait = -std::log(uniform) * options_.think;
      if (clock_seconds() + wait >= until_) return;
      std::this_thread::sleep_for(std::chrono::duration<double>(wait));
      talk.push_back({"user", questions[chance.below(questions.size())]});
      const answer made = ask(one, talk);
      if (made.too_long && talk.size() > 1) {
        talk.clear();
        continue;
      }
      note(made);
      talk.push_back({"assistant", made.text});
      if (!made.good || 2 * (made.prompt + made.tokens) > context_) talk.clear();
    }
  }

  void note(const answer& made) {
    const std::lock_guard hold(mutex_);
    if (!made.good) {
      ++report_.failures;
      ++report_.reasons[made.problem];
      return;
    }
    ++report_.answers;
    report_.tokens += made.tokens;
    if (made.first < 0.0) return;  // an answer without a text
    report_.first_token.add(made.first);
    report_.whole.add(made.last);
    // From the question on: what comes in one piece has no speed of its own.
    report_.speed.add(static_cast<double>(made.tokens) / made.last);
  }

  load_options options_;
  std::string site_, base_, model_;
  httplib::Headers headers_;
  isize context_ = 0;
  bool chats_ = true;
  double until_ = 0.0;
  std::mutex mutex_;
  load_report report_;
};

inline load_report run_load(const load_options& options) { return load_run(options).run(); }

}  // namespace ctgpt::inline CTGPT_ABI::serve
