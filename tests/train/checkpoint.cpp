// Checkpoints: a run that stops and goes on gives the bits of one that never stopped.
#include "ctgpt/train/checkpoint.hpp"

#include "base/child.hpp"
#include "base/temporary.hpp"
#include "model/models.hpp"

using namespace ctgpt_test;

namespace {

// The vocabulary is larger than the tokenizer's 256.
constexpr config size{.vocab = 300, .context = 12, .layers = 2, .heads = 2, .width = 16};
constexpr config llama = [] {
  config c = llama_type(size);
  c.kv_heads = 1;
  return c;
}();
struct gpt2_model : gpt<size> {};
struct llama_model : gpt<llama> {};
struct own_model : gpt<nanochat_type(size)> {};
constexpr isize vocab = 256;

template <class Model>
struct session {
  network<Model> net;
  trainer run;

  session(const backend& where, precision numbers)
      : net(prepared(where, numbers)),
        run(net, adamw{.rate = 1e-2f}, batches(random_ids(900, vocab), {.batch = 3}),
            {.accumulate = 2,
             .dropout = 0.1f,
             .rates = {schedule_kind::cosine, 1e-2f, 1e-3f, 2, 10}}) {}
  static network<Model> prepared(const backend& where, precision numbers) {
    network<Model> net(where, numbers, vocab);
    net.initialize({5});
    return net;
  }
  std::vector<double> losses(isize steps) {
    std::vector<double> found;
    run.steps(steps, [&](const step_report& report) { found.push_back(report.loss); });
    return found;
  }
};

// Weights and moments of the vocabulary in use.
template <class Model>
std::vector<double> state_of(const session<Model>& at) {
  std::vector<double> all;
  const memory& truth = at.net.numbers().needs_master() ? at.net.master() : at.net.arena();
  for (const memory* arena : {&truth, &at.net.arena(), at.run.state().moments()[0].values,
                              at.run.state().moments()[1].values}) {
    for (int i = 0; i < Model::slot_count; ++i) {
      const std::vector<double> values = at.net.template read_arena<double>(*arena, i);
      const isize used = at.net.layout().used_rows(i, vocab) * at.net.layout().at(i).cols;
      all.insert(all.end(), values.begin(), values.begin() + used);
    }
  }
  return all;
}

template <class Model>
void check_resume(const backend& before, const backend& after, precision numbers) {
  const temporary_directory made;
  session<Model> whole(before, numbers);
  const std::vector<double> all = whole.losses(10);
  {
    session<Model> first(before, numbers);
    first.losses(5);
    save_checkpoint(first.run, first.net, text::bytes{}, made.file("step-5"), {5, 1.25, 3});
  }
  session<Model> second(after, numbers);
  second.losses(1);  // whatever it did before is gone
  const run_progress at = load_checkpoint(second.run, second.net, made.file("step-5"));
  CHECK(at.step == 5);
  CHECK(at.best_loss == 1.25);
  CHECK(at.best_step == 3);
  CHECK(second.run.done() == 5);
  CHECK(second.losses(5) == std::vector<double>(all.begin() + 5, all.end()));
  CHECK(state_of(second) == state_of(whole));
}

std::string step_directory(const temporary_directory& made, isize step = 2) {
  session<gpt2_model> at(cpu{isa::best, 1}, f32_precision);
  at.losses(step);
  const std::string path = made.file("step-" + std::to_string(step));
  save_checkpoint(at.run, at.net, text::bytes{}, path, {step, 2.0, step});
  return path;
}
template <class Model = gpt2_model>
std::string sentence_of_loading(const std::string& path) {
  session<Model> at(cpu{isa::best, 1}, f32_precision);
  std::string said = sentence_of([&] { load_checkpoint(at.run, at.net, path); });
  for (std::size_t found; (found = said.find(path)) != std::string::npos;) {
    said.replace(found, path.size(), "DIR");
  }
  return said;
}

// The state with other metadata.
void write_state(const std::string& path, const io::metadata_list& metadata) {
  const std::string file_path = path + "/trainer_state.safetensors";
  std::vector<std::vector<std::byte>> kept;
  std::vector<io::tensor_source> sources;
  {
    const io::safetensors file = io::safetensors::open(file_path);
    for (const io::tensor_info& info : file.tensors()) {
      const auto bytes = file.bytes(info);
      kept.emplace_back(bytes.begin(), bytes.end());
      sources.push_back({info.name, info.type, info.shape, {}, {}});
    }
  }
  for (std::size_t i = 0; i < sources.size(); ++i) sources[i].bytes = kept[i];
  io::write_safetensors(file_path, sources, metadata);
}

}  // namespace

TEST_CASE("checkpoint: a resumed run gives the bits of one that never stopped") {
  const backend one = cpu{isa::best, 1}, two = cpu{isa::best, 2};
  check_resume<gpt2_model>(one, one, f32_precision);
  check_resume<llama_model>(one, one, f32_precision);
  check_resume<own_model>(one, one, f32_precision);
  check_resume<gpt2_model>(reference<float>{}, reference<float>{}, f32_precision);
}

TEST_CASE("checkpoint: the number of threads may change in between") {
  const backend one = cpu{isa::best, 1}, two = cpu{isa::best, 2};
  check_resume<gpt2_model>(one, two, f32_precision);
  check_resume<own_model>(two, one, f32_precision);
}

TEST_CASE("checkpoint: bf16 weights resume from their master weights") {
  const backend one = cpu{isa::best, 1}, two = cpu{isa::best, 2};
  check_resume<gpt2_model>(one, two, bf16_precision);
  check_resume<llama_model>(two, one, bf16_precision);
}

TEST_CASE("checkpoint: f64 state resumes without loss") {
  check_resume<gpt2_model>(reference<double>{}, reference<double>{}, {element::f64, element::f64});
}

TEST_CASE("checkpoint: its directory is a model directory with the state beside it") {
  const temporary_directory made;
  const std::string path = step_directory(made);
  CHECK(made.names() == names{"step-2"});
  std::vector<std::string> inside;
  for (const directory_entry& each : list_entries(path)) inside.push_back(each.name);
  CHECK(inside == names{"config.json", "generation_config.json", "model.safetensors",
                        "tokenizer.json", "tokenizer_config.json", "trainer_state.safetensors"});
  const io::safetensors state = io::safetensors::open(path + "/trainer_state.safetensors");
  CHECK(state.find("moment1.block.1.attention.heads.qkv.weight") != nullptr);
  CHECK(state.find("moment2.token_embedding.weight")->shape == std::vector<isize>{256, 16});
  const auto entry = [&](std::string_view key) {
    for (const auto& [name, value] : state.metadata()) {
      if (name == key) return value;
    }
    return std::string("(none)");
  };
  CHECK(entry("step") == "2");
  CHECK(entry("backend") == backend(cpu{isa::best, 1}).name());  // whose bits these are
  CHECK(entry("ctgpt") == CTGPT_VERSION);
  // Twice the same run, twice the same bytes: no time is in any file.
  const temporary_directory again;
  const std::string other = step_directory(again);
  for (const std::string& name : inside) {
    CHECK_MESSAGE(read_file(path + "/" + name) == read_file(other + "/" + name), name);
  }
}

TEST_CASE("checkpoint: nothing is there until everything is, and nothing is replaced") {
  const temporary_directory made;
  const std::string path = step_directory(made);
  const std::string kept = read_file(path + "/model.safetensors");
  session<gpt2_model> other(cpu{isa::best, 1}, f32_precision);
  const auto save = [&] {
    save_checkpoint(other.run, other.net, text::bytes{}, path, {1, 0.0, 0});
  };
  CHECK(sentence_of(save).find(path) != std::string::npos);
  CHECK(read_file(path + "/model.safetensors") == kept);
  // A save that fails half way leaves nothing behind.
  other.net.pack();
  CHECK_THROWS_AS(
      save_checkpoint(other.run, other.net, text::bytes{}, made.file("step-9"), {9, 0.0, 0}),
      error);
  CHECK(made.names() == names{"step-2"});
}

TEST_CASE("checkpoint: a state that is missing, cut short or another model's gets its sentence") {
  const temporary_directory made;
  const std::string path = step_directory(made), state = path + "/trainer_state.safetensors";
  CHECK(sentence_of_loading(path) == "(no error)");
  CHECK(sentence_of_loading<llama_model>(path).find("DIR/model.safetensors: the tensor ") == 0);

  const std::string whole = read_file(state);
  write_file_atomic(state, whole.substr(0, whole.size() - 4));
  CHECK(sentence_of_loading(path).find("DIR/trainer_state.safetensors: ") == 0);
  write_file_atomic(state, whole.substr(0, 3));
  CHECK(sentence_of_loading(path).find(
            "DIR/trainer_state.safetensors: a safetensors file begins with 8 bytes") == 0);
  REQUIRE(::unlink(state.c_str()) == 0);
  CHECK(sentence_of_loading(path).find("DIR/trainer_state.safetensors") != std::string::npos);
  // The weights alone, renamed: no moments in it.
  write_file_atomic(state, read_file(path + "/model.safetensors"));
  CHECK(sentence_of_loading(path) ==
        "DIR/trainer_state.safetensors: the metadata entry step is missing");
}

TEST_CASE("checkpoint: metadata that is no step or no number gets its sentence") {
  const temporary_directory made;
  const std::string path = step_directory(made);
  const auto with = [&](const char* step, const char* best) {
    write_state(path, {{"step", step}, {"best_step", "1"}, {"best_loss", best}});
    return sentence_of_loading(path);
  };
  CHECK(with("2", "0x1.8p+0") == "(no error)");
  const char* no_step =
      "DIR/trainer_state.safetensors: the metadata entry step is not a step number";
  CHECK(with("-1", "1") == no_step);
  CHECK(with("1.5", "1") == no_step);
  CHECK(with("1e300", "1") == no_step);
  CHECK(with("nan", "1") == no_step);
  CHECK(with("two", "1") ==
        "DIR/trainer_state.safetensors: the metadata entry step is \"two\", not a number");
  CHECK(with("2", "") ==
        "DIR/trainer_state.safetensors: the metadata entry best_loss is \"\", not a number");
}
