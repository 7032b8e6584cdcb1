// Trials of the entries that work along a row.
#include "conformance/ops.hpp"

namespace conformance {

trials embed_trials(generator& g) {
  trials list;
  for (const element type : storages) {
    for (const bool packed : {false, true}) {
      for (const bool places : {false, true}) {
        for (const bool positions : {false, true}) {
          const isize rows = g.size(), cols = g.size(), vocab = g.size(), length = 20;
          trial t{shape_text(rows, cols, vocab) + " " + element_name(type) +
                  (packed ? ", panels" : "") + (places ? ", places" : "") +
                  (positions ? ", positions" : "")};
          t.operands = {generator::output("y", type, rows, cols),
                        g.input("table", type, vocab, cols), g.tokens("tokens", rows, 0, vocab)};
          t.operands[1].packed = packed;
          if (rows > 3) {  // tokens outside the table give rows of NaN
            t.operands[2].values[1] = -1.0;
            t.operands[2].values[3] = static_cast<double>(vocab);
          }
          if (places) t.operands.push_back(g.input("places", type, length, cols));
          if (positions) t.operands.push_back(g.tokens("positions", rows, 0, length));
          t.run = [](const kernel_table& table, context* state, const binding& at) {
            table.embed(state,
                        {at["y"], at["table"], at["places"], at["tokens"], at["positions"], 13});
          };
          t.plant_nan = true;
          list.push_back(std::move(t));
        }
      }
    }
  }
  return list;
}

trials embed_backward_trials(generator& g) {
  trials list;
  for (const element type : storages) {
    for (int i = 0; i < 6; ++i) {
      const isize rows = g.size(), cols = g.size(), vocab = g.one_of({3, 7, 65});
      trial t{shape_text(rows, cols, vocab) + " " + element_name(type)};
      t.operands = {g.input("dy", type, rows, cols), g.changed("dtable", element::f32, vocab, cols),
                    g.tokens("tokens", rows, 0, vocab)};
      if (i % 2 == 0) t.operands.push_back(g.changed("dplaces", element::f32, 20, cols));
      if (i % 4 == 0) t.operands.push_back(g.tokens("positions", rows, 0, 20));
      t.run = [](const kernel_table& table, context* state, const binding& at) {
        table.embed_backward(
            state, {at["dy"], at["dtable"], at["dplaces"], at["tokens"], 13, at["positions"]});
      };
      t.plant_nan = i == 0;
      list.push_back(std::move(t));
    }
  }
  return list;
}

trials norm_trials(generator& g) {
  trials list;
  for (const element type : storages) {
    for (const normalization kind : {normalization::layer, normalization::rms}) {
      for (int i = 0; i < 6; ++i) {
        const isize rows = g.size(), groups = g.one_of({1, 1, 2, 3});
        const isize width = g.one_of({3, 16, 17, 33, 65, 130, 768}), cols = width * groups;
        const bool layer = kind == normalization::layer, kept = g.coin();
        trial t{shape_text(rows, cols) + " in " + std::to_string(groups) + " " +
                element_name(type) + (layer ? ", layer" : ", rms") + (kept ? ", kept" : "")};
        t.operands = {generator::output("y", type, rows, cols), g.input("x", type, rows, cols)};
        for (double& v : t.operands[1].values) v += 0.5;  // a mean that matters
        if (g.coin()) t.operands.push_back(g.input("gain", type, 1, width));
        if (layer && g.coin()) t.operands.push_back(g.input("bias", type, 1, width));
        if (kept) {
          if (layer) t.operands.push_back(generator::output("mean", element::f32, rows, groups));
          t.operands.push_back(generator::output("rstd", element::f32, rows, groups));
        }
        t.run = [=](const kernel_table& table, context* state, const binding& at) {
          table.norm(state, {at["y"], at["x"], at["gain"], at["bias"], at["mean"], at["rstd"], kind,
                             1e-5f, groups});
        };
        t.plant_nan = i == 0;
        list.push_back(std::move(t));
      }
    }
  }
  return list;
}

trials norm_backward_trials(generator& g) {
  trials list;
  for (const element type : storages) {
    for (const normalization kind : {normalization::layer, normalization::rms}) {
      for (int i = 0; i < 6; ++i) {
        const isize rows = g.size(), groups = g.one_of({1, 1, 2, 3});
        const isize width = g.one_of({3, 16, 17, 33, 65, 130, 768}), cols = width * groups;
        const bool layer = kind == normalization::layer;
        trial t{shape_text(rows, cols) + " in " + std::to_string(groups) + " " +
                element_name(type) + (layer ? ", layer" : ", rms")};
        t.operands = {generator::output("dx", type, rows, cols), g.input("dy", type, rows, cols),
                      g.input("x", type, rows, cols),
                      operand{"rstd", role::in, element::f32, rows, groups}};
        if (layer) t.operands.push_back({"mean", role::in, element::f32, rows, groups});
        if (g.coin()) t.operands.push_back(g.input("gain", type, 1, width));
        if (g.coin()) t.operands.push_back(g.changed("dgain", element::f32, 1, width));
        if (layer && g.coin()) t.operands.push_back(g.changed("dbias", element::f32, 1, width));
        t.prepare = [=](const kernel_table& table, context* state, const binding& at) {
          table.norm(state,
                     {at["dx"], at["x"], {}, {}, at["mean"], at["rstd"], kind, 1e-5f, groups});
        };
        t.run = [=](const kernel_table& table, context* state, const binding& at) {
          table.norm_backward(state, {at["dx"], at["dy"], at["x"], at["gain"], at["mean"],
                                      at["rstd"], at["dgain"], at["dbias"], kind, groups});
        };
        t.aliases = {{"dx", "dy"}};
        t.plant_nan = i == 0;
        list.push_back(std::move(t));
      }
    }
  }
  return list;
}

trials rope_trials(generator& g) {
  trials list;
  for (const element type : storages) {
    for (const isize size : {2, 16, 34, 64}) {
      for (const bool positions : {false, true}) {
        const isize rows = g.size(), heads = g.one_of({1, 2, 5});
        trial t{shape_text(rows, heads, size) + " " + element_name(type) +
                (positions ? ", positions" : "")};
        t.operands = {g.changed("x", type, rows, heads * size),
                      g.input("angles", element::f32, 20, size)};
        for (isize p = 0; p < 20; ++p) {
          for (isize i = 0; i < size / 2; ++i) {
            const double angle =
                static_cast<double>(p) *
                std::pow(1e-4, 2.0 * static_cast<double>(i) / static_cast<double>(size));
            t.operands[1].values[static_cast<std::size_t>(p * size + i)] = std::cos(angle);
            t.operands[1].values[static_cast<std::size_t>(p * size + size / 2 + i)] =
                std::sin(angle);
          }
        }
        if (positions) t.operands.push_back(g.tokens("positions", rows, 0, 20));
        const bool inverse = g.coin();
        t.run = [=](const kernel_table& table, context* state, const binding& at) {
          table.rope(state, {at["x"], at["angles"], at["positions"], 13, heads, inverse});
        };
        t.plant_nan = size == 16;
        list.push_back(std::move(t));
      }
    }
  }
  return list;
}

trials cross_entropy_trials(generator& g) {
  trials list;
  for (const element type : storages) {
    for (const isize classes : {1, 3, 17, 65, 1003}) {
      for (const float cap : {0.0f, 5.0f}) {
        for (const bool gradient : {false, true}) {
          const isize rows = g.one_of({1, 3, 17, 33});
          trial t{shape_text(rows, classes) + " " + element_name(type) + ", cap " +
                  std::to_string(cap) + (gradient ? ", gradient" : "")};
          t.operands = {g.input("logits", type, rows, classes, 4.0),
                        g.tokens("targets", rows, 0, classes),
                        generator::output("losses", element::f32, 1, rows),
                        g.input("scale", element::f32, 1, 1)};
          if (gradient) t.operands[0].use = role::in_out;
          if (rows > 3) {
            t.operands[1].values[1] = -1.0;                          // not scored
            t.operands[1].values[2] = static_cast<double>(classes);  // no such column
          }
          t.run = [=](const kernel_table& table, context* state, const binding& at) {
            table.cross_entropy(
                state, {at["logits"], at["targets"], at["losses"], at["scale"], cap, gradient});
          };
          t.tolerance = 5e-6;
          if (classes == 1) t.terms = 1.0;  // nothing is left of 1 - 1
          t.plant_nan = classes == 17;
          list.push_back(std::move(t));
        }
      }
    }
  }
  return list;
}

}  // namespace conformance
