// Drops documents that hold a word or phrase of a list.
//
// harmful_filter filter;                        the built-in list
// harmful_filter filter(word_list::read(path));
// filter(page).reason                           "" or "harmful_words"
//
// Copies share the list.
// Errors: none.
// Reference: data/harmful.hpp, which says what a list cannot know.
#pragma once

#include <memory>

#include "ctgpt/data/harmful.hpp"
#include "ctgpt/data/stage.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

class harmful_filter {
 public:
  explicit harmful_filter(word_list words = word_list::built_in())
      : words_(std::make_shared<const word_list>(std::move(words))) {}

  verdict operator()(document& page) const {
    return words_->contains(page.text) ? drop("harmful_words") : keep;
  }

 private:
  std::shared_ptr<const word_list> words_;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
