// program: the command-line program, `ctgpt VERB ...`.
//
// Exit codes: 0 success; 1 a failure, said in one sentence; 2 wrong usage, likewise; 128 + signal after
// saving on a signal. Results go to standard output, everything else to standard error.
// The verbs are declared in app/verbs.hpp and defined in a header each, so that a program can compile
// them in units of their own (examples/ctgpt).
#pragma once

#include <cstdio>
#include <exception>
#include <iostream>
#include <new>
#include <string>

#include "ctgpt/app/verbs.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

class program {
 public:
  program() {
    top_.require_subcommand(1);
    top_.set_version_flag("--version", std::string("ctgpt ") + CTGPT_VERSION);
    verb("train", "train a preset on a text file", train_, true);
    verb("sample", "continue a text", sample_, true);
    CLI::App* chat_verb = top_.add_subcommand("chat", "continue what you write, in the terminal");
    flags chat_flags(*chat_verb);
    chat_.add_sampling(chat_flags);
    machine_.add_to(chat_flags);
    verb("eval", "measure loss, perplexity and bits per byte, or ask the held-out questions", eval_,
         true);
    verb("describe", "say what a preset or model is and needs", describe_, false);
    CLI::App* data = top_.add_subcommand("data", "make data");
    data->require_subcommand(1);
    CLI::App* world = data->add_subcommand("world", "write the embedded corpus");
    flags world_given(*world);
    world_.add_to(world_given);
  }

  int run(int argc, char** argv) {
    std::string command;
    for (int i = 0; i < argc; ++i) command += (i > 0 ? " " : "") + quoted(argv[i]);
    try {
      try {
        top_.parse(argc, argv);
      } catch (const CLI::ParseError& problem) {
        return parse_failed(problem, argc, argv);
      }
      return dispatch(command);
    } catch (const error& problem) {
      std::fprintf(stderr, "ctgpt: %s\n", problem.what());
      return problem.exit_code();
    } catch (const std::bad_alloc&) {
      std::fprintf(stderr, "ctgpt: not enough memory; use a smaller batch, context or preset\n");
      return 1;
    } catch (const std::exception& problem) {
      std::fprintf(stderr, "ctgpt: %s\n", problem.what());
      return 1;
    }
  }

 private:
  template <class Flags>
  void verb(const char* name, const char* help, Flags& values, bool runs_a_model) {
    CLI::App* command = top_.add_subcommand(name, help);
    flags given(*command);
    values.add_to(given);
    if (runs_a_model) machine_.add_to(given);
  }

  int dispatch(const std::string& command) {
    if (top_.got_subcommand("train")) return train_command(train_, machine_, command);
    if (top_.got_subcommand("sample")) return sample_command(sample_, machine_);
    if (top_.got_subcommand("chat")) return chat_command(chat_, machine_);
    if (top_.got_subcommand("eval")) return eval_command(eval_, machine_);
    if (top_.got_subcommand("describe")) return describe_command(describe_);
    return world_command(world_);
  }

  // The innermost verb that the words name.
  CLI::App* verb_of(int argc, char** argv) {
    CLI::App* at = &top_;
    for (int i = 1; i < argc; ++i) {
      const std::string word = argv[i];
      const auto named =
          at->get_subcommands([&](const CLI::App* each) { return each->get_name() == word; });
      if (named.empty()) break;
      at = named.front();
    }
    return at;
  }

  int parse_failed(const CLI::ParseError& problem, int argc, char** argv) {
    if (problem.get_exit_code() == 0) return top_.exit(problem);  // --help, --version
    const CLI::App* command = verb_of(argc, argv);
    std::string sentence = problem.what();
    if (dynamic_cast<const CLI::ExtrasError*>(&problem) != nullptr) {
      const std::vector<std::string> extra = top_.remaining(true);
      const std::string word = extra.empty() ? std::string() : extra.front();
      if (word.starts_with('-')) {
        sentence = "there is no option " + word.substr(0, word.find('='));
        const std::string near = nearest_flag(*command, word);
        if (!near.empty()) sentence += "; did you mean " + near + "?";
      } else {
        sentence = "\"" + word + "\" is not expected here";
      }
    } else if (dynamic_cast<const CLI::RequiredError*>(&problem) != nullptr) {
      sentence = argc > 1 && command == &top_ ? "there is no verb \"" + std::string(argv[1]) + "\""
                                              : std::string("say what to do");
      sentence += command == &top_ ? ": train, sample, chat, eval, describe or data world"
                                   : ": data world";
    }
    std::fprintf(stderr, "ctgpt: %s (see ctgpt%s --help)\n", sentence.c_str(),
                 command == &top_ ? "" : (" " + command->get_name()).c_str());
    return 2;
  }

  static std::string quoted(const std::string& word) {
    const bool plain = !word.empty() && word.find_first_of(" \t\n\"'$\\`*?&;|<>()") == word.npos;
    if (plain) return word;
    std::string out = "'";
    for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
  }

  CLI::App top_{"ctgpt: build your own GPT, from raw text to a chat"};
  machine_options machine_;
  train_flags train_;
  sample_flags sample_, chat_;
  eval_flags eval_;
  describe_flags describe_;
  world_flags world_;
};

}  // namespace ctgpt::inline CTGPT_ABI::app
