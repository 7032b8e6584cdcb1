// The operands of benchmark_ops: random numbers in the memory of any backend.
#include <algorithm>
#include <cstring>

#include "ctgpt/base/blocks.hpp"
#include "ctgpt/base/random.hpp"
#include "jobs.hpp"

namespace benchmarks {

namespace {

// Numbers are drawn once, and every tensor reads them from another start: drawing all of them anew
// would take longer than the kernels. Lengths are primes, so rows do not repeat.
constexpr std::size_t drawn_numbers = 2097143, drawn_blocks = 65521;

const std::vector<float>& drawn() {
  static const std::vector<float> all = [] {
    std::vector<float> values(drawn_numbers);
    random_stream numbers(1);
    for (float& value : values) value = static_cast<float>(numbers.normal());
    return values;
  }();
  return all;
}

template <class Block>
const std::vector<Block>& drawn_as() {
  static const std::vector<Block> all = [] {
    std::vector<Block> blocks(drawn_blocks);
    const float* from = drawn().data();
    for (Block& block : blocks) {
      quantize(from, block);
      from += block_length;
    }
    return blocks;
  }();
  return all;
}

template <class T>
std::vector<T> some(const std::vector<T>& all, isize count) {
  static std::size_t start = 0;
  start += all.size() / 3;
  std::vector<T> values(static_cast<std::size_t>(count));
  std::size_t from = start % all.size();
  for (std::size_t done = 0; done < values.size(); from = 0) {
    const std::size_t part = std::min(values.size() - done, all.size() - from);
    std::memcpy(values.data() + done, all.data() + from, part * sizeof(T));
    done += part;
  }
  return values;
}

}  // namespace

tensor operands::keep(isize rows, isize cols, element type) {
  kept_.emplace_back(where_, type, rows * cols);
  return kept_.back().matrix(0, rows, cols);
}

tensor operands::filled(isize rows, isize cols, element type, const void* values) {
  const tensor result = keep(rows, cols, type);
  kept_.back().upload(values);
  return result;
}

tensor operands::random(isize rows, isize cols, element type) {
  const isize count = rows * cols, blocks = count / block_length;
  if (type == element::q8_0) {
    return filled(rows, cols, type, some(drawn_as<block_q8_0>(), blocks).data());
  }
  if (type == element::q4_0) {
    return filled(rows, cols, type, some(drawn_as<block_q4_0>(), blocks).data());
  }
  const std::vector<float> values = some(drawn(), count);
  if (type == element::f32) return filled(rows, cols, type, values.data());
  const memory wide(where_, element::f32, count);
  wide.upload(values.data());
  const tensor result = keep(rows, cols, type);
  table().convert(state(), {result, wide.matrix(0, rows, cols)});
  where_.synchronise();
  return result;
}

tensor operands::constant(isize rows, isize cols, double value, element type) {
  const tensor result = keep(rows, cols, type);
  table().fill(state(), {result, value});
  return result;
}

tensor operands::output(isize rows, isize cols, element type) { return keep(rows, cols, type); }

tensor operands::integers(const std::vector<std::int32_t>& values) {
  return filled(1, static_cast<isize>(values.size()), element::i32, values.data());
}

tensor operands::words(const std::vector<std::uint32_t>& values, isize rows) {
  return filled(rows, static_cast<isize>(values.size()) / rows, element::u32, values.data());
}

tensor operands::numbers(const std::vector<float>& values) {
  return filled(1, static_cast<isize>(values.size()), element::f32, values.data());
}

tensor operands::packed(const tensor& weight) {
  const isize count = table().pack_elements(state(), weight.rows, weight.cols, weight.type);
  tensor panels = keep(1, count, weight.type);
  panels.rows = weight.rows;
  panels.cols = panels.stride = weight.cols;
  panels.packing = layout::panels;
  table().pack(state(), {panels, weight});
  return panels;
}

}  // namespace benchmarks
