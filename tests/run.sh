#!/usr/bin/env bash
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: tests/run.sh [--no-install] [--help]

Installs what is missing, builds everything with g++ and passes every test:
  1. packages    on Debian 12 and Ubuntu 24.04 as root, only what is missing; elsewhere it prints
                 exactly what to install and stops
  2. build       two jobs, in build/
  3. tests       of every header and program; one seed of the long recipes
  4. sanitizer   the parsers' tests (base, io, text, data) again with the address sanitizer
  5. fuzzing     seconds of libFuzzer on each parser, if clang++ is there
It prints the ten slowest tests and ends with the line 'N passed, N failed'; the exit code is 0 only
if nothing failed. It can be run again at any time and then builds only what changed.

  --no-install   install nothing: the needed packages are somewhere that CMake finds

Environment:
  CTGPT_BUILD_DIR      folder to build in (build)
  CTGPT_DATA           folder with the large test data (../shared/data); tests that lack what they
                       need are left out and listed at the end
  CTGPT_FUZZ_SECONDS   seconds of fuzzing a parser (5)
  CTGPT_JOBS           parallel jobs (2)
TEXT
}

install=yes
for flag in "$@"; do
  case $flag in
    --help | -h)
      usage
      exit 0
      ;;
    --no-install) install=no ;;
    *)
      echo "tests/run.sh: unknown flag $flag; see tests/run.sh --help" >&2
      exit 2
      ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=../cmake/install_packages.sh
source cmake/install_packages.sh
# shellcheck source=steps.sh
source tests/steps.sh
build=${CTGPT_BUILD_DIR:-build}
export CXX=${CXX:-g++}

heading "1/5 packages"
if [[ $install == yes ]]; then
  need_compiler_and_library_headers
  need_header doctest/doctest.h doctest-dev
  need_header benchmark/benchmark.h libbenchmark-dev
  need_command pkg-config pkg-config
  install_missing
fi
check_compiler_version

heading "2/5 build with $CXX in $build"
build_tree "$build" all -DCMAKE_BUILD_TYPE=Release -DCTGPT_BUILD_TESTS=ON \
  -DCTGPT_BUILD_EXAMPLES=ON -DCTGPT_BUILD_BENCHMARKS=ON

heading "3/5 tests"
run_tests "$build"

heading "4/5 the parsers' tests with the address sanitizer, in $build/asan"
build_tree "$build/asan" parser_tests -DCMAKE_BUILD_TYPE=Release -DCTGPT_BUILD_TESTS=ON \
  -DCTGPT_SANITIZE=address,undefined -DCTGPT_BUILD_EXAMPLES=OFF -DCTGPT_BUILD_BENCHMARKS=OFF
run_tests "$build/asan" --label-regex '^(base|io|text|data|fuzz)$'

heading "5/5 fuzzing"
fuzz_parsers "${CTGPT_FUZZ_SECONDS:-5}"

heading "done"
slowest_tests
verdict
