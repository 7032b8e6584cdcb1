// talk_corpus: files of conversations as what fine-tuning needs.
//
// Reads every file, holds out a share of the conversations (or takes those of other files), writes
// them by the chat template and packs them. What was left out, cut and dropped is counted, and said
// in lines for the user and in JSON for run.json.
// Errors, one sentence each: files that hold no conversation, or none that the context has room
// for; too few to hold any out; those of align/conversations.hpp.
#pragma once

#include <numeric>

#include "ctgpt/align/conversation_set.hpp"
#include "ctgpt/align/conversations.hpp"
#include "ctgpt/app/corpus.hpp"
#include "ctgpt/app/print.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

struct talk_files {
  std::vector<std::string> train, validation;
  align::conversation_format format{};
  double val_fraction = 0.1;
};

struct talk_corpus {
  std::string sha256;  // of all files
  isize bytes = 0;
  align::conversation_counts read;
  std::vector<align::conversation> train, validation;
};

inline std::vector<align::conversation> read_talks(talk_corpus& into,
                                                   const std::vector<std::string>& paths,
                                                   align::conversation_format format) {
  std::vector<align::conversation> talks;
  for (const std::string& path : paths) {
    align::read_conversations(path, format, into.read, [&](align::conversation&& talk) {
      talks.push_back(std::move(talk));
    });
    const mapped_file file(path);
    into.sha256 += sha256_hex(file.text());
    into.bytes += std::ssize(file.text());
  }
  std::string why;
  if (!into.read.messages.empty()) why = "; the first that was left out: " + into.read.messages[0];
  expects(!talks.empty(), "there is no conversation in ", paths[0],
          paths.size() > 1 ? join(" and ", paths.size() - 1, " more") : "", why);
  return talks;
}

inline talk_corpus open_talks(const talk_files& files) {
  talk_corpus found;
  found.train = read_talks(found, files.train, files.format);
  if (!files.validation.empty()) {
    found.validation = read_talks(found, files.validation, files.format);
  } else {
    const std::vector<std::uint8_t> out = align::held_out(found.train, files.val_fraction);
    std::vector<align::conversation> kept;
    for (std::size_t i = 0; i < out.size(); ++i) {
      (out[i] != 0 ? found.validation : kept).push_back(std::move(found.train[i]));
    }
    found.train = std::move(kept);
    expects(!found.validation.empty(),
            "all conversations are the same, so none can be held out to ",
            "validate; name others by --val-data");
  }
  if (files.train.size() + files.validation.size() > 1) found.sha256 = sha256_hex(found.sha256);
  return found;
}

// The conversations of one split as tokens, and their counts.
struct talk_set {
  std::shared_ptr<const align::conversation_tokens> tokens;
  align::set_counts counts;
  isize windows = 0;
  isize reach = 0;  // length of the conversation that a token stands in, on average
};
inline talk_set encode_talks(const std::vector<align::conversation>& talks,
                             const text::tokenizer& tokens, const align::chat_template& chat,
                             isize time, const char* what) {
  align::conversation_set set(tokens, chat, time);
  for (const align::conversation& talk : talks) set.add(talk);
  const align::set_counts counts = set.counts();
  expects(counts.conversations > 0 || counts.refused == 0, "none of the ", talks.size(),
          " conversations to ", what, " can be used; the first for: ", counts.why);
  expects(counts.conversations > 0, "none of the ", counts.dropped, " conversations to ", what,
          " has a first exchange that fits a context of ", time,
          "; use a longer --context or a model with one");
  const auto made = set.take();
  isize squares = 0;
  made->documents([&](isize begin, isize end) { squares += (end - begin) * (end - begin); });
  return {made, counts, data::packed_windows(*made, time).count(), squares / made->size()};
}

inline std::string told(const align::set_counts& c, isize windows, isize time) {
  std::string line = join(grouped(c.conversations), " conversations, ", grouped(c.tokens),
                          " tokens, ", grouped(c.answer_tokens), " of them answers, in ",
                          grouped(windows), " windows of ", time);
  if (c.cut > 0) line += join("; ", grouped(c.cut), " cut to fit");
  if (c.dropped > 0) line += join("; ", grouped(c.dropped), " too long, dropped");
  if (c.refused > 0) line += join("; ", grouped(c.refused), " left out, the first for: ", c.why);
  return line;
}
inline io::json noted(const align::set_counts& c, isize windows) {
  io::json out = io::json::object();
  out.set("conversations", c.conversations).set("tokens", c.tokens);
  out.set("answer_tokens", c.answer_tokens).set("windows", windows);
  return out.set("cut", c.cut).set("dropped", c.dropped).set("refused", c.refused);
}

inline std::string told(const align::conversation_counts& c) {
  std::string line =
      join(grouped(c.conversations), " conversations in ", grouped(c.records), " records");
  if (c.skipped.empty()) return line;
  line += join("; ", grouped(c.skipped_in_all()), " left out:");
  for (std::size_t i = 0; i < c.skipped.size(); ++i) {
    line += join("\n            ", grouped(c.skipped[i].second), " for ", c.skipped[i].first,
                 ", the first: ", c.messages[i]);
  }
  return line;
}
inline io::json noted(const align::conversation_counts& c) {
  io::json out = io::json::object(), skipped = io::json::object();
  for (const auto& [reason, count] : c.skipped) skipped.set(reason, count);
  out.set("records", c.records).set("conversations", c.conversations);
  return out.set("left_out", std::move(skipped));
}

}  // namespace ctgpt::inline CTGPT_ABI::app
