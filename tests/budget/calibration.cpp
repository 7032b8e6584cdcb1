// A fixed piece of work for the compiler: how long it takes tells how fast this machine compiles.
// Nothing of ctgpt is in it, so it stays the same when the library grows.
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <numeric>
#include <regex>
#include <string>
#include <vector>

int main() {
  const std::string text = "one two three two one two";
  const std::regex word("[a-z]+");
  std::map<std::string, int> counts;
  for (std::sregex_iterator at(text.begin(), text.end(), word), end; at != end; ++at) {
    ++counts[at->str()];
  }
  std::vector<std::pair<int, std::string>> ranking;
  for (const auto& [name, count] : counts) ranking.emplace_back(count, name);
  std::sort(ranking.begin(), ranking.end(), std::greater<>());
  const int total = std::accumulate(ranking.begin(), ranking.end(), 0,
                                    [](int sum, const auto& entry) { return sum + entry.first; });
  std::cout << ranking.front().second << ' ' << total << '\n';
}
