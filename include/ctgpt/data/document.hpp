// A document on its way from a file to the shards, and what a stage says of it.
//
// data::document page{.text = "Once ...", .source = "books/a.txt.gz", .line = 12};
//
// Readers make documents one at a time; filters, normalisation and masking take one and change or
// drop it; writers store its text and source. No stage keeps more than one document.
// Errors: none.
#pragma once

#include <cstdint>
#include <string>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

struct document {
  std::string text = {};    // UTF-8, or whatever the file held; a reader does not mend it
  std::string source = {};  // the file, as it was named, never made absolute; or what a part says
  std::int64_t line = 0;    // where it begins in the file: line or record from 1; 0 is the whole
  std::string url = {};     // of a web page, where the file says it
};

}  // namespace ctgpt::inline CTGPT_ABI::data
