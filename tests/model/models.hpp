// Small models of every type, spread weights, and the backends that they run on: for the tests of
// models, training and checkpoints.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "ctgpt/backend/cpu.hpp"
#include "ctgpt/backend/eigen.hpp"
#include "ctgpt/backend/reference.hpp"
#include "ctgpt/model/workspace.hpp"

namespace ctgpt_test {

using namespace ctgpt;
using ids = std::vector<std::int32_t>;

// The types of architecture that the library knows, at the size that a test gives.
constexpr config gpt2_type(config size) { return size; }  // config's defaults
constexpr config llama_type(config size) {
  size.position = positions::rotary;
  size.norm = normalization::rms;
  size.mlp = activation::swiglu;
  size.bias = false;
  size.tied = false;
  size.rope_base = 500000.0f;
  return size;
}
constexpr config nanochat_type(config size) {
  size.position = positions::rotary;
  size.norm = normalization::rms;
  size.mlp = activation::relu_squared;
  size.bias = size.gain = size.tied = false;
  size.qk_norm = true;
  size.softcap = 15.0f;
  return size;
}
constexpr config alibi_type(config size) {
  size.position = positions::alibi;
  size.mlp = activation::gelu_tanh;
  size.bias = false;
  return size;
}
constexpr config sinusoidal_type(config size) {
  size.position = positions::sinusoidal;
  size.mlp = activation::gelu_tanh;
  return size;
}

// Weights far enough from zero that every part of the model matters.
inline void spread(network_weights& net, std::uint64_t start = 1) {
  for (int i = 0; i < net.layout().count(); ++i) {
    const slot& item = net.layout().at(i);
    random_stream random(start, static_cast<std::uint64_t>(i));
    const double scale = item.vector ? 0.1 : 0.3;
    const double shift = item.start == initializer::ones ? 1.0 : 0.0;
    net.write(i, [&](isize) {
      return static_cast<double>(static_cast<float>(shift + scale * random.normal()));
    });
  }
}
template <class Model>
network<Model> spread_network(const backend& where, isize vocab = 0, std::uint64_t start = 1) {
  network<Model> net(where, where.natural(), vocab);
  spread(net, start);
  return net;
}

inline ids random_ids(isize count, isize vocab, std::uint64_t start = 2) {
  random_stream random(start);
  ids drawn;
  for (isize i = 0; i < count; ++i) {
    drawn.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(vocab))));
  }
  return drawn;
}

inline std::vector<std::byte> bits(const memory& of) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(of.bytes()));
  of.download(bytes.data());
  return bytes;
}

// A host backend that counts what is asked of its allocate().
struct counted_memory {
  static inline isize allocations = 0, bytes = 0;

  static backend around(const backend& inner) {
    struct kept {
      backend inner;
      kernel_table table;
    };
    auto both = std::make_shared<kept>(kept{inner, inner.table()});
    both->table.allocate = [](context*, std::size_t size) -> void* {
      ++allocations;
      bytes += static_cast<isize>(size);
      return std::aligned_alloc(64, (size + 63) / 64 * 64);
    };
    const kernel_table& table = both->table;
    context* state = both->inner.state();
    return backend(table, state, std::move(both), inner.natural());
  }
};

struct named_backend {
  std::string name;
  backend where;
};
inline std::vector<named_backend> cpus(const std::vector<isa>& targets,
                                       const std::vector<int>& threads) {
  std::vector<named_backend> list;
  for (const isa target : available_isas()) {
    if (std::find(targets.begin(), targets.end(), target) == targets.end()) continue;
    for (const int count : threads) {
      list.push_back({std::string(isa_name(target)) + ", threads " + std::to_string(count),
                      cpu{target, count}});
    }
  }
  return list;
}
// The instruction sets that give the same bits.
inline std::vector<named_backend> fused_cpus() { return cpus({isa::avx2, isa::avx512}, {1, 2}); }

inline std::vector<named_backend> f32_backends() {
  std::vector<named_backend> list = cpus({isa::baseline, isa::sse4, isa::avx2, isa::avx512}, {2});
  list.push_back({"reference", reference<float>{}});
  list.push_back({"eigen", eigen{2}});
  return list;
}

}  // namespace ctgpt_test
