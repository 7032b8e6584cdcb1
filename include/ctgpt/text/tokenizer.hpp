// Any tokenizer as one value: what the model's callers hold, save and load.
//
// tokenizer any = text::bytes{};
// any.save(directory.file("tokenizer.json"));
// tokenizer again = tokenizer::load("model");    a directory, a tokenizer.json or a .tiktoken file
// any.encode("Once"), any.decode(tokens), any.token_bytes(79), any.vocab_size(), any.name()
// any.encode_ordinary(text, threads)             data, where special tokens are plain text
//
// A concrete tokenizer is a type with name(), vocab_size(), encode(text), decode(tokens) and
// token_bytes(token); it is immutable, so copies share it and any thread may use it.
// load() takes a directory's tokenizer.json, else vocab.json with merges.txt, whose pattern is gpt2
// unless told. The pattern and the special tokens of a .tiktoken file are known by its name where
// it is one of OpenAI's; other files need a pattern and have no special tokens.
// Ensures: decode(tokens) is the token_bytes of all of them, one after the other.
// Errors: those of the concrete type (text/bytes.hpp, text/characters.hpp, text/bpe.hpp,
// text/words.hpp) and of the files (text/bpe_files.hpp, text/bpe_json.hpp,
// text/tokenizer_json.hpp); a pattern that is none, or not the file's. encode refuses a text that
// holds a special token.
#pragma once

#include <concepts>
#include <memory>

#include "ctgpt/text/bpe.hpp"
#include "ctgpt/text/bpe_json.hpp"

namespace ctgpt::inline CTGPT_ABI::text {

enum class tokenizer_kind : std::uint8_t { bytes, characters, bpe, words };

template <class T>
inline constexpr bool is_bpe = false;
template <class Pattern>
inline constexpr bool is_bpe<bpe<Pattern>> = true;

template <class T>
concept tokenizer_like =
    std::same_as<T, bytes> || std::same_as<T, characters> || std::same_as<T, words> || is_bpe<T>;

inline std::string write_tokenizer_json(const words& tokenizer) {
  return write_words_json(tokenizer);
}
template <class Pattern>
std::string write_tokenizer_json(const bpe<Pattern>& tokenizer) {
  return write_bpe_json(tokenizer.tables(), Pattern::name());
}

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
  // Templates, so that a program which opens no file does not compile every pattern; defined
  // below. `pattern` is for files that do not say theirs.
  template <class Lazy = void>
  static tokenizer from_json(std::string_view json, const std::string& name);
  template <class Lazy = void>
  static tokenizer load(const std::string& path, std::string_view pattern = {});

  tokenizer_kind kind() const { return self_->kind(); }
  std::string_view name() const { return self_->name(); }
  isize vocab_size() const { return self_->vocab_size(); }
  std::vector<std::int32_t> encode(std::string_view text,
                                   const specials& choice = specials::refuse()) const {
    return self_->encode(text, choice);
  }
  std::vector<std::int32_t> encode_ordinary(std::string_view text, int threads = 1) const {
    return self_->encode_ordinary(text, threads);
  }
  std::span<const special_token> special_tokens() const { return self_->special_tokens(); }
  // How a text is cut before it is merged, of a byte-pair tokenizer; else "".
  std::string_view pattern() const { return self_->pattern(); }
  std::string decode(std::span<const std::int32_t> tokens) const { return self_->decode(tokens); }
  // Whether the id is a token's: a byte-pair vocabulary may have holes (GPT-4's has).
  bool has(std::int32_t token) const { return self_->has(token); }
  // One token's share of the text; of some tokenizers it is no whole character.
  std::string token_bytes(std::int32_t token) const { return self_->token_bytes(token); }
  bool knows_newline() const {
    if (const auto* letters = get_if<characters>()) return letters->knows(U'\n');
    const auto* known = get_if<words>();
    return known == nullptr || known->encode("\n")[0] != known->unknown_token();
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
    virtual std::vector<std::int32_t> encode(std::string_view text, const specials&) const = 0;
    virtual std::vector<std::int32_t> encode_ordinary(std::string_view text, int) const = 0;
    virtual std::span<const special_token> special_tokens() const = 0;
    virtual std::string_view pattern() const = 0;
    virtual std::string decode(std::span<const std::int32_t> tokens) const = 0;
    virtual bool has(std::int32_t token) const = 0;
    virtual std::string token_bytes(std::int32_t token) const = 0;
    virtual std::string to_json() const = 0;
  };

  template <class Concrete>
  struct holder final : any {
    explicit holder(Concrete value) : concrete(std::move(value)) {}
    tokenizer_kind kind() const override {
      if (is_bpe<Concrete>) return tokenizer_kind::bpe;
      if (std::same_as<Concrete, words>) return tokenizer_kind::words;
      return std::same_as<Concrete, bytes> ? tokenizer_kind::bytes : tokenizer_kind::characters;
    }
    std::string_view name() const override { return concrete.name(); }
    isize vocab_size() const override { return concrete.vocab_size(); }
    std::vector<std::int32_t> encode(std::string_view text, const specials& choice) const override {
      if constexpr (is_bpe<Concrete>) {
        return concrete.encode(text, choice);
      } else {
        expects(choice.names().empty(), "a tokenizer of ", name(), " has no special tokens");
        return concrete.encode(text);
      }
    }
    std::vector<std::int32_t> encode_ordinary(std::string_view text, int threads) const override {
      if constexpr (is_bpe<Concrete>) {
        return concrete.encode_ordinary(text, threads);
      } else {
        return concrete.encode(text);
      }
    }
    std::span<const special_token> special_tokens() const override {
      if constexpr (is_bpe<Concrete>) return concrete.tables().specials();
      return {};
    }
    std::string_view pattern() const override {
      if constexpr (is_bpe<Concrete>) return Concrete::pattern::name();
      return {};
    }
    std::string decode(std::span<const std::int32_t> tokens) const override {
      return concrete.decode(tokens);
    }
    bool has(std::int32_t token) const override {
      if constexpr (is_bpe<Concrete>) return concrete.tables().names(token);
      return token >= 0 && token < vocab_size();
    }
    std::string token_bytes(std::int32_t token) const override {
      return concrete.token_bytes(token);
    }
    std::string to_json() const override { return write_tokenizer_json(concrete); }
    Concrete concrete;
  };

  std::shared_ptr<const any> self_;
};

// The special tokens that begin and end a text, by their usual names; nullptr where there is none.
struct text_ends {
  const special_token *begin = nullptr, *end = nullptr;
};
inline text_ends ends_of_text(const tokenizer& tokens) {
  const auto named = [&](std::initializer_list<std::string_view> names) -> const special_token* {
    for (const std::string_view name : names) {
      for (const special_token& each : tokens.special_tokens()) {
        if (each.name == name) return &each;
      }
    }
    return nullptr;
  };
  return {named({"<|bos|>", "<s>", "<bos>", "<|begin_of_text|>", "<|endoftext|>"}),
          named({"<|endoftext|>", "</s>", "<eos>", "<|end_of_text|>"})};
}

// tokenizer_config.json, with which transformers takes tokenizer.json as it is. length: tokens in a
// sequence; 0: not said. chat_template: in Jinja; "": none.
inline std::string tokenizer_config_json(const tokenizer& tokens, isize length = 0,
                                         const std::string& chat_template = {}) {
  io::json out = io::json::object();
  out.set("tokenizer_class", "PreTrainedTokenizerFast");
  if (length > 0) out.set("model_max_length", length);
  out.set("clean_up_tokenization_spaces", false);
  const text_ends ends = ends_of_text(tokens);
  if (ends.begin != nullptr) out.set("bos_token", ends.begin->name);
  if (ends.end != nullptr) out.set("eos_token", ends.end->name);
  if (!chat_template.empty()) out.set("chat_template", chat_template);
  return io::write_json(out, {.pretty = true}) + "\n";
}

// Calls visit(Pattern{}) with the pattern of that name.
template <class Visit>
void visit_pattern(std::string_view name, Visit visit) {
  const auto is = [&]<class Pattern>(Pattern pattern) {
    if (name != Pattern::name()) return false;
    visit(pattern);
    return true;
  };
  if (is(gpt2{}) || is(cl100k{}) || is(o200k{}) || is(nanochat{})) return;
  throw usage_error(join("there is no pattern ", io::quote_json(name),
                         "; choose gpt2, cl100k, o200k or nanochat"));
}

template <class Lazy = void>
tokenizer bpe_tokenizer(bpe_tables tables, std::string_view pattern) {
  std::optional<tokenizer> made;
  visit_pattern(pattern, [&]<class Pattern>(Pattern) { made = bpe<Pattern>(std::move(tables)); });
  return *made;
}

// Calls visit(tokens) with the bpe<Pattern> that a tokenizer holds; false where it holds none.
template <class Visit>
bool visit_bpe(const tokenizer& any, Visit visit) {
  const auto is = [&]<class Pattern>(Pattern) {
    const auto* held = any.get_if<bpe<Pattern>>();
    if (held != nullptr) visit(*held);
    return held != nullptr;
  };
  return is(gpt2{}) || is(cl100k{}) || is(o200k{}) || is(nanochat{});
}

struct known_encoding {
  std::string_view pattern;  // "" of none that is known
  std::vector<special_token> specials;
};
inline known_encoding encoding_named(std::string_view file) {
  file = file.substr(file.rfind('/') + 1);
  const std::string end = "<|endoftext|>", prompt = "<|endofprompt|>", prefix = "<|fim_prefix|>",
                    middle = "<|fim_middle|>", suffix = "<|fim_suffix|>";
  if (file == "r50k_base.tiktoken" || file == "p50k_base.tiktoken") {
    return {gpt2::name(), {{end, 50256}}};
  }
  if (file == "cl100k_base.tiktoken") {
    return {
        cl100k::name(),
        {{end, 100257}, {prefix, 100258}, {middle, 100259}, {suffix, 100260}, {prompt, 100276}}};
  }
  if (file == "o200k_base.tiktoken") return {o200k::name(), {{end, 199999}, {prompt, 200018}}};
  return {};
}

template <class Lazy>
tokenizer tokenizer::from_json(std::string_view json, const std::string& name) {
  const io::json parsed = io::parse_json(json, name);
  const io::json_field root(parsed, name);
  if (is_bpe_json(root)) {
    bpe_file file = read_bpe_json(root, name);
    return bpe_tokenizer<Lazy>(std::move(file.tables), file.pattern);
  }
  if (detail::type_of(root["model"]) == "WordLevel") return read_words_json(root, name);
  tokenizer_file file = read_tokenizer_json(root, name);
  if (file.byte_level) return bytes{};
  expects(!file.symbols.empty(), name, ": model.vocab is empty");
  return characters(std::move(file.symbols));
}

template <class Lazy>
tokenizer tokenizer::load(const std::string& path, std::string_view pattern) {
  const std::string vocab = path + "/vocab.json", merges = path + "/merges.txt";
  std::string file = path;
  if (is_directory(path)) {
    file = path + "/tokenizer.json";
    if (!is_file(file) && is_file(vocab) && is_file(merges)) {
      return bpe_tokenizer<Lazy>(read_vocab_merges(vocab, merges),
                                 pattern.empty() ? gpt2::name() : pattern);
    }
  }
  if (file.ends_with(".tiktoken")) {
    known_encoding known = encoding_named(file);
    if (pattern.empty()) pattern = known.pattern;
    if (pattern.empty()) {
      throw usage_error(join(file,
                             " does not say its pattern; give gpt2, cl100k, o200k or "
                             "nanochat"));
    }
    return bpe_tokenizer<Lazy>(read_tiktoken(file, known.specials), pattern);
  }
  tokenizer made = from_json<Lazy>(read_file(file, most_vocabulary_bytes), file);
  if (!pattern.empty() && pattern != made.pattern()) {
    throw usage_error(join(file, " is of ",
                           made.pattern().empty() ? join("the tokenizer ", made.name())
                                                  : join("the pattern ", made.pattern()),
                           ", not of the pattern ", io::quote_json(pattern)));
  }
  return made;
}

}  // namespace ctgpt::inline CTGPT_ABI::text
