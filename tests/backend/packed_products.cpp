// Products with weights that pack() has laid out, and with quantised weights, by the same oracle as
// tests/backend/products.cpp: packing and blocks change where a weight lies, never a bit of the
// result.
#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

#include "backend/product_problem.hpp"
#include "ctgpt/backend/cpu.hpp"
#include "ctgpt/base/blocks.hpp"
#include "ctgpt/base/random.hpp"

using namespace ctgpt;
using namespace product_problem;

namespace {

// A weight (N,K) as panels, in memory of its own.
struct packed {
  std::vector<unsigned char> bytes;
  tensor view;
  packed(const backend& on, const tensor& weight, element type) {
    const isize count = on.table().pack_elements(on.state(), weight.rows, weight.cols, type);
    CHECK(count >= weight.rows * weight.cols);
    bytes.assign(static_cast<std::size_t>(element_bytes(type, count)) + 64, 0xff);
    view = {bytes.data(), weight.rows, weight.cols, weight.cols, type, layout::panels};
    on.table().pack(on.state(), {view, weight});
    on.synchronise();
    for (std::size_t i = bytes.size() - 64; i < bytes.size(); ++i) CHECK(bytes[i] == 0xff);
  }
};

}  // namespace

TEST_CASE("packed weights give the bits of unpacked ones for every number of rows") {
  random_stream random(3);
  for (const element type : {element::f32, element::bf16}) {
    for (const isize m : {1, 2, 3, 4, 5, 7, 8, 9, 20, 70}) {
      const shape s{m, 203, 330};
      const operands given(product::nt, s, {element::f32, type, element::f32}, 2, random);
      const options how{m % 2 == 1, true};
      const matrix want = expected(product::nt, given, s.k, how);
      for (const backend& on : exact_backends()) {
        INFO(named(on, product::nt, s));
        operands mine = given;
        const packed weight(on, mine.b.view(), type);
        matmul_args args = arguments(product::nt, mine.c.view(), mine.a.view(), weight.view);
        args.bias = mine.bias.view();
        args.accumulate = how.accumulate;
        on.table().matmul(on.state(), args);
        on.synchronise();
        CHECK(mine.c.same_bits(want));
      }
    }
  }
}

TEST_CASE("a prefix of packed rows is a smaller weight, and bf16 rows may multiply it") {
  random_stream random(4);
  for (const isize m : {1, 2, 6, 12}) {
    const shape s{m, 77, 64};
    operands given(product::nt, s, {element::bf16, element::f32, element::bf16}, 0, random);
    const matrix whole = matrix::normal(300, 64, element::f32, 0, random);
    for (isize n = 0; n < s.n; ++n) {
      for (isize k = 0; k < s.k; ++k) given.b.set(n, k, whole(n, k));
    }
    const matrix want = expected(product::nt, given, s.k, {});
    for (const backend& on : exact_backends()) {
      INFO(named(on, product::nt, s));
      operands mine = given;
      matrix source = whole;
      packed weight(on, source.view(), element::f32);
      weight.view.rows = s.n;
      on.table().matmul(on.state(),
                        arguments(product::nt, mine.c.view(), mine.a.view(), weight.view));
      on.synchronise();
      CHECK(mine.c.same_bits(want));
    }
  }
}

TEST_CASE("quantised weights multiply as their dequantised values") {
  random_stream random(9);
  for (const element type : {element::q8_0, element::q4_0}) {
    for (const shape& s : {shape{1, 30, 32}, {5, 61, 320}, {40, 100, 640}}) {
      operands given(product::nt, s, {}, 0, random);
      std::vector<unsigned char> blocks(static_cast<std::size_t>(element_bytes(type, s.n * s.k)));
      float row[block_length];
      for (isize i = 0; i < s.n * s.k / block_length; ++i) {
        const isize n = i * block_length / s.k, k = i * block_length % s.k;
        for (isize j = 0; j < block_length; ++j) row[j] = given.b(n, k + j);
        if (type == element::q8_0) {
          auto& block = reinterpret_cast<block_q8_0*>(blocks.data())[i];
          quantize(row, block);
          dequantize(block, row);
        } else {
          auto& block = reinterpret_cast<block_q4_0*>(blocks.data())[i];
          quantize(row, block);
          dequantize(block, row);
        }
        for (isize j = 0; j < block_length; ++j) given.b.set(n, k + j, row[j]);
      }
      const matrix want = expected(product::nt, given, s.k, {true, false});
      for (const backend& on : exact_backends()) {
        INFO(named(on, product::nt, s), " ", element_name(type));
        const tensor rows{blocks.data(), s.n, s.k, s.k, type};
        const packed weight(on, rows, type);
        for (const tensor& b : {rows, weight.view}) {
          operands mine = given;
          matmul_args args = arguments(product::nt, mine.c.view(), mine.a.view(), b);
          args.accumulate = true;
          on.table().matmul(on.state(), args);
          on.synchronise();
          CHECK(mine.c.same_bits(want));
        }
      }
    }
  }
}
