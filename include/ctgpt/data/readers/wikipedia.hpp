// Wikipedia's dumps (pages-articles.xml.bz2, multistream or not): a page is a document.
//
// Pages of namespace 0 that are no redirects; others count as left out. The text is the title, an
// empty line and the page without its markup (data/readers/wiki_text.hpp); the url is made of the
// dump's base and the title; the line is the number of the page. Of several revisions the last one
// counts.
// The XML is read as a stream: memory holds a page or two. Nothing is fetched, no entity but those
// of XML itself is expanded, and a document type, where entities could be declared, ends it.
// Errors, counted: XML that is malformed ends the file with the line and what libxml2 says; so does
// a tag of more than 16 KiB, for libxml2 takes the square of the number of its attributes.
// Reference: mediawiki.org, Help:Export (export-0.10, 0.11); libxml2's push parser.
#pragma once

#include <libxml/parser.h>

#include <deque>
#include <utility>

#include "ctgpt/data/read_options.hpp"
#include "ctgpt/data/readers/wiki_text.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

// A page as the dump has it.
struct wiki_page {
  std::string title = {}, space = {}, text = {};
  bool redirect = false, too_long = false;
};

// Takes the XML piece by piece and collects the pages that have ended.
class wiki_dump {
 public:
  explicit wiki_dump(std::uint64_t longest) : longest_(longest) {
    static const bool started = (::xmlInitParser(), true);  // once, whatever threads there are
    xmlSAXHandler calls = {};
    calls.initialized = XML_SAX2_MAGIC;
    calls.startElementNs = [](void* self, const xmlChar* name, const xmlChar*, const xmlChar*, int,
                              const xmlChar**, int count, int, const xmlChar** attributes) {
      static_cast<wiki_dump*>(self)->begin(view(name), attributes, count);
    };
    calls.endElementNs = [](void* self, const xmlChar* name, const xmlChar*, const xmlChar*) {
      static_cast<wiki_dump*>(self)->end(view(name));
    };
    calls.characters = [](void* self, const xmlChar* text, int bytes) {
      static_cast<wiki_dump*>(self)->characters(
          {reinterpret_cast<const char*>(text), static_cast<std::size_t>(bytes)});
    };
    calls.cdataBlock = calls.ignorableWhitespace = calls.characters;
    calls.internalSubset = [](void* self, const xmlChar*, const xmlChar*, const xmlChar*) {
      static_cast<wiki_dump*>(self)->stop("a document type has no place in a dump");
    };
    const xmlStructuredErrorFunc keep = &keep_error;
    calls.serror = keep;
    if (started) parser_ = ::xmlCreatePushParserCtxt(&calls, this, nullptr, 0, nullptr);
    expects(parser_ != nullptr, "libxml2 cannot start: not enough memory");
    ::xmlCtxtUseOptions(parser_, XML_PARSE_NONET);
  }
  wiki_dump(const wiki_dump&) = delete;
  wiki_dump& operator=(const wiki_dump&) = delete;
  ~wiki_dump() { ::xmlFreeParserCtxt(parser_); }

  // Requires: an empty piece is the last.
  void push(std::string_view piece) {
    if (holds_long_tag(piece)) return stop("a tag is longer than 16384 bytes");
    const int code = ::xmlParseChunk(parser_, piece.data(), static_cast<int>(piece.size()),
                                     piece.empty() ? 1 : 0);
    if (code != 0 && error_.empty()) error_ = "it is no XML";
  }

  std::deque<wiki_page> pages;  // the reader takes them
  // What is wrong; nothing follows it.
  const std::string& error() const { return error_; }
  int error_line() const { return error_line_; }
  const std::string& base() const { return base_; }
  const wiki_namespaces& names() const { return names_; }

 private:
  static constexpr int deepest = 100;
  static constexpr std::size_t longest_tag = 16384;

  // A '>' in quotes ends no tag; "<!" and "<?" begin none.
  bool holds_long_tag(std::string_view piece) {
    for (std::size_t at = 0; at < piece.size(); ++at) {
      if (tag_ == 0) {
        at = piece.find('<', at);
        if (at == piece.npos) return false;
        tag_ = 1;
        continue;
      }
      const char c = piece[at];
      if (quote_ != '\0') {
        if (c == quote_) quote_ = '\0';
      } else if (c == '"' || c == '\'') {
        quote_ = c;
      } else if (c == '>' || (tag_ == 1 && (c == '!' || c == '?'))) {
        tag_ = 0;
        continue;
      }
      if (++tag_ > longest_tag) return true;
    }
    return false;
  }

  static std::string_view view(const xmlChar* text) {
    return text != nullptr ? reinterpret_cast<const char*>(text) : "";
  }

  // libxml2 has changed whether the error is const.
  template <class Error>
  static void keep_error(void* self, Error* error) {
    auto& dump = *static_cast<wiki_dump*>(self);
    if (error->level < XML_ERR_ERROR || !dump.error_.empty()) return;
    dump.error_line_ = error->line;
    dump.error_ = "the XML is malformed: ";
    dump.error_ += error->message != nullptr ? trimmed(error->message) : "it cannot be read";
    for (char& c : dump.error_) {
      if (c == '\n') c = ' ';
    }
  }

  void stop(std::string_view why) {
    if (!error_.empty()) return;
    error_ = why;
    error_line_ = ::xmlSAX2GetLineNumber(parser_);
    ::xmlStopParser(parser_);
  }

  void begin(std::string_view name, const xmlChar** attributes, int count) {
    if (++depth_ > deepest) return stop("the XML nests deeper than 100 elements");
    field_ = nullptr;
    const auto into = [this](std::string& field) {
      field.clear();
      field_ = &field;
    };
    if (name == "page") {
      page_ = {};
      in_page_ = true;
      in_revision_ = false;
    } else if (name == "revision") {
      in_revision_ = true;
    } else if (in_page_ && name == "text" && in_revision_) {
      page_.too_long = false;
      into(page_.text);
    } else if (in_page_ && !in_revision_) {
      if (name == "title") into(page_.title);
      if (name == "ns") into(page_.space);
      if (name == "redirect") page_.redirect = true;
    } else if (name == "base") {
      into(base_);
    } else if (name == "namespace") {
      for (int i = 0; i < count; ++i) {
        const xmlChar** attribute = attributes + 5 * i;  // name, prefix, URI, value, its end
        const std::string_view value(reinterpret_cast<const char*>(attribute[3]),
                                     static_cast<std::size_t>(attribute[4] - attribute[3]));
        const bool dropped =
            value == "-2" || value == "6" || value == "14";  // media, file, category
        if (view(attribute[0]) == "key" && dropped) into(space_);
      }
    }
  }

  void end(std::string_view name) {
    --depth_;
    if (field_ == &space_ && !space_.empty()) names_.dropped.push_back(lower_ascii(space_));
    field_ = nullptr;
    if (name == "revision") in_revision_ = false;
    if (name == "page" && std::exchange(in_page_, false)) pages.push_back(std::move(page_));
  }

  void characters(std::string_view text) {
    if (field_ == nullptr || page_.too_long) return;
    if (field_->size() + text.size() > longest_) {
      page_.too_long = in_page_;
    } else {
      *field_ += text;
    }
  }

  std::uint64_t longest_;
  xmlParserCtxtPtr parser_ = nullptr;
  std::string error_;
  int error_line_ = 0, depth_ = 0;
  std::size_t tag_ = 0;  // bytes of the tag that is open
  char quote_ = '\0';    // that is open in it
  wiki_namespaces names_;
  std::string base_, space_;
  wiki_page page_;
  std::string* field_ = nullptr;  // where text goes
  bool in_page_ = false, in_revision_ = false;
};

class wikipedia_reader : public format_reader {
 public:
  explicit wikipedia_reader(reading& file) : file_(file), dump_(file.options.max_document) {}

  bool next(document& page) override {
    for (;;) {
      while (!dump_.pages.empty()) {
        const wiki_page raw = std::move(dump_.pages.front());
        dump_.pages.pop_front();
        if (take(raw, page)) return true;
      }
      if (done_) return false;
      // Pieces of one size, so that what is read does not hang on how it came.
      const std::string_view piece = file_.in.peek(16384);
      done_ = piece.empty();
      dump_.push(piece);
      file_.in.skip(piece.size());
      if (dump_.error().empty()) continue;
      // Of damaged data the damage is told, once.
      if (!done_ || file_.in.damage().empty()) {
        file_.bad("line ", dump_.error_line(), ": ", dump_.error(), "; the file ends here");
      }
      done_ = true;
    }
  }

 private:
  bool take(const wiki_page& raw, document& page) {
    ++number_;
    const bool article = !raw.redirect && trimmed(raw.space) == "0";
    if (article && raw.too_long) {
      file_.too_long("page ", number_);
      return false;
    }
    const std::string body = article ? wiki_text(raw.text, dump_.names()) : std::string();
    if (body.empty()) {
      ++file_.counts.left_out;
      return false;
    }
    page.text = raw.title + "\n\n" + body;
    page.line = number_;
    page.url = address(raw.title);
    return true;
  }

  // As the wiki spells it: blanks are underscores, what is no letter of an address is %XX.
  std::string address(std::string_view title) const {
    const std::size_t slash = dump_.base().rfind('/');
    if (slash == std::string::npos) return {};
    std::string url = dump_.base().substr(0, slash + 1);
    constexpr std::string_view plain = "-_.!~*'(),/:@;$&+=", digits = "0123456789ABCDEF";
    for (const char c : title) {
      const auto byte = static_cast<unsigned char>(c);
      const bool letter =
          (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
      if (c == ' ') {
        url += '_';
      } else if (letter || plain.find(c) != plain.npos) {
        url += c;
      } else {
        url += {'%', digits[byte / 16], digits[byte % 16]};
      }
    }
    return url;
  }

  reading& file_;
  wiki_dump dump_;
  std::int64_t number_ = 0;
  bool done_ = false;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
