// Normalisation of text: one way to write what can be written in several.
//
// normalise step(parse_normalisations("nfc,whitespace"));
// step(page);                 a stage: it drops what nothing is left of (normalise_empty)
//
// The steps, done in this order whichever way they are listed:
//   entities    references of HTML ("&amp;", "&#160;") become what they stand for, once
//   control     control and zero-width characters, soft hyphens, byte order marks and marks of
//               direction are removed; VT, FF and NEL become line feeds; tab, LF and CR stay, and
//               U+200C and U+200D behind what is written with them: Arabic, Indic, emoji
//   nfc, nfkc   Unicode's normalisation forms
//   lower       lower case, character by character
//   whitespace  CR LF, CR, U+2028 and U+2029 become LF; runs of blanks (of any width) become one
//               space, none at the ends of lines; at most one empty line in a row; none at the ends
//               of the text
// tell() counts the documents that each step changed.
// Ensures: bytes that are no UTF-8 stay as they are. Each step but entities changes nothing in
// UTF-8 the second time.
// Errors: usage_error for a name that is none, and for nfc and nfkc together.
// Reference: Unicode Standard Annex 15; utf8proc.
#pragma once

#include <utf8proc.h>

#include <array>
#include <cstdlib>
#include <memory>

#include "ctgpt/base/error.hpp"
#include "ctgpt/data/entity.hpp"
#include "ctgpt/data/name_list.hpp"
#include "ctgpt/data/stage.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

struct normalisations {
  bool entities = false, control = false, nfc = false, nfkc = false, lower = false,
       whitespace = false;
};

inline normalisations parse_normalisations(std::string_view list) {
  normalisations steps;
  const std::pair<std::string_view, bool*> choices[] = {
      {"entities", &steps.entities}, {"control", &steps.control},
      {"nfc", &steps.nfc},           {"nfkc", &steps.nfkc},
      {"lower", &steps.lower},       {"whitespace", &steps.whitespace}};
  for (const std::string_view name : names_in(list)) {
    bool known = false;
    for (const auto& [choice, on] : choices) {
      if (choice == name) known = *on = true;
    }
    if (!known) {
      throw usage_error(
          join("there is no normalisation '", name,
               "': give entities, control, nfc, nfkc, lower or whitespace, or several "
               "with commas between them"));
    }
  }
  if (steps.nfc && steps.nfkc) {
    throw usage_error("nfc and nfkc are two forms of the same text; give one of them");
  }
  return steps;
}

inline std::string decode_entities(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t mark = std::min(text.find('&'), text.size());
    out += text.substr(0, mark);
    text.remove_prefix(mark);
    if (text.empty()) break;
    std::size_t taken = 0;
    const std::string character = decoded_entity(text, taken);
    out += taken > 0 ? std::string_view(character) : text.substr(0, 1);
    text.remove_prefix(std::max<std::size_t>(taken, 1));
  }
  return out;
}

namespace detail {

// `plain` appends a run of ASCII, `change` a character past it by its code and bytes; the code of
// bytes that are no UTF-8 is U+FFFD.
template <class Plain, class Change>
std::string changed_characters(std::string_view text, Plain plain, Change change) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t ascii = ascii_prefix(text);
    if (ascii > 0) plain(out, text.substr(0, ascii));
    text.remove_prefix(ascii);
    if (text.empty()) break;
    const utf8_character next = utf8_decode(text);
    change(out, next.code, text.substr(0, next.length));
    text.remove_prefix(next.length);
  }
  return out;
}

// U+0085 to U+3000: White_Space without the line ends.
constexpr bool wide_blank(char32_t code) {
  return code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x202F ||
         code == 0x205F || code == 0x3000;
}

// Characters without a look of their own, past ASCII.
constexpr bool invisible(char32_t code) {
  return (code >= 0x80 && code < 0xA0) || code == 0xAD || code == 0x061C || code == 0x180E ||
         (code >= 0x200B && code <= 0x200F) || (code >= 0x202A && code <= 0x202E) ||
         (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF || (code >= 0xFFF9 && code <= 0xFFFB);
}

// A joiner may stand behind it: letters from Arabic to Mongolian, symbols and emoji.
constexpr bool takes_joiner(char32_t code) {
  return (code >= 0x600 && code < 0x1D00) || (code >= 0x2190 && code < 0x2C00) ||
         (code >= 0xA800 && code < 0xAC00) || (code >= 0xFB50 && code < 0xFE00) || code == 0xFE0F ||
         code >= 0x1F000;
}

// It is the same in the form, and nothing that follows or comes before changes with it, but for
// marks that combine with it.
constexpr bool stands_alone(char32_t code, bool compatible) {
  if (code < 0x80) return true;
  if (compatible) return code >= 0xC0 && code < 0x100;
  return code < 0x300 || (code >= 0x2010 && code < 0x2060);
}

// It combines with what comes before, or becomes nothing but such marks: U+0F73, U+0F75, U+0F81 in
// both forms, U+FF9E and U+FF9F in the compatible one.
inline bool is_mark(char32_t code) {
  return code == 0xF73 || code == 0xF75 || code == 0xF81 || code == 0xFF9E || code == 0xFF9F ||
         ::utf8proc_get_property(static_cast<utf8proc_int32_t>(code))->combining_class != 0;
}

}  // namespace detail

inline std::string remove_controls(std::string_view text) {
  char32_t before = 0;
  return detail::changed_characters(
      text,
      [&](std::string& out, std::string_view run) {
        const std::size_t size = out.size();
        for (const char c : run) {
          const bool visible = (c >= ' ' && c != 0x7F) || c == '\t' || c == '\n' || c == '\r';
          if (visible) out += c;
          if (c == '\v' || c == '\f') out += '\n';
        }
        if (out.size() != size) before = 'a';  // else nothing of it is left
      },
      [&](std::string& out, char32_t code, std::string_view bytes) {
        const bool joiner = (code == 0x200C || code == 0x200D) && detail::takes_joiner(before);
        if (code == 0x85) {
          out += '\n';
          before = '\n';
        } else if (joiner || !detail::invisible(code)) {
          out += bytes;
          before = joiner ? char32_t{0} : code;
        }
      });
}

// Unicode's form C, or KC where `compatible`. More than 256 combining marks in a row, which no
// language writes, are taken 256 at a time: utf8proc's time to sort them grows with their square.
inline std::string composed(std::string_view text, bool compatible) {
  const auto compose = [&](std::string& out, std::string_view piece) {
    utf8proc_uint8_t* made = nullptr;
    const int options = UTF8PROC_STABLE | UTF8PROC_COMPOSE | (compatible ? UTF8PROC_COMPAT : 0);
    const utf8proc_ssize_t size =
        ::utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(piece.data()),
                       static_cast<utf8proc_ssize_t>(piece.size()), &made,
                       static_cast<utf8proc_option_t>(options));
    const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owned(made, &std::free);
    expects(size >= 0, "cannot normalise a text: ", ::utf8proc_errmsg(size));
    out.append(reinterpret_cast<const char*>(made), static_cast<std::size_t>(size));
  };
  std::string out;
  out.reserve(text.size());
  // text[begin, at) holds a character that stands alone, then ones that may not; nothing before
  // `begin` has to do with them.
  std::size_t begin = 0, marks = 0;
  constexpr std::size_t most_marks = 256;
  bool open = false;
  const auto close = [&](std::size_t at) {
    if (open) {
      compose(out, text.substr(begin, at - begin));
    } else {
      out += text.substr(begin, at - begin);
    }
    begin = at;
    open = false;
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t ascii = ascii_prefix(text.substr(at));
    if (ascii > 0) {
      if (open) close(at);
      at += ascii;
      close(at - 1);
      if (at == text.size()) break;
    }
    const utf8_character next = utf8_decode(text.substr(at));
    if (next.state != utf8_state::valid) {
      close(at);
      at += next.length;
      close(at);
    } else if (detail::stands_alone(next.code, compatible)) {
      close(at);
      at += next.length;
    } else {
      marks = detail::is_mark(next.code) ? marks + 1 : 0;
      if (marks > most_marks) {
        close(at);
        marks = 0;
      }
      open = true;
      at += next.length;
    }
  }
  close(text.size());
  return out;
}

inline std::string lower_case(std::string_view text) {
  return detail::changed_characters(
      text, [](std::string& out, std::string_view run) { out += lower_ascii(run); },
      [](std::string& out, char32_t code, std::string_view bytes) {
        const auto lower =
            static_cast<char32_t>(::utf8proc_tolower(static_cast<utf8proc_int32_t>(code)));
        if (lower == code) {
          out += bytes;
        } else {
          utf8_append(out, lower);
        }
      });
}

inline std::string tidy_whitespace(std::string_view text) {
  int feeds = 0;       // that wait to be written
  bool blank = false;  // likewise
  const auto feed = [&] {
    blank = false;
    ++feeds;
  };
  const auto flush = [&](std::string& out) {
    if (!out.empty() && feeds > 0) {
      out.append(feeds > 1 ? 2 : 1, '\n');
    } else if (!out.empty() && blank) {
      out += ' ';
    }
    feeds = 0;
    blank = false;
  };
  bool carriage = false;  // CR was the last character
  return detail::changed_characters(
      text,
      [&](std::string& out, std::string_view run) {
        const auto plain = [](char c) { return c != ' ' && !(c >= '\t' && c <= '\r'); };
        for (std::size_t at = 0; at < run.size();) {
          std::size_t end = at;
          while (end < run.size() && plain(run[end])) ++end;
          if (end > at) {
            flush(out);
            out += run.substr(at, end - at);
            carriage = false;
          }
          if (end == run.size()) break;
          const char c = run[end];
          if (c == '\n' || c == '\r') {
            if (!(c == '\n' && carriage)) feed();
          } else {
            blank = true;
          }
          carriage = c == '\r';
          at = end + 1;
        }
      },
      [&](std::string& out, char32_t code, std::string_view bytes) {
        carriage = false;
        if (code == 0x85 || code == 0x2028 || code == 0x2029) {
          feed();
        } else if (detail::wide_blank(code)) {
          blank = true;
        } else {
          flush(out);
          out += bytes;
        }
      });
}

class normalise {
 public:
  normalise() = default;
  explicit normalise(normalisations steps) : steps_(steps) {}

  verdict operator()(document& page) {
    const auto step = [&](bool wanted, std::size_t which, auto&& change) {
      if (!wanted) return;
      std::string changed = change(page.text);
      if (changed == page.text) return;
      page.text = std::move(changed);
      ++changed_[which];
    };
    step(steps_.entities, 0, decode_entities);
    step(steps_.control, 1, remove_controls);
    step(steps_.nfc, 2, [](const std::string& text) { return composed(text, false); });
    step(steps_.nfkc, 3, [](const std::string& text) { return composed(text, true); });
    step(steps_.lower, 4, lower_case);
    step(steps_.whitespace, 5, tidy_whitespace);
    return page.text.empty() ? drop("normalise_empty") : keep;
  }

  // Documents changed, by step.
  void tell(tally& into) const {
    constexpr std::string_view names[] = {"normalise_entities", "normalise_control",
                                          "normalise_nfc",      "normalise_nfkc",
                                          "normalise_lower",    "normalise_whitespace"};
    for (std::size_t i = 0; i < changed_.size(); ++i) {
      if (changed_[i] > 0) into.add(names[i], changed_[i]);
    }
  }

 private:
  normalisations steps_;
  std::array<std::uint64_t, 6> changed_ = {};
};

}  // namespace ctgpt::inline CTGPT_ABI::data
