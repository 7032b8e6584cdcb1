// A model directory: config.json, model.safetensors, tokenizer.json, tokenizer_config.json,
// generation_config.json.
//
//   save_model(net, tokenizer, directory);  // one that exists, such as an atomic_directory's path
//   auto net = load_model<model>(ctgpt::cpu{}, "runs/a/best");
//
// Weights are written in f32 (the master weights where there are some; f64 where the model computes
// in f64), vocabulary rows in use only, under the names of model/names.hpp; of a network with an
// adapter the merged ones. Rows beyond the tokenizer's pad a vocabulary, as other programs do for
// speed: they count in a loss, stay through training, and are never sampled (infer/generate.hpp).
// Nothing in a file depends on time or machine, and nothing in it is ever executed.
// Errors: every reason for which a directory cannot be opened is one sentence that names the file
// and the tensor; sizes are compared before memory is taken.
// Reference: Hugging Face transformers, the files of a saved model.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "ctgpt/base/blocks.hpp"
#include "ctgpt/base/directory.hpp"
#include "ctgpt/io/safetensors_writer.hpp"
#include "ctgpt/model/config_json.hpp"
#include "ctgpt/model/network.hpp"
#include "ctgpt/model/weight_files.hpp"
#include "ctgpt/text/tokenizer.hpp"

namespace ctgpt::inline CTGPT_ABI {

namespace detail {

// Values of a file's tensor, whatever its type. Requires: i below the tensor's size.
inline double file_value(std::span<const std::byte> bytes, io::dtype type, isize i) {
  const auto at = [&]<class T>(T) {
    T value;
    std::memcpy(&value, bytes.data() + static_cast<std::size_t>(i) * sizeof(T), sizeof(T));
    return value;
  };
  switch (type) {
    case io::dtype::f32:
      return static_cast<double>(at(0.0f));
    case io::dtype::f64:
      return at(0.0);
    case io::dtype::bf16:
      return static_cast<double>(to_float(bf16{at(std::uint16_t{0})}));
    default:
      return static_cast<double>(half_to_float(at(std::uint16_t{0})));
  }
}
inline bool is_float_type(io::dtype type) {
  return type == io::dtype::f32 || type == io::dtype::f64 || type == io::dtype::bf16 ||
         type == io::dtype::f16;
}

inline std::string shape_text(std::span<const isize> shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  }
  return text + ")";
}

// One slot, `begin` elements into an arena, as rows of the file: reads it from the backend when the
// first byte is asked for. merged: an adapter that is added to it.
template <class Scalar>
io::tensor_source source_of(const weight_arena& net, const memory& arena, isize begin,
                            saved_tensor item, const adapter* merged) {
  auto values = std::make_shared<std::vector<Scalar>>();
  const auto fill = [&net, &arena, begin, item, merged, values](std::uint64_t offset,
                                                                std::span<std::byte> part) {
    const auto size = static_cast<std::size_t>(item.size());
    if (offset == 0) {
      values->assign(size, Scalar{});
      if (item.slot >= 0) {
        const isize whole = net.layout().at(item.slot).size();
        std::vector<Scalar> slot = net.read_values<Scalar>(arena, begin, whole);
        if (merged != nullptr) merged->add_to(item.slot, slot);
        for (isize r = 0; r < item.rows; ++r) {
          for (isize c = 0; c < item.cols; ++c) {
            const isize to = item.transposed ? c * item.rows + r : r * item.cols + c;
            (*values)[static_cast<std::size_t>(to)] =
                slot[static_cast<std::size_t>((item.first_row + r) * item.cols + c)];
          }
        }
      }
    }
    std::memcpy(part.data(), reinterpret_cast<const std::byte*>(values->data()) + offset,
                part.size());
    if (offset + part.size() == size * sizeof(Scalar)) *values = {};
  };
  return {item.name, io::dtype_of(element_of<Scalar>), item.shape(), {}, fill};
}

// offsets: of every slot in the arena.
inline std::vector<io::tensor_source> sources_of(const weight_arena& net, const memory& arena,
                                                 const std::vector<isize>& offsets,
                                                 const std::vector<saved_tensor>& items,
                                                 const adapter* merged = nullptr) {
  std::vector<io::tensor_source> sources;
  for (const saved_tensor& item : items) {
    const isize begin = item.slot >= 0 ? offsets[static_cast<std::size_t>(item.slot)] : 0;
    if (arena.type() == element::f64) {
      sources.push_back(source_of<double>(net, arena, begin, item, merged));
    } else {
      sources.push_back(source_of<float>(net, arena, begin, item, merged));
    }
  }
  return sources;
}
inline std::vector<io::tensor_source> sources_of(const weight_arena& net, const memory& arena,
                                                 const std::vector<saved_tensor>& items) {
  return sources_of(net, arena, net.layout().offsets, items);
}

inline void expect_shape(const stored_tensor& found, const saved_tensor& item, bool cut = false) {
  expects(is_float_type(found.info->type), *found.path, ": the tensor \"", found.info->name,
          "\" does not hold floating-point numbers");
  const std::vector<isize>& shape = found.info->shape;
  const bool longer =
      cut && shape.size() == 2 && shape[0] > item.rows && shape[1] == item.cols && !item.transposed;
  expects(longer || shape == item.shape(), *found.path, ": the tensor \"", found.info->name,
          "\" has the shape ", shape_text(shape), ", but this model needs ",
          shape_text(item.shape()));
}

// The tensor of that name with that shape, or a sentence.
inline const io::tensor_info& expect_tensor(const io::safetensors& file, const std::string& path,
                                            const saved_tensor& item) {
  const io::tensor_info* info = file.find(item.name);
  expects(info != nullptr, path, ": the tensor \"", item.name,
          "\" is missing; the file does not belong to a model of this shape");
  expect_shape({info, &file, &path}, item);
  return *info;
}

// What other programs save beside the weights and no model needs: masks and tables that are
// computed, and the head of a model whose head is its embedding.
inline bool is_idle(const std::string& name, const config& c) {
  return name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias") ||
         name.ends_with(".rotary_emb.inv_freq") || (c.tied && name == "lm_head.weight");
}

// Every tensor that the model needs is there with its shape, and none that it has no place for.
// cut_positions: learned positions may go on beyond the model's context.
inline void check_tensors(const weight_files& files, const model_layout& layout, isize vocab,
                          bool cut_positions = false) {
  std::vector<const io::tensor_info*> used;
  for (const saved_tensor& item : saved_tensors(layout, vocab)) {
    const stored_tensor found = files.find(item.name);
    if (!found && item.slot < 0) continue;  // zeros that need not be there
    expects(static_cast<bool>(found), files.path(), ": the tensor \"", item.name,
            "\" is missing; the file does not belong to a model of this shape");
    const bool cut =
        cut_positions && item.slot >= 0 && layout.at(item.slot).path.has(part::position_embedding);
    expect_shape(found, item, cut);
    used.push_back(found.info);
  }
  std::sort(used.begin(), used.end());
  files.each([&](const stored_tensor& tensor) {
    const bool known = std::binary_search(used.begin(), used.end(), tensor.info) ||
                       is_idle(tensor.info->name, layout.settings);
    expects(known, *tensor.path, ": the tensor ", io::quote_json(tensor.info->name),
            " has no place in the model that config.json describes");
  });
}

// A GPT-2-type model without biases is saved with zeros in their place. Whether some are not zero:
// another program has trained it on, so it has biases now.
inline bool has_biases(const weight_files& files, const config& c) {
  bool found = false;
  files.each([&](const stored_tensor& tensor) {
    const std::string& name = tensor.info->name;
    if (found || !name.ends_with(".bias") || is_idle(name, c)) return;
    if (!is_float_type(tensor.info->type)) return;
    const std::span<const std::byte> bytes = tensor.bytes();
    const auto size = static_cast<isize>(bytes.size() * 8) / io::dtype_bits(tensor.info->type);
    for (isize i = 0; i < size && !found; ++i) {
      found = file_value(bytes, tensor.info->type, i) != 0.0;
    }
  });
  return found;
}

}  // namespace detail

// Writes model.safetensors alone, of a network with an adapter the merged weights. Returns their
// checksum.
inline std::uint64_t save_weights(const network_weights& net, const std::string& directory) {
  return io::write_safetensors(
      directory + "/model.safetensors",
      detail::sources_of(net, net.truth(), net.layout().offsets,
                         saved_tensors(net.layout(), net.vocab()), net.attached()),
      {{"format", "pt"}, io::with_checksum});
}

// Writes the files of a model into an existing directory; of `extra` its "preset" goes into
// config.json, "chat_template" into tokenizer_config.json, and "ends", the ids that end a text,
// into generation_config.json. Returns the checksum of the weights.
inline std::uint64_t save_model(const network_weights& net, const text::tokenizer& tokens,
                                const std::string& directory,
                                const io::json& extra = io::json::object()) {
  expects(!net.packed(), "the weights are packed for inference and can no longer be saved");
  expects(tokens.vocab_size() <= net.vocab(), "the tokenizer has ", tokens.vocab_size(),
          " tokens, but the model was built for ", net.vocab(),
          "; give build() the tokenizer's vocab_size()");
  io::json described = config_to_json(net.layout().settings, net.layout().kind, net.vocab());
  if (extra.find("preset") != nullptr) described.set("preset", *extra.find("preset"));
  const text::text_ends ends = text::ends_of_text(tokens);
  const auto id_of = [](const text::special_token* token) {
    return token != nullptr ? io::json(token->token) : io::json();
  };
  described.set("bos_token_id", id_of(ends.begin)).set("eos_token_id", id_of(ends.end));
  write_file_atomic(directory + "/config.json", io::write_json(described, {.pretty = true}) + "\n");
  io::json sampling = io::json::object();
  sampling.set("do_sample", true).set("temperature", 0.8).set("top_k", 200);
  const io::json *more_ends = extra.find("ends"), *chat = extra.find("chat_template");
  sampling.set("bos_token_id", id_of(ends.begin));
  sampling.set("eos_token_id", more_ends != nullptr ? *more_ends : id_of(ends.end));
  write_file_atomic(directory + "/generation_config.json",
                    io::write_json(sampling, {.pretty = true}) + "\n");
  tokens.save(directory + "/tokenizer.json");
  write_file_atomic(
      directory + "/tokenizer_config.json",
      text::tokenizer_config_json(tokens, net.settings().context,
                                  chat != nullptr ? *chat->get_if<std::string>() : ""));
  return save_weights(net, directory);
}

// A directory that is open: what it describes, with nothing computed or copied yet.
struct saved_model {
  config settings;
  isize vocab = 0;  // rows that its files hold
  weight_files files;
};

// Reads the weights of an open network. Returns the checksum that the file carries, "" for none.
// cut_positions: of longer learned positions the first are taken. vocab: the rows that the files
// hold, where the network has more, which become zero; 0: all.
inline std::string load_weights(network_weights& net, const weight_files& files,
                                bool cut_positions = false, isize vocab = 0) {
  if (vocab == 0) vocab = net.vocab();
  const std::vector<saved_tensor> items = saved_tensors(net.layout(), vocab);
  detail::check_tensors(files, net.layout(), vocab, cut_positions);
  files.verify();
  for (int i = 0; i < net.layout().count(); ++i) {
    const slot& target = net.layout().at(i);
    std::vector<double> values(static_cast<std::size_t>(target.size()));
    for (const saved_tensor& item : items) {
      if (item.slot != i) continue;
      const stored_tensor found = files.find(item.name);
      const std::span<const std::byte> bytes = found.bytes();
      for (isize r = 0; r < item.rows; ++r) {
        for (isize c = 0; c < item.cols; ++c) {
          const isize from = item.transposed ? c * item.rows + r : r * item.cols + c;
          values[static_cast<std::size_t>((item.first_row + r) * item.cols + c)] =
              detail::file_value(bytes, found.info->type, from);
        }
      }
    }
    net.write(i, [&](isize at) { return values[static_cast<std::size_t>(at)]; });
  }
  return files.checksum();
}
inline std::string load_weights(network_weights& net, const std::string& directory) {
  return load_weights(net, weight_files::open(directory));
}

// What a directory describes: config.json, and whether the weights have biases after all. Nothing
// is allocated for the model: load_model compares every tensor with what it needs before that.
inline saved_model open_model(const io::json& config_text, const std::string& config_name,
                              weight_files files) {
  saved_model found{config_from_json(config_text, config_name),
                    vocab_from_json(config_text, config_name), std::move(files)};
  expects(found.vocab <= found.settings.vocab, config_name, ": vocab_size is ", found.vocab,
          ", but the model has room for ", found.settings.vocab);
  config& c = found.settings;
  if (!c.bias && family_of(c) == family::gpt2) c.bias = detail::has_biases(found.files, c);
  return found;
}
inline saved_model open_directory(const std::string& directory) {
  const std::string path = directory + "/config.json";
  const io::json text = io::read_json(path);
  return open_model(text, path, weight_files::open(directory));
}
// The same from memory: the text of config.json, and the bytes of model.safetensors, which must
// stay until the model is loaded.
inline saved_model open_memory(std::string_view config_text, std::span<const std::byte> weights) {
  const std::string name = "config.json in memory";
  const io::json text = io::parse_json(config_text, name);
  return open_model(text, name, weight_files::in_memory(weights, "model.safetensors in memory"));
}

// Throws where the tokenizer of a directory has tokens that its model has no row for.
inline void expect_room(const text::tokenizer& tokens, isize vocab, const std::string& directory) {
  expects(tokens.vocab_size() <= vocab, directory, "/tokenizer.json has ", tokens.vocab_size(),
          " tokens, but config.json says ", vocab);
}

// Opens a directory as a model type, or as a model whose sizes are known at run time.
template <class Model>
network<Model> load_model(const Model& model, const backend& where, const saved_model& from,
                          precision numbers) {
  const model_layout layout = make_layout(model);
  expects(canonical(from.settings) == canonical(layout.settings), from.files.directory(),
          "/config.json describes another size or architecture than the compiled model");
  detail::check_tensors(from.files, layout, from.vocab);
  network<Model> net(model, where, numbers, from.vocab);
  load_weights(net, from.files);
  return net;
}
template <class Model>
network<Model> load_model(const backend& where, const std::string& directory, precision numbers) {
  return load_model(Model{}, where, open_directory(directory), numbers);
}
template <class Model>
network<Model> load_model(const backend& where, const std::string& directory) {
  return load_model<Model>(where, directory, where.natural());
}

}  // namespace ctgpt::inline CTGPT_ABI
