// Bits that the contract of the kernel table promises: a row is the same alone and in a batch,
// packed and not, cached and not. (Threads and instruction sets are compared in conformance.cpp.)
#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "conformance/backends.hpp"
#include "conformance/trial.hpp"

using namespace conformance;

namespace {

memory noise(const backend& where, element type, isize count, std::uint64_t seed) {
  const std::vector<double> values = generator(seed).normals(count);
  std::vector<unsigned char> bytes(static_cast<std::size_t>(element_bytes(type, count)));
  encode(type, values.data(), count, bytes.data());
  memory block(where, type, count);
  block.upload(bytes.data());
  return block;
}

std::vector<unsigned char> bytes_of(const memory& block) {
  std::vector<unsigned char> bytes(static_cast<std::size_t>(block.bytes()));
  block.download(bytes.data());
  return bytes;
}

memory integers(const backend& where, const std::vector<std::int32_t>& values) {
  memory block(where, element::i32, static_cast<isize>(values.size()));
  block.upload(values.data());
  return block;
}

// Every backend that makes the promise, with each storage type.
template <class Body>
void on_each_backend(const Body& body) {
  for (const tested& each : tested_backends()) {
    if (!each.keeps_bits) continue;
    for (const element type : {element::f32, element::bf16}) {
      INFO(each.name, ", ", element_name(type));
      body(each.where, type);
    }
  }
}

}  // namespace

TEST_CASE("determinism: a row of a product has the same bits alone, in a batch, and from panels") {
  on_each_backend([](const backend& where, element type) {
    const isize m = 70, n = 45, k = 131;
    const kernel_table& table = where.table();
    context* state = where.state();
    const memory a = noise(where, type, m * k, 1), b = noise(where, type, n * k, 2);
    const memory bias = noise(where, type, n, 3);
    const memory panels(where, type, table.pack_elements(state, n, k, type));
    tensor packed = panels.row(0, 0);
    packed.rows = n, packed.cols = packed.stride = k, packed.packing = layout::panels;
    table.pack(state, {packed, b.matrix(0, n, k)});

    const auto product_in_steps_of = [&](isize step, const tensor& right) {
      const memory c = noise(where, type, m * n, 4);
      for (isize row = 0; row < m; row += step) {
        const isize count = std::min(step, m - row);
        table.matmul(state, {product::nt,
                             c.matrix(row * n, count, n),
                             a.matrix(row * k, count, k),
                             right,
                             bias.row(0, n),
                             {},
                             activation::gelu,
                             true});
      }
      return bytes_of(c);
    };
    const std::vector<unsigned char> whole = product_in_steps_of(m, b.matrix(0, n, k));
    for (const isize step : {isize{1}, isize{3}, isize{17}, m}) {
      CHECK_MESSAGE(product_in_steps_of(step, b.matrix(0, n, k)) == whole, step, " rows at a time");
      CHECK_MESSAGE(product_in_steps_of(step, packed) == whole, step, " rows at a time, panels");
    }
  });
}

TEST_CASE("determinism: attention has the same bits alone, in a batch, and from a cache") {
  on_each_backend([](const backend& where, element type) {
    for (const isize window : {isize{0}, isize{70}}) {
      const isize batch = 2, time = 150, heads = 4, shared = 2, size = 32, rows = batch * time;
      const isize page = 128, pages_each = (time + page - 1) / page;
      const kernel_table& table = where.table();
      context* state = where.state();
      const memory q = noise(where, type, rows * heads * size, 1);
      const memory k = noise(where, type, rows * shared * size, 2);
      const memory v = noise(where, type, rows * shared * size, 3);
      const memory slopes = noise(where, element::f32, heads, 4);
      const memory lse(where, element::f32, rows * heads);

      const auto uncached = [&](isize sequences) {
        const memory out(where, type, rows * heads * size);
        for (isize b = 0; b < batch; b += sequences) {
          const isize first = b * time, count = sequences * time;
          attention_args args{out.matrix(first * heads * size, count, heads * size),
                              q.matrix(first * heads * size, count, heads * size),
                              k.matrix(first * shared * size, count, shared * size),
                              v.matrix(first * shared * size, count, shared * size),
                              lse.matrix(first * heads, count, heads),
                              slopes.row(0, heads),
                              {}};
          args.batch = sequences, args.time = time, args.heads = heads, args.kv_heads = shared;
          args.window = window, args.scale = 0.17f;
          table.attention(state, args);
        }
        return bytes_of(out);
      };

      const isize columns = page * shared * size, count = batch * pages_each;
      const memory keys(where, type, count * columns), values(where, type, count * columns);
      std::vector<std::int32_t> order(static_cast<std::size_t>(count)), sequence, position;
      std::iota(order.rbegin(), order.rend(), 0);
      for (isize r = 0; r < rows; ++r) {
        sequence.push_back(static_cast<std::int32_t>(r / time));
        position.push_back(static_cast<std::int32_t>(r % time));
      }
      const memory pages = integers(where, order), sequences = integers(where, sequence);
      const memory positions = integers(where, position);
      const cache_view cache{keys.matrix(0, count, columns),
                             values.matrix(0, count, columns),
                             pages.matrix(0, batch, pages_each),
                             page,
                             shared,
                             size};
      table.cache_write(state,
                        {cache, k.matrix(0, rows, shared * size), v.matrix(0, rows, shared * size),
                         sequences.row(0, rows), positions.row(0, rows)});
      const auto cached = [&](isize step) {
        const memory out(where, type, rows * heads * size);
        for (isize r = 0; r < rows; r += step) {
          table.cached_attention(
              state, {cache, out.matrix(r * heads * size, step, heads * size),
                      q.matrix(r * heads * size, step, heads * size), sequences.row(r, step),
                      positions.row(r, step), slopes.row(0, heads), heads, window, 0.17f});
        }
        return bytes_of(out);
      };
      const std::vector<unsigned char> whole = uncached(batch);
      CHECK(uncached(1) == whole);
      CHECK(cached(rows) == whole);
      CHECK(cached(1) == whole);
    }
  });
}
