// model_layout: the parameters of a model as a table at run time, so that code which only moves
// weights about (files, optimiser, initialisation) is compiled once and not for every model.
//
// layout_of<Model>() makes it from Model's constants. family: whose file names a model has.
// Errors: none.
#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "ctgpt/model/gpt.hpp"

namespace ctgpt::inline CTGPT_ABI {

enum class family : unsigned char { gpt2, llama, own };

constexpr family family_of(const config& c) {
  const bool plain = c.window == 0 && c.softcap == 0.0f && !c.qk_norm && c.gain;
  const bool square = c.head_size == 0 || c.head_size * c.heads == c.width;
  if (plain && square && c.position == positions::learned && c.norm == normalization::layer &&
      (c.mlp == activation::gelu || c.mlp == activation::gelu_tanh) && kv_heads_of(c) == c.heads) {
    return family::gpt2;
  }
  if (plain && c.position == positions::rotary && c.norm == normalization::rms &&
      c.mlp == activation::swiglu && !c.bias) {
    return family::llama;
  }
  return family::own;
}

struct model_layout {
  config settings;
  family kind = family::own;
  int body_slot = 0, norm_slot = 0, head_slot = 0, block_slots = 1;
  isize parameters = 0;
  std::vector<slot> slots;
  std::vector<isize> offsets;
  bool rotates = true;  // rotary angles may be asked for: by its config, or by a block of one's own
  std::vector<std::string> names{};  // of slots that have no path: an adapter's

  int count() const { return static_cast<int>(slots.size()); }
  const slot& at(int index) const { return slots[static_cast<std::size_t>(index)]; }
  isize offset(int index) const { return offsets[static_cast<std::size_t>(index)]; }
  // The block that a slot belongs to; -1: none.
  int block_of(int index) const {
    const bool inside = index >= body_slot && index < norm_slot;
    return inside ? (index - body_slot) / block_slots : -1;
  }
  // Whether a slot's rows are the vocabulary.
  bool is_vocabulary(int index) const {
    if (!names.empty()) return false;
    return index == 0 || (!settings.tied && index == head_slot);
  }
  // Rows of a slot that take part when `vocab` rows of the vocabulary do.
  isize used_rows(int index, isize vocab) const {
    return is_vocabulary(index) ? vocab : at(index).rows;
  }
  // "block.3.attention.heads.qkv.weight"
  [[gnu::cold]] std::string name(int index) const {
    if (!names.empty()) return names[static_cast<std::size_t>(index)];
    const part_path& path = at(index).path;
    std::string text;
    for (int i = 0; i < path.depth; ++i) {
      if (i > 0) text += '.';
      text += part_name(path[i]);
      if (i == 0 && path[i] == part::block) text += '.' + std::to_string(block_of(index));
    }
    return text;
  }
};

template <class Model>
constexpr family family_of_model() {
  return Model::standard ? family_of(Model::settings) : family::own;
}

template <class Model>
[[gnu::cold]] model_layout make_layout(const Model& model) {
  const config& c = model.actual();
  model_layout made{c,
                    Model::standard ? family_of(c) : family::own,
                    Model::body_slot,
                    model.first_norm_slot(),
                    model.first_head_slot(),
                    Model::block::slot_count,
                    model.parameters(),
                    {},
                    {},
                    !Model::standard || c.position == positions::rotary};
  const auto count = static_cast<std::size_t>(model.slots_in_all());
  made.slots = std::vector<slot>(count);
  made.offsets = std::vector<isize>(count);
  for (std::size_t i = 0; i < count; ++i) {
    made.slots[i] = model.slot_at(static_cast<int>(i));
    made.offsets[i] = model.slot_offset(static_cast<int>(i));
  }
  return made;
}

// Of a model whose sizes are constants.
template <class Model>
[[gnu::cold]] const model_layout& layout_of() {
  static const model_layout layout = make_layout(Model{});
  return layout;
}

}  // namespace ctgpt::inline CTGPT_ABI
