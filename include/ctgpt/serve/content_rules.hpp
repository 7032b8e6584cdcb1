// content_rules: a file of rules (safety/rules.hpp) as a server's hooks.
//
//   content_rules house;
//   house.use(safety::rules::open("rules.json"));       at any time; answers under way keep theirs
//   server web(options, house.make_hooks());
//
// What a user sends that a rule blocks is a 400 with the rule's message; an answer that one blocks
// ends before it, of content_filter.
// Requires: it outlives the server.
// Errors: none of its own.
#pragma once

#include <mutex>

#include "ctgpt/safety/rules.hpp"
#include "ctgpt/serve/api_error.hpp"
#include "ctgpt/serve/hooks.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

class content_rules {
 public:
  void use(safety::rules house) {
    const std::lock_guard hold(mutex_);
    house_ = std::move(house);
  }
  safety::rules now() const {
    const std::lock_guard hold(mutex_);
    return house_;
  }

  hooks make_hooks() const {
    hooks made;
    made.input = [this](const std::string& text) {
      const safety::rules house = now();
      const safety::checked_text checked = house.check_input(text);
      if (checked.blocked == nullptr) return checked.text;
      const std::string& said = checked.blocked->message;
      throw bad_request(said.empty() ? "a rule of this server forbids this text" : said, "messages",
                        "content_filter");
    };
    made.output = [this]() -> std::unique_ptr<output_filter> {
      safety::rules house = now();
      if (house.empty()) return nullptr;
      return std::make_unique<filter>(std::move(house));
    };
    return made;
  }

 private:
  struct filter final : output_filter {
    explicit filter(safety::rules all) : house(std::move(all)), screen(house.screen()) {}
    std::string feed(std::string_view text) override { return screen.feed(text); }
    std::string finish() override { return screen.finish(); }
    bool blocked() const override { return screen.blocked() != nullptr; }
    safety::rules house;  // which the screen points to
    safety::screen screen;
  };

  mutable std::mutex mutex_;
  safety::rules house_;
};

}  // namespace ctgpt::inline CTGPT_ABI::serve
