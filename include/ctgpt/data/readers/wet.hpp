// Common Crawl's WET files: the text of web pages, one WARC record of type "conversion" each.
//
// A document's url is WARC-Target-URI, its line the record's number. Records of other types are
// counted as left out.
// Errors, counted: a record whose header is none, or whose Content-Length does not lead to the next
// record. Reading goes on at the next line "WARC/1..." that follows an empty line:
//   a.wet.gz: record 7: its Content-Length of 90 bytes does not lead to the next record
// Reference: ISO 28500 (WARC 1.0 and 1.1).
#pragma once

#include <charconv>
#include <optional>

#include "ctgpt/data/ascii.hpp"
#include "ctgpt/data/read_options.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

class wet_reader : public format_reader {
 public:
  explicit wet_reader(reading& file) : file_(file) {}

  bool next(document& page) override {
    while (find_record()) {
      ++number_;
      header head;
      if (!read_header(head)) {
        if (!damaged()) file_.bad("record ", number_, ": ", head.wrong);
        lost_ = true;
        continue;
      }
      if (head.length > file_.options.max_document) {
        file_.too_long("record ", number_);
        lost_ = true;
        continue;
      }
      if (!ends_well(head.length)) continue;
      page.text.clear();
      file_.in.block(page.text, head.length);
      if (head.type != "conversion") {
        ++file_.counts.left_out;
        continue;
      }
      page.line = number_;
      page.url = std::move(head.url);
      return true;
    }
    return false;
  }

 private:
  struct header {
    std::string type, url;
    std::uint64_t length = 0;
    const char* wrong = nullptr;
  };

  static constexpr std::uint64_t longest_header_line = 65536;

  bool damaged() { return !file_.in.damage().empty(); }

  // Takes the line "WARC/1.0"; false at the end. Between records there are empty lines; what else
  // is there belongs to a record that is lost, or tells that the one before lied.
  bool find_record() {
    bool after_empty = true;
    for (;;) {
      const auto kind = file_.in.line(line_, longest_header_line);
      if (kind == input_stream::line_kind::end) return false;
      const std::string_view text = trimmed(line_);
      if (after_empty && text.starts_with("WARC/1.")) {
        lost_ = false;
        return true;
      }
      after_empty = text.empty();
      if (after_empty || lost_) continue;
      if (kind == input_stream::line_kind::unfinished && damaged()) return false;
      file_.bad("after record ", number_, ": a line that begins no record; the next one is sought");
      lost_ = true;
    }
  }

  bool read_header(header& head) {
    bool has_length = false;
    for (int lines = 0; lines < 1000; ++lines) {
      const auto kind = file_.in.line(line_, longest_header_line);
      if (kind != input_stream::line_kind::whole) {
        head.wrong = kind == input_stream::line_kind::too_long
                         ? "a line of its header is longer than 65536 bytes"
                         : "the file ends inside its header";
        return false;
      }
      const std::string_view text = trimmed(line_);
      if (text.empty()) {
        if (!has_length) head.wrong = "its header has no Content-Length";
        return has_length;
      }
      const std::size_t colon = std::min(text.find(':'), text.size() - 1);
      const std::string_view name = text.substr(0, colon + 1),
                             value = trimmed(text.substr(colon + 1));
      if (is(name, "content-length:")) {
        const auto end = value.data() + value.size();
        const auto [stop, code] = std::from_chars(value.data(), end, head.length);
        if (code != std::errc() || stop != end) {
          head.wrong = "its Content-Length is no number of bytes";
          return false;
        }
        has_length = true;
      } else if (is(name, "warc-type:")) {
        head.type = value;
      } else if (is(name, "warc-target-uri:")) {
        head.url = value;
        if (value.size() > 1 && value.front() == '<' && value.back() == '>') {
          head.url = value.substr(1, value.size() - 2);  // as WARC 1.0 had it
        }
      }
    }
    head.wrong = "its header never ends";
    return false;
  }

  static bool is(std::string_view name, std::string_view lower) {
    return name.size() == lower.size() && starts_with_word(name, lower);
  }

  // Looks at the block that comes next, without taking it: after it there are two line ends and the
  // next record, or the end of the file. Where the length lies, the next record is gone on with: it
  // may begin before the block's end.
  bool ends_well(std::uint64_t length) {
    const auto size = static_cast<std::size_t>(length);
    const std::string_view have = file_.in.peek(size + 11), block = have.substr(0, size),
                           after = have.substr(block.size());
    const bool short_of_it = block.size() < size;
    const bool well = !short_of_it && (after.substr(0, 4) == "\r\n\r\n" ? followed(after.substr(4))
                                       : after.substr(0, 2) == "\n\n"   ? followed(after.substr(2))
                                                                        : trimmed(after).empty());
    if (well) return true;
    const std::size_t next = next_record(block);
    if (next == block.npos && short_of_it && damaged()) {
      // It is told once, as damage.
    } else if (short_of_it) {
      file_.bad("record ", number_, ": the file ends inside it, after ", block.size(), " of ",
                length, " bytes");
    } else {
      file_.bad("record ", number_, ": its Content-Length of ", length,
                " bytes does not lead to the next record");
    }
    lost_ = next == block.npos;
    file_.in.skip(std::min(next, block.size()));
    return false;
  }
  // Where a record begins behind an empty line. The text up to there is looked at once, so that
  // many lengths that lie cost no more than one.
  static std::size_t next_record(std::string_view block) {
    for (std::size_t at = 0; (at = block.find("WARC/1.", at)) != block.npos; ++at) {
      const std::string_view before = block.substr(0, at);
      if (before.ends_with("\n\r\n") || before.ends_with("\n\n")) return at;
    }
    return block.npos;
  }
  static bool followed(std::string_view text) {
    return text.empty() || text.starts_with("WARC/1.") || trimmed(text).empty();
  }

  reading& file_;
  std::string line_;
  std::int64_t number_ = 0;
  bool lost_ = false;  // the rest of a wrong record may still come
};

}  // namespace ctgpt::inline CTGPT_ABI::data
