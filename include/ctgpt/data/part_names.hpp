// The names of the parts and reports that a run writes.
//
// part_name({}, 3)                        part-00003.jsonl.zst
// part_name({.index = 1, .count = 4}, 3)  part-00001-of-00004-00003.jsonl.zst
// report_name({.index = 1, .count = 4})   report-00001-of-00004.json
//
// Shards are counted from 0. Sorted by name, the parts of all shards of a run stand in the order of
// the one run that would have made them.
// Errors: those of listing a directory.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>

#include "ctgpt/base/directory.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

// Which part of the work a process does, of how many; {} is all of it.
struct work_shard {
  std::uint32_t index = 0, count = 1;
  bool operator==(const work_shard&) const = default;
};

struct part_id {
  work_shard shard;
  std::uint32_t number = 0;
};

inline std::string five_digits(std::uint32_t number) {
  std::string digits = std::to_string(number);
  return std::string(5 - std::min<std::size_t>(digits.size(), 5), '0') + digits;
}

inline constexpr std::string_view part_ending = ".jsonl.zst";

// Requires: fewer than 100,000 parts and shards.
inline std::string part_name(work_shard shard, std::uint32_t number) {
  std::string name = "part-";
  if (shard.count > 1) name += five_digits(shard.index) + "-of-" + five_digits(shard.count) + "-";
  return name + five_digits(number) + std::string(part_ending);
}

// nullopt for a name that part_name() does not make.
inline std::optional<part_id> part_of_name(std::string_view name) {
  const auto take = [&name](std::string_view word) {
    if (!name.starts_with(word)) return false;
    name.remove_prefix(word.size());
    return true;
  };
  const auto number = [&name](std::uint32_t& value) {
    const std::string_view digits = name.substr(0, 5);
    const auto [stop, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.size() < 5 || code != std::errc() || stop != digits.data() + 5) return false;
    name.remove_prefix(5);
    return true;
  };
  part_id id;
  std::uint32_t first = 0;
  if (!take("part-") || !number(first)) return std::nullopt;
  if (take("-of-")) {
    id.shard.index = first;
    if (!number(id.shard.count) || !take("-") || !number(id.number)) return std::nullopt;
    if (id.shard.count < 2 || id.shard.index >= id.shard.count) return std::nullopt;
  } else {
    id.number = first;
  }
  if (name != part_ending) return std::nullopt;
  return id;
}

// report.json, or report-00001-of-00003.json.
inline std::string report_name(work_shard shard) {
  if (shard.count == 1) return "report.json";
  return "report-" + five_digits(shard.index) + "-of-" + five_digits(shard.count) + ".json";
}

// Whether report_name() makes this name.
inline bool is_report_name(std::string_view name) {
  if (name == report_name({})) return true;
  if (!name.starts_with("report-") || !name.ends_with(".json")) return false;
  const std::string_view shard = name.substr(7, name.size() - 12);
  const auto id = part_of_name("part-" + std::string(shard) + "-00000" + std::string(part_ending));
  return id && report_name(id->shard) == name;
}

}  // namespace ctgpt::inline CTGPT_ABI::data
