// lora: low-rank adapters beside the matrices of a model's blocks, which stay as they are.
//
//   ctgpt::lora small(net, {.rank = 8, .alpha = 16.0f, .targets = "all-linear"}, ctgpt::seed{1});
//   net.attach(&small);            // a trainer of net now trains `small` alone
//   small.save("runs/adapter");    // PEFT opens it
//   ctgpt::lora::merge(net, small);  // without attach: one model of two
//
// y = x W^T + (alpha / rank) (x A^T) B^T;  merged: W + (alpha / rank) B A
// Backward: core/low_rank.hpp. A begins as U(-1 / sqrt(in), 1 / sqrt(in)), B as zeros, so that the
// model begins as it was.
// Shapes: A (rank, in), B (out, rank); one pair for each tensor that a saved model has, so queries,
// keys and values of a Llama-type model have one each, of a GPT-2-type model one together.
// Errors: a rank or alpha out of range, a word that names no matrix.
// Reference: Hu et al., "LoRA", 2021; PEFT's tuners/lora (names, beginnings).
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "ctgpt/model/lora_files.hpp"
#include "ctgpt/model/low_rank_products.hpp"

namespace ctgpt::inline CTGPT_ABI {

class lora final : public adapter {
 public:
  lora(const network_weights& net, const lora_options& options, seed start)
      : lora(lora_targets(net.layout(), options.targets), net, options) {
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      random_stream random(start.value, i);
      const double bound = 1.0 / std::sqrt(static_cast<double>(targets_[i].item.cols));
      write(a_of(i), [&](isize) {
        const double drawn = 2.0 * static_cast<double>(random.uniform()) - 1.0;
        return static_cast<double>(static_cast<float>(bound * drawn));
      });
    }
  }

  const lora_options& options() const { return options_; }
  const std::vector<lora_target>& targets() const { return targets_; }
  // Slots of target i.
  static int a_of(std::size_t i) { return static_cast<int>(2 * i); }
  static int b_of(std::size_t i) { return static_cast<int>(2 * i + 1); }

  [[gnu::cold]] std::shared_ptr<const low_rank> table(const memory* gradients) const override {
    struct kept {
      std::vector<low_rank_part> parts;
      std::vector<low_rank> slots;
    };
    const auto made = std::make_shared<kept>();
    const auto tensor_of = [&](const memory& of, int index) {
      return of.matrix(layout().offset(index), layout().at(index).rows, layout().at(index).cols);
    };
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      low_rank_part part{targets_[i].item.first_row,
                         tensor_of(arena(), a_of(i)),
                         tensor_of(arena(), b_of(i)),
                         {},
                         {}};
      if (gradients != nullptr) {
        part.da = tensor_of(*gradients, a_of(i));
        part.db = tensor_of(*gradients, b_of(i));
      }
      made->parts.push_back(part);
    }
    const low_rank nothing{made->parts.data(), 0, factor_.row(0, 2),
                           scratch_.matrix(0, rows_at_once, options_.rank), multiply_low_rank};
    made->slots.assign(static_cast<std::size_t>(slots_of_base_), nothing);
    for (std::size_t i = 0; i < targets_.size(); ++i) {  // those of one slot lie side by side
      low_rank& slot = made->slots[static_cast<std::size_t>(targets_[i].item.slot)];
      if (slot.count++ == 0) slot.parts = made->parts.data() + i;
    }
    return {made, made->slots.data()};
  }

  void add_to(int index, std::vector<float>& values) const override { add(index, values); }
  void add_to(int index, std::vector<double>& values) const override { add(index, values); }

  std::uint64_t save(const std::string& directory) const override {
    return save_lora_files(*this, options_, targets_, directory);
  }
  std::string load(const std::string& directory) override {
    return load_lora_files(*this, directory);
  }

  // The network's own weights become those of both together.
  [[gnu::cold]] static void merge(network_weights& net, const adapter& other) {
    expects(net.attached() == nullptr, "this network computes with an adapter already");
    for (int i = 0; i < net.layout().count(); ++i) {
      std::vector<double> values = net.read<double>(i);
      other.add_to(i, values);
      net.write(i, [&](isize at) { return values[static_cast<std::size_t>(at)]; });
    }
  }

 private:
  static constexpr isize rows_at_once = 1024;

  lora(std::vector<lora_target> targets, const network_weights& net, const lora_options& options)
      : adapter(std::make_shared<const model_layout>(layout_of(net.layout(), options, targets)),
                net.where(), net.numbers()),
        options_(options),
        targets_(std::move(targets)),
        slots_of_base_(net.layout().count()),
        factor_(net.where(), element::f32, 2),
        scratch_(net.where(), net.numbers().storage, rows_at_once * options.rank) {
    const float factors[2] = {options_.factor(), 0.0f};
    factor_.upload(factors);
  }

  static model_layout layout_of(const model_layout& base, const lora_options& options,
                                const std::vector<lora_target>& targets) {
    expects(options.rank >= 1 && options.rank <= 4096 && std::isfinite(options.alpha) &&
                options.alpha > 0.0f,
            "an adapter of rank ", options.rank, " and alpha ", options.alpha,
            " cannot be made; the rank is from 1 to 4096, alpha above 0");
    model_layout made;
    made.settings = base.settings;
    made.kind = family::own;
    made.head_slot = -1;
    const auto add = [&](const std::string& name, isize rows, isize cols) {
      made.offsets.push_back(made.parameters);
      made.slots.push_back({{}, rows, cols, false, initializer::zeros});
      made.names.push_back(name);
      made.parameters += rows * cols;
    };
    for (const lora_target& each : targets) {  // as PEFT calls them
      const std::string name = "base_model.model." + each.module;
      add(name + ".lora_A.weight", options.rank, each.item.cols);
      add(name + ".lora_B.weight", each.item.rows, options.rank);
    }
    made.norm_slot = made.block_slots = made.count();  // all of them are in block 0
    return made;
  }

  template <class Scalar>
  void add(int index, std::vector<Scalar>& values) const {
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      const saved_tensor& item = targets_[i].item;
      if (item.slot != index) continue;
      const std::vector<double> a = read<double>(a_of(i)), b = read<double>(b_of(i));
      std::vector<double> sums(static_cast<std::size_t>(item.cols));
      for (isize r = 0; r < item.rows; ++r) {
        std::fill(sums.begin(), sums.end(), 0.0);
        for (isize k = 0; k < options_.rank; ++k) {
          const double weight = static_cast<double>(options_.factor()) *
                                b[static_cast<std::size_t>(r * options_.rank + k)];
          const double* from = a.data() + k * item.cols;
          for (std::size_t c = 0; c < sums.size(); ++c) sums[c] += weight * from[c];
        }
        Scalar* to = values.data() + (item.first_row + r) * item.cols;
        for (std::size_t c = 0; c < sums.size(); ++c) {
          to[c] = static_cast<Scalar>(static_cast<double>(to[c]) + sums[c]);
        }
      }
    }
  }

  lora_options options_;
  std::vector<lora_target> targets_;
  int slots_of_base_ = 0;
  memory factor_, scratch_;
};

// Opens the adapter in a directory, written here or by PEFT, for a network.
[[gnu::cold]] inline std::unique_ptr<lora> open_lora(const network_weights& net,
                                                     const std::string& directory) {
  const lora_options options = read_lora_options(net.layout(), directory);
  auto made = std::make_unique<lora>(net, options, seed{0});
  made->load(directory);
  return made;
}

}  // namespace ctgpt::inline CTGPT_ABI
