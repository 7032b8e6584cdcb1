// extra_verbs: verbs that a program has where the unit that defines them is a part of it.
//
//   const extra_verb shard("data", "shard", "Turn documents into tokens", "Example: ...",
//                          shard_command);
//
// at the scope of a namespace adds `ctgpt data shard` before main() begins. Flags are a struct with
// describe(visitor), as in app/verbs.hpp. So the verbs that need the libraries of ctgpt::data stand
// in units that a program without them leaves out, and program.hpp knows none of them.
// Errors: none.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ctgpt/app/flags.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

class extra_verb {
 public:
  // group: the word before the name, "" where there is none.
  template <class Flags>
  extra_verb(std::string group, std::string name, std::string help, std::string footer,
             int (*command)(const Flags&))
      : group(std::move(group)),
        name(std::move(name)),
        help(std::move(help)),
        footer(std::move(footer)) {
    const auto values = std::make_shared<Flags>();
    describe = [values](flags& given) { values->describe(given); };
    run = [values, command] { return command(*values); };
    all().push_back(this);
  }
  extra_verb(const extra_verb&) = delete;
  extra_verb& operator=(const extra_verb&) = delete;

  static std::vector<const extra_verb*>& all() {
    static std::vector<const extra_verb*> verbs;
    return verbs;
  }

  std::string group, name, help, footer;
  std::function<void(flags&)> describe;
  std::function<int()> run;
};

}  // namespace ctgpt::inline CTGPT_ABI::app
