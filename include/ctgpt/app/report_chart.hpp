// report_chart: one picture of the report, as inline SVG.
//
// A chart overlays the same quantity of every run: thin lines of the values, thick ones of their
// exponential mean (two spans and none, chosen by the page's switch), marks at evaluations. It is
// drawn twice, with a linear and with a logarithmic vertical axis; a check box shows one of them,
// by style alone. A run is told by colour (Okabe and Ito's palette), by dashes from the ninth on,
// and by the shape of its marks.
// Text is escaped, so that nothing in a name or a sample is ever a part of the page.
// Errors: none.
// Reference: Okabe, Ito, "Color Universal Design", 2008; W3C, SVG 2, 2018.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/app/report_curve.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

inline constexpr double chart_width = 480, chart_height = 270;
inline constexpr double plot_left = 68, plot_right = 462, plot_top = 10, plot_bottom = 228;
inline constexpr int run_colours = 8, run_shapes = 4;

// For element content and quoted attributes. Lines may end in \n, \r\n or \r. What HTML or XML
// cannot hold becomes U+FFFD: most control characters, U+FFFE and U+FFFF.
inline std::string html(std::string_view text) {
  std::string whole, out;
  utf8_append_repaired(whole, text);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    const char c = whole[i];
    switch (c) {
      case '\r':
        if (whole[i + 1] != '\n') out += '\n';
        break;
      case '\xEF':
        if (whole.compare(i, 3, "\xEF\xBF\xBE") == 0 || whole.compare(i, 3, "\xEF\xBF\xBF") == 0) {
          utf8_append(out, replacement_character);
          i += 2;
        } else {
          out += c;
        }
        break;
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default: {
        const bool control = static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t';
        if (control || c == 0x7F) {
          utf8_append(out, replacement_character);
        } else {
          out += c;
        }
      }
    }
  }
  return out;
}

inline std::string short_number(double value, const char* form = "%.6g") {
  char text[40];
  std::snprintf(text, sizeof text, form, value);
  return text;
}
inline std::string coordinate(double value) { return short_number(value, "%.1f"); }

// The classes that give run number `i` its colour and dashes.
inline std::string run_class(std::size_t i) {
  return join("c", i % run_colours, " d", i / run_colours % 3);
}

// A mark of run number `i` around a point.
inline std::string mark(std::size_t i, double x, double y, const std::string& title = {}) {
  const std::string at = coordinate(x) + " " + coordinate(y);
  const char* shapes[run_shapes] = {"m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", "m-3.5 -3.5h7v7h-7z",
                                    "m0 -5l4.5 8h-9z", "m0 -5l5 5l-5 5l-5 -5z"};
  const std::string path =
      join("<path class=\"mark ", run_class(i), "\" d=\"M", at, shapes[i % run_shapes], "\"");
  return title.empty() ? path + "/>" : path + "><title>" + html(title) + "</title></path>";
}

struct chart {
  std::string id, title, unit;
  bool from_zero = false;
  bool smooth = false;
  std::vector<const curve*> lines;  // one a run
  std::vector<const curve*> marks;  // likewise, or none
};

class chart_drawing {
 public:
  chart_drawing(const chart& what, const std::vector<std::string>& names, bool logarithmic)
      : what_(what), names_(names), x_(false, false), y_(logarithmic, what.from_zero) {
    for (const std::vector<const curve*>& group : {what.lines, what.marks}) {
      for (const curve* each : group) {
        y_.show(*each);
        for (const double step : each->steps) x_.show(step);
      }
    }
    x_.finish(0.0);
    y_.finish(0.04);
  }

  std::string svg(const char* kind) const {
    std::string out =
        join("<svg class=\"", kind, "\" viewBox=\"0 0 ", chart_width, " ", chart_height,
             "\" role=\"img\" aria-label=\"", html(what_.title), "\" data-chart=\"", what_.id,
             "\" data-first=\"", short_number(x_.low(), "%.12g"), "\" data-last=\"",
             short_number(x_.high(), "%.12g"), "\">\n");
    axes(out);
    for (std::size_t i = 0; i < what_.lines.size(); ++i) {
      const curve& all = *what_.lines[i];
      line(out, i, decimated(all, 1000), what_.smooth ? "thin" : "thick");
      if (!what_.smooth) continue;
      const auto n = static_cast<double>(all.size());
      line(out, i, decimated(smoothed(all, n / 50.0), 300), "thick light");
      line(out, i, decimated(smoothed(all, n / 12.0), 300), "thick strong");
    }
    for (std::size_t i = 0; i < what_.marks.size(); ++i) points(out, i);
    return out + join("<line class=\"cursor\" x1=\"0\" x2=\"0\" y1=\"", plot_top, "\" y2=\"",
                      plot_bottom, "\"/>\n</svg>\n");
  }

 private:
  double x(double step) const { return plot_left + x_.place(step) * (plot_right - plot_left); }
  double y(double value) const { return plot_bottom - y_.place(value) * (plot_bottom - plot_top); }

  void axes(std::string& out) const {
    const auto label = [&](double px, double py, const char* anchor, const std::string& text) {
      out += join("<text x=\"", coordinate(px), "\" y=\"", coordinate(py), "\" text-anchor=\"",
                  anchor, "\">", html(text), "</text>\n");
    };
    for (const double tick : y_.ticks()) {
      out += join("<line class=\"grid\" x1=\"", plot_left, "\" x2=\"", plot_right, "\" y1=\"",
                  coordinate(y(tick)), "\" y2=\"", coordinate(y(tick)), "\"/>\n");
      label(plot_left - 6, y(tick) + 4, "end", tick_text(tick));
    }
    for (const double tick : x_.ticks()) {
      if (tick != std::floor(tick)) continue;  // there is no step 1.5
      out += join("<line class=\"grid\" y1=\"", plot_top, "\" y2=\"", plot_bottom, "\" x1=\"",
                  coordinate(x(tick)), "\" x2=\"", coordinate(x(tick)), "\"/>\n");
      label(x(tick), plot_bottom + 17, "middle", tick_text(tick));
    }
    out += join("<path class=\"frame\" d=\"M", plot_left, " ", plot_top, "V", plot_bottom, "H",
                plot_right, "\"/>\n");
    label((plot_left + plot_right) / 2, plot_bottom + 36, "middle", "step");
    const double middle = (plot_top + plot_bottom) / 2;
    out += join("<text transform=\"rotate(-90 11 ", middle, ")\" x=\"11\" y=\"", middle,
                "\" text-anchor=\"middle\">", html(what_.unit), "</text>\n");
  }

  void line(std::string& out, std::size_t i, const curve& of, const char* kind) const {
    std::string path;
    std::size_t count = 0;
    for (std::size_t k = 0; k < of.size(); ++k) {
      if (!y_.shows(of.values[k])) continue;
      path += (count++ == 0 ? "M" : " ") + coordinate(x(of.steps[k])) + " " +
              coordinate(y(of.values[k]));
    }
    if (count == 1) path += "h0";  // round ends make a dot of it
    if (count == 0) return;
    out += join("<path class=\"", kind, " ", run_class(i), "\" d=\"", path, "\"/>\n");
  }

  void points(std::string& out, std::size_t i) const {
    const curve few = decimated(*what_.marks[i], 100);
    for (std::size_t k = 0; k < few.size(); ++k) {
      if (!y_.shows(few.values[k])) continue;
      out += mark(i, x(few.steps[k]), y(few.values[k]),
                  join(names_[i], ": validation ", short_number(few.values[k]), " at step ",
                       static_cast<isize>(few.steps[k]))) +
             "\n";
    }
  }

  const chart& what_;
  const std::vector<std::string>& names_;
  axis x_, y_;
};

// Both drawings and the box that chooses.
inline std::string chart_html(const chart& what, const std::vector<std::string>& names) {
  return join("<figure>\n<figcaption>", html(what.title), "</figcaption>\n",
              "<input type=\"checkbox\" class=\"log\" id=\"log-", what.id, "\"/>",
              "<label for=\"log-", what.id, "\">logarithmic</label>\n",
              chart_drawing(what, names, false).svg("linear"),
              chart_drawing(what, names, true).svg("logarithmic"), "</figure>\n");
}

// The numbers behind a chart, for the values that a pointer shows: JSON without any text of a run.
inline void write_chart_data(io::json_writer& out, const chart& what) {
  const auto numbers = [&](const char* key, const std::vector<double>& values) {
    out.key(key).begin_array();
    for (const double value : values) {
      out.value(std::strtod(short_number(value, *key == 'v' ? "%.6g" : "%.12g").c_str(), nullptr));
    }
    out.end_array();
  };
  out.key(what.id).begin_array();
  for (std::size_t i = 0; i < what.lines.size(); ++i) {
    const curve few = decimated(*what.lines[i], 1000);
    out.begin_object();
    numbers("steps", few.steps);
    numbers("values", few.values);
    if (!what.marks.empty()) {
      numbers("at", what.marks[i]->steps);
      numbers("validation", what.marks[i]->values);
    }
    out.end_object();
  }
  out.end_array();
}

}  // namespace ctgpt::inline CTGPT_ABI::app
