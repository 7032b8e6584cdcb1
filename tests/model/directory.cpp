// A model directory: what is saved comes back bit for bit, and what is wrong gets its sentence.
#include "ctgpt/model/directory.hpp"

#include <unistd.h>

#include <cstring>
#include <fstream>

#include "base/child.hpp"
#include "base/temporary.hpp"
#include "ctgpt/layer/repeat.hpp"
#include "model/models.hpp"

using namespace ctgpt_test;

namespace {

constexpr config size{.vocab = 300, .context = 12, .layers = 2, .heads = 4, .width = 16};
constexpr config changed(config c, void (*change)(config&)) {
  change(c);
  return c;
}
struct gpt2_model : gpt<size> {};
struct gpt2_without_bias : gpt<changed(size, [](config& c) { c.bias = false; })> {};
struct gpt2_free_head : gpt<changed(size, [](config& c) { c.tied = false; })> {};
struct llama_model : gpt<changed(llama_type(size), [](config& c) { c.kv_heads = 2; })> {};
struct own_model : gpt<nanochat_type(size)> {};
struct deeper : gpt<changed(size, [](config& c) { c.layers = 3; })> {};
template <config C>
struct own_block : transformer_block<C> {};
struct own_block_model : gpt<size, own_block> {};
// Parameters with numbers in their names: block.0.mlp.1.up.weight.
template <config C>
struct deep_block
    : chain<residual<named<part::attention, parts::causal_attention<C>>>,
            named<part::mlp,
                  repeat<2, residual<parts::feed_forward<C.width, 8, activation::gelu>>>>> {};
struct deep_block_model : gpt<size, deep_block> {};

constexpr isize vocab = 256;  // of the byte tokenizer

template <class Model>
void save(const std::string& directory, precision numbers = f32_precision) {
  network<Model> net(cpu{isa::best, 1}, numbers, vocab);
  spread(net);
  save_model(net, text::bytes{}, directory);
}

// Saved, loaded and saved again: the same weights and the same bytes.
template <class Model>
void check_round_trip(const backend& where, precision numbers) {
  const temporary_directory first, second;
  network<Model> net(where, numbers, vocab);
  spread(net);
  save_model(net, text::bytes{}, first.path());
  const network<Model> again = load_model<Model>(where, first.path(), numbers);
  CHECK(again.vocab() == vocab);
  for (int i = 0; i < Model::slot_count; ++i) {
    CAPTURE(net.layout().name(i));
    const auto used =
        static_cast<std::size_t>(net.layout().used_rows(i, vocab) * net.layout().at(i).cols);
    std::vector<double> want = net.template read<double>(i);
    const std::vector<double> got = again.template read<double>(i);
    for (std::size_t j = used; j < want.size(); ++j) want[j] = 0.0;  // never saved
    CHECK(got == want);
    if (numbers.needs_master()) {
      CHECK(again.template read_arena<float>(again.arena(), i).front() ==
            net.template read_arena<float>(net.arena(), i).front());
    }
  }
  save_model(again, text::bytes{}, second.path());
  CHECK(second.names() == names{"config.json", "generation_config.json", "model.safetensors",
                                "tokenizer.json", "tokenizer_config.json"});
  for (const std::string& name : second.names()) {
    CHECK_MESSAGE(read_file(second.file(name)) == read_file(first.file(name)), name);
  }
}
template <class Model>
void check_round_trips() {
  check_round_trip<Model>(cpu{isa::best, 2}, f32_precision);
  check_round_trip<Model>(cpu{isa::best, 2}, bf16_precision);
  check_round_trip<Model>(reference<double>{}, {element::f64, element::f64});
}

// What loading says after `damage(directory)` was done to a good one.
template <class Model = gpt2_model, class Damage>
std::string sentence_after(Damage damage) {
  const temporary_directory made;
  save<gpt2_model>(made.path());
  damage(made.path());
  std::string text = sentence_of([&] { load_model<Model>(cpu{isa::best, 1}, made.path()); });
  const std::size_t at = text.find(made.path());
  if (at != std::string::npos) text.replace(at, made.path().size(), "DIR");
  return text;
}
std::string weights_of(const std::string& directory) { return directory + "/model.safetensors"; }

void edit_config(const std::string& directory, const std::string& from, const std::string& to) {
  std::string text = read_file(directory + "/config.json");
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  write_file_atomic(directory + "/config.json", text.replace(at, from.size(), to));
}

// The tensors of a file, but for one that becomes another or goes.
template <class Edit>
void rewrite_weights(const std::string& directory, Edit edit) {
  std::vector<io::tensor_source> sources;
  std::vector<std::vector<std::byte>> kept;
  {
    const io::safetensors file = io::safetensors::open(weights_of(directory));
    for (const io::tensor_info& info : file.tensors()) {
      const auto bytes = file.bytes(info);
      kept.emplace_back(bytes.begin(), bytes.end());
      sources.push_back({info.name, info.type, info.shape, {}, {}});
    }
  }
  for (std::size_t i = 0; i < sources.size(); ++i) sources[i].bytes = kept[i];
  edit(sources);
  io::write_safetensors(weights_of(directory), sources);
}
io::tensor_source& named_source(std::vector<io::tensor_source>& sources, const char* name) {
  for (io::tensor_source& each : sources) {
    if (each.name == name) return each;
  }
  throw error(join("the file has no tensor ", name));
}

}  // namespace

TEST_CASE("directory: every family comes back bit for bit in f32, bf16 and f64") {
  check_round_trips<gpt2_model>();
  check_round_trips<gpt2_without_bias>();
  check_round_trips<gpt2_free_head>();
  check_round_trips<llama_model>();
  check_round_trips<own_model>();
  check_round_trips<own_block_model>();
  check_round_trips<deep_block_model>();
  CHECK(layout_of<deep_block_model>().name(deep_block_model::body_slot + 8) ==
        "block.0.mlp.1.up.weight");
}

TEST_CASE("directory: a tokenizer larger than the model's vocabulary is not saved with it") {
  const temporary_directory made;
  network<gpt2_model> net(reference<float>{}, f32_precision, 100);
  CHECK(sentence_of([&] { save_model(net, text::bytes{}, made.path()); }) ==
        "the tokenizer has 256 tokens, but the model was built for 100; give build() the "
        "tokenizer's vocab_size()");
  CHECK(made.names().empty());
}

TEST_CASE("directory: GPT-2's matrices are saved transposed, Llama's in parts") {
  const temporary_directory made;
  const network<gpt2_model> net = spread_network<gpt2_model>(reference<float>{}, vocab);
  save_model(net, text::bytes{}, made.path());
  const auto numbers = [&](const char* name) {
    const io::safetensors file = io::safetensors::open(weights_of(made.path()));
    const io::tensor_info* info = file.find(name);
    REQUIRE(info != nullptr);
    std::vector<float> values(file.bytes(*info).size() / sizeof(float));
    std::memcpy(values.data(), file.bytes(*info).data(), values.size() * sizeof(float));
    return values;
  };
  const std::vector<float> qkv = numbers("transformer.h.1.attn.c_attn.weight");
  int slot = 0;
  while (net.layout().name(slot) != "block.1.attention.heads.qkv.weight") ++slot;
  const std::vector<float> own = net.read(slot);
  CHECK(qkv[5 * 48 + 7] == own[7 * 16 + 5]);

  const network<llama_model> llama = spread_network<llama_model>(reference<float>{}, vocab);
  save_model(llama, text::bytes{}, made.path());
  slot = 0;
  while (llama.layout().name(slot) != "block.1.attention.heads.qkv.weight") ++slot;
  const std::vector<float> all = llama.read(slot);
  const auto rows = [&](std::size_t first, std::size_t count) {
    return std::vector<float>(all.begin() + static_cast<std::ptrdiff_t>(first * 16),
                              all.begin() + static_cast<std::ptrdiff_t>((first + count) * 16));
  };
  CHECK(numbers("model.layers.1.self_attn.q_proj.weight") == rows(0, 16));
  CHECK(numbers("model.layers.1.self_attn.k_proj.weight") == rows(16, 8));
  CHECK(numbers("model.layers.1.self_attn.v_proj.weight") == rows(24, 8));
}

TEST_CASE("directory: weights of other floating-point types are read") {
  const auto loaded_with = [](io::dtype type, auto convert) {
    const temporary_directory made;
    save<gpt2_model>(made.path());
    std::vector<std::byte> bytes;
    rewrite_weights(made.path(), [&](std::vector<io::tensor_source>& sources) {
      io::tensor_source& bias = named_source(sources, "transformer.ln_f.bias");
      for (isize i = 0; i < 16; ++i) {
        const auto value = convert(static_cast<double>(i) - 7.5);
        const auto* first = reinterpret_cast<const std::byte*>(&value);
        bytes.insert(bytes.end(), first, first + sizeof value);
      }
      bias.type = type;
      bias.bytes = bytes;
    });
    const network<gpt2_model> net = load_model<gpt2_model>(cpu{isa::best, 1}, made.path());
    const std::vector<float> values = net.read(gpt2_model::slot_count - 1);
    for (std::size_t i = 0; i < 16; ++i) CHECK(values[i] == static_cast<float>(i) - 7.5f);
  };
  loaded_with(io::dtype::f64, [](double value) { return value; });
  loaded_with(io::dtype::bf16,
              [](double value) { return to_bf16(static_cast<float>(value)).bits; });
  loaded_with(io::dtype::f16,
              [](double value) { return float_to_half(static_cast<float>(value)); });
}

TEST_CASE("directory: nothing in the files depends on the machine or the time") {
  const temporary_directory one, two;
  save_model(spread_network<llama_model>(reference<float>{}, vocab), text::bytes{}, one.path());
  save_model(spread_network<llama_model>(cpu{isa::best, 2}, vocab), text::bytes{}, two.path());
  for (const std::string& name : one.names()) {
    CHECK_MESSAGE(read_file(one.file(name)) == read_file(two.file(name)), name);
  }
}

TEST_CASE("directory: packed weights cannot be saved") {
  const temporary_directory made;
  network<gpt2_model> net = spread_network<gpt2_model>(cpu{isa::best, 1}, vocab);
  net.pack();
  CHECK(sentence_of([&] { save_model(net, text::bytes{}, made.path()); }) ==
        "the weights are packed for inference and can no longer be saved");
  CHECK(made.names().empty());
}

TEST_CASE("directory: a missing or empty file is named") {
  CHECK(sentence_after([](const std::string&) {}) == "(no error)");
  for (const char* name : {"config.json", "model.safetensors"}) {
    const std::string gone = sentence_after(
        [&](const std::string& path) { REQUIRE(::unlink((path + "/" + name).c_str()) == 0); });
    CHECK(gone.find(std::string("DIR/") + name) != std::string::npos);
    const std::string empty =
        sentence_after([&](const std::string& path) { write_file_atomic(path + "/" + name, ""); });
    CHECK(empty.find(std::string("DIR/") + name) == 0);
  }
}

TEST_CASE("directory: another size or architecture is refused before memory is taken") {
  const char* other =
      "DIR/config.json describes another size or architecture than the compiled "
      "model";
  CHECK(sentence_after<deeper>([](const std::string&) {}) == other);
  CHECK(sentence_after<llama_model>([](const std::string&) {}) == other);
  CHECK(sentence_after([](const std::string& path) {
          edit_config(path, "\"layers\": 2", "\"layers\": 4096");
        }) == other);
  CHECK(sentence_after([](const std::string& path) {
          edit_config(path, "\"layers\": 2", "\"layers\": 16000000");
        }) == "DIR/config.json: ctgpt.layers must be between 1 and 4,096");
  CHECK(sentence_after([](const std::string& path) {
          edit_config(path, "\"heads\": 4", "\"heads\": 3");
        }) == "DIR/config.json: ctgpt.width must be a multiple of heads, or head_size be given");
  CHECK(sentence_after([](const std::string& path) {
          edit_config(path, "\"vocab_size\": 256", "\"vocab_size\": 301");
        }) == other);
  CHECK(sentence_after([](const std::string& path) {
          edit_config(path, "\"vocab_size\": 256", "\"vocab_size\": \"many\"");
        }).find("DIR/config.json: vocab_size must be an integer") == 0);
}

TEST_CASE("directory: tensors that are missing, of another shape or no numbers are named") {
  const auto with = [](auto edit) {
    return sentence_after([&](const std::string& path) { rewrite_weights(path, edit); });
  };
  CHECK(with([](std::vector<io::tensor_source>& sources) {
          std::erase_if(sources, [](const io::tensor_source& each) {
            return each.name == "transformer.h.1.ln_2.weight";
          });
        }) ==
        "DIR/model.safetensors: the tensor \"transformer.h.1.ln_2.weight\" is missing; the "
        "file does not belong to a model of this shape");
  CHECK(with([](std::vector<io::tensor_source>& sources) {
          named_source(sources, "transformer.h.0.attn.c_attn.weight").shape = {48, 16};
        }) ==
        "DIR/model.safetensors: the tensor \"transformer.h.0.attn.c_attn.weight\" has the "
        "shape (48, 16), but this model needs (16, 48)");
  CHECK(with([](std::vector<io::tensor_source>& sources) {
          named_source(sources, "transformer.ln_f.bias").type = io::dtype::i32;
        }) ==
        "DIR/model.safetensors: the tensor \"transformer.ln_f.bias\" does not hold "
        "floating-point numbers");
  CHECK(sentence_after([](const std::string& path) {
          edit_config(path, "\"vocab_size\": 256", "\"vocab_size\": 250");
        }) ==
        "DIR/model.safetensors: the tensor \"transformer.wte.weight\" has the shape "
        "(256, 16), but this model needs (250, 16)");
  // A standard model's file under the same configuration is not that of a block of one's own.
  CHECK(sentence_after<own_block_model>([](const std::string&) {
        }).find("DIR/model.safetensors: the tensor \"token_embedding.weight\" is missing") == 0);
}

TEST_CASE("directory: a truncated file is refused wherever it ends") {
  const temporary_directory made;
  save<gpt2_model>(made.path());
  const std::string whole = read_file(weights_of(made.path()));
  std::uint64_t header = 0;
  std::memcpy(&header, whole.data(), 8);
  for (const std::size_t length :
       {std::size_t{0}, std::size_t{4}, std::size_t{8}, std::size_t{100},
        static_cast<std::size_t>(header) + 8, whole.size() / 2, whole.size() - 1}) {
    CAPTURE(length);
    write_file_atomic(weights_of(made.path()), whole.substr(0, length));
    const std::string said = sentence_of([&] {
      load_model<gpt2_model>(cpu{isa::best, 1}, made.path());
    });
    CHECK(said.find(weights_of(made.path())) == 0);
  }
}

TEST_CASE("directory: absurd header lengths are refused before memory is taken") {
  for (const std::uint64_t length : {~std::uint64_t{0}, std::uint64_t{1} << 40,
                                     std::uint64_t{100'000'001}, std::uint64_t{1} << 20}) {
    const std::string said = sentence_after([&](const std::string& path) {
      std::string bytes = read_file(weights_of(path));
      std::memcpy(bytes.data(), &length, 8);
      write_file_atomic(weights_of(path), bytes);
    });
    CHECK(said.find("DIR/model.safetensors: the header") == 0);
  }
}

TEST_CASE("directory: no flipped bit of a header does worse than a sentence") {
  const temporary_directory made;
  save<gpt2_model>(made.path());
  const std::string path = weights_of(made.path());
  const std::string whole = read_file(path);
  std::uint64_t header = 0;
  std::memcpy(&header, whole.data(), 8);
  network<gpt2_model> net(cpu{isa::best, 1}, f32_precision, vocab);
  int refused = 0;
  for (std::size_t i = 0; i < header + 8; ++i) {
    std::string bytes = whole;
    bytes[i] = static_cast<char>(bytes[i] ^ (1 << (i % 8)));
    std::ofstream(path, std::ios::binary) << bytes;
    try {
      load_weights(net, made.path());
    } catch (const error& failure) {
      ++refused;
      REQUIRE(std::string(failure.what()).find(path) == 0);
    }
  }
  // What is left is padding, and digits that the tensors' order makes harmless.
  CHECK(refused > static_cast<int>(header) * 9 / 10);
}
