// The Eigen table's own promises: the view for users, bits that do not depend on threads, and
// errors. That its entries compute the right thing is the business of tests/conformance.
#include "ctgpt/backend/eigen.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "ctgpt/base/random.hpp"

using namespace ctgpt;

namespace {

memory noise(const backend& where, isize count, std::uint64_t seed) {
  std::vector<float> values(static_cast<std::size_t>(count));
  random_stream random(seed);
  for (float& value : values) value = static_cast<float>(random.normal());
  memory block(where, element::f32, count);
  block.upload(values.data());
  return block;
}

std::vector<float> values_of(const memory& block) {
  std::vector<float> values(static_cast<std::size_t>(block.count()));
  block.download(values.data());
  return values;
}

}  // namespace

TEST_CASE("eigen: as_eigen sees a tensor's rows and stride, and writes through") {
  const memory block = noise(eigen{1}, 5 * 9, 1);
  tensor inner = block.matrix(2, 4, 6);
  inner.stride = 9;  // columns 2 to 7 of the first four rows
  const eigen_map view = as_eigen(inner);
  const std::vector<float> before = values_of(block);
  CHECK(view.rows() == 4);
  CHECK(view.cols() == 6);
  CHECK(view(0, 0) == before[2]);
  CHECK(view(3, 5) == before[3 * 9 + 7]);
  as_eigen(inner).row(1).setConstant(8.0f);
  const std::vector<float> after = values_of(block);
  CHECK(after[9 + 1] == before[9 + 1]);
  CHECK(after[9 + 2] == 8.0f);
  CHECK(after[9 + 7] == 8.0f);
  CHECK(after[9 + 8] == before[9 + 8]);
}

TEST_CASE("eigen: as_eigen refuses what is not f32 in rows") {
  const memory block(eigen{1}, element::bf16, 4);
  CHECK_THROWS_WITH_AS(as_eigen(block.row(0, 4)),
                       "as_eigen() needs an f32 tensor in rows, and was given bf16", error);
  const memory plain(eigen{1}, element::f32, 4);
  tensor panels = plain.row(0, 4);
  panels.packing = layout::panels;
  CHECK_THROWS_WITH_AS(as_eigen(panels),
                       "as_eigen() needs an f32 tensor in rows, and was given f32 in panels",
                       error);
}

TEST_CASE("eigen: an element type that it does not compute on is refused, by any worker") {
  for (const int threads : {1, 2}) {
    const backend where = eigen{threads};
    const memory wide(where, element::f64, 4), out(where, element::f32, 4);
    const tensor y = out.matrix(0, 2, 2), x = wide.matrix(0, 2, 2);
    CHECK_THROWS_WITH_AS(where.table().add(where.state(), {y, x, x}),
                         "the Eigen backend does not compute on f64", error);
    where.table().add(where.state(), {y, y, y});  // and goes on working
    CHECK(values_of(out) == std::vector<float>(4, 0.0f));
  }
}

TEST_CASE("eigen: products and attention have the same bits on 1, 2, 3 and 5 threads") {
  const auto run = [](int threads, isize m, isize n, isize k) {
    const backend where = eigen{threads};
    const kernel_table& table = where.table();
    const memory a = noise(where, m * k, 1), b = noise(where, n * k, 2), c = noise(where, m * n, 3);
    table.matmul(where.state(), {product::nt,
                                 c.matrix(0, m, n),
                                 a.matrix(0, m, k),
                                 b.matrix(0, n, k),
                                 {},
                                 {},
                                 activation::gelu_tanh,
                                 true});
    const isize time = 40, heads = 7, width = heads * 16, rows = 2 * time;
    const memory q = noise(where, rows * width, 4), out(where, element::f32, rows * width);
    const memory lse(where, element::f32, rows * heads), dq(where, element::f32, rows * width);
    const memory dk(where, element::f32, rows * width), dv(where, element::f32, rows * width);
    const tensor x = q.matrix(0, rows, width);
    attention_args args{out.matrix(0, rows, width), x, x, x, lse.matrix(0, rows, heads), {}, {}};
    args.batch = 2, args.time = time, args.heads = args.kv_heads = heads;
    table.attention(where.state(), args);
    table.attention_backward(where.state(), {dq.matrix(0, rows, width), dk.matrix(0, rows, width),
                                             dv.matrix(0, rows, width), args.out, args});
    std::vector<float> all;
    for (const memory* each : {&c, &out, &lse, &dq, &dk, &dv}) {
      const std::vector<float> values = values_of(*each);
      all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  };
  for (const isize m : {1, 70, 333}) {  // both sides of c may be the longer one
    const std::vector<float> alone = run(1, m, 201, 77);
    for (const int threads : {2, 3, 5}) CHECK(run(threads, m, 201, 77) == alone);
  }
}
