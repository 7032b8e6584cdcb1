// report_page: the page of `ctgpt report`: one HTML file that asks the network for nothing.
//
// Legend, curves, a table of what each run is, and its samples. What differs between the runs is
// marked in the table; settings that are equal in all of them are folded away below it.
// Ensures: well-formed as HTML and as XML; texts of runs are escaped wherever they stand, and the
// page's policy forbids it to load anything.
// Errors: none of its own.
// Reference: WHATWG, HTML; W3C, Content Security Policy Level 3.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ctgpt/app/print.hpp"
#include "ctgpt/app/report_chart.hpp"
#include "ctgpt/app/report_style.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

inline std::vector<chart> charts_of(const std::vector<report_run>& runs) {
  std::vector<chart> all{{"loss", "Loss", "nats per token", false, true, {}, {}},
                         {"rate", "Learning rate", "learning rate", true, false, {}, {}},
                         {"gradient", "Gradient norm", "norm", true, true, {}, {}},
                         {"speed", "Speed", "tokens per second", true, true, {}, {}}};
  for (const report_run& run : runs) {
    all[0].lines.push_back(&run.loss);
    all[0].marks.push_back(&run.validation);
    all[1].lines.push_back(&run.rate);
    all[2].lines.push_back(&run.gradient);
    all[3].lines.push_back(&run.speed);
  }
  return all;
}

inline constexpr const char* nothing_known = "\xE2\x80\x93";  // a dash

// A value of run.json as a cell shows it.
inline std::string shown(const io::json* value) {
  if (value == nullptr || value->is_null()) return nothing_known;
  if (const auto* text = value->get_if<std::string>()) return *text;
  if (const auto* real = value->get_if<double>()) return short_number(*real, "%.10g");
  return io::write_json(*value);
}

inline std::string shown_count(const io::json* value) {
  const auto* count = value != nullptr ? value->get_if<std::int64_t>() : nullptr;
  return count != nullptr ? grouped(*count) : shown(value);
}

inline std::string duration_text(double seconds) {
  if (seconds < 60.0) return short_number(seconds, "%.1f s");
  const auto whole = static_cast<long long>(seconds);
  const std::string minutes = join(whole / 60 % 60, " min ", whole % 60, " s");
  return whole < 3600 ? minutes : join(grouped(whole / 3600), " h ", minutes);
}

struct fact_row {
  std::string name;
  std::vector<std::string> cells;
  bool chosen = true;  // before the run; what it came to differs always
  bool differs() const {
    for (const std::string& cell : cells) {
      if (cell != cells.front()) return true;
    }
    return false;
  }
};

// What the runs came to, then what they are.
inline std::vector<fact_row> fact_rows(const std::vector<report_run>& runs) {
  std::vector<fact_row> rows;
  const auto row = [&](const char* name, const std::function<std::string(const report_run&)>& of) {
    rows.push_back({name, {}, true});
    for (const report_run& run : runs) rows.back().cells.push_back(of(run));
  };
  const auto setting = [](const report_run& run, const char* key) {
    const io::json* settings = run.facts.find("settings");
    return settings != nullptr ? settings->find(key) : nullptr;
  };
  row("steps done", [&](const report_run& run) {
    return grouped(run.steps()) + " of " + shown_count(setting(run, "steps"));
  });
  row("best validation loss", [](const report_run& run) {
    double step = 0.0;
    const double* best = run.best(&step);
    if (best == nullptr) return std::string("not evaluated yet");
    return short_number(*best, "%.4f") + " at step " + grouped(static_cast<long long>(step));
  });
  row("last training loss", [](const report_run& run) {
    return run.loss.empty() ? std::string("no step yet")
                            : short_number(run.loss.values.back(), "%.4f");
  });
  row("time in steps", [](const report_run& run) { return duration_text(run.seconds); });
  for (fact_row& each : rows) each.chosen = false;
  row("preset", [&](const report_run& run) { return shown(setting(run, "preset")); });
  row("parameters",
      [](const report_run& run) { return shown_count(run.facts.find("parameters")); });
  row("data SHA-256",
      [](const report_run& run) { return shown(run.facts.find("data_sha256")).substr(0, 12); });
  row("backend, threads", [](const report_run& run) {
    return shown(run.facts.find("backend")) + ", " + shown(run.facts.find("threads"));
  });
  return rows;
}

// One row for each setting that any of the runs has, in the order in which they come.
inline std::vector<fact_row> setting_rows(const std::vector<report_run>& runs) {
  std::vector<fact_row> rows;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const io::json* settings = runs[i].facts.find("settings");
    const auto* object = settings != nullptr ? settings->get_if<io::json_object>() : nullptr;
    if (object == nullptr) continue;
    for (const io::json_member& member : object->members()) {
      auto row = std::find_if(rows.begin(), rows.end(),
                              [&](const fact_row& each) { return each.name == member.key; });
      if (row == rows.end()) {
        rows.push_back({member.key, std::vector<std::string>(runs.size(), nothing_known), true});
        row = rows.end() - 1;
      }
      row->cells[i] = shown(&member.value);
    }
  }
  return rows;
}

class report_page {
 public:
  explicit report_page(const std::vector<report_run>& runs) : runs_(runs) {
    for (const report_run& run : runs) names_.push_back(run.name);
  }

  std::string text() {
    std::string title = names_.front();
    if (names_.size() > 1) title += join(" and ", names_.size() - 1, " more");
    out_ = join("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n",
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; ",
                "img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'\"/>\n",
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n",
                "<link rel=\"icon\" href=\"data:,\"/>\n<title>", html(title), "</title>\n<style>",
                report_style, "</style>\n</head>\n<body>\n<h1>Training of <bdi>", html(title),
                "</bdi></h1>\n");
    curves();
    facts();
    samples();
    out_ += "</main>\n<div id=\"tip\"></div>\n<script type=\"application/json\" id=\"curves\">";
    io::json_writer data(out_);
    data.begin_object();
    for (const chart& each : charts_of(runs_)) write_chart_data(data, each);
    data.end_object();
    out_ += join("</script>\n<script>", report_script, "</script>\n</body>\n</html>\n");
    return std::move(out_);
  }

 private:
  std::string key(std::size_t i) const {
    return join(
        "<svg class=\"key\" viewBox=\"0 0 42 16\" aria-hidden=\"true\"><path class=\"thick ",
        run_class(i), "\" d=\"M2 8h38\"/>", mark(i, 21, 8), "</svg>");
  }

  void curves() {
    out_ += "<span class=\"switch dim\">Smoothing:</span>";
    for (const char* kind : {"none", "light", "strong"}) {
      const bool chosen = std::string_view(kind) == "light";
      out_ += join("<input type=\"radio\" class=\"smooth\" name=\"smooth\" id=\"smooth-", kind,
                   "\"", chosen ? " checked=\"checked\"" : "", "/><label for=\"smooth-", kind,
                   "\">", kind, "</label>\n");
    }
    out_ += "<main>\n<ul id=\"legend\">\n";
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      out_ += join("<li>", key(i), "<bdi>", html(names_[i]), "</bdi></li>\n");
    }
    out_ +=
        "</ul>\n<p class=\"dim\">Thin: every step. Thick: smoothed. Marks on the loss: "
        "validation.</p>\n<div class=\"charts\">\n";
    for (const chart& each : charts_of(runs_)) out_ += chart_html(each, names_);
    out_ += "</div>\n";
  }

  void table(const std::vector<fact_row>& rows) {
    out_ += "<div class=\"wide\"><table>\n<thead><tr><th></th>";
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      out_ += join("<th scope=\"col\">", key(i), "<bdi>", html(names_[i]), "</bdi></th>");
    }
    out_ += "</tr></thead>\n<tbody>\n";
    for (const fact_row& row : rows) {
      const bool differs = row.chosen && row.differs();
      out_ += join(differs ? "<tr class=\"differs\">" : "<tr>", "<th scope=\"row\">",
                   html(row.name), differs ? " \xE2\x89\xA0" : "", "</th>");
      for (const std::string& cell : row.cells) out_ += join("<td>", html(cell), "</td>");
      out_ += "</tr>\n";
    }
    out_ += "</tbody>\n</table></div>\n";
  }

  void facts() {
    out_ += "<h2>Runs</h2>\n";
    if (runs_.size() > 1) {
      out_ += "<p class=\"dim\">Settings with \xE2\x89\xA0 differ between the runs.</p>\n";
    }
    std::vector<fact_row> main = fact_rows(runs_), equal;
    for (const fact_row& row : setting_rows(runs_)) {
      if (row.name == "preset" || row.name == "threads") continue;  // they are there already
      (row.differs() ? main : equal).push_back(row);
    }
    table(main);
    if (equal.empty()) return;
    out_ += join("<details><summary>",
                 runs_.size() > 1 ? "Settings that all runs share" : "The other settings",
                 "</summary>\n");
    table(equal);
    out_ += "</details>\n";
  }

  void samples() {
    out_ += "<h2>Samples</h2>\n<div class=\"samples\">\n";
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      const report_run& run = runs_[i];
      out_ += join("<section>\n<h3>", key(i), "<bdi>", html(run.name), "</bdi></h3>\n");
      if (run.samples.empty()) out_ += "<p class=\"dim\">No samples yet.</p>\n";
      for (std::size_t k = run.samples.size(); k-- > 0;) {  // the newest first, and open
        const report_sample& sample = run.samples[k];
        const bool newest = k + 1 == run.samples.size();
        out_ +=
            join(newest ? "<details open=\"open\">" : "<details>", "<summary>step ",
                 grouped(sample.step), validation_at(run, sample.step),
                 "</summary>\n<pre dir=\"auto\">", html("\n" + sample.text), "</pre></details>\n");
      }
      out_ += "</section>\n";
    }
    out_ += "</div>\n";
  }

  static std::string validation_at(const report_run& run, isize step) {
    const std::vector<double>& steps = run.validation.steps;
    const auto at = std::lower_bound(steps.begin(), steps.end(), static_cast<double>(step));
    if (at == steps.end() || *at != static_cast<double>(step)) return {};
    const auto i = static_cast<std::size_t>(at - steps.begin());
    return ", validation loss " + short_number(run.validation.values[i], "%.4f");
  }

  const std::vector<report_run>& runs_;
  std::vector<std::string> names_;
  std::string out_;
};

}  // namespace ctgpt::inline CTGPT_ABI::app
