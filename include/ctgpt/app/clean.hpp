// clean: the verb `data clean`, which makes documents fit to learn from.
//
// The stages, in this order, as far as they are asked for: normalisation, language, Gopher's, C4's
// and FineWeb's rules, harmful words, and masking of personal data. --out gets parts of JSON lines
// and report.json (data/clean.hpp); the same command goes on after a kill, and with --shard I/N
// the N directories, or one for all, hold what one run would.
// Errors: usage_error for flags that name nothing or do not go together; those of reading and
// writing; a directory of another run. On a signal the finished parts stay (128 + signal).
#pragma once

#include <cstdio>

#include "ctgpt/app/clean_flags.hpp"
#include "ctgpt/app/document_progress.hpp"
#include "ctgpt/app/flags.hpp"
#include "ctgpt/app/out_directory.hpp"
#include "ctgpt/app/stop_signal.hpp"
#include "ctgpt/data/clean.hpp"
#include "ctgpt/data/filters.hpp"
#include "ctgpt/data/filters/harmful.hpp"
#include "ctgpt/data/filters/language.hpp"
#include "ctgpt/data/filters/pii.hpp"
#include "ctgpt/data/normalise.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

using clean_stages =
    data::pipeline<data::maybe<data::normalise>, data::maybe<data::language_filter>,
                   data::maybe<data::gopher>, data::maybe<data::c4>, data::maybe<data::fineweb>,
                   data::maybe<data::harmful_filter>, data::maybe<data::pii_filter>>;

inline clean_stages stages_of(const clean_flags& given) {
  data::maybe<data::normalise> normalise;
  data::maybe<data::language_filter> language;
  data::maybe<data::gopher> gopher;
  data::maybe<data::c4> c4;
  data::maybe<data::fineweb> fineweb;
  data::maybe<data::harmful_filter> harmful;
  data::maybe<data::pii_filter> pii;
  if (given.normalise) normalise = data::normalise(data::parse_normalisations(*given.normalise));
  if (given.language) language = data::language_filter(*given.language);
  const data::filter_rules rules =
      given.rules ? data::parse_filter_rules(*given.rules) : data::filter_rules{};
  if (rules.gopher) gopher = data::gopher();
  if (rules.c4) c4 = data::c4({.terminal_mark = !rules.fineweb});
  if (rules.fineweb) fineweb = data::fineweb();
  if (given.drop_harmful) harmful = data::harmful_filter();
  if (given.mask_pii) pii = data::pii_filter();
  return clean_stages(normalise, language, gopher, c4, fineweb, harmful, pii);
}

// "1/3" is the second of three.
inline data::work_shard parse_work_shard(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == text.npos) {
    throw usage_error("--shard is I/N, as in 0/3 to 2/3 for three processes, not \"" + text + "\"");
  }
  data::work_shard shard;
  shard.count =
      static_cast<std::uint32_t>(parse_integer("--shard: N", text.substr(slash + 1), 1, 99'999));
  shard.index = static_cast<std::uint32_t>(
      parse_integer("--shard: I, counted from 0,", text.substr(0, slash), 0, shard.count - 1));
  return shard;
}

// What must be the same for a run to go on.
inline io::json clean_settings(const clean_flags& given, const data::clean_options& how) {
  io::json settings = io::json::object();
  settings.set("ctgpt", CTGPT_VERSION).set("format", std::string(data::name_of(how.read.format)));
  settings.set("field", how.read.field).set("rules", given.rules.value_or(""));
  settings.set("language", given.language.value_or(""));
  settings.set("normalise", given.normalise.value_or(""));
  settings.set("mask_pii", given.mask_pii).set("drop_harmful", given.drop_harmful);
  return settings;
}

inline std::string clean_table(const data::clean_report& report) {
  std::string table;
  const auto line = [&](std::string_view name, std::uint64_t count, const std::string& more) {
    char text[256];
    std::snprintf(text, sizeof text, "%-30.*s %14s%s\n", static_cast<int>(name.size()), name.data(),
                  grouped(static_cast<long long>(count)).c_str(), more.c_str());
    table += text;
  };
  const auto share = [&](std::uint64_t count) {
    char text[32];
    const double all = static_cast<double>(std::max<std::uint64_t>(report.input.documents, 1));
    std::snprintf(text, sizeof text, "  %6.2f %%", 100.0 * static_cast<double>(count) / all);
    return std::string(text);
  };
  const auto bytes = [](std::uint64_t count) {
    return "  " + bytes_text(static_cast<double>(count));
  };
  line("documents read", report.input.documents,
       share(report.input.documents) + bytes(report.input.bytes));
  line("kept", report.kept, share(report.kept) + bytes(report.kept_bytes));
  line("dropped", report.dropped.total(), share(report.dropped.total()));
  for (const auto& [name, count] : report.dropped.all()) line("  " + name, count, share(count));
  if (!report.changed.all().empty()) table += "changed\n";
  for (const auto& [name, count] : report.changed.all()) line("  " + name, count, "");
  if (report.input.left_out > 0) line("records without text", report.input.left_out, "");
  if (report.input.bad > 0) line("bad records", report.input.bad, "");
  if (report.repaired > 0) line("texts that were no UTF-8", report.repaired, "");
  return table;
}

int clean_command(const clean_flags& given) {
  if (given.data.empty()) throw usage_error("say what to read by --data PATH");
  if (!given.out) throw usage_error("say where the documents go by --out DIR");
  expect_other_directory(given.data, *given.out);
  data::clean_options how;
  if (given.format) how.read.format = data::file_format_of(*given.format);
  how.read.field = given.field.value_or(how.read.field);
  if (given.shard) how.shard = parse_work_shard(*given.shard);
  if (given.part_bytes) how.part_bytes = static_cast<std::uint64_t>(*given.part_bytes);
  how.threads = static_cast<int>(given.threads.value_or(0));
  const clean_stages stages = stages_of(given);
  const std::vector<std::string> files = data::expand_paths(given.data);
  const stop_signal signals(
      "\nStopping; the same command goes on behind the last finished part.\n");
  data::cleaner<clean_stages> run(*given.out, files, stages, clean_settings(given, how), how);
  const data::clean_report& report = run.report();
  if (report.finished) {
    std::fprintf(stderr, "This was done before; nothing is read again.\n");
  } else if (run.goes_on()) {
    std::fprintf(stderr, "Going on behind %s parts, %s documents.\n",
                 grouped(static_cast<long long>(report.parts.size())).c_str(),
                 grouped(static_cast<long long>(report.input.documents)).c_str());
  }
  {
    document_progress progress(static_cast<double>(run.total()));
    const data::read_counts before = report.input;
    while (run.step()) {
      progress.at(static_cast<double>(run.consumed()),
                  static_cast<isize>(report.input.documents - before.documents),
                  static_cast<isize>(report.input.bytes - before.bytes));
      if (signals.received() != 0) return 128 + signals.received();
    }
  }
  for (const std::string& message : report.input.messages) {
    std::fprintf(stderr, "%s\n", message.c_str());
  }
  put(given.json ? io::write_json(report.to_json()) + "\n" : clean_table(report));
  std::fprintf(stderr, "%s\n",
               join("Kept ", grouped(static_cast<long long>(report.kept)), " documents in ",
                    report.parts.size(), " parts in ", *given.out)
                   .c_str());
  return 0;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
