// program: the command-line program, `ctgpt VERB ...`.
//
// Exit codes: 0 success; 1 a failure, said in one sentence; 2 wrong usage, likewise; 128 + signal
// after saving on a signal. Results go to standard output, everything else to standard error.
// The verbs are declared in app/verbs.hpp and defined in a header each, so that a program can
// compile them in units of their own (examples/ctgpt); app/extra_verbs.hpp adds more.
#pragma once

#include <fcntl.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <deque>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "ctgpt/app/config_file.hpp"
#include "ctgpt/app/extra_verbs.hpp"
#include "ctgpt/app/finetune_flags.hpp"
#include "ctgpt/app/flags.hpp"
#include "ctgpt/app/verbs.hpp"
#include "ctgpt/base/utf8.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

class program {
 public:
  program() {
    top_.set_help_flag("-h,--help", "print this help and end");
    top_.require_subcommand(1);
    top_.set_version_flag("--version", std::string("ctgpt ") + CTGPT_VERSION,
                          "print the version and end");
    top_.footer("ctgpt VERB --help says what each takes. Start with examples/quickstart.sh.");
    verb(top_, "train", "Train a preset on a text file", train_, true,
         "A preset carries its own settings; flags override them. Ctrl-C saves and ends; go on "
         "with\n"
         "  ctgpt train --resume --out DIR\n"
         "Example:\n"
         "  ctgpt train --data text.txt --tokenizer char --preset quickstart --out runs/first");
    verb(top_, "finetune", "Teach a model to answer, on conversations", finetune_, true,
         "Reads Alpaca, ShareGPT, OpenAI messages and OASST trees; learns the answers alone. "
         "Ctrl-C\n"
         "saves and ends; go on with\n"
         "  ctgpt finetune --resume --out DIR\n"
         "Example:\n"
         "  ctgpt finetune -m runs/base --data talks.jsonl --out runs/chat");
    verb(top_, "sample", "Continue a text", sample_, true,
         "What is not given comes from the model's generation_config.json.\n"
         "Example:\n"
         "  ctgpt sample -m runs/first -p \"Once\" -n 200 --temperature 0.8");
    verb(
        top_, "chat", "Talk with a model in the terminal", chat_, true,
        "/help lists what else it does. A model that was not fine-tuned continues what you write.\n"
        "Example:\n  ctgpt chat -m runs/first");
    verb(top_, "eval", "Measure loss, perplexity and bits per byte, or ask held-out questions",
         eval_, true,
         "Examples:\n"
         "  ctgpt eval -m runs/first --data text.txt\n"
         "  ctgpt eval -m runs/first --world-questions 1");
    verb(top_, "describe", "Say what a preset or a saved model is and needs", describe_, false,
         "Without options it lists the presets.\n"
         "Example:\n  ctgpt describe --preset gpt2-124m --batch 4");
    verb(top_, "report", "Draw runs: a page of curves, facts and samples for a browser", report_,
         false,
         "The page is one file that needs no network. A run may still be going on.\n"
         "Example:\n  ctgpt report runs/first runs/second --out report.html");
    CLI::App* data = top_.add_subcommand("data", "Make data");
    data->require_subcommand(1);
    verb(*data, "world", "Write the embedded corpus: a small world in plain English", world_, false,
         "Example:\n  ctgpt data world --bytes 8000000 --seed 1 --out world.txt");
    CLI::App* tokenizer = top_.add_subcommand("tokenizer", "Learn tokens from texts, and use them");
    tokenizer->require_subcommand(1);
    verb(*tokenizer, "train", "Learn a tokenizer from text files", tokenizer_train_, false,
         "Writes tokenizer.json, which Hugging Face's packages open too. Ctrl-C leaves nothing.\n"
         "Example:\n"
         "  ctgpt tokenizer train --data text.txt --vocab 8192 --special \"<|endoftext|>\" --out "
         "tokens");
    verb(*tokenizer, "encode", "Turn standard input into ids", tokenizer_encode_, false,
         "Example:\n  ctgpt tokenizer encode --tokenizer tokens < text.txt > ids.json");
    verb(*tokenizer, "decode", "Turn ids from standard input into text", tokenizer_decode_, false,
         "Example:\n  ctgpt tokenizer decode --tokenizer tokens < ids.json > text.txt");
    verb(*tokenizer, "count", "Count the tokens of standard input", tokenizer_count_, false,
         "Example:\n  ctgpt tokenizer count --tokenizer tokens < text.txt");
    for (const extra_verb* each : extra_verbs()) {
      CLI::App& parent = each->group.empty() ? top_ : group_named(each->group);
      CLI::App* command = declare(parent, each->name, each->help, each->footer);
      each->describe(given_.back());
      extra_.push_back(command);
    }
  }

  int run(int argc, char** argv) {
    std::signal(SIGXFSZ, SIG_IGN);  // a file that grows too large is an error like any other
    // Where a standard stream is closed, the next file opened would take its place.
    for (int stream = 0; stream <= 2; ++stream) {
      if (::fcntl(stream, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) < 0) return 1;
    }
    invocation called{shell_quoted(argc > 0 ? argv[0] : "ctgpt"), {}};
    for (int i = 0; i < argc; ++i) {
      if (i > 0) called.command += ' ';
      utf8_append_repaired(called.command, shell_quoted(argv[i]));  // run.json holds it
    }
    try {
      try {
        std::vector<std::string> words = with_config(argc, argv);
        std::vector<char*> pointers;
        for (std::string& word : words) pointers.push_back(word.data());
        top_.parse(static_cast<int>(pointers.size()), pointers.data());
      } catch (const CLI::ParseError& problem) {
        return parse_failed(problem, argc, argv);
      }
      return dispatch(called);
    } catch (const usage_error& problem) {
      return say(placed(problem.what()), problem.exit_code());
    } catch (const error& problem) {
      return say(problem.what(), problem.exit_code());
    } catch (const std::bad_alloc&) {
      return say("not enough memory; use a smaller batch, context or preset", 1);
    } catch (const std::exception& problem) {
      return say(problem.what(), 1);
    }
  }

 private:
  template <class Flags>
  void verb(CLI::App& parent, const char* name, const char* help, Flags& values, bool runs_a_model,
            const char* footer) {
    declare(parent, name, help, footer);
    values.describe(given_.back());
    if (runs_a_model) machine_.describe(given_.back());
  }
  // Its flags are the last of given_.
  CLI::App* declare(CLI::App& parent, const std::string& name, const std::string& help,
                    const std::string& footer) {
    CLI::App* command = parent.add_subcommand(name, help);
    command->footer(footer);
    given_.emplace_back(*command).text(
        "--config FILE",
        "flags from TOML, tables of other verbs ignored, or run.json; given flags win", config_);
    return command;
  }
  // One that no verb of the program itself belongs to is made.
  CLI::App& group_named(const std::string& name) {
    const auto named =
        top_.get_subcommands([&](const CLI::App* each) { return each->get_name() == name; });
    if (!named.empty()) return *named.front();
    CLI::App* group = top_.add_subcommand(
        name, name == "lora" ? "Work with adapters" : "Measure what this machine can do");
    group->require_subcommand(1);
    return *group;
  }
  // By name, whatever the order of the units.
  static std::vector<const extra_verb*> extra_verbs() {
    std::vector<const extra_verb*> verbs = extra_verb::all();
    std::sort(verbs.begin(), verbs.end(), [](const extra_verb* a, const extra_verb* b) {
      return std::tie(a->group, a->name) < std::tie(b->group, b->name);
    });
    return verbs;
  }

  int dispatch(const invocation& called) {
    for (std::size_t i = 0; i < extra_.size(); ++i) {
      if (extra_[i]->parsed()) return extra_verbs()[i]->run();
    }
    if (top_.got_subcommand("train")) return train_command(train_, machine_, called);
    if (top_.got_subcommand("finetune")) return finetune_command(finetune_, machine_, called);
    if (top_.got_subcommand("sample")) return sample_command(sample_, machine_);
    if (top_.got_subcommand("chat")) return chat_command(chat_, machine_);
    if (top_.got_subcommand("eval")) return eval_command(eval_, machine_);
    if (top_.got_subcommand("describe")) return describe_command(describe_);
    if (top_.got_subcommand("report")) return report_command(report_);
    if (top_.got_subcommand("data")) return world_command(world_);
    const CLI::App& tokenizer = *top_.get_subcommand("tokenizer");
    if (tokenizer.got_subcommand("train")) return tokenizer_train_command(tokenizer_train_);
    if (tokenizer.got_subcommand("encode")) return tokenizer_encode_command(tokenizer_encode_);
    if (tokenizer.got_subcommand("decode")) return tokenizer_decode_command(tokenizer_decode_);
    return tokenizer_count_command(tokenizer_count_);
  }

  // The command line, and what the file of --config adds to it.
  std::vector<std::string> with_config(int argc, char** argv) {
    std::vector<std::string> words(argv, argv + argc);
    std::string path, next;
    for (std::size_t i = 1; i < words.size(); ++i) {
      if (words[i] == "--config" && i + 1 < words.size()) path = words[i + 1];
      if (words[i].starts_with("--config=")) path = words[i].substr(9);
    }
    const CLI::App* verb = verb_of(argc, argv, next);
    if (path.empty() || verb->get_option_no_throw("--config") == nullptr) return words;
    from_file_ = flags_of_config(path, *verb, words);
    std::ptrdiff_t after = 1;  // the verb's names
    for (; verb->get_parent() != nullptr; verb = verb->get_parent()) ++after;
    for (const config_flag& flag : from_file_) {
      const std::vector<std::string> more = flag.words();
      words.insert(words.begin() + after, more.begin(), more.end());
    }
    return words;
  }

  // A sentence about a flag that --config's file gave names the file.
  std::string placed(const std::string& sentence) const {
    std::size_t first = sentence.npos;
    std::string place;
    for (const config_flag& flag : from_file_) {
      const std::size_t at = flag.place_in(sentence);
      if (at < first) {
        first = at;
        place = flag.place + ": ";
      }
    }
    return place + sentence;
  }

  // One line, whatever the text holds (a file's name may hold a line break).
  static int say(std::string sentence, int code) {
    for (char& c : sentence) {
      if (c == '\n' || c == '\r') c = ' ';
    }
    std::fprintf(stderr, "ctgpt: %s\n", sentence.c_str());
    return code;
  }

  static std::vector<std::string> verbs_of(const CLI::App& command) {
    std::vector<std::string> names;
    for (const CLI::App* each : command.get_subcommands([](const CLI::App*) { return true; })) {
      names.push_back(each->get_name());
    }
    return names;
  }

  // "train, report, data world or data shard": the groups' verbs come last.
  static std::string choices_of(const CLI::App& command) {
    std::vector<std::string> names, grouped;
    for (const CLI::App* each : command.get_subcommands([](const CLI::App*) { return true; })) {
      const std::vector<std::string> inner = verbs_of(*each);
      for (const std::string& verb : inner) grouped.push_back(each->get_name() + " " + verb);
      if (inner.empty()) names.push_back(command_path(*each).substr(1));
    }
    names.insert(names.end(), grouped.begin(), grouped.end());
    std::string text = names.back();
    names.pop_back();
    for (std::size_t i = names.size(); i-- > 0;) {
      text = names[i] + (i + 1 == names.size() ? " or " : ", ") + text;
    }
    return text;
  }

  // The innermost verb that the words name, and the first word that names none.
  CLI::App* verb_of(int argc, char** argv, std::string& next) {
    CLI::App* at = &top_;
    for (int i = 1; i < argc; ++i) {
      next = argv[i];
      const auto named =
          at->get_subcommands([&](const CLI::App* each) { return each->get_name() == next; });
      if (named.empty()) return at;
      at = named.front();
    }
    next.clear();
    return at;
  }

  int parse_failed(const CLI::ParseError& problem, int argc, char** argv) {
    if (problem.get_exit_code() == 0) {  // --help, --version
      const bool version = problem.get_name() == "CallForVersion";
      put(version ? std::string(problem.what()) + "\n" : top_.help());
      return 0;
    }
    std::string next;
    const CLI::App* command = verb_of(argc, argv, next);
    const std::string path = command_path(*command);
    return say(sentence_of(problem, *command, next) + " (see ctgpt" + path + " --help)", 2);
  }

  std::string sentence_of(const CLI::ParseError& problem, const CLI::App& command,
                          const std::string& next) {
    const std::string what = problem.what();
    std::string option = what.substr(0, what.find_first_of(": "));
    if (!option.starts_with('-')) option.insert(0, "--");
    if (dynamic_cast<const CLI::ExtrasError*>(&problem) != nullptr) {
      const std::vector<std::string> extra = top_.remaining(true);
      if (extra.empty()) return unknown_word(command, next);
      const bool valued =
          extra.size() > 1 && extra[0].starts_with("--") && !extra[1].starts_with('-');
      return unknown_word(command, valued ? extra[0] + "=" + extra[1] : extra[0]);
    }
    if (dynamic_cast<const CLI::RequiredError*>(&problem) != nullptr) {
      const std::string choices = choices_of(command);
      const std::string prefix = &command == &top_ ? "" : command.get_name() + " ";
      if (next.empty()) return "say what to do: " + choices;
      if (next.starts_with('-')) return unknown_word(command, next);
      const std::string near = nearest_word(next, verbs_of(command));
      return "there is no verb \"" + prefix + next + "\"; " +
             (near.empty() ? "choose " + choices : "did you mean " + prefix + near + "?");
    }
    if (what.find("required but received") != std::string::npos) {
      return option + " is given more than once";
    }
    if (dynamic_cast<const CLI::ArgumentMismatch*>(&problem) != nullptr) {
      return option +
             (what.find("missing") != std::string::npos ? " needs a value" : " takes no value");
    }
    return what;
  }

  static std::string unknown_word(const CLI::App& command, const std::string& word) {
    if (!word.starts_with('-')) return "\"" + word + "\" is not expected here";
    return "there is no option " + word.substr(0, word.find('=')) + advice_on_flag(command, word);
  }

  static std::string command_path(const CLI::App& command) {
    if (command.get_parent() == nullptr) return {};
    return command_path(*command.get_parent()) + " " + command.get_name();
  }

  CLI::App top_{"ctgpt: build your own GPT, from raw text to a model that writes"};
  std::deque<flags> given_;       // the options' callbacks point to them
  std::vector<CLI::App*> extra_;  // in the order of extra_verbs()
  machine_options machine_;
  std::optional<std::string> config_;
  std::vector<config_flag> from_file_;
  train_flags train_;
  finetune_flags finetune_;
  sample_flags sample_;
  chat_flags chat_;
  eval_flags eval_;
  describe_flags describe_;
  report_flags report_;
  world_flags world_;
  tokenizer_train_flags tokenizer_train_;
  tokenizer_encode_flags tokenizer_encode_;
  tokenizer_decode_flags tokenizer_decode_;
  tokenizer_count_flags tokenizer_count_;
};

}  // namespace ctgpt::inline CTGPT_ABI::app
