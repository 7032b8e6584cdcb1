// low_rank: what an adapter adds to the weight of a product: W + factor * B A on some of its rows.
//
// y = x W^T + factor (x A^T) B^T, so neither B A nor a changed W is ever formed.
// Backward: u = factor x A^T, g = factor dy B:  dB += dy^T u;  dA += g^T x;  dx += g A
// Shapes: A (rank, in), B (rows of W that it adds to, rank). A weight that holds several matrices
// one below the other (queries, keys and values) may have a part for each.
// Errors: none; ops.hpp computes it, model/lora.hpp makes it.
// Reference: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021.
#pragma once

#include "ctgpt/base/tensor.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct low_rank_part {
  isize first = 0;  // row of W
  tensor a, b;
  tensor da, db;  // empty without a backward pass
};

struct low_rank {
  const low_rank_part* parts = nullptr;
  int count = 0;
  tensor factor;   // (1,2) f32, the second unused
  tensor scratch;  // (any number of rows, rank): tokens are treated so many at once
};

}  // namespace ctgpt::inline CTGPT_ABI
