// schedule: the learning rate of a step, by hand.
#include "ctgpt/train/schedule.hpp"

#include <doctest/doctest.h>

#include "base/child.hpp"

using namespace ctgpt;
using ctgpt_test::sentence_of;

namespace {

schedule of(schedule_kind kind) { return {kind, 1.0f, 0.1f, 4, 24}; }

}  // namespace

TEST_CASE("schedule: warm-up begins above zero and ends below the rate") {
  for (const schedule_kind kind : {schedule_kind::cosine, schedule_kind::linear,
                                   schedule_kind::constant, schedule_kind::warmup_stable_decay}) {
    const schedule s = of(kind);
    CHECK(s.at(0) == 0.2f);  // 1 / 5, nanoGPT's form
    CHECK(s.at(1) == 0.4f);
    CHECK(s.at(3) == 0.8f);
    CHECK(s.at(4) == 1.0f);
  }
}

TEST_CASE("schedule: cosine falls from the rate to the least rate") {
  const schedule s = of(schedule_kind::cosine);
  CHECK(s.at(9) == doctest::Approx(0.1 + 0.9 * 0.5 * (1.0 + std::sqrt(0.5))));  // a quarter
  CHECK(s.at(14) == doctest::Approx(0.55));                                     // half way
  CHECK(s.at(24) == doctest::Approx(0.1));
  CHECK(s.at(1000) == doctest::Approx(0.1));
}

TEST_CASE("schedule: linear falls by equal parts") {
  const schedule s = of(schedule_kind::linear);
  CHECK(s.at(9) == doctest::Approx(0.775));
  CHECK(s.at(14) == doctest::Approx(0.55));
  CHECK(s.at(23) == doctest::Approx(0.145));
  CHECK(s.at(24) == doctest::Approx(0.1));
  CHECK(s.at(1000) == doctest::Approx(0.1));
}

TEST_CASE("schedule: constant stays") {
  const schedule s = of(schedule_kind::constant);
  for (const isize step : {4, 10, 24, 1000}) CHECK(s.at(step) == 1.0f);
}

TEST_CASE("schedule: warmup-stable-decay falls in the last fifth of all steps") {
  const schedule s{schedule_kind::warmup_stable_decay, 1.0f, 0.0f, 4, 100};
  CHECK(s.at(4) == 1.0f);
  CHECK(s.at(80) == 1.0f);
  CHECK(s.at(90) == doctest::Approx(0.5));
  CHECK(s.at(95) == doctest::Approx(0.25));
  CHECK(s.at(100) == 0.0f);
}

TEST_CASE("schedule: warmup-stable-decay falls from where it is told to") {
  const schedule s{schedule_kind::warmup_stable_decay, 1.0f, 0.02f, 4, 100, 0.44};
  CHECK(s.at(43) == 1.0f);
  CHECK(s.at(44) == 1.0f);
  CHECK(s.at(72) == doctest::Approx(0.51));  // half way
  CHECK(s.at(100) == doctest::Approx(0.02));
  // The warm-up comes first, whatever is told; at 1 nothing decays before the end.
  CHECK(schedule{schedule_kind::warmup_stable_decay, 1.0f, 0.0f, 50, 100, 0.1}.at(75) == 0.5f);
  CHECK(schedule{schedule_kind::warmup_stable_decay, 1.0f, 0.0f, 4, 100, 1.0}.at(99) == 1.0f);
}

TEST_CASE("schedule: a run of one step and a warm-up longer than the run have rates") {
  for (const schedule_kind kind : {schedule_kind::cosine, schedule_kind::linear,
                                   schedule_kind::constant, schedule_kind::warmup_stable_decay}) {
    const schedule one{kind, 1.0f, 0.1f, 0, 1};
    CHECK(one.at(0) == 1.0f);
    const schedule all_warmup{kind, 1.0f, 0.1f, 10, 5};
    CHECK(all_warmup.at(4) == doctest::Approx(5.0 / 11.0));
    CHECK(std::isfinite(all_warmup.at(10)));
  }
}

TEST_CASE("schedule: names lead to kinds and back") {
  for (const std::string_view name : {"cosine", "linear", "constant", "warmup-stable-decay"}) {
    CHECK(schedule_name(parse_schedule(name)) == name);
  }
  CHECK(sentence_of([] { parse_schedule("step"); }) ==
        "unknown schedule \"step\"; choose cosine, linear, constant or warmup-stable-decay");
  CHECK_THROWS_AS(parse_schedule(""), usage_error);
}
