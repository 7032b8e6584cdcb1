// train: the verb that trains a preset on a text file.
//
// Says what it will do and need, then runs the loop of app/training.hpp with the compiled model.
// Everything that can be wrong with flags, data, settings and the weights to start from is found
// before a directory is made.
// Errors: ctgpt::error (1), usage_error (2); earlier checkpoints stay as they are.
#pragma once

#include <csignal>
#include <optional>
#include <string>

#include "ctgpt/app/lora_plan.hpp"
#include "ctgpt/app/saved_chat.hpp"
#include "ctgpt/app/training.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

// What a model that is there already decides: its tokenizer, the rows of its vocabulary, which may
// be more, and its chat template if it has one.
struct starting_point {
  text::tokenizer tokens;
  isize vocab = 0;
  std::optional<align::chat_template> chat = {};
};

// The flags, the data and the machine, checked against each other. start: what training begins or
// goes on with.
inline training plan_training(const train_settings& settings,
                              const std::optional<starting_point>& start, const invocation& called,
                              io::json earlier) {
  const recipe& how = settings.how;
  const backend where = choose_backend(settings.machine);
  const auto tokens = start ? std::optional(start->tokens) : std::nullopt;
  training plan{settings, where,
                open_corpus(settings.data, settings.tokenizer, tokens, settings.val_fraction,
                            {how.batch, how.time, settings.seed, settings.order}),
                called, std::move(earlier)};
  if (settings.epochs > 0.0) {
    const auto step = static_cast<double>(how.batch * how.time * how.accumulate);
    const auto epoch = static_cast<double>(plan.data.parts.train.epoch_tokens());
    const double steps = std::ceil(settings.epochs * epoch / step);
    if (steps > static_cast<double>(most_steps)) {
      throw usage_error(join("--epochs ", settings.epochs, " of this data are ", steps,
                             " steps; at most ", most_steps, " can be run"));
    }
    plan.settings.how.steps = static_cast<isize>(steps);
  }
  const isize vocab = start ? start->vocab : plan.data.tokens.vocab_size();
  expects(vocab <= settings.model.vocab || plan.data.tokens.name() == text::characters::name(),
          "the tokenizer ", settings.tokenizer, " has a vocabulary of ", vocab, " tokens, but ",
          model_name(settings), " has room for ", settings.model.vocab,
          "; choose a preset with a larger vocabulary, or train a smaller tokenizer");
  expects(vocab <= settings.model.vocab, "the data has ", vocab, " different characters, but ",
          model_name(settings), " has room for ", settings.model.vocab,
          "; use --tokenizer bytes or a preset with a larger vocabulary");
  plan.vocab = vocab;
  if (start && start->chat) plan.also.saved = saved_chat(*start->chat, start->tokens);
  return plan;
}

// Rows of `count` tokens, the last of `known`, become the mean of those before them. spread: drawn
// around it as those lie around it, where nothing will train them apart.
inline void begin_as_mean(network_weights& net, isize known, isize count, bool spread,
                          std::uint64_t start) {
  const isize first = known - count;
  for (int i = 0; i < net.layout().count(); ++i) {
    const slot& item = net.layout().at(i);
    if (!item.path.has(part::token_embedding) && !item.path.has(part::head)) continue;
    std::vector<float> rows = net.read(i);
    const auto at = [&](isize row, isize col) -> float& {
      return rows[static_cast<std::size_t>(row * item.cols + col)];
    };
    random_stream random(start, static_cast<std::uint64_t>(i));
    for (isize c = 0; c < item.cols; ++c) {
      double sum = 0.0, squares = 0.0;
      for (isize r = 0; r < first; ++r) {
        sum += static_cast<double>(at(r, c));
        squares += static_cast<double>(at(r, c)) * static_cast<double>(at(r, c));
      }
      const double mean = sum / static_cast<double>(first);
      const double variance = squares / static_cast<double>(first) - mean * mean;
      const double deviation = spread ? std::sqrt(std::max(variance, 0.0)) : 0.0;
      for (isize r = first; r < known; ++r) {
        at(r, c) = static_cast<float>(spread ? mean + deviation * random.normal() : mean);
      }
    }
    net.write(i, [&](isize place) { return rows[static_cast<std::size_t>(place)]; });
  }
}

inline void set_initial_weights(network_weights& net, const training& plan) {
  if (plan.settings.init_from.empty()) {
    net.initialize({plan.settings.seed});
    return;
  }
  const std::string from = resolve_model(plan.settings.init_from);
  load_weights(net, weight_files::open(from), true, read_vocab(from));
  if (plan.also.new_tokens > 0) {
    begin_as_mean(net, plan.data.tokens.vocab_size(), plan.also.new_tokens,
                  plan.also.lora.has_value(), plan.settings.seed);
  }
}

// What `directory` gives to a run that begins with its model, or goes on with it; none for fresh
// weights.
inline std::optional<starting_point> start_of(train_settings& s, const train_flags& given,
                                              const std::string& directory) {
  if (s.init_from.empty()) return std::nullopt;
  const text::tokenizer tokens = text::tokenizer::load(directory);
  if (given.tokenizer && *given.tokenizer != tokens.name()) {
    throw usage_error(join("--tokenizer ", *given.tokenizer, " is not that of ", directory, ", ",
                           tokens.name(), "; leave it out with --init-from"));
  }
  s.tokenizer = tokens.name();
  const isize vocab = read_vocab(directory);
  expect_room(tokens, vocab, directory);
  return starting_point{tokens, vocab, align::find_chat_template(directory)};
}

// The tensors of a model that training starts from, before memory is asked for or a directory made.
inline void check_initial_weights(const training& plan, const model_layout& layout) {
  if (plan.settings.init_from.empty()) return;
  const std::string from = resolve_model(plan.settings.init_from);
  detail::check_tensors(weight_files::open(from), layout, read_vocab(from), true);
}

int run_training(training& plan, std::optional<run_directory>& directory, const std::string& out,
                 bool fresh) {
  int code = 1;
  visit_model(plan.settings.model, [&](const auto& model) {
    const recipe& how = plan.settings.how;
    const precision numbers = parse_precision(plan.settings.precision);
    const model_layout layout = make_layout(model);
    if (fresh) check_initial_weights(plan, layout);
    plan.facts = facts_of(model, how.batch, how.time, plan.vocab, numbers);
    plan.facts.training_bytes += plan.also.lora ? lora_bytes(*plan.also.lora, layout, numbers)
                                                : optimizer_bytes(how, layout, numbers);
    if (plan.also.lora) plan.also.told += told(*plan.also.lora, layout);
    if (plan.also.reach > 0) {
      plan.facts.flops_per_token =
          facts_of(model, how.batch, plan.also.reach, plan.vocab, numbers).flops_per_token;
    }
    plan.check_memory();
    if (!directory) directory.emplace(out, false);
    plan.say_what_comes(directory->path());  // building a large model takes seconds
    network net(model, plan.where, numbers, plan.vocab);
    if (fresh) set_initial_weights(net, plan);  // else a checkpoint's come
    std::optional<lora> part;
    if (plan.also.lora) {
      if (!fresh) load_weights(net, directory->file("base"));
      part.emplace(net, *plan.also.lora, seed{plan.settings.seed});
      net.attach(&*part);
    }
    code = plan.run(net, *directory);
  });
  return code;
}

int train_command(const train_flags& given, const machine_options& machine,
                  const invocation& called) {
  std::signal(SIGPIPE, SIG_IGN);  // a run must not die with whoever reads its progress
  if (!given.out) throw usage_error("say where the run goes by --out DIR");
  std::optional<run_directory> directory;
  std::optional<training> plan;
  bool fresh = true;
  if (given.resume) {
    expects(is_directory(*given.out), "there is no directory ", *given.out, " to resume a run in");
    directory.emplace(*given.out, true);
    const std::string path = directory->file("run.json");
    const io::json run = directory->read_run();
    const train_settings before = saved_settings(run, path);
    train_settings now = resumed_settings(before, given, machine);
    const std::optional<isize> newest = directory->newest();
    fresh = !newest;
    const bool own_tokenizer = newest && now.init_from.empty() && is_tokenizer_path(now.tokenizer);
    const std::string place = newest || now.init_from.empty()
                                  ? directory->step_path(newest.value_or(0))
                                  : resolve_model(now.init_from);
    const auto start =
        own_tokenizer
            ? std::optional(starting_point{text::tokenizer::load(place), read_vocab(place)})
            : start_of(now, given, place);
    plan = plan_training(now, start, called, run);
    expects_no_fewer_steps(before.how.steps, plan->settings.how.steps);
    check_same_data(*plan, path);
  } else {
    train_settings now = new_settings(given, machine);
    const bool other_split = now.val_fraction != train_settings().val_fraction;
    if (other_split && data::token_set::is_at(now.data)) {
      throw usage_error(join("--val-fraction is for a text; the tokens of ", now.data,
                             " are split already (ctgpt data shard --val-fraction)"));
    }
    const std::string from = now.init_from.empty() ? "" : resolve_model(now.init_from);
    plan = plan_training(now, start_of(now, given, from), called, {});
  }
  return run_training(*plan, directory, *given.out, fresh);
}

}  // namespace ctgpt::inline CTGPT_ABI::app
