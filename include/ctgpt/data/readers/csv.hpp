// CSV with a header: the column `field` of each record is a text.
//
// Quoted fields may hold commas, line ends and doubled quotes; line ends are "\n" or "\r\n"; a byte
// order mark is taken off; empty lines are passed over. A quote inside an unquoted field is a
// character. Memory: one text.
// Errors, counted: a header without the column (the file gives nothing), a record with more or
// fewer columns than the header, text after a closing quote, a quote that is never closed:
//   a.csv: line 12: it has 3 columns where the header has 4
// Reference: RFC 4180.
#pragma once

#include "ctgpt/data/ascii.hpp"
#include "ctgpt/data/read_options.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

class csv_reader : public format_reader {
 public:
  explicit csv_reader(reading& file) : file_(file) {
    if (file_.in.peek(3) == byte_order_mark) file_.in.skip(3);
    read_header();
  }

  bool next(document& page) override {
    while (!done_ && read_record()) {
      if (blank_) continue;
      if (too_long_) {
        file_.too_long("line ", begin_, ": the record");
      } else if (wrong_ != nullptr) {
        file_.bad("line ", begin_, ": ", wrong_);
      } else if (columns_ != header_columns_) {
        file_.bad("line ", begin_, ": it has ", columns_, columns_ == 1 ? " column" : " columns",
                  " where the header has ", header_columns_);
      } else {
        page.text = std::move(kept_);
        page.line = begin_;
        return true;
      }
    }
    return false;
  }

 private:
  static constexpr std::size_t all = std::string_view::npos, every = all - 1;

  void read_header() {
    wanted_ = all;
    do {
      if (!read_record()) {
        done_ = true;
        return;
      }
    } while (blank_);
    done_ = true;
    if (too_long_ || wrong_ != nullptr) {
      file_.bad("line ", begin_, ": ", too_long_ ? "the header is too long" : wrong_);
      return;
    }
    header_columns_ = columns_;
    if (file_.options.every_column) {
      wanted_ = every;
      done_ = false;
      return;
    }
    const auto found = std::find(names_.begin(), names_.end(), file_.options.field);
    if (found == names_.end()) {
      file_.bad("line ", begin_, ": there is no column '", file_.options.field, "'",
                instead_of_field("header", names_));
      return;
    }
    wanted_ = static_cast<std::size_t>(found - names_.begin());
    done_ = false;
  }

  // One record; false at the end. Sets columns_, kept_ (or names_), blank_, wrong_, too_long_.
  bool read_record() {
    begin_ = line_;
    columns_ = 0;
    kept_.clear();
    wrong_ = nullptr;
    too_long_ = false;
    size_ = 0;
    start_field();
    bool any = false;
    for (;;) {
      const std::string_view have = file_.in.chunk();
      if (have.empty()) break;
      any = true;
      const std::size_t taken = scan(have);
      line_ += std::count(have.begin(), have.begin() + static_cast<std::ptrdiff_t>(taken), '\n');
      file_.in.skip(taken);
      if (ended_) return true;
    }
    // The last record of damaged data is cut: the damage is told, once.
    if (!any || !file_.in.damage().empty()) return false;
    if (state_ == place::quoted) wrong_ = "a quoted field of this record is never closed";
    end_field();
    blank_ = false;
    return true;
  }

  enum class place : unsigned char { start, plain, quoted, closed, closed_return };

  // Takes bytes up to the end of the record (ended_) or of the piece.
  std::size_t scan(std::string_view have) {
    std::size_t i = 0;
    ended_ = false;
    while (i < have.size() && !ended_) {
      const char c = have[i];
      switch (state_) {
        case place::start:
          state_ = c == '"' ? place::quoted : place::plain;
          if (c == '"') {
            was_quoted_ = true;
            ++i;
          }
          break;
        case place::plain: {
          const std::size_t stop = std::min(have.find_first_of(",\n", i), have.size());
          keep(have.substr(i, stop - i));
          i = stop;
          if (i < have.size()) separator(have[i++]);
          break;
        }
        case place::quoted: {
          const std::size_t stop = std::min(have.find('"', i), have.size());
          keep(have.substr(i, stop - i));
          i = stop;
          if (i < have.size()) {
            state_ = place::closed;
            ++i;
          }
          break;
        }
        case place::closed:
        case place::closed_return:
          if (c == '\n' || (c == ',' && state_ == place::closed)) {
            separator(c);
            ++i;
          } else if (c == '"' && state_ == place::closed) {
            keep("\"");
            state_ = place::quoted;
            ++i;
          } else if (c == '\r' && state_ == place::closed) {
            state_ = place::closed_return;
            ++i;
          } else {
            wrong_ = "text follows the closing quote of a field";
            state_ = place::plain;
          }
          break;
      }
    }
    return i;
  }

  void separator(char c) {
    ended_ = c == '\n';
    if (ended_ && last_ == '\r' && state_ == place::plain) {
      --field_size_;
      if (keeps()) current().pop_back();
    }
    blank_ = ended_ && columns_ == 0 && field_size_ == 0 && !was_quoted_;
    end_field();
  }

  bool keeps() const { return !too_long_ && (wanted_ >= every || columns_ == wanted_); }
  std::string& current() {
    if (wanted_ != all) return kept_;
    if (names_.size() <= columns_) names_.resize(columns_ + 1);
    return names_[columns_];
  }

  // Each of its names is a string of its own.
  static constexpr std::uint64_t longest_header = std::uint64_t{1} << 22;
  void grow(std::uint64_t bytes) {
    const std::uint64_t most = file_.options.max_document;
    size_ += bytes;
    if (size_ > (wanted_ == all ? std::min(most, longest_header) : most)) too_long_ = true;
  }

  void keep(std::string_view text) {
    if (text.empty()) return;
    field_size_ += text.size();
    last_ = text.back();
    grow(text.size());
    if (keeps()) current() += text;
  }

  void start_field() {
    state_ = place::start;
    field_size_ = 0;
    last_ = '\0';
    was_quoted_ = false;
  }
  void end_field() {
    if (wanted_ == all && keeps()) current();
    if (wanted_ == every) kept_ += "\n\n";
    ++columns_;
    grow(1);  // so that a record of nothing but commas is bounded too
    start_field();
  }

  reading& file_;
  std::vector<std::string> names_;
  std::size_t wanted_ = all, header_columns_ = 0, columns_ = 0;
  std::string kept_;  // the wanted field
  std::uint64_t size_ = 0, field_size_ = 0;
  std::int64_t line_ = 1, begin_ = 1;
  place state_ = place::start;
  char last_ = '\0';
  bool was_quoted_ = false, blank_ = false, ended_ = false, too_long_ = false, done_ = false;
  const char* wrong_ = nullptr;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
