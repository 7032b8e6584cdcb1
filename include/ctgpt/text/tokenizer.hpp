// Any tokenizer as one value: what the model's callers hold, save and load.
//
// tokenizer any = text::bytes{};
// any.save(directory.file("tokenizer.json"));
// tokenizer again = tokenizer::load("model/tokenizer.json");
// any.encode("Once"), any.decode(tokens), any.token_bytes(79), any.vocab_size(), any.name()
//
// A concrete tokenizer is a type with name(), vocab_size(), encode(text), decode(tokens) and
// token_bytes(token); it is immutable, so copies share it and any thread may use it.
// Ensures: decode(tokens) is the token_bytes of all of them, one after the other.
// Errors: those of the concrete type (text/bytes.hpp, text/characters.hpp) and of the file
// (text/tokenizer_json.hpp).
#pragma once

#include <concepts>
#include <memory>

#include "ctgpt/text/tokenizer_json.hpp"

namespace ctgpt::inline CTGPT_ABI::text {

enum class tokenizer_kind : std::uint8_t { bytes, characters };

template <class T>
concept tokenizer_like = std::same_as<T, bytes> || std::same_as<T, characters>;

class tokenizer {
 public:
  template <tokenizer_like Concrete>
  tokenizer(Concrete concrete)
      : self_(std::make_shared<const holder<Concrete>>(std::move(concrete))) {}

  // The kind that --tokenizer names: "bytes", or "char" for the characters of `corpus`.
  static tokenizer named(std::string_view name, std::string_view corpus,
                         std::string_view corpus_name) {
    if (name == bytes::name()) return bytes{};
    if (name == characters::name()) return characters::of(corpus, corpus_name);
    throw usage_error(join("there is no tokenizer '", name, "'; choose bytes or char"));
  }
  static tokenizer from_json(std::string_view json, const std::string& name) {
    tokenizer_file file = read_tokenizer_json(json, name);
    if (file.byte_level) return bytes{};
    expects(!file.symbols.empty(), name, ": model.vocab is empty");
    return characters(std::move(file.symbols));
  }
  static tokenizer load(const std::string& path) {
    return from_json(read_file(path, std::uint64_t{1} << 28), path);
  }

  tokenizer_kind kind() const { return self_->kind(); }
  std::string_view name() const { return self_->name(); }
  isize vocab_size() const { return self_->vocab_size(); }
  std::vector<std::int32_t> encode(std::string_view text) const { return self_->encode(text); }
  std::string decode(std::span<const std::int32_t> tokens) const { return self_->decode(tokens); }
  // One token's share of the text; of some tokenizers it is no whole character.
  std::string token_bytes(std::int32_t token) const { return self_->token_bytes(token); }
  bool knows_newline() const {
    const auto* letters = get_if<characters>();
    return letters == nullptr || letters->knows(U'\n');
  }
  std::string to_json() const { return self_->to_json(); }
  void save(const std::string& path) const { write_file_atomic(path, to_json()); }

  // The concrete tokenizer, nullptr when it is of another type.
  template <tokenizer_like Concrete>
  const Concrete* get_if() const {
    const auto* held = dynamic_cast<const holder<Concrete>*>(self_.get());
    return held != nullptr ? &held->concrete : nullptr;
  }

 private:
  struct any {
    virtual ~any() = default;
    virtual tokenizer_kind kind() const = 0;
    virtual std::string_view name() const = 0;
    virtual isize vocab_size() const = 0;
    virtual std::vector<std::int32_t> encode(std::string_view text) const = 0;
    virtual std::string decode(std::span<const std::int32_t> tokens) const = 0;
    virtual std::string token_bytes(std::int32_t token) const = 0;
    virtual std::string to_json() const = 0;
  };

  template <class Concrete>
  struct holder final : any {
    explicit holder(Concrete value) : concrete(std::move(value)) {}
    tokenizer_kind kind() const override {
      return std::same_as<Concrete, bytes> ? tokenizer_kind::bytes : tokenizer_kind::characters;
    }
    std::string_view name() const override { return concrete.name(); }
    isize vocab_size() const override { return concrete.vocab_size(); }
    std::vector<std::int32_t> encode(std::string_view text) const override {
      return concrete.encode(text);
    }
    std::string decode(std::span<const std::int32_t> tokens) const override {
      return concrete.decode(tokens);
    }
    std::string token_bytes(std::int32_t token) const override {
      return concrete.token_bytes(token);
    }
    std::string to_json() const override { return write_tokenizer_json(concrete); }
    Concrete concrete;
  };

  std::shared_ptr<const any> self_;
};

}  // namespace ctgpt::inline CTGPT_ABI::text
