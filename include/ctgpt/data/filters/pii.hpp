// Masks personal data in documents: "write to <EMAIL>". It drops none.
//
// pii_filter mask;
// mask(page);  mask.tell(counts);         "pii_email": 2, ...
//
// Errors: none.
// Reference: data/pii.hpp, which says what is found.
#pragma once

#include "ctgpt/data/pii.hpp"
#include "ctgpt/data/stage.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

class pii_filter {
 public:
  verdict operator()(document& page) {
    const std::int64_t before = counts_.total();
    std::string masked = mask_pii(page.text, counts_);
    if (counts_.total() != before) page.text = std::move(masked);
    return keep;
  }

  void tell(tally& into) const {
    for (std::size_t i = 0; i < pii_kinds; ++i) {
      if (counts_.of[i] > 0) {
        into.add("pii_" + std::string(pii_names[i]), static_cast<std::uint64_t>(counts_.of[i]));
      }
    }
  }

 private:
  pii_counts counts_;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
