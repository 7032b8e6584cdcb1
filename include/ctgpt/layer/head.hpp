// head_loss: logits and their cross entropy, computed in chunks of rows so that the (N,V) matrix
// never exists whole.
//
// logits = cap(h W^T);  losses[n] = -log softmax(logits[n])[target[n]], 0 where it is not scored
// Backward: in the same pass, chunk by chunk, of (sum of losses) * scale:
//   g = (softmax - onehot) * scale * cap';  dh = g W;  dW += g^T h
// Shapes: h, dh (N,C); W (V,C), of which the first `vocab` rows take part; targets (N), -1 = not
// scored; losses (N).
// Tape: nothing; scratch: one chunk of chunk_rows x vocab elements, about chunk_elements, but
// fewest_rows at least. Its size changes no bit of the result.
// Errors: a target past the vocabulary gives a loss and a gradient of NaN.
// Reference: Hsu et al., "Liger Kernel", 2024; Wijmans et al., "Cut Your Losses", 2024.
#pragma once

#include "ctgpt/layer/frame.hpp"

namespace ctgpt::inline CTGPT_ABI::parts {

struct head_loss {
  // At GPT-2's vocabulary 512 rows are 103 MB in f32: enough rows to use a packed weight well.
  static constexpr isize chunk_elements = isize{1} << 25;
  static constexpr isize fewest_rows = 512;

  static constexpr isize chunk_rows(isize tokens, isize vocab) {
    const isize wanted = chunk_elements / (vocab > 0 ? vocab : 1);
    const isize rows = wanted > fewest_rows ? wanted : fewest_rows;
    return rows < tokens ? rows : tokens;
  }

  struct arguments {
    tensor weight, gradient;  // (V,C); gradient is empty for evaluation, or where it is frozen
    tensor targets, losses;   // (1,N) i32, (1,N)
    tensor scale;             // (1,1)
    tensor chunk;             // (chunk_rows, vocab), stride vocab
    float softcap = 0.0f;
    bool frozen = false;  // the weight takes no gradient, but h does
  };

  static void run(ops& run, const arguments& a, const tensor& h, const tensor& dh) {
    const isize vocab = a.chunk.cols;
    const bool backward = static_cast<bool>(a.gradient) || a.frozen;
    tensor weight = a.weight, gradient = a.gradient;
    weight.rows = vocab;
    gradient.rows = vocab;
    for (isize first = 0; first < h.rows; first += a.chunk.rows) {
      const isize left = h.rows - first;
      const isize count = left < a.chunk.rows ? left : a.chunk.rows;
      const tensor logits = row_range(a.chunk, 0, count);
      const tensor input = row_range(h, first, count);
      run.matmul(product::nt, logits, input, weight);
      run.cross_entropy({logits, column_range(a.targets, first, count),
                         column_range(a.losses, first, count), a.scale, a.softcap, backward});
      if (!backward) continue;
      if (a.gradient) run.matmul(product::tn, gradient, logits, input, true);
      run.matmul(product::nn, row_range(dh, first, count), logits, weight);
    }
  }
};

}  // namespace ctgpt::inline CTGPT_ABI::parts
