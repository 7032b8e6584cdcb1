// The Eigen kernels of attention: forward and backward in blocks of queries, the cache's reader.
//
// The mathematics is that of reference/attention.hpp. A block of 64 queries takes its scores in
// one product with the keys that any of them sees, masks and normalises them row by row, and
// takes its output in a second product; backward recomputes them from lse.
// Shapes: scratch holds one head's q, k, v, out in f32 and blocks of (64,T), never (T,T).
// Threads: heads are shared out (backward: key/value heads, each with its query heads).
// Errors: an element type that the backend does not compute on throws ctgpt::error.
// Reference: as reference/attention.hpp.
#pragma once

#include "ctgpt/backend/eigen/map.hpp"
#include "ctgpt/backend/reference/attention.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct eigen_attention {
  static void attention(context* state, const attention_args& args) {
    const isize size = args.q.cols / args.heads, time = args.time;
    const isize floats = 4 * time * size + block * time;
    eigen_ranges(state, args.batch * args.heads, 1, floats, [&](range mine, float* buffer) {
      for (isize i = mine.begin; i < mine.end; ++i) {
        const isize b = i / args.heads, h = i % args.heads;
        const isize shared = h * args.kv_heads / args.heads;
        const head_view q = load(args.q, args, b, h, size, buffer);
        const head_view k = load(args.k, args, b, shared, size, buffer + time * size);
        const head_view v = load(args.v, args, b, shared, size, buffer + 2 * time * size);
        const head_view out = place(args.out, args, b, h, size, buffer + 3 * time * size);
        float* scores = buffer + 4 * time * size;
        for (isize first = 0; first < time; first += block) {
          forward_block(args, b, h, first, q, k, v, out, scores);
        }
        save(args.out, args, b, h, out);
      }
    });
  }

  static void attention_backward(context* state, const attention_backward_args& args) {
    const attention_args& fwd = args.forward;
    const isize size = fwd.q.cols / fwd.heads, time = fwd.time, group = fwd.heads / fwd.kv_heads;
    const isize head = time * size, floats = 8 * head + 2 * block * time;
    eigen_ranges(state, fwd.batch * fwd.kv_heads, 1, floats, [&](range mine, float* buffer) {
      for (isize i = mine.begin; i < mine.end; ++i) {
        const isize b = i / fwd.kv_heads, shared = i % fwd.kv_heads;
        backward_head heads;
        heads.k = load(fwd.k, fwd, b, shared, size, buffer);
        heads.v = load(fwd.v, fwd, b, shared, size, buffer + head);
        heads.dk = place(args.dk, fwd, b, shared, size, buffer + 2 * head);
        heads.dv = place(args.dv, fwd, b, shared, size, buffer + 3 * head);
        heads.dk.map().setZero();
        heads.dv.map().setZero();
        for (isize h = shared * group; h < (shared + 1) * group; ++h) {
          heads.q = load(fwd.q, fwd, b, h, size, buffer + 4 * head);
          heads.out = load(fwd.out, fwd, b, h, size, buffer + 5 * head);
          heads.dout = load(args.dout, fwd, b, h, size, buffer + 6 * head);
          heads.dq = place(args.dq, fwd, b, h, size, buffer + 7 * head);
          for (isize first = 0; first < time; first += block) {
            backward_block(fwd, b, h, first, heads, buffer + 8 * head);
          }
          save(args.dq, fwd, b, h, heads.dq);
        }
        save(args.dk, fwd, b, shared, heads.dk);
        save(args.dv, fwd, b, shared, heads.dv);
      }
    });
  }

  static void cached_attention(context* state, const cached_attention_args& args) {
    const cache_view& cache = args.cache;
    const isize size = cache.head_size, tile = attention_tile;
    const isize most = cache.pages.cols * cache.page;  // scores of the longest sequence
    const isize floats = most + 2 * size + tile * size;
    eigen_ranges(state, args.q.rows * args.heads, 1, floats, [&](range mine, float* buffer) {
      for (isize i = mine.begin; i < mine.end; ++i) {
        cached_head(args, i / args.heads, i % args.heads, buffer);
      }
    });
  }

 private:
  static constexpr isize block = 64;  // queries that are taken together

  // One head of one sequence as a (T, D) matrix of f32.
  struct head_view {
    float* data = nullptr;
    isize rows = 0, size = 0, stride = 0;
    eigen_map map() const { return eigen_block(data, rows, size, stride); }
    eigen_map map(isize first, isize last) const {
      return eigen_block(data + first * stride, last - first, size, stride);
    }
  };
  struct backward_head {
    head_view q, k, v, out, dout, dq, dk, dv;
  };

  static head_view place(const tensor& t, const attention_args& args, isize b, isize h, isize size,
                         float* buffer) {
    if (t.type != element::f32) return {buffer, args.time, size, size};
    auto* data = static_cast<float*>(eigen_address(t, b * args.time, h * size));
    return {data, args.time, size, t.stride};
  }
  static head_view load(const tensor& t, const attention_args& args, isize b, isize h, isize size,
                        float* buffer) {
    const head_view head = place(t, args, b, h, size, buffer);
    if (t.type != element::f32) {
      for (isize i = 0; i < args.time; ++i) {
        eigen_widen(t, eigen_address(t, b * args.time + i, h * size), size, buffer + i * size);
      }
    }
    return head;
  }
  static void save(const tensor& t, const attention_args& args, isize b, isize h,
                   const head_view& head) {
    for (isize i = 0; t.type != element::f32 && i < args.time; ++i) {
      written_row(t, b * args.time + i, h * head.size, head.size, head.data + i * head.size)
          .store();
    }
  }

  static isize first_key(isize i, isize window) {
    return window > 0 ? std::max<isize>(0, i - window + 1) : 0;
  }
  static isize first_key(const attention_args& args, isize b, isize i) {
    const isize first = first_key(i, args.window);
    if (!args.positions) return first;
    return std::max(first, i - integer_at(args.positions, b * args.time + i));
  }
  static float slope_of(const tensor& slopes, isize h) {
    return slopes ? static_cast<const float*>(slopes.data)[h] : 0.0f;
  }
  static void dropout_row(const attention_args& args, isize b, isize h, isize i, isize first,
                          isize count, eigen_row values) {
    const dropout_mask<float> mask(args.random, args.site, args.dropout);
    const isize element = ((b * args.heads + h) * args.time + i) * round_up_16(args.time);
    for (isize j = 0; j < count; ++j) values[j] *= mask(element + first + j);
  }

  // Turns the scores of one query into probabilities; returns their log-sum-exp.
  static float softmax(eigen_row scores) {
    const float largest = scores.maxCoeff();  // passes over a NaN, which exp keeps
    const float total = largest + std::log((scores - largest).exp().sum());
    scores = (scores - total).exp();
    return total;
  }
  static void add_slope(eigen_row scores, isize first, isize i, float slope) {
    if (slope == 0.0f) return;
    for (isize j = 0; j < scores.size(); ++j) {
      scores[j] += slope * static_cast<float>(first + j - i);
    }
  }

  static void forward_block(const attention_args& args, isize b, isize h, isize first,
                            const head_view& q, const head_view& k, const head_view& v,
                            const head_view& out, float* buffer) {
    const isize last = std::min(first + block, args.time);
    const isize low = first_key(args, b, first), width = last - low;
    eigen_map scores = eigen_block(buffer, last - first, width, width);
    eigen_product(product::nt, scores, q.map(first, last), k.map(low, last), false);
    scores *= args.scale;
    for (isize i = first; i < last; ++i) {
      float* row = buffer + (i - first) * width;
      const isize begin = first_key(args, b, i), count = i + 1 - begin;
      eigen_row seen(row + begin - low, count);
      add_slope(seen, begin, i, slope_of(args.slopes, h));
      const float total = softmax(seen);
      if (args.lse) *static_cast<float*>(eigen_address(args.lse, b * args.time + i, h)) = total;
      if (args.dropout > 0.0f) dropout_row(args, b, h, i, begin, count, seen);
      eigen_row(row, begin - low).setZero();
      eigen_row(row + i + 1 - low, last - i - 1).setZero();
    }
    eigen_product(product::nn, out.map(first, last), scores, v.map(low, last), false);
  }

  static void backward_block(const attention_args& args, isize b, isize h, isize first,
                             const backward_head& heads, float* buffer) {
    const isize last = std::min(first + block, args.time);
    const isize low = first_key(args, b, first), width = last - low;
    float* other = buffer + block * args.time;
    eigen_map p = eigen_block(buffer, last - first, width, width);
    eigen_map ds = eigen_block(other, last - first, width, width);
    const eigen_map q = heads.q.map(first, last), dout = heads.dout.map(first, last);
    eigen_product(product::nt, p, q, heads.k.map(low, last), false);
    eigen_product(product::nt, ds, dout, heads.v.map(low, last), false);
    for (isize i = first; i < last; ++i) {
      const isize begin = first_key(args, b, i), count = i + 1 - begin;
      const isize skip = (i - first) * width + begin - low;
      eigen_row row(buffer + skip, count), drow(other + skip, count);
      row *= args.scale;
      add_slope(row, begin, i, slope_of(args.slopes, h));
      row -= *static_cast<const float*>(eigen_address(args.lse, b * args.time + i, h));
      row = row.exp();
      const float overlap = dout.row(i - first).dot(heads.out.map(i, i + 1).row(0));
      if (args.dropout > 0.0f) dropout_row(args, b, h, i, begin, count, drow);
      drow = row * (drow - overlap) * args.scale;
      if (args.dropout > 0.0f) dropout_row(args, b, h, i, begin, count, row);
      for (float* data : {buffer, other}) {  // what the query does not see
        eigen_row(data + (i - first) * width, begin - low).setZero();
        eigen_row(data + (i - first) * width + i + 1 - low, last - i - 1).setZero();
      }
    }
    eigen_product(product::nn, heads.dq.map(first, last), ds, heads.k.map(low, last), false);
    eigen_product(product::tn, heads.dk.map(low, last), ds, q, true);
    eigen_product(product::tn, heads.dv.map(low, last), p, dout, true);
  }

  static void cached_head(const cached_attention_args& args, isize r, isize h, float* buffer) {
    const cache_view& cache = args.cache;
    const isize size = cache.head_size, tile = attention_tile;
    const isize sequence = integer_at(args.sequences, r), last = integer_at(args.positions, r);
    const isize shared = h * cache.kv_heads / args.heads, begin = first_key(last, args.window);
    const isize start = begin / tile * tile;
    float *query = buffer, *result = query + size, *wide = result + size, *row = wide + tile * size;
    const auto page = [&](isize position) {
      return integer_at(cache.pages, sequence * cache.pages.stride + position / cache.page);
    };
    eigen_widen(args.q, eigen_address(args.q, r, h * size), size, query);
    for (isize j = start; j <= last; j += tile) {  // a tile holds its keys side by side: (D, tile)
      const isize col = (shared * cache.page + j % cache.page) * size;
      const eigen_const_row keys = read_row(cache.keys, page(j), col, tile * size, wide);
      eigen_product(product::nn, eigen_block(row + j - start, 1, tile, tile),
                    eigen_block(query, 1, size, size),
                    eigen_block(const_cast<float*>(keys.data()), size, tile, tile), false);
    }
    eigen_row seen(row + begin - start, last + 1 - begin);
    seen *= args.scale;
    add_slope(seen, begin, last, slope_of(args.slopes, h));
    softmax(seen);
    const eigen_map out = eigen_block(result, 1, size, size);
    for (isize j = begin; j <= last;) {  // up to the end of the tile
      const isize count = std::min(last + 1, j / tile * tile + tile) - j;
      const isize col = (shared * cache.page + j % cache.page) * size;
      const eigen_const_row values = read_row(cache.values, page(j), col, count * size, wide);
      eigen_product(product::nn, out, eigen_block(row + j - start, 1, count, count),
                    eigen_block(const_cast<float*>(values.data()), count, size, size), j != begin);
      j += count;
    }
    written_row saved(args.out, r, h * size, size, result);
    saved.values = eigen_row(result, size);
    saved.store();
  }
};

}  // namespace ctgpt::inline CTGPT_ABI
