// low_rank: what an adapter adds to the weight of a product: W + factor * B A on some of its rows.
//
// y = x W^T + factor (x A^T) B^T, so neither B A nor a changed W is ever formed.
// Backward: u = factor x A^T, g = factor dy B:  dB += dy^T u;  dA += g^T x;  dx += g A
// Shapes: A (rank, in), B (rows of W that it adds to, rank). A weight that holds several matrices
// one below the other (queries, keys and values) may have a part for each.
// ops.hpp hands a product whose weight has one to `multiply`, so that programs without adapters
// compile none of this (model/low_rank_products.hpp has it).
// Errors: none.
// Reference: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021.
#pragma once

#include "ctgpt/base/tensor.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct context;
struct kernel_table;
struct matmul_args;

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
  // y = x W^T (nt), dx = dy W (nn) or dW += dy^T x (tn), of the sum. An empty dW is frozen.
  void (*multiply)(const kernel_table&, context*, const matmul_args&, const low_rank&) = nullptr;
};

}  // namespace ctgpt::inline CTGPT_ABI
