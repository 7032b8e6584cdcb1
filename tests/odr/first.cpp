// The program: everything that it gets from the second unit must be its own to use.
#include <iostream>

#include "shared.hpp"

addresses seen_by_first() { return look(); }

int main() {
  if (seen_by_first() != seen_by_second()) {
    std::cout << "the units see different objects or functions\n";
    return 1;
  }
  const ctgpt::network<model> net = built_by_second();
  if (net.where().table().name == nullptr || ctgpt::available_isas().empty()) {
    std::cout << "the dispatch units are not linked in\n";
    return 1;
  }
  try {
    fail_in_second();
  } catch (const ctgpt::usage_error& caught) {
    std::cout << caught.what() << '\n';
    return 0;
  }
}
