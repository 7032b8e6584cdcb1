// world: the verb `data world`, which writes the embedded corpus, or conversations about it.
//
// Errors: usage_error for sizes out of range; those of writing a file.
#pragma once

#include <cstdio>

#include "ctgpt/app/print.hpp"
#include "ctgpt/app/verbs.hpp"
#include "ctgpt/data/world.hpp"
#include "ctgpt/data/world/dialogues.hpp"
#include "ctgpt/io/json.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

// A line of JSON: {"messages": [{"role": "user", "content": ...}, {"role": "assistant", ...}, ...]}
inline std::string messages_line(const std::vector<data::world_turn>& talk) {
  io::json messages = io::json::array();
  const auto add = [&](const char* role, const std::string& content) {
    messages.push(io::json::object().set("role", role).set("content", content));
  };
  for (const data::world_turn& turn : talk) {
    add("user", turn.user);
    add("assistant", turn.bot);
  }
  io::json one = io::json::object();
  one.set("messages", std::move(messages));
  return io::write_json(one) + "\n";
}

int world_command(const world_flags& given) {
  if (!given.out) throw usage_error("say where the text goes by --out FILE");
  if (given.bytes && given.conversations) {
    throw usage_error("--bytes is the size of the text, which --conversations does not write");
  }
  const std::uint64_t seed = given.seed.value_or(1);
  atomic_file file(*given.out);  // before the work, so that a bad place is said at once
  if (given.conversations) {
    data::world_dialogues talks(seed);
    for (isize i = 0; i < *given.conversations; ++i) file.file().write(messages_line(talks.next()));
    file.commit();
    std::fprintf(stderr, "Wrote %s conversations about the world of seed %llu to %s\n",
                 grouped(static_cast<long long>(*given.conversations)).c_str(),
                 static_cast<unsigned long long>(seed), given.out->c_str());
    return 0;
  }
  const std::string text =
      data::world({.bytes = given.bytes.value_or(isize{1} << 23), .seed = seed});
  file.file().write(text);
  file.commit();
  std::fprintf(stderr, "Wrote %s bytes of the world of seed %llu to %s\n",
               grouped(static_cast<long long>(text.size())).c_str(),
               static_cast<unsigned long long>(seed), given.out->c_str());
  return 0;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
