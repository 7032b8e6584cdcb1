// report: the verb that draws runs: one HTML page of curves, facts and samples.
//
// Runs may still be written. The page goes to --out, or into the first run's directory, in one
// step; its path goes to standard output.
// Errors: usage_error without a run; those of reading runs (app/report_run.hpp) and writing a file.
#pragma once

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "ctgpt/app/report_page.hpp"
#include "ctgpt/app/verbs.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

int report_command(const report_flags& given) {
  if (given.runs.empty()) throw usage_error("say which runs to draw: ctgpt report RUN...");
  std::vector<report_run> runs;
  for (const std::string& path : given.runs) {
    const auto same = std::find_if(runs.begin(), runs.end(), [&](const report_run& run) {
      std::error_code ignored;
      return std::filesystem::equivalent(run.path, path, ignored);
    });
    if (same == runs.end()) {
      runs.push_back(read_report_run(without_trailing_slashes(path)));
    } else {
      std::fprintf(stderr, "%s is the same run as %s: drawn once.\n", path.c_str(),
                   same->path.c_str());
    }
  }
  name_runs(runs);
  const std::string out = given.out.value_or(runs.front().path + "/report.html");
  write_file_atomic(out, report_page(runs).text());
  put(out + "\n");
  return 0;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
