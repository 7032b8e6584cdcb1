// Trials of the entries that treat every element alone, and of the two sums.
#include "conformance/ops.hpp"

namespace conformance {

namespace {

std::string label(isize rows, isize cols, element type, const std::string& more = "") {
  return shape_text(rows, cols) + " " + element_name(type) + (more.empty() ? "" : ", " + more);
}

constexpr activation activations[] = {activation::none, activation::gelu, activation::gelu_tanh,
                                      activation::relu_squared, activation::swiglu};

}  // namespace

trials fill_trials(generator& g) {
  trials list;
  for (const element type : {element::f32, element::bf16, element::f64, element::i32, element::u32,
                             element::u8, element::q8_0, element::q4_0}) {
    for (const double value : {0.0, 3.0}) {
      if (is_block(type) && value != 0.0) continue;  // only zero has blocks of its own
      const isize rows = g.size(), cols = is_block(type) ? 64 : g.size();
      trial t{label(rows, cols, type, std::to_string(value))};
      t.operands = {generator::output("dst", type, rows, cols)};
      t.run = [value](const kernel_table& table, context* state, const binding& at) {
        table.fill(state, {at["dst"], value});
      };
      t.tolerance = 0.0;
      list.push_back(std::move(t));
    }
  }
  return list;
}

trials convert_trials(generator& g) {
  trials list;
  for (const element from : storages) {
    for (const element to : storages) {
      for (int i = 0; i < 4; ++i) {
        const isize rows = g.size(), cols = g.size();
        trial t{label(rows, cols, from, std::string("to ") + element_name(to))};
        t.operands = {generator::output("dst", to, rows, cols), g.input("src", from, rows, cols)};
        t.run = [](const kernel_table& table, context* state, const binding& at) {
          table.convert(state, {at["dst"], at["src"]});
        };
        t.tolerance = 0.0;
        t.plant_nan = i == 0;
        list.push_back(std::move(t));
      }
    }
  }
  return list;
}

trials add_trials(generator& g) {
  trials list;
  for (const element type : storages) {
    for (int i = 0; i < 6; ++i) {
      const isize rows = g.size(), cols = g.size();
      trial t{label(rows, cols, type)};
      t.operands = {generator::output("y", type, rows, cols), g.input("a", type, rows, cols),
                    g.input("b", type, rows, cols)};
      t.run = [](const kernel_table& table, context* state, const binding& at) {
        table.add(state, {at["y"], at["a"], at["b"]});
      };
      t.aliases = {{"y", "a"}, {"y", "b"}};
      t.plant_nan = i == 0;
      list.push_back(std::move(t));
    }
  }
  return list;
}

trials combine_trials(generator& g) {
  trials list;
  for (const element type : storages) {
    for (const bool two : {false, true}) {
      for (int i = 0; i < 4; ++i) {
        const isize rows = g.size(), cols = g.size();
        trial t{label(rows, cols, type, two ? "a and b" : "a")};
        t.operands = {generator::output("y", type, rows, cols), g.input("a", type, rows, cols),
                      g.input("factors", element::f32, 1, 2)};
        t.aliases = {{"y", "a"}};
        if (two) {
          t.operands.push_back(g.input("b", type, rows, cols));
          t.aliases.emplace_back("y", "b");
        }
        t.operands[2].poison = false;  // without b the second factor is not looked at
        t.run = [](const kernel_table& table, context* state, const binding& at) {
          table.combine(state, {at["y"], at["a"], at["b"], at["factors"]});
        };
        t.plant_nan = i == 0;
        list.push_back(std::move(t));
      }
    }
  }
  return list;
}

trials dropout_trials(generator& g) {
  trials list;
  for (const element type : storages) {
    for (const float rate : {0.0f, 0.1f, 0.5f}) {
      for (const bool residual : {false, true}) {
        const isize rows = g.size(), cols = g.size();
        trial t{label(rows, cols, type, "rate " + std::to_string(rate))};
        t.operands = {generator::output("y", type, rows, cols), g.input("x", type, rows, cols),
                      g.random_state()};
        t.aliases = {{"y", "x"}};
        if (residual) {
          t.operands.push_back(g.input("residual", type, rows, cols));
          t.aliases.emplace_back("y", "residual");
        }
        const auto site = static_cast<std::uint32_t>(g.below(1000));
        t.run = [=](const kernel_table& table, context* state, const binding& at) {
          table.dropout(state, {at["y"], at["x"], at["residual"], at["random"], site, rate});
        };
        list.push_back(std::move(t));
      }
    }
  }
  return list;
}

trials activate_trials(generator& g) {
  trials list;
  for (const element type : storages) {
    for (const activation act : activations) {
      for (int i = 0; i < 3; ++i) {
        const isize rows = g.size(), cols = g.size();
        const isize inputs = act == activation::swiglu ? 2 * cols : cols;
        trial t{label(rows, cols, type, activation_name(act))};
        // The last of the three reaches far into the tails.
        t.operands = {generator::output("y", type, rows, cols),
                      g.input("x", type, rows, inputs, i == 2 ? 30.0 : 2.0)};
        t.run = [act](const kernel_table& table, context* state, const binding& at) {
          table.activate(state, {at["y"], at["x"], act});
        };
        t.plant_nan = i == 0;
        list.push_back(std::move(t));
      }
    }
  }
  return list;
}

trials activate_backward_trials(generator& g) {
  trials list;
  for (const element type : storages) {
    for (const activation act : activations) {
      for (int i = 0; i < 3; ++i) {
        const isize rows = g.size(), cols = g.size();
        const isize inputs = act == activation::swiglu ? 2 * cols : cols;
        trial t{label(rows, cols, type, activation_name(act))};
        t.operands = {generator::output("dx", type, rows, inputs), g.input("dy", type, rows, cols),
                      g.input("x", type, rows, inputs, i == 2 ? 30.0 : 2.0)};
        t.run = [act](const kernel_table& table, context* state, const binding& at) {
          table.activate_backward(state, {at["dx"], at["dy"], at["x"], act});
        };
        if (act != activation::swiglu) t.aliases = {{"dx", "dy"}};
        t.plant_nan = i == 0;
        list.push_back(std::move(t));
      }
    }
  }
  return list;
}

trials softcap_trials(generator& g) {
  trials list;
  for (const element type : storages) {
    for (const float cap : {1.0f, 30.0f}) {
      const isize rows = g.size(), cols = g.size();
      trial t{label(rows, cols, type, "cap " + std::to_string(cap))};
      t.operands = {g.changed("x", type, rows, cols, 20.0)};
      t.run = [cap](const kernel_table& table, context* state, const binding& at) {
        table.softcap(state, {at["x"], cap});
      };
      t.plant_nan = true;
      list.push_back(std::move(t));
    }
  }
  return list;
}

trials sum_trials(generator& g) {
  trials list;
  for (const bool accumulate : {false, true}) {
    for (int i = 0; i < 5; ++i) {
      const isize rows = g.size(), cols = i == 4 ? 70001 : g.size();
      trial t{label(rows, cols, element::f32, accumulate ? "accumulated" : "")};
      t.operands = {accumulate ? g.changed("out", element::f64, 1, 1)
                               : generator::output("out", element::f64, 1, 1),
                    g.input("x", element::f32, rows, cols)};
      for (double& v : t.operands[1].values) v += 1.0;  // no sum that cancels to nothing
      t.run = [accumulate](const kernel_table& table, context* state, const binding& at) {
        table.sum(state, {at["out"], at["x"], 0.25, accumulate});
      };
      t.plant_nan = i == 0;
      list.push_back(std::move(t));
    }
  }
  return list;
}

trials square_sum_trials(generator& g) {
  trials list;
  for (int i = 0; i < 5; ++i) {
    const isize rows = g.size(), cols = i == 4 ? 70001 : g.size();
    trial t{label(rows, cols, element::f32)};
    t.operands = {generator::output("out", element::f64, 1, 1),
                  g.input("x", element::f32, rows, cols)};
    t.run = [](const kernel_table& table, context* state, const binding& at) {
      table.square_sum(state, {at["out"], at["x"]});
    };
    t.plant_nan = i == 0;
    list.push_back(std::move(t));
  }
  return list;
}

}  // namespace conformance
