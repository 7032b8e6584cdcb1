// frame: a layer's place on the tape, in scratch and among the slots, and the name of its masks.
#include "ctgpt/layer/frame.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace ctgpt;

TEST_CASE("frame: offsets count elements of the stored and of the computed type") {
  std::byte tape[4096], statistics[4096], scratch[4096];
  tensor weights[5], gradients[5];
  frame f;
  f.tape = tape;
  f.statistics = statistics;
  f.scratch = scratch;
  f.weights = weights;
  f.gradients = gradients;
  f.storage = element::bf16;
  f.compute = element::f32;
  f.batch = 2;
  f.time = 3;

  const rows<7> kept = f.kept<7>(10);
  CHECK(kept.t.data == tape + 10 * 6 * 2);
  CHECK(kept.t.rows == 6);
  CHECK(kept.t.cols == 7);
  CHECK(kept.t.stride == 7);
  CHECK(kept.t.type == element::bf16);
  const tensor statistic = f.statistic(3, 2);
  CHECK(statistic.data == statistics + 3 * 6 * 4);
  CHECK(statistic.type == element::f32);
  CHECK(f.temporary<4>(5).t.data == scratch + 5 * 6 * 2);

  const frame child = f.child(1, 2, 100, 4).skip_scratch(8);
  CHECK(child.tape == tape + 100 * 6 * 2);
  CHECK(child.statistics == statistics + 4 * 6 * 4);
  CHECK(child.scratch == scratch + 8 * 6 * 2);
  CHECK(child.weights == weights + 2);
  CHECK(child.gradients == gradients + 2);
  CHECK(child.site != f.site);

  f.gradients = nullptr;  // a forward pass alone
  CHECK(f.child(0, 2, 0, 0).gradients == nullptr);
}

TEST_CASE("frame: no two places of a deep model have the same site") {
  std::set<std::uint32_t> sites{0xffffffffu};  // the embedding's
  std::size_t places = 1;
  const auto add = [&](const frame& f) {
    sites.insert(f.site);
    ++places;
  };
  for (const isize block : {0, 1, 2, 15, 16, 17, 255, 256, 4095}) {
    frame f;
    f.site = frame::block_site(block);
    add(f);
    for (int a = 0; a < 4; ++a) {
      const frame first = f.child(a, 0, 0, 0);
      add(first);
      for (int b = 0; b < 15; ++b) {
        const frame second = first.child(b, 0, 0, 0);
        add(second);
        for (int c = 0; c < 3; ++c) {
          const frame third = second.child(c, 0, 0, 0);
          add(third);
          for (int d = 13; d < 15; ++d) add(third.child(d, 0, 0, 0));
        }
      }
    }
  }
  CHECK(sites.size() == places);
}
