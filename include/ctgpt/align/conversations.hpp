// read_conversations: the conversations that a file of somebody else's format holds.
//
// read_conversations("alpaca.json", conversation_format::any, counts,
//                    [&](conversation&& talk) { all.push_back(std::move(talk)); });
//
// Files are JSON lines or one JSON array; each record tells its format unless one is asked for:
//   alpaca    {"instruction", "input", "output"}: the user says the instruction and, behind a line
//             end, the input; a "system" stands before. Alpaca's own two prompts are not used: the
//             chat template marks the roles already. Also self-instruct's, where {"input",
//             "output"} are the elements of "instances", each a conversation.
//   sharegpt  {"conversations": [{"from": "human" or "gpt", "value"}, ...]}; what the assistant
//             says before anybody asked is left out.
//   openai    {"messages": [{"role", "content"}, ...]}, or that array alone; content may be a list
//             of text parts; the role developer is system.
//   oasst     {"prompt": {"role": "prompter", "text", "replies": [...]}}, a tree a record: the
//             conversation along the reply of the best rank at each message.
// A conversation ends with its last answer; what follows it is left out.
// Errors, counted by reason, the first of each with its place: no JSON, another format, a role that
// is none of a conversation, no answer, a text that is not there or empty. A file that cannot be
// read, or holds compressed data: ctgpt::error.
// Reference: tatsu-lab/stanford_alpaca; hiyouga/LLaMA-Factory, data/converter.py (the join);
// lm-sys/FastChat, train/train.py (the first turn); timdettmers/openassistant-guanaco (the path).
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "ctgpt/align/json_records.hpp"
#include "ctgpt/align/message.hpp"
#include "ctgpt/base/element.hpp"
#include "ctgpt/base/file.hpp"
#include "ctgpt/io/json_field.hpp"

namespace ctgpt::inline CTGPT_ABI::align {

enum class conversation_format : std::uint8_t { any, alpaca, sharegpt, openai, oasst };

inline conversation_format parse_conversation_format(std::string_view name) {
  if (name == "auto") return conversation_format::any;
  if (name == "alpaca") return conversation_format::alpaca;
  if (name == "sharegpt") return conversation_format::sharegpt;
  if (name == "openai") return conversation_format::openai;
  if (name == "oasst") return conversation_format::oasst;
  throw usage_error(join("there is no format of conversations ", io::quote_json(name),
                         "; choose auto, alpaca, sharegpt, openai or oasst"));
}

// What was read, and what was not and why.
struct conversation_counts {
  isize records = 0, conversations = 0;
  std::vector<std::pair<std::string, isize>> skipped;  // records, by reason
  std::vector<std::string> messages;                   // the first of each reason, with its place

  isize skipped_in_all() const {
    isize sum = 0;
    for (const auto& [reason, count] : skipped) sum += count;
    return sum;
  }
  void skip(const std::string& reason, const std::string& message) {
    for (auto& [known, count] : skipped) {
      if (known != reason) continue;
      ++count;
      return;
    }
    skipped.push_back({reason, 1});
    messages.push_back(message);
  }
};

namespace detail {

// Why a record is no conversation; reasons are few, so that they can be counted.
struct skipped_record {
  std::string reason, detail;
};

inline std::string role_here(std::string_view theirs) {
  if (theirs == "human" || theirs == "user" || theirs == "prompter") return "user";
  if (theirs == "gpt" || theirs == "assistant" || theirs == "chatgpt" || theirs == "bing" ||
      theirs == "bard" || theirs == "model") {
    return "assistant";
  }
  if (theirs == "system" || theirs == "developer") return "system";
  throw skipped_record{"a role that is none of system, user and assistant",
                       join("the role ", io::quote_json(theirs))};
}

class record_reader {
 public:
  static std::vector<conversation> read(const io::json& record, const std::string& place,
                                        conversation_format format) {
    const io::json_field field(record, place);
    if (format == conversation_format::any) format = format_of(record);
    switch (format) {
      case conversation_format::alpaca:
        return alpaca(record, field);
      case conversation_format::sharegpt:
        return {turns(field["conversations"], "from", "value")};
      case conversation_format::openai:
        return {turns(record.get_if<io::json_array>() != nullptr ? field : field["messages"],
                      "role", "content")};
      case conversation_format::oasst:
        return {best_path(field["prompt"])};
      default:
        break;
    }
    throw skipped_record{"no known format",
                         "it has neither instruction, conversations, messages nor prompt"};
  }

 private:
  static conversation_format format_of(const io::json& record) {
    const auto has = [&](const char* key) { return record.find(key) != nullptr; };
    if (record.get_if<io::json_array>() != nullptr || has("messages")) {
      return conversation_format::openai;
    }
    if (has("conversations")) return conversation_format::sharegpt;
    if (has("prompt") && record.find("prompt")->find("replies") != nullptr) {
      return conversation_format::oasst;
    }
    return has("instruction") ? conversation_format::alpaca : conversation_format::any;
  }

  static std::vector<conversation> alpaca(const io::json& record, const io::json_field& field) {
    const auto one = [&](const io::json_field& answer) {
      conversation talk;
      if (const std::string system = field["system"].string_or(""); !system.empty()) {
        talk.push_back({"system", system});
      }
      std::string asked = field["instruction"].string();
      if (const std::string input = answer["input"].string_or(""); !input.empty()) {
        asked += "\n" + input;
      }
      talk.push_back({"user", std::move(asked)});
      talk.push_back({"assistant", answer["output"].string()});
      return talk;
    };
    if (record.find("instances") == nullptr) return {one(field)};
    std::vector<conversation> talks;
    const io::json_field instances = field["instances"];
    for (std::size_t i = 0; i < instances.size(); ++i) talks.push_back(one(instances[i]));
    return talks;
  }

  // Lists that say who speaks and what; some of sharegpt's have OpenAI's names.
  static conversation turns(const io::json_field& list, const char* who, const char* what) {
    conversation talk;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const io::json_field each = list[i];
      const bool theirs = each[who].present();
      std::string role = role_here(each[theirs ? who : "role"].string());
      const io::json_field weight = each["weight"];
      if (role == "assistant" && weight.present() && weight.number() == 0.0) {
        throw skipped_record{"an answer of weight 0", "its weight is 0"};
      }
      talk.push_back({std::move(role), text_of(each[theirs ? what : "content"])});
    }
    const auto first =
        std::find_if(talk.begin(), talk.end(), [](const message& m) { return m.role != "system"; });
    auto asked = first;
    while (asked != talk.end() && asked->role == "assistant") ++asked;
    talk.erase(first, asked);
    return talk;
  }

  static std::string text_of(const io::json_field& content) {
    const io::json* value = content.value();
    if (value == nullptr || value->get_if<io::json_array>() == nullptr) return content.string();
    std::string text;
    for (std::size_t i = 0; i < content.size(); ++i) {
      if (content[i]["type"].string() != "text") {
        throw skipped_record{"a part that is no text", "a part of its content is no text"};
      }
      text += content[i]["text"].string();
    }
    return text;
  }

  static conversation best_path(io::json_field at) {
    conversation talk;
    for (;;) {
      talk.push_back({role_here(at["role"].string()), at["text"].string()});
      const io::json_field replies = at["replies"];
      const std::size_t none = replies.present() ? replies.size() : 0;
      std::size_t best = none;
      std::int64_t best_rank = 0;
      for (std::size_t i = 0; i < none; ++i) {
        if (replies[i]["deleted"].boolean_or(false)) continue;
        const std::int64_t rank = replies[i]["rank"].integer_or(io::json_field::highest);
        if (best != none && rank >= best_rank) continue;
        best = i;
        best_rank = rank;
      }
      if (best == none) return talk;
      at = replies[best];
    }
  }
};

// Ends a conversation with its last answer, and says what is wrong with it.
inline void finish_conversation(conversation& talk) {
  while (!talk.empty() && talk.back().role != "assistant") talk.pop_back();
  if (talk.empty()) throw skipped_record{"no answer", "nobody answers"};
  const auto empty = std::find_if(talk.begin(), talk.end(),
                                  [](const message& each) { return each.content.empty(); });
  if (empty != talk.end()) throw skipped_record{"an empty message", "a message is empty"};
  const auto asks = [](const message& each) { return each.role == "user"; };
  if (std::none_of(talk.begin(), talk.end(), asks)) {
    throw skipped_record{"no question", "the user says nothing"};
  }
}

}  // namespace detail

// Calls visit(conversation&&) for each conversation of a text. name: that of its file.
template <class Visit>
void read_conversations(std::string_view text, const std::string& name, conversation_format format,
                        conversation_counts& counts, Visit visit) {
  constexpr std::uint64_t most_values = 1'000'000;  // of a record: some 100 MB
  json_records(text).each([&](std::string_view record, std::int64_t line) {
    ++counts.records;
    const std::string place = join(name, ": line ", line);
    try {
      const io::json parsed = io::parse_json(record, name, line, most_values);
      std::vector<conversation> talks = detail::record_reader::read(parsed, place, format);
      for (conversation& talk : talks) detail::finish_conversation(talk);
      for (conversation& talk : talks) {
        ++counts.conversations;
        visit(std::move(talk));
      }
    } catch (const detail::skipped_record& problem) {
      counts.skip(problem.reason, join(place, ": ", problem.detail));
    } catch (const error& problem) {
      const std::string_view sentence = problem.what();
      const bool parsed = sentence.starts_with(place + ": ");
      counts.skip(parsed ? "a field is missing or of another kind" : "no JSON",
                  std::string(sentence));
    }
  });
}

template <class Visit>
void read_conversations(const std::string& path, conversation_format format,
                        conversation_counts& counts, Visit visit) {
  expects(is_file(path),
          is_directory(path) ? "a directory holds no conversations by itself; name "
                               "the files of "
                             : "there is no file ",
          path);
  const mapped_file file(path);
  const std::string_view text = file.text();
  expects(!text.empty(), "the file ", path, " is empty");
  const bool packed = text.starts_with("\x1F\x8B") || text.starts_with("\x28\xB5\x2F\xFD") ||
                      text.starts_with("BZh");
  expects(!packed, path, " is compressed; unpack it");
  read_conversations(text, path, format, counts, visit);
}

}  // namespace ctgpt::inline CTGPT_ABI::align
