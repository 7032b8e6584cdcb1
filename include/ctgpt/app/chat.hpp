// chat: a conversation with a model in the terminal.
//
// What a chat model answers goes to standard output as it is made, everything else to standard
// error, so that `ctgpt chat -m runs/chat < questions.txt` prints answers alone. Its history goes
// into each prompt, of which the engine computes only what is new; where that grows too long the
// oldest turns go, after the system message, and that is said. Ctrl-C stops an answer, which stays
// as far as it came; at the prompt it leaves.
// A model without a chat template completes text, and says so.
// Errors: usage_error for flags; whatever is wrong with a message is said, and the chat goes on.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <iostream>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/align/chat_prompt.hpp"
#include "ctgpt/app/line_input.hpp"
#include "ctgpt/app/sample.hpp"
#include "ctgpt/app/served_model.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

// An answer on its way from the engine's thread to the terminal's.
class answer_pieces final : public completion_listener {
 public:
  void on_piece(const completion_piece& piece) override {
    const std::lock_guard lock(mutex_);
    text_ += piece.text;
    changed_.notify_one();
  }
  void on_end(const completion_end& end) override {
    const std::lock_guard lock(mutex_);
    end_ = end;
    changed_.notify_one();
  }
  // What came since the last call, after a moment's wait; sets `end` with the last of it.
  std::string take(std::optional<completion_end>& end) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(50),
                      [&] { return end_.has_value() || !text_.empty(); });
    end = end_;
    return std::exchange(text_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string text_;
  std::optional<completion_end> end_;
};

class chat_terminal {
 public:
  chat_terminal(served_model& run, const align::chat_template& chat, const generation& options,
                const std::optional<std::string>& system)
      : run_(run),
        chat_(chat),
        options_(options),
        ends_(chat.ends(run.tokens)),
        context_(run.engine->context()) {
    if (system) set_system(*system);
  }

  int run() {
    const interrupts watch;
    if (input_.terminal()) say("Ask what you like; /help lists commands, /exit or Ctrl-D ends.");
    while (const std::optional<std::string> text = input_.message("> ")) {
      try {
        if (text->starts_with("//")) {
          ask(text->substr(1));
        } else if (text->starts_with('/')) {
          if (!obey(*text)) return 0;
        } else if (text->find_first_not_of(" \t\n") != std::string::npos) {
          ask(*text);
        }
      } catch (const error& problem) {  // must not end the chat
        say(problem.what());
      }
    }
    std::fputc('\n', stderr);
    return 0;
  }

 private:
  static void say(std::string_view text) {
    std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
  }
  isize system_messages() const { return !talk_.empty() && talk_[0].role == "system" ? 1 : 0; }
  void set_system(std::string_view text) {
    if (system_messages() > 0) talk_.erase(talk_.begin());
    if (!text.empty()) talk_.insert(talk_.begin(), align::message{"system", std::string(text)});
  }
  // Takes the last question and its answer out; "" where there is none.
  std::string take_question() {
    while (std::ssize(talk_) > system_messages()) {
      const align::message last = std::move(talk_.back());
      talk_.pop_back();
      if (last.role == "user") return last.content;
    }
    return {};
  }

  // False when the chat is to end.
  bool obey(const std::string& line) {
    const std::size_t end = std::min(line.find_first_of(" \n"), line.size());
    const std::string command = line.substr(0, end);
    const std::size_t begin = line.find_first_not_of(" \n", end);
    const std::string rest = begin == std::string::npos ? "" : line.substr(begin);
    if (command == "/exit" || command == "/quit") return false;
    if (command == "/help") {
      say("/clear or /new      begin a new conversation\n"
          "/system TEXT        tell the model how to answer; without TEXT nothing\n"
          "/undo               take the last question and its answer back\n"
          "/regenerate         answer the last question again, otherwise\n"
          "/save FILE          add the conversation to FILE, as ctgpt finetune reads it\n"
          "/exit or Ctrl-D     end\n"
          "Ctrl-C stops an answer. A line that ends with \\ goes on in the next; // begins a\n"
          "message with /.");
    } else if (command == "/clear" || command == "/new") {
      talk_.resize(static_cast<std::size_t>(system_messages()));
      told_dropped_ = 0;
      say("A new conversation.");
    } else if (command == "/system") {
      set_system(rest);
      say(rest.empty() ? "No system message." : "The system message is set.");
    } else if (command == "/undo") {
      say(take_question().empty() ? "There is nothing to take back." : "Taken back.");
    } else if (command == "/regenerate" || command == "/again") {
      if (const std::string question = take_question(); !question.empty()) {
        ask(question);
      } else {
        say("There is no question yet.");
      }
    } else if (command == "/save") {
      save(rest);
    } else {
      say("There is no command " + command + "; /help lists them. // begins a message with /.");
    }
    return true;
  }

  void save(const std::string& path) const {
    expects(!path.empty(), "say where: /save FILE");
    expects(std::ssize(talk_) > system_messages(), "there is nothing to save yet");
    io::json list = io::json::array();
    for (const align::message& each : talk_) {
      list.push(io::json::object().set("role", each.role).set("content", each.content));
    }
    output_file file = output_file::append(path);
    file.write(io::write_json(io::json::object().set("messages", std::move(list))) + "\n");
    say("Added to " + path + ".");
  }

  void ask(const std::string& question) {
    expects(utf8_error_offset(question) == std::string::npos, "the message is not UTF-8");
    talk_.push_back({"user", question});
    const isize room = std::min(options_.tokens, std::max<isize>(1, context_ / 4));  // to answer
    std::optional<align::chat_prompt> prompt;
    try {
      prompt = align::fit_prompt(run_.tokens, chat_, talk_, context_ - room);
      expects(prompt.has_value(), "the message is too long: with the system message it leaves no ",
              "room in the model's ", context_, " tokens for an answer; shorten it");
    } catch (const error&) {
      talk_.pop_back();
      throw;
    }
    if (prompt->dropped > told_dropped_) {
      say(join("(The conversation is longer than the model's ", context_, " tokens: the oldest ",
               prompt->dropped, " messages are left out.)"));
    }
    told_dropped_ = prompt->dropped;
    answer(prompt->ids);
  }

  void answer(const std::vector<std::int32_t>& prompt) {
    const auto pieces = std::make_shared<answer_pieces>();
    completion_request request{.prompt = prompt};
    request.tokens = std::min(options_.tokens, context_ - std::ssize(prompt));
    request.choose = options_.sampler_options();
    request.choose.seed += answers_++;
    request.stop = options_.stop;
    request.stop_tokens = ends_;
    interrupts::forget();
    const std::uint64_t id = run_.engine->submit(std::move(request), pieces);
    std::string text;
    std::optional<completion_end> end;
    for (bool stopped = false; !end;) {
      const std::string piece = pieces->take(end);
      text += piece;
      put(piece);
      if (!interrupts::received() || stopped) continue;
      run_.engine->cancel(id);
      stopped = true;
    }
    interrupts::forget();
    put("\n");
    if (end->reason == completion_ending::cancelled) say("(Stopped.)");
    if (end->reason == completion_ending::failed) say(end->problem);
    if (end->reason == completion_ending::length && input_.terminal()) {
      say(join("(Cut after ", end->answer_tokens, " tokens.)"));
    }
    if (text.empty()) {
      talk_.pop_back();  // a question without an answer is no conversation
      say("(No answer.)");
    } else {
      talk_.push_back({"assistant", std::move(text)});
    }
  }

  served_model& run_;
  align::chat_template chat_;
  generation options_;
  std::vector<std::int32_t> ends_;
  isize context_;
  std::uint64_t answers_ = 0;
  align::conversation talk_;
  isize told_dropped_ = 0;
  line_input input_;
};

// The engine for one conversation. Its threads leave Ctrl-C to the one that reads the terminal.
inline served_model open_chat_engine(const std::string& directory, const machine_options& machine) {
  const config model = open_directory(directory).settings;
  const isize positions = (model.context + attention_tile - 1) / attention_tile * attention_tile;
  const isize bytes = 2 * model.layers * kv_heads_of(model) * head_size_of(model) * positions *
                      element_bytes(element::f32);
  serving_options options{.machine = machine};
  options.engine.parallel = 1;
  options.engine.cache_bytes = std::max(options.engine.cache_bytes, 2 * bytes);
  sigset_t interrupt, before;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  pthread_sigmask(SIG_BLOCK, &interrupt, &before);
  const struct restorer {
    const sigset_t& mask;
    ~restorer() { pthread_sigmask(SIG_SETMASK, &mask, nullptr); }
  } restore{before};
  return make_engine(directory, options);
}

inline int complete_lines(engine& run, generation options) {
  std::fprintf(stderr,
               "This model has no chat template: it completes text, from what you write.\n"
               "/again draws another continuation; /quit or Ctrl-D ends.\n");
  std::string line, last;
  for (;;) {
    std::fprintf(stderr, "> ");
    if (!std::getline(std::cin, line) || line == "/quit" || line == "/exit") break;
    if (line.ends_with('\r')) line.pop_back();
    const bool again = line == "/again";
    if (again) line = last;
    if (line.empty()) continue;
    if (again) ++options.seed;
    std::vector<std::int32_t> tokens;
    try {
      expect_characters(run.tokens(), line, "the line");
      tokens = run.tokens().encode_ordinary(line);
    } catch (const error& problem) {  // must not end the chat
      std::fprintf(stderr, "%s\n", problem.what());
      continue;
    }
    last = line;
    put(line);
    run.generate(tokens, options, [](std::string_view piece) { put(piece); });
    put("\n");
  }
  std::fputc('\n', stderr);
  return 0;
}

int chat_command(const chat_flags& given, const machine_options& machine) {
  const std::string model = required_model(given.model);
  const std::string directory = resolve_model(model);
  const generation options = generation_options(given, directory);
  const std::optional<align::chat_template> chat = align::find_chat_template(directory);
  if (!chat && given.system) {
    throw usage_error(join("the model ", model, " has no chat template, so there is no --system"));
  }
  if (!chat) {
    const std::unique_ptr<engine> run = open_engine(model, choose_backend(machine), f32_precision);
    return complete_lines(*run, options);
  }
  served_model run = open_chat_engine(directory, machine);
  chat->expect_specials(run.tokens);
  return chat_terminal(run, *chat, options, given.system).run();
}

}  // namespace ctgpt::inline CTGPT_ABI::app
