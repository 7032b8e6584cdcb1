// chat: a conversation with a model in the terminal.
//
// What a chat model answers goes to standard output as it is made, everything else to standard
// error, so that `ctgpt chat -m runs/chat < questions.txt` prints answers alone. Its history goes
// into each prompt; where that grows too long the oldest turns go, after the system message, and
// that is said. Ctrl-C stops an answer, which stays as far as it came; at the prompt it leaves.
// A model without a chat template completes text, and says so.
// Errors: usage_error for flags; whatever is wrong with a message is said, and the chat goes on.
#pragma once

#include <cstdio>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/align/chat_prompt.hpp"
#include "ctgpt/app/line_input.hpp"
#include "ctgpt/app/sample.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

class chat_terminal {
 public:
  chat_terminal(engine& run, const align::chat_template& chat, const generation& options,
                const std::optional<std::string>& system)
      : run_(run), chat_(chat), options_(options), first_seed_(options.seed) {
    for (const std::int32_t id : chat.ends(run.tokens())) {
      options_.stop.push_back(run.tokens().token_bytes(id));
    }
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
    const isize context = run_.settings().context;
    const isize room = std::min(options_.tokens, std::max<isize>(1, context / 4));  // to answer
    std::optional<align::chat_prompt> prompt;
    try {
      prompt = align::fit_prompt(run_.tokens(), chat_, talk_, context - room);
      expects(prompt.has_value(), "the message is too long: with the system message it leaves no ",
              "room in the model's ", context, " tokens for an answer; shorten it");
    } catch (const error&) {
      talk_.pop_back();
      throw;
    }
    if (prompt->dropped > told_dropped_) {
      say(join("(The conversation is longer than the model's ", context, " tokens: the oldest ",
               prompt->dropped, " messages are left out.)"));
    }
    told_dropped_ = prompt->dropped;
    answer(prompt->ids);
  }

  void answer(const std::vector<std::int32_t>& prompt) {
    struct stopped {};
    generation how = options_;
    how.tokens = std::min(how.tokens, run_.settings().context - std::ssize(prompt));
    how.seed = first_seed_ + answers_++;
    std::string text;
    interrupts::forget();
    try {
      const generated end = run_.generate(prompt, how, [&](std::string_view piece) {
        text += piece;
        put(piece);
        if (interrupts::received()) throw stopped();
      });
      put("\n");
      if (end.reason == ending::length && input_.terminal()) {
        say(join("(Cut after ", end.tokens, " tokens.)"));
      }
    } catch (const stopped&) {
      put("\n");
      say("(Stopped.)");
    }
    interrupts::forget();
    if (text.empty()) {
      talk_.pop_back();  // a question without an answer is no conversation
      say("(No answer.)");
    } else {
      talk_.push_back({"assistant", std::move(text)});
    }
  }

  engine& run_;
  align::chat_template chat_;
  generation options_;
  std::uint64_t first_seed_, answers_ = 0;
  align::conversation talk_;
  isize told_dropped_ = 0;
  line_input input_;
};

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
  const std::unique_ptr<engine> run = open_engine(model, choose_backend(machine), f32_precision);
  if (!chat) return complete_lines(*run, options);
  chat->expect_specials(run->tokens());
  return chat_terminal(*run, *chat, options, given.system).run();
}

}  // namespace ctgpt::inline CTGPT_ABI::app
