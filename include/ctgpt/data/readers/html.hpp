// HTML: a page is a document, its visible text (data/readers/html_text.hpp).
//
// Errors, counted: a page that is longer than the limit, nests too deep or has an element of too
// many attributes.
#pragma once

#include "ctgpt/data/read_options.hpp"
#include "ctgpt/data/readers/html_text.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

class html_reader : public format_reader {
 public:
  explicit html_reader(reading& file) : file_(file) {}

  bool next(document& page) override {
    if (done_) return false;
    done_ = true;
    std::string bytes;
    const std::uint64_t limit = file_.options.max_document;
    file_.in.block(bytes, limit);
    if (!file_.in.chunk().empty()) {
      file_.too_long("the page");
      return false;
    }
    std::optional<std::string> text = html_text(page_as_utf8(bytes));
    if (!text) {
      file_.bad("the page nests deeper than ", html_text_builder::deepest,
                " elements, has one of more than ", html_text_builder::most_attributes,
                " attributes, or is longer than 2 GiB; it is left out");
      return false;
    }
    page.text = std::move(*text);
    return true;
  }

 private:
  reading& file_;
  bool done_ = false;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
