// A layer of one's own, with forward and backward, checked by complex-step differentiation, and
// used in a block: a normed gate with a scale for each column, y = s * rms_norm(relu(x)^2).
//
// Prints
//   gain: 1.90595e-16                    (the error of each gradient; below 1e-12 is right)
//   input: 7.41895e-16
//   with a mistake: 4.68854
//   loss 5.54364, after 100 steps 1.953  (of a model whose MLP has the layer; a second)
#include <ctgpt/ctgpt.hpp>
#include <ctgpt/train/check_gradient.hpp>
#include <iostream>

// What a layer is: widths, its parameters, what it keeps on the tape, forward and backward. It is
// written as calls of `ops`, so it runs on every backend.
template <ctgpt::isize Width, bool Right = true>
struct scaled_gate {
  static constexpr ctgpt::isize in_width = Width, out_width = Width;
  static constexpr int slot_count = 1;
  constexpr ctgpt::isize input() const { return Width; }
  constexpr ctgpt::isize output() const { return Width; }
  constexpr ctgpt::slot_list<1> slots() const {  // one vector of Width, ones at first
    return {{ctgpt::vector_slot(ctgpt::part::gain, Width, ctgpt::initializer::ones)}};
  }
  constexpr ctgpt::isize tape() const { return Width; }  // elements a token: relu(x)^2
  constexpr ctgpt::isize statistics() const { return 2; }
  constexpr ctgpt::isize scratch() const { return Width; }

  // h = relu(x)^2;  y = norm(h) * s: the norm multiplies each column by its gain.
  void forward(ctgpt::ops& run, const ctgpt::frame& f, ctgpt::rows<Width> x,
               ctgpt::rows<Width> y) const {
    const auto h = f.kept<Width>(0);
    run.activate(h, x, ctgpt::activation::relu_squared);
    run.norm(y, h, f.vector_weight<Width>(0), {}, {}, f.statistic(1, 1), rms,
             f.shared->norm_epsilon);
  }
  // ds += sum over tokens of dy * norm(h);  dh from the norm;  dx = 2 relu(x) dh.
  void backward(ctgpt::ops& run, const ctgpt::frame& f, ctgpt::rows<Width> x, ctgpt::rows<Width> dy,
                ctgpt::rows<Width> dx) const {
    const auto h = f.kept<Width>(0), dh = f.temporary<Width>(0);
    run.norm_backward(dh, dy, h, f.vector_weight<Width>(0), {}, f.statistic(1, 1),
                      f.vector_gradient<Width>(0), {}, rms);
    run.activate_backward(
        dx, dh, x,
        Right ? ctgpt::activation::relu_squared : ctgpt::activation::gelu);  // the mistake
  }

 private:
  static constexpr auto rms = ctgpt::normalization::rms;
};

using namespace ctgpt::parts;
template <ctgpt::config C>
struct my_block : ctgpt::chain<named<attention, residual<layer_norm<C.width>, causal_attention<C>>>,
                               named<mlp, residual<named<normalize, layer_norm<C.width>>,
                                                   named<up, linear<C.width, 2 * C.width>>,
                                                   named<gate, scaled_gate<2 * C.width>>,
                                                   named<down, linear<2 * C.width, C.width>>>>> {};

constexpr ctgpt::config tiny{.vocab = 256, .context = 64, .layers = 2, .heads = 2, .width = 64};
struct model : ctgpt::gpt<tiny, my_block> {};

int main() {
  for (const auto& entry : ctgpt::check_gradient<scaled_gate<6>>().entries) {
    std::cout << entry.what << ": " << entry.relative << '\n';
  }
  std::cout << "with a mistake: " << ctgpt::check_gradient<scaled_gate<6, false>>().worst()
            << '\n';

  auto ids = ctgpt::text::bytes{}.encode(ctgpt::data::world({.bytes = 1 << 18, .seed = 1}));
  auto net = ctgpt::build<model>(ctgpt::cpu{}, ctgpt::seed{42});
  ctgpt::trainer run{net, ctgpt::adamw{.rate = 2e-3f}, ctgpt::batches{ids, {.batch = 8}}};
  const double before = run.step().loss;
  double after = before;
  run.steps(100, [&](const ctgpt::step_report& report) { after = report.loss; });
  std::cout << "loss " << before << ", after 100 steps " << after << '\n';
  return after < before ? 0 : 1;
}
