// Keeps the documents of one language.
//
// language_filter filter("en");
// filter(page).reason          "", "language", or "language_unsure": a score below FineWeb's 0.65
//
// Errors: usage_error for a code that data/language.hpp does not know.
// Reference: Penedo et al., "The FineWeb Datasets", 2024.
#pragma once

#include "ctgpt/base/error.hpp"
#include "ctgpt/data/language.hpp"
#include "ctgpt/data/stage.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

inline std::vector<std::string_view> known_languages() {
  std::vector<std::string_view> codes{"fa", "ur"};
  for (const std::string_view code : latin_languages.codes) codes.push_back(code);
  for (const std::string_view code : cyrillic_languages.codes) codes.push_back(code);
  for (const std::string_view code : detail::script_languages) codes.push_back(code);
  std::erase_if(codes, [](std::string_view code) { return code.empty() || code == "und"; });
  std::sort(codes.begin(), codes.end());
  codes.erase(std::unique(codes.begin(), codes.end()), codes.end());
  return codes;
}

class language_filter {
 public:
  explicit language_filter(std::string_view code, float least = 0.65f) : least_(least) {
    const std::vector<std::string_view> known = known_languages();
    const auto at = std::find(known.begin(), known.end(), code);
    if (at == known.end()) {
      std::string choices;
      for (const std::string_view each : known)
        choices += (choices.empty() ? "" : ", ") + std::string(each);
      throw usage_error(join("the language '", code, "' is not known; known are ", choices));
    }
    code_ = *at;  // a constant, whatever became of `code`
  }

  verdict operator()(document& page) const {
    const language_guess guess = guess_language(page.text);
    if (guess.code != code_) return drop("language");
    return guess.score < least_ ? drop("language_unsure") : keep;
  }

 private:
  std::string_view code_;
  float least_;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
