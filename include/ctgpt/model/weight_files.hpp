// weight_files: the tensors of a model directory, in one safetensors file or in several with an
// index.
//
//   const weight_files files = weight_files::open(directory);
//   files.find("transformer.wte.weight")   // also as "wte.weight", as the public GPT-2 has it
//
// Files are mapped, not read; sizes and shapes can be checked before memory is taken. An index
// names its shards by plain file names: it leads to no other directory. Pickles are never read.
// Errors: a missing file, a shard that does not hold what the index says, a tensor twice: one
// sentence each.
// Reference: Hugging Face transformers, modeling_utils.py (sharded checkpoints).
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/io/json.hpp"
#include "ctgpt/io/safetensors.hpp"

namespace ctgpt::inline CTGPT_ABI {

// A tensor and where it lies.
struct stored_tensor {
  const io::tensor_info* info = nullptr;
  const io::safetensors* file = nullptr;
  const std::string* path = nullptr;

  explicit operator bool() const { return info != nullptr; }
  std::span<const std::byte> bytes() const { return file->bytes(*info); }
};

// The entries of an index's weight_map: tensor and file. Throws where a file's name could lead out
// of the directory.
inline std::vector<std::pair<std::string, std::string>> read_weight_map(const io::json& text,
                                                                        const std::string& index) {
  const io::json_field map = io::json_field(text, index)["weight_map"];
  std::vector<std::pair<std::string, std::string>> entries;
  for (const io::json_member& entry : map.members()) {
    const io::json_field field = map[entry.key];
    const std::string& file = field.string();
    if (file.empty() || file.find('/') != file.npos || file.find('\0') != file.npos ||
        file == "." || file == "..") {
      field.wrong("the name of a file in the same directory");
    }
    entries.emplace_back(entry.key, file);
  }
  expects(!entries.empty(), index, ": weight_map names no file");
  return entries;
}

class weight_files {
 public:
  static weight_files open(const std::string& directory) {
    weight_files files;
    files.directory_ = directory;
    const std::string single = directory + "/model.safetensors";
    const std::string index = directory + "/model.safetensors.index.json";
    if (is_file(single)) {
      files.add(single);
    } else if (is_file(index)) {
      files.open_shards(index);
    } else {
      const bool pickle = is_file(directory + "/pytorch_model.bin") ||
                          is_file(directory + "/pytorch_model.bin.index.json");
      expects(!pickle, directory, " holds its weights as a pickle, which ctgpt never executes; ",
              "save the model again with save_pretrained(..., safe_serialization=True)");
      files.add(single);  // which says that it is missing
    }
    files.check_names();
    return files;
  }

  // The bytes of one safetensors file. Requires: they outlive the result. `name` is for errors.
  static weight_files in_memory(std::span<const std::byte> bytes, const std::string& name) {
    weight_files files;
    files.directory_ = name;
    files.files_.push_back({name, io::safetensors::parse(bytes, name)});
    return files;
  }

  const std::string& directory() const { return directory_; }
  // The file that people look into when something is missing.
  std::string path() const {
    return files_.size() == 1 ? files_.front().path : directory_ + "/model.safetensors.index.json";
  }

  // By its name, or by the name without its first part; empty where there is none.
  stored_tensor find(const std::string& name) const {
    const stored_tensor whole = exact(name);
    const std::size_t dot = name.find('.');
    const bool prefixed = name.starts_with("transformer.") || name.starts_with("model.");
    const stored_tensor bare = prefixed ? exact(name.substr(dot + 1)) : stored_tensor{};
    expects(!whole || !bare, directory_, ": the tensor ", name,
            " is there twice, with and without ", name.substr(0, dot + 1));
    return whole ? whole : bare;
  }

  // Calls visit(tensor) for each.
  template <class Visit>
  void each(Visit visit) const {
    for (const part& file : files_) {
      for (const io::tensor_info& info : file.tensors.tensors()) {
        visit(stored_tensor{&info, &file.tensors, &file.path});
      }
    }
  }

  // Throws where a file's data does not have the checksum that the file carries.
  void verify() const {
    for (const part& file : files_) file.tensors.verify();
  }
  // The checksum of a single file, "" where it carries none.
  std::string checksum() const {
    const std::string* sum =
        files_.size() == 1 ? files_.front().tensors.metadata(io::checksum_key) : nullptr;
    return sum != nullptr ? *sum : std::string();
  }

 private:
  struct part {
    std::string path;
    io::safetensors tensors;
  };

  void add(const std::string& path) { files_.push_back({path, io::safetensors::open(path)}); }

  void open_shards(const std::string& index) {
    const auto entries = read_weight_map(io::read_json(index), index);
    std::vector<std::string> shards;
    for (const auto& [tensor, file] : entries) shards.push_back(file);
    std::sort(shards.begin(), shards.end());
    shards.erase(std::unique(shards.begin(), shards.end()), shards.end());
    for (const std::string& shard : shards) add(directory_ + "/" + shard);
    for (const auto& [tensor, file] : entries) {
      const auto place = std::lower_bound(shards.begin(), shards.end(), file) - shards.begin();
      const part& held = files_[static_cast<std::size_t>(place)];
      expects(held.tensors.find(tensor) != nullptr, index, ": weight_map says that ", held.path,
              " holds the tensor ", io::quote_json(tensor), ", but it does not");
    }
  }

  void check_names() const {
    if (files_.size() < 2) return;
    std::vector<std::pair<std::string_view, std::string_view>> all;
    each([&](const stored_tensor& tensor) { all.emplace_back(tensor.info->name, *tensor.path); });
    std::sort(all.begin(), all.end());
    for (std::size_t i = 1; i < all.size(); ++i) {
      expects(all[i].first != all[i - 1].first, "the tensor ", io::quote_json(all[i].first),
              " is there twice, in ", all[i - 1].second, " and in ", all[i].second);
    }
  }

  stored_tensor exact(std::string_view name) const {
    for (const part& file : files_) {
      const io::tensor_info* info = file.tensors.find(name);
      if (info != nullptr) return {info, &file.tensors, &file.path};
    }
    return {};
  }

  std::string directory_;
  std::vector<part> files_;
};

}  // namespace ctgpt::inline CTGPT_ABI
