// Every entry of the kernel table on every backend against the reference in double.
//
// Each trial runs on all backends: plainly, with each alias that the contract allows, and with a
// NaN in each input in turn. Backends that share a label must agree in every bit of every output: 1
// and 2 threads, and AVX2 and AVX-512 in f32.
#include <doctest/doctest.h>

#include <cstddef>
#include <map>

#include "conformance/backends.hpp"
#include "conformance/ops.hpp"
#include "conformance/run_trial.hpp"

using namespace conformance;

namespace {

// A trial with a NaN in element `at` of operand `which`.
trial with_nan(const trial& what, std::size_t which, isize at) {
  trial poisoned = what;
  poisoned.detail += ", NaN in " + what.operands[which].name;
  poisoned.operands[which].values[static_cast<std::size_t>(at)] = NAN;
  poisoned.planted = true;
  poisoned.prepare = {};
  poisoned.aliases = {};
  return poisoned;
}

bool holds_bf16(const trial& what) {
  for (const operand& each : what.operands) {
    if (each.type == element::bf16) return true;
  }
  return false;
}

class judge_of_backends {
 public:
  explicit judge_of_backends(const char* op) : op_(op) {}

  void run(const trial& what, std::uint64_t salt) {
    const expectation wanted = expect_values(what);
    std::map<std::string, std::pair<std::string, std::vector<unsigned char>>> bits;
    for (const tested& each : backends()) {
      const outcome plain = run_trial(what, wanted, each.where, salt);
      report(each, what.detail, plain);
      for (const auto& alias : what.aliases) {
        report(each, what.detail + ", " + alias.first + " is " + alias.second,
               run_trial(what, wanted, each.where, salt, alias));
      }
      const std::string label = holds_bf16(what) ? each.bf16_bits : each.f32_bits;
      const auto [first, fresh] = bits.try_emplace(label, each.name, plain.bits);
      if (!fresh && first->second.second != plain.bits) {
        complain(each.name, what.detail, "the bits differ from those of " + first->second.first);
      }
    }
  }

  ~judge_of_backends() {
    for (const auto& [name, count] : complaints_) {
      if (count > shown) MESSAGE(std::string(op_), " on ", name, ": ", count, " complaints in all");
    }
  }

 private:
  static constexpr int shown = 4;

  static const std::vector<tested>& backends() {
    static const std::vector<tested> list = tested_backends();
    return list;
  }
  void report(const tested& on, const std::string& detail, const outcome& result) {
    if (!result.complaint.empty()) {
      complain(on.name, detail, result.complaint);
    } else {
      CHECK(result.worst <= 1.0);
    }
  }
  void complain(const std::string& backend, const std::string& detail, const std::string& text) {
    const std::string sentence = std::string(op_) + " on " + backend + ", " + detail + ": " + text;
    if (complaints_[backend]++ < shown) {
      FAIL_CHECK(sentence);
    }
  }

  const char* op_;
  std::map<std::string, int> complaints_;
};

}  // namespace

TEST_CASE("conformance: every entry on every backend agrees with the reference in double") {
  std::uint64_t salt = 0;
  for (const op& each : all_ops()) {
    SUBCASE(each.name) {
      generator g(1 + salt);
      judge_of_backends judges(each.name);
      for (const trial& drawn : each.make(g)) {
        const trial what = settle(drawn);
        judges.run(what, salt++);
        if (!what.plant_nan) continue;
        for (std::size_t i = 0; i < what.operands.size(); ++i) {
          const operand& target = what.operands[i];
          if (target.use == role::out || !is_real(target.type) || !target.poison) continue;
          judges.run(with_nan(what, i, g.below(target.rows * target.cols)), salt++);
        }
      }
    }
    ++salt;
  }
}

TEST_CASE("conformance: the list of ops covers the kernel table") {
  // From `fill` on the table holds nothing but operations; pack and pack_elements share a line.
  const std::size_t entries =
      (sizeof(kernel_table) - offsetof(kernel_table, fill)) / sizeof(kernel_table::fill);
  CHECK(all_ops().size() + 1 == entries);
}

TEST_CASE("conformance: a wrong kernel, a written gap and a changed input are all noticed") {
  kernel_table wrong = reference_table<float>();
  const auto complaint = [&] {
    backend sound = reference<float>{};
    const backend faulty(wrong, sound.state(), std::make_shared<backend>(sound));
    generator g(5);
    trial what = settle(add_trials(g).front());
    return run_trial(what, expect_values(what), faulty, 2).complaint;
  };
  CHECK(complaint().empty());
  SUBCASE("a value off by a few units in the last place") {
    wrong.add = [](context* state, const add_args& args) {
      reference_table<float>().add(state, args);
      static_cast<float*>(args.y.data)[0] *= 1.00002f;
    };
    CHECK(complaint().find("times the tolerance") != std::string::npos);
  }
  SUBCASE("a row too far") {
    wrong.add = [](context* state, const add_args& args) {
      reference_table<float>().add(state, args);
      static_cast<float*>(args.y.data)[args.y.cols] = 0.0f;
    };
    CHECK(complaint().find("gaps between the rows of y") != std::string::npos);
  }
  SUBCASE("an input that is overwritten") {
    wrong.add = [](context* state, const add_args& args) {
      reference_table<float>().add(state, args);
      static_cast<float*>(args.a.data)[0] = 0.0f;
    };
    CHECK(complaint().find("a was changed") != std::string::npos);
  }
  SUBCASE("an output that is not written") {
    wrong.add = [](context*, const add_args&) {};
    CHECK(complaint().find("nan instead of") != std::string::npos);
  }
}
