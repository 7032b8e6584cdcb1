// The rules of a server about what people may say to a model, and the model to them.
//
// const safety::rules house = safety::rules::open("rules.json");     safety/rule.hpp has its form
// const auto checked = house.check_input(question);
// if (checked.blocked) say(checked.blocked->message); else ask(checked.text);
// auto screen = house.screen();                                      one for each answer
// send(screen.feed(piece)); ... send(screen.finish());               safety/screen.hpp
//
// Copies share what they hold, so that an answer under way keeps its rules when a file is read
// anew.
// Errors: of the file one sentence, with the rule's name.
#pragma once

#include "ctgpt/safety/screen.hpp"

namespace ctgpt::inline CTGPT_ABI::safety {

struct checked_text {
  std::string text;               // with what is masked; up to a blocked place
  const rule* blocked = nullptr;  // the rule that blocks it
  std::vector<finding> findings;
};

class rules {
 public:
  rules() : rules(std::vector<rule>()) {}
  explicit rules(std::vector<rule> all)
      : all_(std::make_shared<const std::vector<rule>>(std::move(all))) {}
  static rules open(const std::string& path) {
    return rules(read_rules(io::read_json(path), path));
  }
  static rules parse(std::string_view text, const std::string& name) {
    return rules(read_rules(io::parse_json(text, name), name));
  }

  bool empty() const { return all_->empty(); }
  const std::vector<rule>& all() const { return *all_; }

  // Pointers to rules in what is returned live as long as a copy of these rules.
  safety::screen screen(rule_side side = rule_side::output) const {
    return safety::screen(*all_, side);
  }
  checked_text check(std::string_view text, rule_side side) const {
    safety::screen passing = screen(side);
    std::string out = passing.feed(text);
    out += passing.finish();
    return {std::move(out), passing.blocked(), passing.findings()};
  }
  checked_text check_input(std::string_view text) const { return check(text, rule_side::input); }
  checked_text check_output(std::string_view text) const { return check(text, rule_side::output); }

 private:
  std::shared_ptr<const std::vector<rule>> all_;
};

}  // namespace ctgpt::inline CTGPT_ABI::safety
