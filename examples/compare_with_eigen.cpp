// A model's tensors in Eigen's hands: as_eigen(view) is a map of the same memory, without a copy.
// One linear layer is computed by both, and the embedding is looked at as a matrix.
//
// Prints
//   y = x W^T: largest difference 1.86265e-09 between 8 x 256 numbers of Eigen and ours
//   the embedding: 256 x 64, the longest row has norm 0.205494
//   the two most alike bytes: 127 and 22, their cosine is 0.481458
#include <Eigen/Dense>
#include <ctgpt/backend/eigen.hpp>
#include <ctgpt/ctgpt.hpp>
#include <iostream>

constexpr ctgpt::config tiny{.vocab = 256, .context = 32, .layers = 1, .heads = 2, .width = 64};
struct model : ctgpt::gpt<tiny> {};

int main() {
  const ctgpt::backend where = ctgpt::cpu{};
  const auto net = ctgpt::build<model>(where, ctgpt::seed{42});

  // Slot 0 is the token embedding (V,C); the backend is the host's memory, so Eigen may look.
  const auto embedding = ctgpt::as_eigen(net.weights()[0]);
  const ctgpt::memory y(where, ctgpt::element::f32, 8 * 256);
  const ctgpt::tensor ours = y.matrix(0, 8, 256);
  ctgpt::ops run(where);
  run.matmul(ctgpt::product::nt, ours, ctgpt::row_range(net.weights()[0], 0, 8), net.weights()[0]);
  where.synchronise();
  const Eigen::MatrixXf theirs = embedding.topRows(8) * embedding.transpose();
  std::cout << "y = x W^T: largest difference "
            << (ctgpt::as_eigen(ours) - theirs).cwiseAbs().maxCoeff() << " between 8 x 256 numbers"
            << " of Eigen and ours\n";

  const Eigen::VectorXf norms = embedding.rowwise().norm();
  Eigen::MatrixXf alike = norms.cwiseInverse().asDiagonal() * embedding;
  alike = (alike * alike.transpose()).eval();
  alike.diagonal().setConstant(-1.0f);
  Eigen::Index row = 0, column = 0;
  const float most = alike.maxCoeff(&row, &column);
  std::cout << "the embedding: " << embedding.rows() << " x " << embedding.cols()
            << ", the longest row has norm " << norms.maxCoeff() << '\n'
            << "the two most alike bytes: " << row << " and " << column << ", their cosine is "
            << most << '\n';
  return (ctgpt::as_eigen(ours) - theirs).cwiseAbs().maxCoeff() < 1e-4f ? 0 : 1;
}
