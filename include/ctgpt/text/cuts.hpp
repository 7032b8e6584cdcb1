// Where a text may be cut so that its parts, encoded alone, give the tokens of the whole.
//
// std::size_t cut = text::cut_after<Pattern>(text, from);     the first such place after `from`
// std::size_t cut = text::last_cut<Pattern>(text);            the last one; 0 where there is none
//
// A piece of these patterns ends between a letter or number and white space, whatever stands before
// and behind; and behind a line's end that stands alone between two characters that are no white
// space, unless '/' follows. Behind any line's end would be wrong: a blank may precede it.
// Errors: none.
#pragma once

#include "ctgpt/text/patterns.hpp"

namespace ctgpt::inline CTGPT_ABI::text {

// What the character that ends before text[place] is; 0 where none does. 0 < place.
inline unsigned kind_before(std::string_view text, std::size_t place) {
  std::size_t begin = place - 1;
  while (begin > 0 && place - begin < 4 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80)
    --begin;
  const classified before = unicode_classes::get().at(text.data() + begin, text.data() + place);
  return before.length == place - begin ? before.kind : 0;
}

// Whether a piece ends before text[place], for certain. 0 < place < text.size().
template <class Pattern>
bool cuts_at(std::string_view text, std::size_t place) {
  if constexpr (!Pattern::ends_after_letters) return false;
  const auto byte = static_cast<unsigned char>(text[place]);
  if (byte == ' ' || (byte >= 9 && byte <= 13)) {
    return (kind_before(text, place) & (kind_any_letter | kind_number)) != 0;
  }
  if (text[place - 1] != '\n' || place < 2 || byte == '/') return false;
  const char* const end = text.data() + text.size();
  const classified next = unicode_classes::get().at(text.data() + place, end);
  const bool whole = byte < 0x80 || next.length > 1;  // what is cut off may yet become a blank
  return whole && (next.kind & kind_space) == 0 && (kind_before(text, place - 1) & kind_space) == 0;
}

// text.size() where there is none.
template <class Pattern>
std::size_t cut_after(std::string_view text, std::size_t from) {
  if constexpr (!Pattern::ends_after_letters) return text.size();
  for (std::size_t place = from + 1; place < text.size(); ++place) {
    if (cuts_at<Pattern>(text, place)) return place;
  }
  return text.size();
}

template <class Pattern>
std::size_t last_cut(std::string_view text) {
  if constexpr (!Pattern::ends_after_letters) return 0;
  for (std::size_t place = text.size(); place-- > 1;) {
    if (cuts_at<Pattern>(text, place)) return place;
  }
  return 0;
}

}  // namespace ctgpt::inline CTGPT_ABI::text
