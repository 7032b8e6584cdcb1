// Trials of attention: forward, backward, the cache and its reader.
#include <algorithm>
#include <iterator>

#include "conformance/ops.hpp"

namespace conformance {

namespace {

struct heads_shape {
  isize batch, time, heads, shared, size, window;
  bool slopes;
  float dropout;
  bool documents = false;  // of several lengths, one behind the other in each sequence
};

std::string text_of(const heads_shape& s, element type) {
  return "B" + std::to_string(s.batch) + " T" + std::to_string(s.time) + " heads " +
         std::to_string(s.heads) + "/" + std::to_string(s.shared) + " of " +
         std::to_string(s.size) + " " + element_name(type) + ", window " +
         std::to_string(s.window) + (s.slopes ? ", slopes" : "") +
         (s.dropout > 0.0f ? ", dropout" : "") + (s.documents ? ", documents" : "");
}

std::vector<heads_shape> shapes() {
  return {
      {1, 1, 1, 1, 8, 0, false, 0.0f},         {2, 3, 2, 1, 16, 0, true, 0.0f},
      {1, 17, 4, 2, 32, 5, false, 0.0f},       {2, 33, 3, 3, 64, 0, false, 0.2f},
      {1, 65, 2, 2, 32, 0, false, 0.0f},       {1, 130, 2, 1, 64, 0, true, 0.1f},
      {1, 130, 2, 2, 16, 40, true, 0.1f},      {1, 200, 1, 1, 64, 64, false, 0.0f},
      {1, 70, 2, 1, 24, 0, false, 0.0f},       {1, 67, 1, 1, 80, 1, false, 0.0f},
      {2, 64, 6, 2, 128, 0, false, 0.0f},      {2, 33, 2, 1, 16, 0, false, 0.0f, true},
      {2, 210, 4, 2, 32, 0, true, 0.1f, true}, {1, 300, 1, 1, 64, 70, false, 0.0f, true},
  };
}

// Documents of one token, of a few, and of more than two tiles; none begins where the other
// sequences' do.
operand document_positions(const heads_shape& s) {
  constexpr isize lengths[] = {1, 1, 1, 20, 3, 130, 64, 5, 40};
  operand places{"positions", role::in, element::i32, 1, s.batch * s.time};
  for (isize b = 0; b < s.batch; ++b) {
    isize document = b, place = 0;
    for (isize i = 0; i < s.time; ++i) {
      places.values.push_back(static_cast<double>(place));
      if (++place < lengths[document % std::ssize(lengths)]) continue;
      place = 0;
      ++document;
    }
  }
  return places;
}

std::vector<operand> attention_operands(generator& g, const heads_shape& s, element type) {
  const isize rows = s.batch * s.time;
  std::vector<operand> list = {generator::output("out", type, rows, s.heads * s.size),
                               g.input("q", type, rows, s.heads * s.size),
                               g.input("k", type, rows, s.shared * s.size),
                               g.input("v", type, rows, s.shared * s.size),
                               generator::output("lse", element::f32, rows, s.heads)};
  if (s.slopes) {
    list.push_back(g.input("slopes", element::f32, 1, s.heads));
    for (double& v : list.back().values) v = std::fabs(v) * 0.1;
  }
  if (s.dropout > 0.0f) list.push_back(g.random_state());
  if (s.documents) list.push_back(document_positions(s));
  return list;
}

attention_args arguments(const heads_shape& s, const binding& at) {
  attention_args args{at["out"], at["q"], at["k"], at["v"], at["lse"], at["slopes"], at["random"]};
  args.batch = s.batch;
  args.time = s.time;
  args.heads = s.heads;
  args.kv_heads = s.shared;
  args.window = s.window;
  args.scale = 1.0f / std::sqrt(static_cast<float>(s.size));
  args.dropout = s.dropout;
  args.site = 7;
  args.positions = at["positions"];
  return args;
}

// A cache of `sequences` whose pages lie in a mixed order.
struct cache_shape {
  isize sequences, length, heads, shared, size, page;
  isize pages_each() const { return (length + page - 1) / page; }
  isize pages() const { return sequences * pages_each() + 1; }  // one page is nobody's
};

operand page_table(const cache_shape& s) {
  operand table{"pages", role::in, element::i32, s.sequences, s.pages_each()};
  for (isize i = 0; i < s.sequences * s.pages_each(); ++i) {
    table.values.push_back(static_cast<double>((i * 5 + 2) % s.pages()));
  }
  // (i * 5 + 2) visits every page once when 5 does not divide their number.
  expects(s.pages() % 5 != 0, "choose another number of pages for this trial");
  return table;
}

cache_view view_of(const cache_shape& s, const binding& at) {
  return {at["keys"], at["values"], at["pages"], s.page, s.shared, s.size};
}

}  // namespace

trials attention_trials(generator& g) {
  trials list;
  for (const element type : storages) {
    for (const heads_shape& s : shapes()) {
      trial t{text_of(s, type)};
      t.operands = attention_operands(g, s, type);
      t.run = [s](const kernel_table& table, context* state, const binding& at) {
        table.attention(state, arguments(s, at));
      };
      t.plant_nan = s.time == 17;
      t.loose_nan = true;  // a tile may carry it to rows that do not see it
      list.push_back(std::move(t));
    }
  }
  return list;
}

trials attention_backward_trials(generator& g) {
  trials list;
  for (const element type : storages) {
    for (const heads_shape& s : shapes()) {
      const isize rows = s.batch * s.time;
      trial t{text_of(s, type)};
      t.operands = attention_operands(g, s, type);
      for (operand& each : t.operands) {
        if (each.name == "out" || each.name == "lse") each.use = role::in;  // filled by prepare
      }
      t.operands.push_back(g.input("dout", type, rows, s.heads * s.size));
      t.operands.push_back(generator::output("dq", type, rows, s.heads * s.size));
      t.operands.push_back(generator::output("dk", type, rows, s.shared * s.size));
      t.operands.push_back(generator::output("dv", type, rows, s.shared * s.size));
      t.prepare = [s](const kernel_table& table, context* state, const binding& at) {
        table.attention(state, arguments(s, at));
      };
      t.run = [s](const kernel_table& table, context* state, const binding& at) {
        table.attention_backward(state,
                                 {at["dq"], at["dk"], at["dv"], at["dout"], arguments(s, at)});
      };
      t.tolerance = 5e-6;
      t.terms = 1.0;  // with one key in sight dq and dk are 0, the difference of equal terms
      t.plant_nan = s.time == 17;
      t.loose_nan = true;
      list.push_back(std::move(t));
    }
  }
  return list;
}

trials cache_write_trials(generator& g) {
  trials list;
  for (const element type : storages) {
    for (const cache_shape s : {cache_shape{1, 60, 1, 1, 8, 64}, cache_shape{3, 250, 4, 2, 16, 128},
                                cache_shape{2, 130, 2, 2, 40, 64}}) {
      const isize rows = 5;
      trial t{shape_text(rows, s.shared, s.size) + " into pages of " + std::to_string(s.page) +
              " " + element_name(type)};
      t.operands = {g.changed("keys", type, s.pages(), s.page * s.shared * s.size),
                    g.changed("values", type, s.pages(), s.page * s.shared * s.size),
                    page_table(s),
                    g.input("k", type, rows, s.shared * s.size),
                    g.input("v", type, rows, s.shared * s.size),
                    g.tokens("sequences", rows, 0, s.sequences),
                    g.tokens("positions", rows, 0, 1)};
      for (isize r = 0; r < rows; ++r) {  // no two rows write the same place
        t.operands[6].values[static_cast<std::size_t>(r)] =
            static_cast<double>(s.length - 1 - r * (s.length / rows));
      }
      t.run = [s](const kernel_table& table, context* state, const binding& at) {
        table.cache_write(state,
                          {view_of(s, at), at["k"], at["v"], at["sequences"], at["positions"]});
      };
      t.tolerance = 0.0;
      list.push_back(std::move(t));
    }
  }
  return list;
}

trials cached_attention_trials(generator& g) {
  trials list;
  for (const element type : storages) {
    for (const cache_shape s :
         {cache_shape{1, 60, 1, 1, 8, 64}, cache_shape{3, 250, 4, 2, 16, 128},
          cache_shape{2, 130, 2, 2, 40, 64}, cache_shape{2, 200, 3, 1, 64, 64}}) {
      for (const isize window : {0, 33}) {
        const isize rows = 6;
        trial t{shape_text(rows, s.heads, s.shared, s.size) + " of " + std::to_string(s.length) +
                " in pages of " + std::to_string(s.page) + " " + element_name(type) + ", window " +
                std::to_string(window)};
        t.operands = {generator::output("out", type, rows, s.heads * s.size),
                      g.input("q", type, rows, s.heads * s.size),
                      g.input("keys", type, s.pages(), s.page * s.shared * s.size),
                      g.input("values", type, s.pages(), s.page * s.shared * s.size),
                      page_table(s),
                      g.tokens("sequences", rows, 0, s.sequences),
                      g.tokens("positions", rows, 0, s.length)};
        t.operands[6].values[0] = 0.0;
        t.operands[6].values[1] = static_cast<double>(s.length - 1);
        if (window > 0) t.operands.push_back(g.input("slopes", element::f32, 1, s.heads, 0.05));
        t.run = [=](const kernel_table& table, context* state, const binding& at) {
          table.cached_attention(
              state, {view_of(s, at), at["out"], at["q"], at["sequences"], at["positions"],
                      at["slopes"], s.heads, window, 1.0f / std::sqrt(static_cast<float>(s.size))});
        };
        list.push_back(std::move(t));
      }
    }
  }
  return list;
}

}  // namespace conformance
