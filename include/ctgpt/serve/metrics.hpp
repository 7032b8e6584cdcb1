// metrics: what /metrics tells Prometheus.
//
// ctgpt_http_requests_total{handler,method,status}; of answers ctgpt_prompt_tokens_total,
// ctgpt_cached_prompt_tokens_total, ctgpt_generation_tokens_total,
// ctgpt_request_success_total{finished_reason}, and the histograms
// ctgpt_time_to_first_token_seconds, ctgpt_inter_token_latency_seconds,
// ctgpt_e2e_request_latency_seconds, ctgpt_http_request_seconds; of this moment
// ctgpt_requests_running, ctgpt_requests_waiting, ctgpt_kv_cache_usage_ratio, ctgpt_connections,
// ctgpt_model_loaded. Names and labels follow vLLM's, whose dashboards people have.
// Durations come from one clock that only goes forward; counters never fall.
// Errors: none.
// Reference: Prometheus, text exposition format; vllm-project/vllm, docs/design/metrics.md.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <string>

#include "ctgpt/infer/completion.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

class server_metrics {
 public:
  void count_request(const std::string& handler, const std::string& method, int status,
                     double seconds) {
    requests_.Add({{"handler", handler}, {"method", method}, {"status", std::to_string(status)}})
        .Increment();
    durations_.Observe(seconds);
  }
  void count_prompt(isize tokens, isize cached) {
    prompt_.Increment(static_cast<double>(tokens));
    cached_.Increment(static_cast<double>(cached));
  }
  // first: seconds until the first token; negative: there was none.
  void count_answer(const std::string& reason, isize tokens, double first, double seconds) {
    generated_.Increment(static_cast<double>(tokens));
    finished_.Add({{"finished_reason", reason}}).Increment();
    if (first >= 0.0) first_token_.Observe(first);
    if (first >= 0.0 && tokens > 1) {
      between_.Observe((seconds - first) / static_cast<double>(tokens - 1));
    }
    whole_.Observe(seconds);
  }

  std::string text(const engine_load& load, std::size_t connections, bool loaded) {
    running_.Set(static_cast<double>(load.running));
    waiting_.Set(static_cast<double>(load.waiting));
    cache_.Set(load.cache_total > 0
                   ? static_cast<double>(load.cache_tokens) / static_cast<double>(load.cache_total)
                   : 0.0);
    connections_.Set(static_cast<double>(connections));
    loaded_.Set(loaded ? 1.0 : 0.0);
    return prometheus::TextSerializer().Serialize(registry_.Collect());
  }

 private:
  using buckets = prometheus::Histogram::BucketBoundaries;

  prometheus::Counter& counter(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry_).Add({});
  }
  prometheus::Gauge& gauge(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry_).Add({});
  }
  prometheus::Histogram& histogram(const char* name, const char* help, const buckets& bounds) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry_).Add({}, bounds);
  }
  static buckets seconds() {
    return {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,   0.25,  0.5,
            1.0,   2.5,    5.0,   10.0, 30.0,  60.0, 120.0, 300.0, 600.0};
  }

  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& requests_ = prometheus::BuildCounter()
                                                           .Name("ctgpt_http_requests_total")
                                                           .Help("Requests, by what answered them")
                                                           .Register(registry_);
  prometheus::Family<prometheus::Counter>& finished_ = prometheus::BuildCounter()
                                                           .Name("ctgpt_request_success_total")
                                                           .Help("Answers, by why they ended")
                                                           .Register(registry_);
  prometheus::Counter& prompt_ = counter("ctgpt_prompt_tokens_total", "Tokens of prompts");
  prometheus::Counter& cached_ =
      counter("ctgpt_cached_prompt_tokens_total", "Tokens of prompts that the cache held");
  prometheus::Counter& generated_ = counter("ctgpt_generation_tokens_total", "Tokens of answers");
  prometheus::Gauge& running_ = gauge("ctgpt_requests_running", "Answers being written");
  prometheus::Gauge& waiting_ = gauge("ctgpt_requests_waiting", "Answers that wait for room");
  prometheus::Gauge& cache_ =
      gauge("ctgpt_kv_cache_usage_ratio", "Share of the key/value cache in use");
  prometheus::Gauge& connections_ = gauge("ctgpt_connections", "Open connections");
  prometheus::Gauge& loaded_ = gauge("ctgpt_model_loaded", "1 where a model is loaded");
  prometheus::Histogram& durations_ =
      histogram("ctgpt_http_request_seconds",
                "Time from a request's first byte to its answer's last", seconds());
  prometheus::Histogram& first_token_ =
      histogram("ctgpt_time_to_first_token_seconds", "Time to an answer's first token", seconds());
  prometheus::Histogram& between_ =
      histogram("ctgpt_inter_token_latency_seconds", "Time from a token to the next",
                {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0});
  prometheus::Histogram& whole_ =
      histogram("ctgpt_e2e_request_latency_seconds", "Time to an answer's last token", seconds());
};

}  // namespace ctgpt::inline CTGPT_ABI::serve
