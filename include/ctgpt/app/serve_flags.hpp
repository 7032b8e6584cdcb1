// serve_flags: the options of `ctgpt serve` and `ctgpt bench serve`.
//
// Every option of serve is also a variable of the environment: CTGPT_PORT is --port. What the
// command line says wins over the environment, and that over the file of --config.
// Errors: those of app/flags.hpp.
#pragma once

#include "ctgpt/app/verbs.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

struct serve_flags {
  std::optional<std::string> model, host, alias, api_key_file, ssl_cert_file, ssl_key_file,
      kv_cache, db, rules, base_path, precision;
  std::optional<int> port;
  std::optional<isize> parallel, queue;
  std::optional<double> rate_limit;
  std::vector<std::string> cors, trusted_proxy;
  machine_options machine;

  template <class Visitor>
  void describe(Visitor& v) {
    v.text("-m,--model DIR", "run directory (its best, else its last) or model directory", model);
    v.text("--host ADDRESS", "to listen at (default 127.0.0.1: this machine alone)", host);
    v.integer("--port N", "to listen at (default 8080; 0: any that is free)", port, 0, 65535);
    v.text("--alias NAME", "the model's name for clients (default: its directory's)", alias);
    v.text("--api-key-file FILE", "keys, one a line: KEY or NAME KEY, then quotas", api_key_file);
    v.text("--ssl-cert-file FILE", "certificate, PEM: https instead of http", ssl_cert_file);
    v.text("--ssl-key-file FILE", "its private key, PEM", ssl_key_file);
    v.texts("--cors ORIGIN", "site whose pages may use the server (may be given again; * for all)",
            cors);
    v.integer("--parallel N", "answers written at once (default 64)", parallel, 1, 4096);
    v.text("--kv-cache BYTES", "memory for conversations, such as 512M (default 256M)", kv_cache);
    v.integer("--queue N", "answers that may wait, before 429 (default 256)", queue, 0, 100'000);
    v.number("--rate-limit N", "requests a minute of each key, or address; 0: no limit (default)",
             rate_limit, 0.0, 1e9);
    v.text("--db FILE", "SQLite file of conversations and ratings", db);
    v.text("--rules FILE", "JSON file of rules about content", rules);
    v.text("--base-path PATH", "where the server stands behind a proxy, such as /chat", base_path);
    v.texts("--trusted-proxy ADDRESS", "whose X-Forwarded-For is believed (may be given again)",
            trusted_proxy);
    v.text("--precision NAME", "storage of weights and activations: f32 (default) or bf16",
           precision);
    machine.describe(v);
    v.environment("CTGPT_");
  }
};

struct bench_serve_flags {
  std::optional<int> users;
  std::optional<std::string> url, model, json, api_key;
  std::optional<double> seconds, think;
  std::optional<isize> tokens;
  machine_options machine;

  template <class Visitor>
  void describe(Visitor& v) {
    v.integer("--users N", "people to simulate (default 8)", users, 1, 2000);
    v.text("--url URL", "server to ask, such as http://127.0.0.1:8080", url);
    v.text("-m,--model DIR", "model to serve and ask, instead of --url", model);
    v.text("--api-key KEY", "key to send", api_key);
    v.number("--seconds S", "how long (default 30)", seconds, 1.0, 86400.0);
    v.number("--think S", "mean seconds that a person reads and writes (default 5)", think, 0.0,
             3600.0);
    v.integer("-n,--tokens N", "tokens of an answer at most (default 64)", tokens, 1, 100'000);
    v.text("--json FILE", "write the figures as JSON", json);
    machine.describe(v);
  }
};

}  // namespace ctgpt::inline CTGPT_ABI::app
