// Trials of the optimiser's entries.
#include "conformance/ops.hpp"

namespace conformance {

namespace {

operand step_numbers(generator& g, double maximum) {
  operand numbers{"numbers", role::in, element::f32, 1, optimizer_fields};
  numbers.values.assign(optimizer_fields, 0.0);
  const auto set = [&](optimizer_field field, double value) {
    numbers.values[static_cast<std::size_t>(field)] = value;
  };
  set(learning_rate, 0.01);
  set(beta1, 0.9);
  set(beta2, 0.95);
  set(epsilon, 1e-8);
  set(weight_decay, 0.1);
  set(correction1, 1.0 - std::pow(0.9, 3));
  set(correction2, 1.0 - std::pow(0.95, 3));
  set(clip_factor, 0.25 + 0.5 * static_cast<double>(g.below(100)) / 100.0);
  set(maximum_norm, maximum);
  numbers.poison = false;
  return numbers;
}

}  // namespace

trials clip_trials(generator& g) {
  trials list;
  for (const bool normalize : {false, true}) {
    for (const double maximum : {0.0, 1.0, 100.0}) {
      for (const double squares : {49.0, 0.0}) {
        trial t{"maximum " + std::to_string(maximum) + " squares " + std::to_string(squares) +
                (normalize ? ", normalize" : "")};
        t.operands = {step_numbers(g, maximum), g.input("squares", element::f64, 1, 1)};
        t.operands[0].use = role::in_out;
        t.operands[1].values[0] = squares;
        t.run = [normalize](const kernel_table& table, context* state, const binding& at) {
          table.clip(state, {at["numbers"], at["squares"], normalize});
        };
        t.plant_nan = maximum > 0.0 || normalize;
        list.push_back(std::move(t));
      }
    }
  }
  return list;
}

trials adamw_trials(generator& g) {
  trials list;
  for (const bool master : {false, true}) {
    for (const isize count : {1, 3, 17, 65, 1003, 70001}) {
      const element stored = master ? element::bf16 : element::f32;
      trial t{shape_text(count) + " " + element_name(stored) + (master ? ", master" : "")};
      t.operands = {g.changed("weights", stored, 1, count),
                    g.changed("gradient", element::f32, 1, count),
                    g.changed("moment1", element::f32, 1, count, 0.1),
                    g.changed("moment2", element::f32, 1, count), step_numbers(g, 0.0)};
      for (double& v : t.operands[3].values) v = v * v * 0.1;
      if (master) t.operands.push_back(g.changed("master", element::f32, 1, count));
      operand segments{"segments", role::in, element::u32, 1, 3};
      segments.values = {0.0, 0.0, 1.0};
      if (count > 3) {  // edges that no vector width divides
        segments.rows = 3;
        const double first = 5.0, second = static_cast<double>(count / 2 + 1);
        segments.values = {0.0, 0.0, 1.0, first, 0.0, 0.0, second, 0.0, 1.0};
      }
      t.operands.push_back(segments);
      t.run = [](const kernel_table& table, context* state, const binding& at) {
        table.adamw(state, {at["weights"], at["master"], at["gradient"], at["moment1"],
                            at["moment2"], at["segments"], at["numbers"]});
      };
      t.plant_nan = count == 17;
      list.push_back(std::move(t));
    }
  }
  return list;
}

}  // namespace conformance
