// The same model on every backend and every instruction set that the machine has: the loss of a
// step, and tokens a second. Switching is the constructor's argument.
//
// Prints a line for each, for example
//   backend      loss of step 1   of step 20   tokens/s
//   reference          5.547570     4.154416        647
//   eigen              5.547570     4.154416      17304
//   baseline           5.547570     4.154416       9423
//   sse4               5.547570     4.154416      31974
//   avx2               5.547570     4.154416     121807
//   avx512             5.547570     4.154416     140312      (the bits of avx2)
#include <cstdio>
#include <ctgpt/backend/eigen.hpp>
#include <ctgpt/backend/reference.hpp>
#include <ctgpt/ctgpt.hpp>

constexpr ctgpt::config tiny{.vocab = 256, .context = 64, .layers = 2, .heads = 4, .width = 64};
struct model : ctgpt::gpt<tiny> {};

void measure(const char* name, const ctgpt::backend& where) {
  auto ids = ctgpt::text::bytes{}.encode(ctgpt::data::world({.bytes = 1 << 18, .seed = 1}));
  auto net = ctgpt::build<model>(where, ctgpt::seed{42});
  ctgpt::trainer run{net, ctgpt::adamw{.rate = 1e-3f}, ctgpt::batches{ids, {.batch = 4}}};
  const double first = run.step().loss;
  double last = 0.0, seconds = 0.0;
  run.steps(19, [&](const ctgpt::step_report& report) {
    last = report.loss;
    seconds += report.seconds;
  });
  std::printf("%-10s %16.6f %12.6f %10.0f\n", name, first, last, 19 * 4 * 64 / seconds);
}

int main() {
  std::printf("%-10s %16s %12s %10s\n", "backend", "loss of step 1", "of step 20", "tokens/s");
  measure("reference", ctgpt::reference<float>{});
  measure("eigen", ctgpt::eigen{1});
  for (const ctgpt::isa each : ctgpt::available_isas()) {
    measure(ctgpt::isa_name(each), ctgpt::cpu{.target = each, .threads = 1});
  }
}
