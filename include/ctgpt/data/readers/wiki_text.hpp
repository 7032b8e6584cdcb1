// The text of a wiki page without its markup.
//
// std::string text = wiki_text("'''Paris''' is the [[capital city|capital]] of [[France]].");
//
// Templates, tables, references, comments, pictures, categories, galleries and formulas are
// dropped; links and external links give their text; bold and italic quotes, heading and list
// signs, HTML tags and magic words are taken off; entities are decoded. Headings stand between
// empty lines; one with no text below it is dropped. Nothing is evaluated: what a template would
// have said is missing, and parentheses that held only that are dropped with it.
// Ensures: any text is accepted; the cost is linear in it.
// Errors: none.
// Reference: mediawiki.org, Help:Formatting, Help:Links, Markup spec.
#pragma once

#include "ctgpt/data/readers/wiki_brackets.hpp"
#include "ctgpt/data/readers/wiki_lines.hpp"
#include "ctgpt/data/readers/wiki_tags.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

inline std::string wiki_text(std::string_view markup, const wiki_namespaces& names = {}) {
  return wiki_lines(without_wiki_brackets(without_wiki_tags(markup), names));
}

}  // namespace ctgpt::inline CTGPT_ABI::data
