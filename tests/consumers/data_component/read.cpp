// Prints the texts of files of any kind, and what came of reading them.
#include <iostream>

#include "ctgpt/data/reader.hpp"

int main(int count, char** arguments) {
  ctgpt::data::read_counts counts;
  for (const std::string& path : ctgpt::data::expand_paths({arguments + 1, arguments + count})) {
    ctgpt::data::document_reader reader(path);
    while (const auto page = reader.next()) std::cout << page->text << '\n';
    counts.add(reader.counts());
  }
  std::cout << counts.documents << " documents, " << counts.bad << " bad record\n";
  for (const std::string& sentence : counts.messages) std::cerr << sentence << '\n';
}
