// Trials of the products: three forms, every kind of right-hand side, every epilogue.
#include "conformance/ops.hpp"

namespace conformance {

namespace {

struct shape {
  isize m, n, k;
};

struct options {
  bool bias = false, before = false, accumulate = false, packed = false;
  activation act = activation::none;
};

trial product_trial(generator& g, product kind, shape s, element left, element right, element out,
                    options with) {
  static constexpr const char* kinds[] = {"nn", "nt", "tn"};
  trial t{std::string(kinds[static_cast<int>(kind)]) + " " + shape_text(s.m, s.n, s.k) + " " +
          element_name(left) + " times " + (with.packed ? "panels of " : "") + element_name(right) +
          " to " + element_name(out) + (with.bias ? ", bias" : "") +
          (with.before ? ", before" : "") + (with.accumulate ? ", accumulated" : "") +
          ", activation " + activation_name(with.act)};
  t.operands = {
      with.accumulate ? g.changed("c", out, s.m, s.n) : generator::output("c", out, s.m, s.n),
      kind == product::tn ? g.input("a", left, s.k, s.m) : g.input("a", left, s.m, s.k),
      kind == product::nt ? g.input("b", right, s.n, s.k, 0.3)
                          : g.input("b", right, s.k, s.n, 0.3)};
  t.operands[2].packed = with.packed;
  t.operands[2].poison = !is_block(right);
  if (with.bias)
    t.operands.push_back(g.input("bias", right == element::bf16 ? right : element::f32, 1, s.n));
  if (with.before) t.operands.push_back(generator::output("before", out, s.m, s.n));
  t.run = [=](const kernel_table& table, context* state, const binding& at) {
    table.matmul(state, {kind, at["c"], at["a"], at["b"], at["bias"], at["before"], with.act,
                         with.accumulate});
  };
  return t;
}

constexpr product kinds[] = {product::nn, product::nt, product::tn};

}  // namespace

trials matmul_trials(generator& g) {
  trials list;
  for (const product kind : kinds) {
    for (const isize m : {1, 3, 17, 33, 65}) {  // every tail of a register tile
      for (const isize n : {1, 15, 33, 100}) {
        const shape s{m, n, g.one_of({1, 3, 17, 64, 130})};
        list.push_back(product_trial(g, kind, s, element::f32, element::f32, element::f32,
                                     {false, false, g.coin()}));
      }
    }
    // Past the blocks of a packing product in every direction.
    list.push_back(product_trial(g, kind, {270, 130, 520}, element::f32, element::f32, element::f32,
                                 {false, false, true}));
    list.push_back(
        product_trial(g, kind, {67, 600, 70}, element::f32, element::f32, element::f32, {}));
    // Storage in bf16, gradients of weights in f32.
    for (int i = 0; i < 6; ++i) {
      const shape s{g.size(), g.size(), g.size()};
      const element out = kind == product::tn ? element::f32 : element::bf16;
      list.push_back(product_trial(g, kind, s, element::bf16, element::bf16, out,
                                   {false, false, kind == product::tn}));
    }
    list.push_back(product_trial(g, kind, {5, 7, 9}, element::f32, element::f32, element::f32, {}));
    list.back().plant_nan = true;
  }
  for (const element type : storages) {  // epilogues
    for (const activation act :
         {activation::none, activation::gelu, activation::gelu_tanh, activation::relu_squared}) {
      for (const bool before : {false, true}) {
        const shape s{g.size(), g.size(), g.size()};
        list.push_back(product_trial(g, product::nt, s, type, type, type,
                                     {g.coin(), before, g.coin(), g.coin(), act}));
      }
    }
    list.push_back(product_trial(g, product::nt, {9, 21, 33}, type, type, type,
                                 {true, true, true, false, activation::gelu}));
    list.back().plant_nan = true;
  }
  for (const element right : {element::q8_0, element::q4_0}) {  // quantised weights
    for (const element type : storages) {
      for (const isize m : {1, 3, 17, 65}) {
        const shape s{m, g.size(), g.one_of({32, 96, 320})};
        list.push_back(
            product_trial(g, product::nt, s, type, right, type, {g.coin(), false, g.coin()}));
      }
    }
  }
  return list;
}

trials pack_trials(generator& g) {
  trials list;
  for (const element type : storages) {
    for (const isize m : {1, 3, 17, 65}) {
      for (int i = 0; i < 3; ++i) {
        const shape s{m, g.size(), g.size()};
        list.push_back(
            product_trial(g, product::nt, s, type, type, type, {g.coin(), false, g.coin(), true}));
      }
    }
  }
  return list;
}

trials sum_rows_trials(generator& g) {
  trials list;
  for (const element type : storages) {
    for (int i = 0; i < 6; ++i) {
      const isize rows = g.size(), cols = g.size();
      trial t{shape_text(rows, cols) + " " + element_name(type)};
      t.operands = {g.changed("out", element::f32, 1, cols), g.input("x", type, rows, cols)};
      t.run = [](const kernel_table& table, context* state, const binding& at) {
        table.sum_rows(state, {at["out"], at["x"]});
      };
      t.plant_nan = i == 0;
      list.push_back(std::move(t));
    }
  }
  return list;
}

}  // namespace conformance
