// The floors of the house: which room may include which, and which third-party header may stand
// where.
#pragma once

#include <map>
#include <set>

#include "architecture/source.hpp"

namespace architecture {

using names = std::vector<std::string_view>;

// A floor stands only on floors below it; a room may also include itself.
inline const std::map<std::string, names, std::less<>>& floors() {
  static const std::map<std::string, names, std::less<>> map = [] {
    std::map<std::string, names, std::less<>> rooms;
    const auto with = [](names below, const names& more) {
      below.insert(below.end(), more.begin(), more.end());
      return below;
    };
    rooms["base"] = {};
    rooms["core"] = {"base"};
    rooms["io"] = {"base"};
    rooms["text"] = {"base", "io"};
    rooms["data"] = {"base", "io", "text"};
    rooms["backend"] = {"base", "core"};  // never a layer or a model
    rooms["ops"] = {"base", "core", "backend"};
    rooms["layer"] = {"base", "core", "ops"};  // never a backend
    rooms["model"] = {"base", "core", "io", "text", "backend", "ops", "layer"};
    const names trunk = with(rooms["model"], {"model", "data"});
    rooms["train"] = trunk;  // train and infer do not know each other
    rooms["infer"] = trunk;
    const names loops = with(trunk, {"train", "infer"});
    for (const char* room : {"align", "eval", "safety", "compress"}) rooms[room] = loops;
    const names judged = with(loops, {"align", "eval", "safety", "compress"});
    rooms["feedback"] = judged;
    rooms["serve"] = with(judged, {"feedback"});
    rooms["app"] = with(judged, {"serve", "feedback"});
    rooms["ctgpt"] = judged;  // the umbrella header
    return rooms;
  }();
  return map;
}

inline constexpr std::string_view light_headers[] = {
    "array",  "compare",     "concepts", "cstddef",     "cstdint", "initializer_list",
    "limits", "string_view", "tuple",    "type_traits", "utility"};
inline constexpr std::string_view scalar_headers[] = {"cmath", "cstddef", "cstdint", "cstring",
                                                      "limits"};
inline constexpr std::string_view kernel_vocabulary[] = {
    "ctgpt/backend/kernel_table.hpp", "ctgpt/backend/cpu/workers.hpp", "ctgpt/base/element.hpp",
    "ctgpt/base/blocks.hpp",          "ctgpt/base/tensor.hpp",         "ctgpt/base/kinds.hpp",
    "ctgpt/base/ascii_masks.hpp",     "ctgpt/base/version.hpp"};

// The libraries of the component data.
inline bool is_of_data(std::string_view name) {
  for (const char* library :
       {"zlib.h", "zstd.h", "bzlib.h", "curl/", "libxml/", "re2/", "utf8proc.h"}) {
    if (starts_with(name, library)) return true;
  }
  return false;
}

// Those of the component serve, which shares RE2 with data.
inline bool is_of_serve(std::string_view name) {
  for (const char* library : {"httplib.h", "openssl/", "sqlite3.h", "prometheus/"}) {
    if (starts_with(name, library)) return true;
  }
  return false;
}

// Where the headers of a library may be included; every other library is a stranger to include/.
inline bool third_party_belongs(std::string_view path, std::string_view name) {
  const std::string room = room_of(path);
  if (starts_with(name, "Eigen/")) {
    return path == "include/ctgpt/backend/eigen.hpp" ||
           starts_with(path, "include/ctgpt/backend/eigen/");
  }
  if (starts_with(name, "hwy/")) return is_inl(path) || is_dispatch(path);
  if (starts_with(name, "CLI/")) return room == "app";
  if (starts_with(name, "toml++/")) return path == "include/ctgpt/app/toml_file.hpp";
  if (starts_with(name, "nlohmann/")) return room == "app" || room == "serve";
  if (starts_with(name, "sqlite3.h")) return room == "feedback" || room == "serve";
  if (starts_with(name, "re2/") && room == "safety") return true;
  if (is_of_serve(name)) return room == "serve";
  if (is_of_data(name)) return room == "data";
  return true;
}

inline bool is_known_third_party(std::string_view name) {
  for (const char* library : {"Eigen/", "hwy/", "CLI/", "toml++/", "nlohmann/"}) {
    if (starts_with(name, library)) return true;
  }
  return is_of_data(name) || is_of_serve(name);
}

inline void check_include(const source& file, const include_line& line, findings& found) {
  const std::string& path = file.path;
  const std::string room = room_of(path);
  const bool ours = starts_with(line.name, "ctgpt/");
  const auto say = [&](const std::string& why) {
    found.push_back(path + " includes " + line.name + ": " + why);
  };
  if (ours != line.quoted && !starts_with(line.name, "hwy/")) {  // Highway's own style has quotes
    say(ours ? "our own headers are included with quotes"
             : "a header of ours is spelt \"ctgpt/room/file.hpp\"");
    return;
  }
  if (contains(line.name, "foreach_target.h") && !is_dispatch(path)) {
    say("only backend/cpu/impl.hpp makes the dispatch unit");
  }
  if (ours) {
    const std::string target = room_of("include/" + line.name);
    if (target != room && !any_of(floors().find(room)->second, target)) {
      say("the room " + room + " does not stand on " + target);
    }
    if ((is_inl(line.name) || is_dispatch(line.name)) && !is_inl(path) && !is_dispatch(path) &&
        path != "include/ctgpt/ctgpt.hpp") {
      say("-inl.hpp and impl.hpp belong to the dispatch unit");
    }
    if (is_inl(path) && !is_inl(line.name) && !any_of(kernel_vocabulary, line.name)) {
      say("a kernel sees only Highway, the kernel table and scalar types");
    }
    if (ends_with(path, ".cuh") && !ends_with(line.name, ".cuh") &&
        !any_of(kernel_vocabulary, line.name)) {
      say("a CUDA file sees only CUDA, the kernel table and scalar types");
    }
    return;
  }
  if (!third_party_belongs(path, line.name)) say("this library is not for this file");
  if (room == "core" && !any_of(light_headers, line.name)) {
    say("core includes only light standard headers");
  }
  if (is_inl(path) && !starts_with(line.name, "hwy/") && !any_of(scalar_headers, line.name)) {
    say("a kernel includes no standard header but those of scalars");
  }
  if (ends_with(path, ".cuh") && is_known_third_party(line.name)) {
    say("a CUDA file sees only CUDA, the kernel table and scalar types");
  }
}

// Includes of ours that lead back to `path`, and third-party headers that the umbrella drags in.
inline void check_reach(const sources& files, findings& found) {
  std::map<std::string, std::vector<include_line>, std::less<>> graph;
  for (const source& file : files) {
    if (starts_with(file.path, "include/")) graph[file.path] = includes_of(file);
  }
  for (const auto& [start, unused] : graph) {
    if (is_dispatch(start)) continue;  // Highway includes it again for every target
    std::set<std::string> seen;
    std::vector<std::string> open{start};
    while (!open.empty()) {
      const std::string path = open.back();
      open.pop_back();
      const auto node = graph.find(path);
      if (node == graph.end()) continue;
      for (const include_line& line : node->second) {
        const std::string target = "include/" + line.name;
        if (target == start) found.push_back(start + " is included by " + path + ": a circle");
        if (start == "include/ctgpt/ctgpt.hpp" && is_known_third_party(line.name)) {
          found.push_back("ctgpt.hpp reaches " + line.name + " through " + path);
        }
        // CTGPT_IMPLEMENTATION asks for the dispatch unit; without it the umbrella stays light.
        if (!is_dispatch(target) && seen.insert(target).second) open.push_back(target);
      }
    }
  }
}

inline findings check_floors(const sources& files) {
  findings found;
  for (const source& file : files) {
    if (!starts_with(file.path, "include/") || ends_with(file.path, ".md")) continue;  // guides
    if (!starts_with(file.path, "include/ctgpt/") ||
        !(ends_with(file.path, ".hpp") || ends_with(file.path, ".cuh"))) {
      found.push_back(file.path +
                      ": include/ctgpt holds only headers and guides, .hpp, .cuh and .md");
      continue;
    }
    if (floors().count(room_of(file.path)) == 0) {
      found.push_back(file.path + ": its room is not in the plan of the house (floors.hpp)");
      continue;
    }
    for (const include_line& line : includes_of(file)) check_include(file, line, found);
  }
  check_reach(files, found);
  return found;
}

}  // namespace architecture
