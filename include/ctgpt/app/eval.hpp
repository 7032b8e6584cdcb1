// eval: the verb that measures a model.
//
// --data FILE: validation loss in nats a token, perplexity and bits per byte over windows of
// `context` inputs, `stride` apart; every token but the first is scored once, with at least
// context - stride tokens before it where the text has them.
// As JSON: loss, perplexity, bits_per_byte, tokens, bytes, context, stride.
// --world-questions SEED: exact match on the embedded world's held-out questions by kind and form,
// beside the majority answer's (for stories a random candidate's) and an untrained model's. A model
// with a chat template is asked as a person would, one message a question, and chats too; a base
// model continues "Q: ...\nA:".
// Errors: usage_error for flags; a character that the tokenizer lacks; those of opening a model.
#pragma once

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "ctgpt/align/chat_template.hpp"
#include "ctgpt/app/corpus.hpp"
#include "ctgpt/app/engine.hpp"
#include "ctgpt/app/machine.hpp"
#include "ctgpt/app/sample.hpp"
#include "ctgpt/app/verbs.hpp"
#include "ctgpt/data/world/dialogues.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

// A row of a result.
inline std::string row(const char* form, auto... values) {
  char text[256];
  std::snprintf(text, sizeof text, form, values...);
  return text;
}

// Prints a result as it is asked for, and writes it to --out.
inline int put_result(const eval_flags& given, const std::string& json, const std::string& table) {
  if (given.out) write_file_atomic(*given.out, json);
  put(given.json ? json : table);
  return 0;
}

inline int eval_loss(const eval_flags& given, engine& run) {
  const isize context = run.settings().context;
  const isize stride = given.stride.value_or(context);
  if (stride > context) {
    throw usage_error(join("--stride ", stride, " is longer than the model's context of ", context,
                           ", which would leave tokens out"));
  }
  const std::string text = read_corpus(*given.data);
  expect_characters(run.tokens(), text, "the data file " + *given.data);
  const evaluation e = run.evaluate(text, stride);
  io::json out = io::json::object();
  out.set("loss", e.loss).set("perplexity", e.perplexity());
  out.set("bits_per_byte", e.bits_per_byte()).set("tokens", e.tokens).set("bytes", e.bytes);
  out.set("context", e.context).set("stride", e.stride);
  std::string table = row(
      "loss           %.4f nats a token\n"
      "perplexity     %.3f\n"
      "bits per byte  %.4f\n",
      e.loss, e.perplexity(), e.bits_per_byte());
  table += row(
      "Measured over %s tokens (%s bytes, tokenizer %s), each scored once, in windows of %lld "
      "tokens, %lld apart.\n",
      grouped(e.tokens).c_str(), grouped(e.bytes).c_str(), std::string(run.tokens().name()).c_str(),
      static_cast<long long>(e.context), static_cast<long long>(e.stride));
  return put_result(given, io::write_json(out, {.null_for_non_finite = true}) + "\n", table);
}

inline std::vector<data::kind_score> ask_world(engine& run,
                                               const std::optional<align::chat_template>& chat,
                                               const std::vector<data::question>& questions,
                                               const char* who) {
  const bool terminal = ::isatty(2) == 1;
  generation options{.tokens = 96, .temperature = 0.0f, .stop = {"\n"}};
  if (chat) {
    for (const std::int32_t id : chat->ends(run.tokens())) {
      options.stop.push_back(run.tokens().token_bytes(id));
    }
  }
  std::vector<std::string> answers;
  for (const data::question& asked : questions) {
    const std::vector<std::int32_t> prompt =
        chat ? chat->encode(run.tokens(), {{"user", data::chat_message(asked)}}, true).ids
             : run.tokens().encode(asked.prompt);
    std::string answer;
    run.generate(prompt, options, [&](std::string_view piece) { answer += piece; });
    answers.push_back(std::move(answer));
    if (terminal) {
      std::fprintf(stderr, "\r\033[K%s answers %zu of %zu questions", who, answers.size(),
                   questions.size());
    }
  }
  if (terminal) std::fputs("\r\033[K", stderr);
  return data::score_questions(questions, answers);
}

inline int eval_world(const eval_flags& given, const ctgpt::backend& where, precision numbers) {
  std::vector<data::question> questions = data::world_questions(*given.world_questions);
  const std::unique_ptr<engine> trained = open_engine(*given.model, where, numbers);
  const auto chat = align::find_chat_template(resolve_model(*given.model));
  if (chat) {
    for (data::question& each : data::chat_questions(*given.world_questions)) {
      questions.push_back(std::move(each));
    }
  }
  const auto scores = ask_world(*trained, chat, questions, "The model");
  const std::unique_ptr<engine> fresh = open_engine(*given.model, where, numbers, true);
  const auto untrained = ask_world(*fresh, chat, questions, "An untrained model");
  io::json list = io::json::array();
  std::string table = row("%-20s %7s %13s %10s %11s\n", "held-out questions", "asked",
                          "exact match", "baseline", "untrained");
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const data::kind_score& s = scores[i];
    const std::string name(data::question_kind_name(s.kind));
    io::json one = io::json::object();
    one.set("kind", name).set("asked", s.asked).set("exact_match", s.exact);
    one.set("baseline", s.baseline).set("untrained", untrained[i].exact);
    table += row("%-20s %7lld %12.1f%% %9.1f%% %10.1f%%\n", name.c_str(),
                 static_cast<long long>(s.asked), 100.0 * s.exact, 100.0 * s.baseline,
                 100.0 * untrained[i].exact);
    io::json forms = io::json::array();
    for (const data::form_score& each : s.forms) {
      io::json form = io::json::object();
      form.set("form", each.form).set("asked", each.asked).set("exact_match", each.exact());
      forms.push(std::move(form));
      table += row("  %-18s %7lld %12.1f%%\n", each.form.c_str(),
                   static_cast<long long>(each.asked), 100.0 * each.exact());
    }
    one.set("forms", std::move(forms));
    list.push(std::move(one));
  }
  table +=
      "Baseline: always the kind's commonest answer; for stories, one of the story's rooms at "
      "random.\n";
  return put_result(given, io::write_json(list) + "\n", table);
}

int eval_command(const eval_flags& given, const machine_options& machine) {
  const std::string model = required_model(given.model);
  const precision numbers = parse_precision(given.precision.value_or("f32"));
  if (given.data.has_value() == given.world_questions.has_value()) {
    throw usage_error("say what to measure on: --data FILE or --world-questions SEED");
  }
  if (given.world_questions && given.stride) {
    throw usage_error("--stride belongs to --data; --world-questions has no windows");
  }
  if (given.world_questions) return eval_world(given, choose_backend(machine), numbers);
  const std::unique_ptr<engine> run = open_engine(model, choose_backend(machine), numbers);
  return eval_loss(given, *run);
}

}  // namespace ctgpt::inline CTGPT_ABI::app
