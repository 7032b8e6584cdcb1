// A model directory: config.json, model.safetensors, tokenizer.json, generation_config.json.
//
//   save_model(net, tokenizer, directory);  // one that exists, such as an atomic_directory's path
//   auto net = load_model<model>(ctgpt::cpu{}, "runs/a/best");
//
// Weights are written in f32 (the master weights where there are some; f64 where the model computes
// in f64), vocabulary rows in use only, under the names of model/names.hpp. Nothing in a file
// depends on time or machine, and nothing in it is ever executed.
// Errors: every reason for which a directory cannot be opened is one sentence that names the file
// and the tensor; sizes are compared before memory is taken.
// Reference: Hugging Face transformers, the files of a saved model.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ctgpt/base/blocks.hpp"
#include "ctgpt/base/directory.hpp"
#include "ctgpt/io/safetensors_writer.hpp"
#include "ctgpt/model/config_json.hpp"
#include "ctgpt/model/network.hpp"
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

// One slot as rows of the file: reads it from the backend when the first byte is asked for.
template <class Scalar>
io::tensor_source source_of(const network_weights& net, const memory& arena, saved_tensor item) {
  auto values = std::make_shared<std::vector<Scalar>>();
  const auto fill = [&net, &arena, item, values](std::uint64_t offset, std::span<std::byte> part) {
    const auto size = static_cast<std::size_t>(item.size());
    if (offset == 0) {
      values->assign(size, Scalar{});
      if (item.slot >= 0) {
        const std::vector<Scalar> slot = net.read_arena<Scalar>(arena, item.slot);
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

inline std::vector<io::tensor_source> sources_of(const network_weights& net, const memory& arena,
                                                 const std::vector<saved_tensor>& items) {
  std::vector<io::tensor_source> sources;
  for (const saved_tensor& item : items) {
    if (arena.type() == element::f64) {
      sources.push_back(source_of<double>(net, arena, item));
    } else {
      sources.push_back(source_of<float>(net, arena, item));
    }
  }
  return sources;
}

// The tensor of that name with that shape, or a sentence.
inline const io::tensor_info& expect_tensor(const io::safetensors& file, const std::string& path,
                                            const saved_tensor& item) {
  const io::tensor_info* info = file.find(item.name);
  expects(info != nullptr, path, ": the tensor \"", item.name,
          "\" is missing; the file does not belong to a model of this shape");
  expects(is_float_type(info->type), path, ": the tensor \"", item.name,
          "\" does not hold floating-point numbers");
  expects(info->shape == item.shape(), path, ": the tensor \"", item.name, "\" has the shape ",
          shape_text(info->shape), ", but this model needs ", shape_text(item.shape()));
  return *info;
}

}  // namespace detail

// Writes the files of a model into an existing directory; of `extra` its "preset" goes into
// config.json. Returns the checksum of the weights.
inline std::uint64_t save_model(const network_weights& net, const text::tokenizer& tokens,
                       const std::string& directory, const io::json& extra = io::json::object()) {
  expects(!net.packed(), "the weights are packed for inference and can no longer be saved");
  expects(tokens.vocab_size() == net.vocab(), "the tokenizer has ", tokens.vocab_size(),
          " tokens, but the model was built for ", net.vocab(),
          "; give build() the tokenizer's vocab_size()");
  io::json described = config_to_json(net.layout().settings, net.layout().kind, net.vocab());
  if (extra.find("preset") != nullptr) described.set("preset", *extra.find("preset"));
  write_file_atomic(directory + "/config.json", io::write_json(described, {.pretty = true}) + "\n");
  io::json sampling = io::json::object();
  sampling.set("do_sample", true).set("temperature", 0.8).set("top_k", 200);
  sampling.set("bos_token_id", io::json()).set("eos_token_id", io::json());
  write_file_atomic(directory + "/generation_config.json",
                    io::write_json(sampling, {.pretty = true}) + "\n");
  tokens.save(directory + "/tokenizer.json");
  const memory& truth = net.numbers().needs_master() ? net.master() : net.arena();
  return io::write_safetensors(
      directory + "/model.safetensors",
      detail::sources_of(net, truth, saved_tensors(net.layout(), net.vocab())),
      {{"format", "pt"}, io::with_checksum});
}

// Reads the weights of an open network from a directory's model.safetensors. Returns the checksum
// that the file carries, "" for none.
inline std::string load_weights(network_weights& net, const std::string& directory) {
  const std::string path = directory + "/model.safetensors";
  const io::safetensors file = io::safetensors::open(path);
  const std::vector<saved_tensor> items = saved_tensors(net.layout(), net.vocab());
  for (const saved_tensor& item : items) detail::expect_tensor(file, path, item);
  file.verify();
  for (int i = 0; i < net.layout().count(); ++i) {
    const slot& target = net.layout().at(i);
    std::vector<double> values(static_cast<std::size_t>(target.size()));
    for (const saved_tensor& item : items) {
      if (item.slot != i) continue;
      const io::tensor_info& info = *file.find(item.name);
      const std::span<const std::byte> bytes = file.bytes(info);
      for (isize r = 0; r < item.rows; ++r) {
        for (isize c = 0; c < item.cols; ++c) {
          const isize from = item.transposed ? c * item.rows + r : r * item.cols + c;
          values[static_cast<std::size_t>((item.first_row + r) * item.cols + c)] =
              detail::file_value(bytes, info.type, from);
        }
      }
    }
    net.write(i, [&](isize at) { return values[static_cast<std::size_t>(at)]; });
  }
  const std::string* sum = file.metadata(io::checksum_key);
  return sum != nullptr ? *sum : std::string();
}

// Opens a directory as the compiled type Model.
template <class Model>
network<Model> load_model(const backend& where, const std::string& directory, precision numbers) {
  const config found = read_config(directory);
  expects(found == Model::settings, directory,
          "/config.json describes another size or architecture than the compiled model");
  const isize vocab = read_vocab(directory);
  expects(vocab <= found.vocab, directory, "/config.json: vocab_size is ", vocab,
          ", but the model has room for ", found.vocab);
  network<Model> net(where, numbers, vocab);
  load_weights(net, directory);
  return net;
}
template <class Model>
network<Model> load_model(const backend& where, const std::string& directory) {
  return load_model<Model>(where, directory, where.natural());
}

}  // namespace ctgpt::inline CTGPT_ABI
