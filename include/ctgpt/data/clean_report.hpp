// What a run of cleaning has done so far: the contents of report.json, and how a run goes on.
//
// {"finished": true, "shard": [0, 1], "settings": {...},
//  "input": {"files": 2, "documents": 90, "bytes": 81234, "left_out": 1, "bad": 2,
//            "messages": ["a.jsonl: line 7: ..."]},
//  "kept": {"documents": 70, "bytes": 70123, "repaired": 0},
//  "dropped": {"gopher_short": 20}, "changed": {"c4_no_mark": 31},
//  "parts": ["part-00000.jsonl.zst"], "position": {"file": 2, "document": 0}}
//
// input.documents = kept.documents + the sum of dropped. `changed` counts what stages changed, in
// dropped documents too. No time and no number of threads is in it: the same run, the same bytes.
// Errors: a report that is none: the sentences of io/json_field.hpp.
#pragma once

#include <vector>

#include "ctgpt/data/part_names.hpp"
#include "ctgpt/data/read_options.hpp"
#include "ctgpt/data/stage.hpp"
#include "ctgpt/io/json.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

struct clean_report {
  bool finished = false;
  work_shard shard = {};
  io::json settings = io::json::object();
  std::uint64_t files = 0;
  read_counts input = {};
  std::uint64_t kept = 0, kept_bytes = 0, repaired = 0;
  tally dropped = {}, changed = {};
  std::vector<std::string> parts = {};
  std::uint64_t file = 0, document = 0;  // where the next part begins

  io::json to_json() const {
    const auto number = [](std::uint64_t count) { return static_cast<std::int64_t>(count); };
    const auto list = [](const std::vector<std::string>& texts) {
      io::json all = io::json::array();
      for (const std::string& each : texts) {
        std::string mended;
        utf8_append_repaired(mended, each);
        all.push(mended);
      }
      return all;
    };
    const auto counts = [&](const tally& of) {
      io::json all = io::json::object();
      for (const auto& [name, count] : of.all()) all.set(name, number(count));
      return all;
    };
    io::json cut = io::json::array();
    cut.push(number(shard.index));
    cut.push(number(shard.count));
    io::json in = io::json::object();
    in.set("files", number(files)).set("documents", number(input.documents));
    in.set("bytes", number(input.bytes)).set("left_out", number(input.left_out));
    in.set("bad", number(input.bad)).set("messages", list(input.messages));
    io::json out = io::json::object();
    out.set("documents", number(kept)).set("bytes", number(kept_bytes));
    out.set("repaired", number(repaired));
    io::json place = io::json::object();
    place.set("file", number(file)).set("document", number(document));
    io::json all = io::json::object();
    all.set("finished", finished).set("shard", cut).set("settings", settings).set("input", in);
    all.set("kept", out).set("dropped", counts(dropped)).set("changed", counts(changed));
    return all.set("parts", list(parts)).set("position", place);
  }

  static clean_report from_json(const io::json& value, const std::string& name) {
    const io::json_field all(value, name);
    const auto number = [](const io::json_field& field) {
      return static_cast<std::uint64_t>(field.integer(0));
    };
    const auto list = [](const io::json_field& field) {
      std::vector<std::string> texts;
      for (std::size_t i = 0; i < field.size(); ++i) texts.push_back(field[i].string());
      return texts;
    };
    const auto counts = [&](const io::json_field& field) {
      tally of;
      for (const io::json_member& each : field.members()) of.add(each.key, number(field[each.key]));
      return of;
    };
    clean_report read;
    read.finished = all["finished"].boolean();
    read.shard.index = static_cast<std::uint32_t>(all["shard"][0].integer(0, 99'999));
    read.shard.count = static_cast<std::uint32_t>(all["shard"][1].integer(1, 99'999));
    if (all["settings"].present()) read.settings = *all["settings"].value();
    const io::json_field in = all["input"], out = all["kept"], place = all["position"];
    read.files = number(in["files"]);
    read.input = {number(in["documents"]), number(in["bytes"]), number(in["left_out"]),
                  number(in["bad"]), list(in["messages"])};
    read.kept = number(out["documents"]);
    read.kept_bytes = number(out["bytes"]);
    read.repaired = number(out["repaired"]);
    read.dropped = counts(all["dropped"]);
    read.changed = counts(all["changed"]);
    read.parts = list(all["parts"]);
    read.file = number(place["file"]);
    read.document = number(place["document"]);
    return read;
  }
};

}  // namespace ctgpt::inline CTGPT_ABI::data
