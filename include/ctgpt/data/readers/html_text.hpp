// The visible text of a web page.
//
// std::optional<std::string> text = html_text(page_as_utf8(bytes));
//
// Scripts, styles, navigation, forms' controls and what is marked hidden are dropped; entities are
// decoded; blanks are collapsed as a browser does, but in <pre>. Block elements stand on lines of
// their own, paragraphs and headings between empty lines, cells of a row are parted by tabs.
// Elements may be broken in any way. Memory: a small multiple of the text; no tree is built.
// Errors: none; nullopt for pages that nest deeper than 2000 elements, or have one with more than
// 2000 attributes.
// Reference: HTML Living Standard, innerText; libxml2's parser of HTML with its SAX interface.
#pragma once

#include <libxml/HTMLparser.h>
#include <libxml/parser.h>

#include <algorithm>
#include <climits>
#include <optional>
#include <vector>

#include "ctgpt/base/error.hpp"
#include "ctgpt/data/readers/charset.hpp"
#include "ctgpt/data/readers/html_attributes.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

// Text with its blanks collapsed and its lines where blocks begin and end.
class visible_text {
 public:
  void words(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
      if (is_blank(text[i])) {
        if (blank_ == '\0') blank_ = ' ';
        ++i;
        continue;
      }
      std::size_t end = i;
      while (end < text.size() && !is_blank(text[end])) ++end;
      part();
      out_ += text.substr(i, end - i);
      i = end;
    }
  }
  void verbatim(std::string_view text) {
    if (text.empty()) return;
    part();
    out_ += text;
  }
  // At least so many line ends between what came and what comes.
  void lines(int count) { lines_ = std::max(lines_, count); }
  void line_break() { lines_ = std::min(lines_ + 1, 2); }
  void cell() { blank_ = '\t'; }

  std::string take() {
    while (!out_.empty() && is_blank(out_.back())) out_.pop_back();
    return std::move(out_);
  }

 private:
  static bool is_blank(char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f';
  }
  void part() {
    if (!out_.empty()) {
      if (lines_ > 0) {
        while (is_blank(out_.back()) && out_.size() > 1) out_.pop_back();
        out_.append(static_cast<std::size_t>(lines_), '\n');
      } else if (blank_ != '\0' && !is_blank(out_.back())) {
        out_ += blank_;
      }
    }
    lines_ = 0;
    blank_ = '\0';
  }

  std::string out_;
  int lines_ = 0;
  char blank_ = '\0';
};

class html_text_builder {
 public:
  static constexpr std::size_t deepest = 2000, most_attributes = 2000;

  std::optional<std::string> read(std::string_view page) {
    static const bool started = (::xmlInitParser(), true);  // once, whatever threads there are
    if (!started || page.size() > INT_MAX) return std::nullopt;
    if (has_more_attributes(page, most_attributes)) return std::nullopt;
    parser_ = ::htmlNewParserCtxt();
    expects(parser_ != nullptr, "libxml2 cannot start: not enough memory");
    *parser_->sax = {};
    parser_->sax->startElement = [](void* self, const xmlChar* name, const xmlChar** attributes) {
      static_cast<html_text_builder*>(self)->begin(view(name), attributes);
    };
    parser_->sax->endElement = [](void* self, const xmlChar* name) {
      static_cast<html_text_builder*>(self)->end(view(name));
    };
    parser_->sax->characters = [](void* self, const xmlChar* text, int bytes) {
      static_cast<html_text_builder*>(self)->text(
          {reinterpret_cast<const char*>(text), static_cast<std::size_t>(bytes)});
    };
    parser_->sax->ignorableWhitespace = parser_->sax->characters;
    parser_->userData = this;
    ::htmlDocPtr tree = ::htmlCtxtReadMemory(
        parser_, page.data(), static_cast<int>(page.size()), nullptr, "UTF-8",
        HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET);
    if (tree != nullptr) ::xmlFreeDoc(tree);
    ::htmlFreeParserCtxt(parser_);
    if (too_deep_) return std::nullopt;
    return out_.take();
  }

 private:
  enum class kind : unsigned char { inline_, dropped, block, paragraph, row_cell, line, pre };

  static std::string_view view(const xmlChar* text) { return reinterpret_cast<const char*>(text); }

  static kind kind_of(std::string_view name) {
    struct entry {
      std::string_view name;
      kind is;
    };
    static constexpr entry entries[] = {
        // sorted
        {"address", kind::block},    {"applet", kind::dropped},   {"article", kind::block},
        {"aside", kind::block},      {"audio", kind::dropped},    {"blockquote", kind::paragraph},
        {"body", kind::block},       {"br", kind::line},          {"button", kind::dropped},
        {"canvas", kind::dropped},   {"caption", kind::block},    {"center", kind::block},
        {"datalist", kind::dropped}, {"dd", kind::block},         {"details", kind::block},
        {"div", kind::block},        {"dl", kind::block},         {"dt", kind::block},
        {"fieldset", kind::block},   {"figcaption", kind::block}, {"figure", kind::block},
        {"footer", kind::block},     {"form", kind::block},       {"h1", kind::paragraph},
        {"h2", kind::paragraph},     {"h3", kind::paragraph},     {"h4", kind::paragraph},
        {"h5", kind::paragraph},     {"h6", kind::paragraph},     {"header", kind::block},
        {"hr", kind::block},         {"iframe", kind::dropped},   {"legend", kind::block},
        {"li", kind::block},         {"main", kind::block},       {"menu", kind::dropped},
        {"nav", kind::dropped},      {"noembed", kind::dropped},  {"noframes", kind::dropped},
        {"noscript", kind::dropped}, {"object", kind::dropped},   {"ol", kind::block},
        {"option", kind::block},     {"p", kind::paragraph},      {"pre", kind::pre},
        {"script", kind::dropped},   {"section", kind::block},    {"select", kind::dropped},
        {"style", kind::dropped},    {"summary", kind::block},    {"svg", kind::dropped},
        {"table", kind::block},      {"tbody", kind::block},      {"td", kind::row_cell},
        {"template", kind::dropped}, {"textarea", kind::dropped}, {"tfoot", kind::block},
        {"th", kind::row_cell},      {"thead", kind::block},      {"title", kind::dropped},
        {"tr", kind::block},         {"ul", kind::block},         {"video", kind::dropped}};
    const auto found = std::lower_bound(std::begin(entries), std::end(entries), name,
                                        [](const entry& a, auto b) { return a.name < b; });
    return found != std::end(entries) && found->name == name ? found->is : kind::inline_;
  }

  static bool is_hidden(const xmlChar** attributes) {
    for (; attributes != nullptr && attributes[0] != nullptr; attributes += 2) {
      const std::string_view name = view(attributes[0]);
      if (name == "hidden") return true;
      if (name != "style" || attributes[1] == nullptr) continue;
      std::string style = lower_ascii(view(attributes[1]));
      style.erase(std::remove_if(style.begin(), style.end(), [](char c) { return c == ' '; }),
                  style.end());
      if (style.find("display:none") != style.npos) return true;
    }
    return false;
  }

  void begin(std::string_view name, const xmlChar** attributes) {
    const kind is = kind_of(name);
    // Elements without an end have no contents that could be dropped.
    if (dropped_ > 0 || is == kind::dropped || is_hidden(attributes)) ++dropped_;
    if (++depth_ > deepest) {
      too_deep_ = true;
      ::xmlStopParser(parser_);
    }
    if (dropped_ == 0) edge(is, true);
  }
  void end(std::string_view name) {
    if (depth_ > 0) --depth_;
    if (dropped_ > 0) {
      --dropped_;
    } else {
      edge(kind_of(name), false);
    }
  }

  void edge(kind is, bool begins) {
    switch (is) {
      case kind::block:
        return out_.lines(1);
      case kind::pre:
        pre_ = std::max(pre_ + (begins ? 1 : -1), 0);
        pre_begins_ = begins;
        return out_.lines(2);
      case kind::paragraph:
        return out_.lines(2);
      case kind::row_cell:
        return out_.cell();
      case kind::line:
        if (begins) out_.line_break();
        return;
      case kind::inline_:
      case kind::dropped:
        return;
    }
  }

  void text(std::string_view text) {
    if (dropped_ > 0 || too_deep_) return;
    if (pre_ == 0) return out_.words(text);
    if (pre_begins_ && text.starts_with('\n')) text.remove_prefix(1);
    pre_begins_ = false;
    out_.verbatim(text);
  }

  visible_text out_;
  ::htmlParserCtxtPtr parser_ = nullptr;
  std::size_t depth_ = 0, dropped_ = 0;
  int pre_ = 0;
  bool pre_begins_ = false, too_deep_ = false;
};

// Requires: UTF-8 without zero bytes (page_as_utf8).
inline std::optional<std::string> html_text(std::string_view page) {
  return html_text_builder().read(page);
}

}  // namespace ctgpt::inline CTGPT_ABI::data
