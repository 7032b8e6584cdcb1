// muon: orthogonalised momentum for the matrices of the blocks, AdamW for everything else.
//
//   ctgpt::trainer run{net, ctgpt::muon{.rate = 0.02f, .others = {.rate = 3e-3f}}, data};
//
// m += (1 - mu)(g - m);  u = (1 - mu) g + mu m (without nesterov: m);  x = u / |u|
// five times: s = x x^T, x = a x + (b s + c s^2) x           a, b, c = 3.4445, -4.775, 2.0315
// w = (1 - lr decay) w - lr sqrt(max(1, rows / cols)) x
// g is clipped over the whole gradient, as others.clip says. The iteration brings the singular
// values of x near 1, so a step turns every direction of a matrix by about lr. It runs in the
// precision of the gradients, on the shorter side of the matrix (s = x^T x where rows > cols).
// Matrices that a layer keeps as one weight (queries, keys and values; gate and up side) are
// orthogonalised each on its own. Embeddings, head, gains and biases: `others`; a schedule's rate
// is theirs, and the rate of the matrices follows it in proportion.
// Keeps one moment a matrix element, two for the rest, and four matrices of scratch.
// Errors: a rate or a number of iterations that makes no sense: ctgpt::error.
// Reference: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024;
// Bernstein, Newhouse, "Old Optimizer, New Norm", 2024; torch.optim.Muon (which iterates in bf16).
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "ctgpt/model/joined.hpp"
#include "ctgpt/train/adamw.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct muon {
  float rate = 0.02f;
  float momentum = 0.95f;
  float weight_decay = 0.1f;
  bool nesterov = true;
  int iterations = 5;
  adamw others{.rate = 3e-3f};
  friend bool operator==(const muon&, const muon&) = default;

  std::unique_ptr<optimizer_state> start(const weight_arena& net) const;
};

// What muon orthogonalises: the matrices within the blocks.
inline bool is_hidden_matrix(const model_layout& layout, int index) {
  return !layout.at(index).vector && layout.block_of(index) >= 0;
}

namespace detail {

// Elements of the largest hidden matrix, the longest of their shorter sides, and of all of them.
struct muon_sizes {
  isize largest = 1, side = 1, all = 0;
};
[[gnu::cold]] inline muon_sizes muon_sizes_of(const model_layout& layout) {
  muon_sizes sizes;
  for (int i = 0; i < layout.count(); ++i) {
    if (!is_hidden_matrix(layout, i)) continue;
    const isize cols = layout.at(i).cols;
    sizes.all += layout.at(i).size();
    for (const matrix_rows& rows : joined_matrices(layout, i)) {
      sizes.largest = std::max(sizes.largest, rows.count * cols);
      sizes.side = std::max(sizes.side, std::min(rows.count, cols));
    }
  }
  return sizes;
}

}  // namespace detail

// Scratch, less the second moments that it does without.
[[gnu::cold]] inline double muon_bytes_beyond_adamw(const model_layout& layout, precision numbers) {
  const detail::muon_sizes sizes = detail::muon_sizes_of(layout);
  const double scratch = 2.0 * static_cast<double>(sizes.largest) +
                         2.0 * static_cast<double>(sizes.side) * static_cast<double>(sizes.side);
  return (scratch - static_cast<double>(sizes.all)) *
         static_cast<double>(element_bytes(numbers.compute));
}

class muon_state final : public optimizer_state {
 public:
  [[gnu::cold]] explicit muon_state(const weight_arena& net, const muon& settings = {})
      : optimizer_state(net), settings_(settings) {
    expects(settings.rate >= 0.0f && settings.others.rate > 0.0f && settings.iterations >= 1,
            "muon needs a rate of 0 or more, a rate above 0 for the weights that are no matrices, ",
            "and at least 1 iteration");
    divide(net.layout());
    const element compute = net.numbers().compute;
    const detail::muon_sizes sizes = detail::muon_sizes_of(net.layout());
    moment1_ = memory(net.where(), compute, net.layout().parameters);
    moment2_ = memory(net.where(), compute, std::max<isize>(second_, 1));
    x_ = memory(net.where(), compute, sizes.largest);
    y_ = memory(net.where(), compute, sizes.largest);
    s_ = memory(net.where(), compute, sizes.side * sizes.side);
    t_ = memory(net.where(), compute, sizes.side * sizes.side);
    size_ = memory(net.where(), element::f64, 1);
    unit_ = memory(net.where(), element::f32, optimizer_fields);
    float unit[optimizer_fields] = {};
    unit[maximum_norm] = 1.0f;
    unit_.upload(unit);
    const std::uint32_t segments[] = {0, 0, 0, 0, 0, 1};  // all without decay; all with it
    segments_ = memory(net.where(), element::u32, 6);
    segments_.upload(segments);
    const float mu = settings.momentum, rest = 1.0f - mu;
    factors_ = {mu, rest, 0.0f, 1.0f, 3.4445f, 0.0f, -4.775f, 2.0315f};
    if (settings.nesterov) factors_[2] = rest, factors_[3] = mu;
    factors_.resize(first_scale + 2 * scales_.size());
    table_ = memory(net.where(), element::f32, static_cast<isize>(factors_.size()));
  }

  const char* name() const override { return "muon"; }
  float rate() const override { return settings_.others.rate; }
  void prepare(isize step, float rate) override {
    numbers_.upload(numbers_of(settings_.others, step, rate).data());
    const float of_matrices = settings_.rate * (rate / settings_.others.rate);
    for (std::size_t i = 0; i < scales_.size(); ++i) {
      factors_[first_scale + 2 * i] = 1.0f - of_matrices * settings_.weight_decay;
      factors_[first_scale + 2 * i + 1] = -of_matrices * scales_[i];
    }
    table_.upload(factors_.data());
  }
  void update(const gradients& found) override {
    for (const run& each : runs_) update_run(each, found.arena());
    for (const piece& each : pieces_) update_piece(each, found.arena());
  }
  [[gnu::cold]] std::vector<optimizer_moment> moments() const override {
    return {{"moment1", &moment1_, net_->layout().offsets}, {"moment2", &moment2_, seconds_}};
  }

 private:
  // One matrix, and neighbouring slots that AdamW treats alike.
  struct piece {
    isize begin = 0, rows = 0, cols = 0;
    std::size_t scale = 0;
  };
  struct run {
    isize begin = 0, size = 0, second = 0;  // of them in the second moment
    bool decays = false;
  };
  enum factor : isize { of_moment = 0, of_step = 2, of_x = 4, of_squares = 6, first_scale = 8 };

  void divide(const model_layout& layout) {
    for (int i = 0; i < layout.count(); ++i) {
      const slot& item = layout.at(i);
      const isize begin = layout.offset(i);
      if (is_hidden_matrix(layout, i)) {
        seconds_.push_back(-1);
        for (const matrix_rows& rows : joined_matrices(layout, i)) {
          const double shape = static_cast<double>(rows.count) / static_cast<double>(item.cols);
          const auto scale = static_cast<float>(std::sqrt(std::max(1.0, shape)));
          const auto known = std::find(scales_.begin(), scales_.end(), scale) - scales_.begin();
          if (known == std::ssize(scales_)) scales_.push_back(scale);
          pieces_.push_back({begin + rows.first * item.cols, rows.count, item.cols,
                             static_cast<std::size_t>(known)});
        }
        continue;
      }
      seconds_.push_back(second_);
      const bool goes_on = !runs_.empty() && runs_.back().begin + runs_.back().size == begin &&
                           runs_.back().decays == item.decays();
      if (!goes_on) runs_.push_back({begin, 0, second_, item.decays()});
      runs_.back().size += item.size();
      second_ += item.size();
    }
  }

  const memory& truth() const { return net_->truth(); }
  tensor factors(isize at) const { return table_.row(at, 2); }

  void update_run(const run& each, const memory& gradient) {
    const bool narrow = net_->numbers().needs_master();
    net_->where().table().adamw(
        net_->where().state(),
        {net_->arena().row(each.begin, each.size),
         narrow ? net_->master().row(each.begin, each.size) : tensor{},
         gradient.row(each.begin, each.size), moment1_.row(each.begin, each.size),
         moment2_.row(each.second, each.size), segments_.matrix(each.decays ? 3 : 0, 1, 3),
         numbers_.row(0, optimizer_fields)});
  }

  void update_piece(const piece& each, const memory& gradient) {
    const kernel_table& table = net_->where().table();
    context* state = net_->where().state();
    ops call(net_->where());
    const auto matrix = [&](const memory& of, isize begin = 0) {
      return of.matrix(begin, each.rows, each.cols);
    };
    const tensor g = matrix(gradient, each.begin), m = matrix(moment1_, each.begin);
    const tensor w = matrix(truth(), each.begin);
    tensor x = matrix(x_), y = matrix(y_);
    call.combine(y, g, {}, numbers_.row(clip_factor, 2));
    call.combine(m, m, y, factors(of_moment));
    call.combine(y, y, m, factors(of_step));
    table.square_sum(state, {size_.row(0, 1), y});
    table.clip(state, {unit_.row(0, optimizer_fields), size_.row(0, 1), true});
    call.combine(x, y, {}, unit_.row(clip_factor, 2));
    const isize side = std::min(each.rows, each.cols);
    const bool tall = each.rows > each.cols;
    const tensor s = s_.matrix(0, side, side), t = t_.matrix(0, side, side);
    for (int i = 0; i < settings_.iterations; ++i) {
      call.matmul(tall ? product::tn : product::nt, s, x, x);
      call.matmul(product::nn, t, s, s);
      call.combine(t, s, t, factors(of_squares));
      call.combine(y, x, {}, factors(of_x));
      call.matmul(product::nn, y, tall ? x : t, tall ? t : x, true);
      std::swap(x, y);
    }
    call.combine(w, w, x, factors(first_scale + 2 * static_cast<isize>(each.scale)));
    if (net_->numbers().needs_master()) {
      table.convert(state, {matrix(net_->arena(), each.begin), w});
    }
    call.fill(g, 0.0);
  }

  muon settings_;
  std::vector<piece> pieces_;
  std::vector<run> runs_;
  std::vector<float> scales_, factors_;  // of each shape; what table_ holds
  std::vector<isize> seconds_;           // of each slot in the second moment
  isize second_ = 0;
  memory moment1_, moment2_, x_, y_, s_, t_, size_, unit_, segments_, table_;
};

[[gnu::cold]] inline std::unique_ptr<optimizer_state> muon::start(const weight_arena& net) const {
  return std::make_unique<muon_state>(net, *this);
}

}  // namespace ctgpt::inline CTGPT_ABI
