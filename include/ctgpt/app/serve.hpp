// serve: `ctgpt serve`, a model over HTTP until a signal ends it.
//
// It listens first, answering /health with 503, then loads the model, measures it, and prints what
// it holds: memory, conversations that fit, tokens a second, its address.
// SIGTERM and SIGINT: no further work begins, what runs may end, exit code 0; a second one ends at
// once. SIGHUP: keys, rules, certificate and model are read anew; one that cannot be read leaves
// what was, and a sentence in the log.
// Errors: usage_error for flags; what cannot be opened or listened at: error.
#pragma once

#include <filesystem>

#include "ctgpt/app/generation_defaults.hpp"
#include "ctgpt/app/machine_memory.hpp"
#include "ctgpt/app/model_path.hpp"
#include "ctgpt/app/print.hpp"
#include "ctgpt/app/serve_flags.hpp"
#include "ctgpt/app/served_model.hpp"
#include "ctgpt/app/server_signals.hpp"
#include "ctgpt/base/checksum.hpp"
#include "ctgpt/serve/content_rules.hpp"
#include "ctgpt/serve/engine_speed.hpp"
#include "ctgpt/serve/page/about.hpp"
#include "ctgpt/serve/page/page_api.hpp"
#include "ctgpt/serve/server.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

// "268435456", "256M", "1.5G".
inline isize parse_bytes(std::string_view flag, std::string_view text) {
  double scale = 1.0;
  std::string_view digits = text;
  const std::size_t last = text.find_last_of("0123456789");
  if (last != text.npos && last + 1 < text.size()) {
    const std::string unit = serve::lower_case(text.substr(last + 1));
    const std::size_t power = std::string_view("kmgt").find(unit[0]);
    const std::string rest = unit.substr(1);
    if (power != std::string_view::npos && (rest.empty() || rest == "b" || rest == "ib")) {
      digits = text.substr(0, last + 1);
      for (std::size_t i = 0; i <= power; ++i) scale *= 1024.0;
    }
  }
  double value = 0.0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (code != std::errc() || end != digits.data() + digits.size() || !(value * scale >= 1.0) ||
      !(value * scale <= 1e15)) {
    throw usage_error(
        join(flag, " must be a number of bytes such as 268435456, 256M or 2G, not \"", text, "\""));
  }
  return static_cast<isize>(value * scale);
}

// The model of --model as a server holds it.
class model_opener {
 public:
  model_opener(const serve_flags& given, isize parallel) : path_(required_model(given.model)) {
    options_.machine = given.machine;
    options_.numbers = parse_precision(given.precision.value_or("f32"));
    options_.engine.parallel = parallel;
    if (given.kv_cache) options_.engine.cache_bytes = parse_bytes("--kv-cache", *given.kv_cache);
    name_ = given.alias.value_or(name_of(path_));
  }
  const std::string& name() const { return name_; }

  struct opened {
    std::shared_ptr<const serve::served_model> model;
    std::string directory;
    isize parameters = 0, weight_bytes = 0, cache_bytes = 0;
  };
  opened open() const {
    served_model made = make_engine(path_, options_);
    opened result{nullptr, made.directory, made.parameters, made.weight_bytes, made.cache_bytes};
    const generation defaults = generation_defaults(made.directory);
    auto model = std::make_shared<serve::served_model>(serve::served_model{
        name_, fingerprint_of(made.directory), static_cast<std::int64_t>(wall_seconds()),
        std::move(made.tokens), align::find_chat_template(made.directory),
        defaults.sampler_options(), std::shared_ptr<completion_engine>(std::move(made.engine))});
    result.model = std::move(model);
    return result;
  }

 private:
  // runs/first/ is first.
  static std::string name_of(std::string path) {
    char full[4096];
    if (::realpath(path.c_str(), full) != nullptr) path = full;
    const std::string name = path.substr(path.rfind('/') + 1);
    std::string text;
    utf8_append_repaired(text, name);
    return text.empty() ? "model" : text;
  }
  // Of the settings and the weights.
  static std::string fingerprint_of(const std::string& directory) {
    xxh64 sum;
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      const std::filesystem::path& file = entry.path();
      if (file.extension() == ".safetensors" || file.filename() == "config.json") {
        files.push_back(file);
      }
    }
    std::sort(files.begin(), files.end());
    for (const std::filesystem::path& each : files) sum.update(mapped_file(each.string()).bytes());
    return "fp_" + checksum_text(sum.finish());
  }

  std::string path_, name_;
  serving_options options_;
};

inline serve::server_options server_options_of(const serve_flags& given) {
  serve::server_options options;
  options.host = given.host.value_or(options.host);
  options.port = given.port.value_or(options.port);
  options.cors = given.cors;
  options.trusted_proxies = given.trusted_proxy;
  options.places = given.parallel.value_or(64) + given.queue.value_or(256);
  options.requests_per_minute = given.rate_limit.value_or(0.0);
  std::string base = given.base_path.value_or("");
  while (base.ends_with('/')) base.pop_back();
  if (!base.empty() && !base.starts_with('/')) {
    throw usage_error("--base-path must begin with /, such as /chat, not \"" + base + "\"");
  }
  options.base_path = base;
  options.log = [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); };
  if (given.ssl_cert_file.has_value() != given.ssl_key_file.has_value()) {
    throw usage_error("--ssl-cert-file and --ssl-key-file belong together; give both");
  }
  return options;
}

// What SIGHUP reads anew.
class served_files {
 public:
  served_files(const serve_flags& given, serve::server& web, serve::content_rules& house)
      : given_(&given), web_(&web), house_(&house) {}

  void read() const {
    read_keys();
    read_rules();
    read_certificate();
  }
  // Each for itself: a mistake in one file leaves what it held, and the others are read.
  void read_again() const {
    for (const auto part :
         {&served_files::read_keys, &served_files::read_rules, &served_files::read_certificate}) {
      try {
        (this->*part)();
      } catch (const std::exception& problem) {
        std::fprintf(stderr, "Not read anew: %s\n", problem.what());
      }
    }
  }

 private:
  void read_keys() const {
    if (given_->api_key_file) web_->use(serve::read_api_keys(*given_->api_key_file));
  }
  void read_rules() const {
    if (given_->rules) house_->use(safety::rules::open(*given_->rules));
  }
  void read_certificate() const {
    if (!given_->ssl_cert_file) return;
    web_->use(serve::load_certificate(*given_->ssl_cert_file, *given_->ssl_key_file));
  }

  const serve_flags* given_;
  serve::server* web_;
  serve::content_rules* house_;
};

inline std::string introduction(const model_opener::opened& one, const serve::engine_speed& speed) {
  const isize context = one.model->engine->context();
  const isize positions = one.model->engine->load().cache_total;
  std::string text = join("Model ", one.model->name, ": ", grouped(one.parameters),
                          " parameters, context ", context, " tokens, ",
                          one.model->chat ? join("chat template ", one.model->chat->name())
                                          : std::string("no chat template (it continues texts)"),
                          "\n");
  text += join("Memory: ", bytes_text(static_cast<double>(one.weight_bytes)), " weights, ",
               bytes_text(static_cast<double>(one.cache_bytes)), " for conversations, of ",
               bytes_text(machine_memory()), "\n");
  text += join("Room for ", grouped(positions / std::max<isize>(1, context)),
               " conversations of full length (", grouped(positions), " tokens)\n");
  text += join("Speed: ", static_cast<isize>(speed.alone), " tokens/s for one person, ",
               static_cast<isize>(speed.together), " for ", speed.people, " together\n");
  return text;
}

int serve_command(const serve_flags& given) {
  const server_signals signals;
  const serve::server_options options = server_options_of(given);
  const model_opener opener(given, given.parallel.value_or(64));
  static_cast<void>(resolve_model(*given.model));
  serve::content_rules house;
  serve::page_facts facts;
  serve::server web(options, given.rules ? house.make_hooks() : serve::hooks{});
  serve::add_page(web.routes(), web.means(),
                  {.log = std::make_shared<feedback::chat_log>(given.db.value_or(":memory:")),
                   .about = [&facts] { return facts.now(); }});
  const served_files files(given, web, house);
  files.read();
  const int port = web.start();
  {
    const model_opener::opened one = opener.open();
    web.use(one.model);
    facts.use(one.directory);
    put(introduction(one, serve::measure_speed(*one.model->engine, 1.0)));
  }
  if (!given.db) put("Conversations are kept until the server ends; --db FILE keeps them.\n");
  const bool six = options.host.find(':') != std::string::npos;
  put(join("Listening on ", given.ssl_cert_file ? "https" : "http", "://", six ? "[" : "",
           options.host, six ? "]" : "", ":", port, options.base_path, "\n"));
  for (;;) {
    const int signal = signals.wait(3600.0);
    if (signal == SIGHUP) {
      std::fprintf(stderr, "Reading keys, rules, certificate and model anew.\n");
      files.read_again();
      try {
        const model_opener::opened one = opener.open();
        web.use(one.model);
        facts.use(one.directory);
        std::fprintf(stderr, "The model was read anew.\n");
      } catch (const std::exception& problem) {
        std::fprintf(stderr, "Not read anew: %s\n", problem.what());
      }
    } else if (signal != 0) {
      break;
    }
  }
  std::fprintf(stderr, "Draining: what runs may end; the same signal again ends at once.\n");
  web.begin_drain();
  for (double until = clock_seconds() + 60.0; web.at_work() > 0 && clock_seconds() < until;) {
    const int signal = signals.wait(0.05);
    if (signal == SIGTERM || signal == SIGINT) std::_Exit(128 + signal);
  }
  web.drain(0.0);
  std::fprintf(stderr, "Drained.\n");
  return 0;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
