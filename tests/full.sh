#!/usr/bin/env bash
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: tests/full.sh [--no-install] [--help]

Runs what tests/run.sh leaves out, for hours rather than minutes:
  1. packages    also clang, its sanitizers' libraries, and doxygen
  2. recipes     every test with g++, the long recipes with all their seeds (CTGPT_ALL_SEEDS=1)
  3. clang       build and tests with clang++
  4. address and undefined-behaviour sanitizers, on every test but the recipes
  5. thread sanitizer, the same
  6. NEON        the dispatch units with the cross compiler for 64-bit ARM
  7. fuzzing     minutes of libFuzzer on each parser
It writes the result with date, commit and machine into tests/full_result.txt and ends with the line
'N passed, N failed'. It can be run again at any time.

  --no-install   install nothing: the needed packages are somewhere that CMake finds

Environment: as tests/run.sh; CTGPT_FUZZ_SECONDS is 120 here; CTGPT_HIGHWAY_INCLUDE is the folder
that holds hwy/ (/usr/include).
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
      echo "tests/full.sh: unknown flag $flag; see tests/full.sh --help" >&2
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
highway=${CTGPT_HIGHWAY_INCLUDE:-/usr/include}  # the folder that holds hwy/
export CXX=${CXX:-g++}
result=tests/full_result.txt
lines=()

# stage <name> <function> <argument>...: runs a stage and notes what it added to the counts.
stage() {
  local name=$1 passed_before=$passed failed_before=$failed begin=$SECONDS
  shift
  heading "$name"
  "$@"
  lines+=("$(printf '%-46s %5d passed %4d failed %6d s' "$name" $((passed - passed_before)) \
    $((failed - failed_before)) $((SECONDS - begin)))")
}

recipes() {
  build_tree "$build" all -DCMAKE_BUILD_TYPE=Release -DCTGPT_BUILD_TESTS=ON
  CTGPT_ALL_SEEDS=1 run_tests "$build"
}

# A tree of another kind: the long recipes would take hours under a sanitizer and prove no more.
test_tree() {
  local folder=$1
  shift
  build_tree "$folder" all -DCMAKE_BUILD_TYPE=Release -DCTGPT_BUILD_TESTS=ON "$@"
  run_tests "$folder" --label-exclude '^recipe$'
}

# The thread sanitizer asks for addresses that a kernel's wide randomisation may have taken.
threads() {
  local plain=()
  if setarch "$(uname -m)" -R true 2>/dev/null; then plain=(setarch "$(uname -m)" -R); fi
  ctest_prefix=("${plain[@]}")
  test_tree "$build/tsan" -DCTGPT_SANITIZE=thread
  ctest_prefix=()
}

# Each family of kernels compiles for 64-bit ARM, and its object has kernels for NEON.
neon() {
  local work=$build/neon family
  rm -rf "$work"
  mkdir -p "$work/include"
  ln -s "$highway/hwy" "$work/include/hwy"
  for family in 1 2 3 4; do
    echo "+ aarch64-linux-gnu-g++ ... family $family"
    if echo '#include "ctgpt/backend/cpu/impl.hpp"' |
      aarch64-linux-gnu-g++ -std=c++20 -O2 -Wall -Wextra -Werror -Iinclude -isystem \
        "$work/include" "-DCTGPT_CPU_FAMILY=$family" -x c++ -c - -o "$work/$family.o" &&
      aarch64-linux-gnu-nm -C "$work/$family.o" | grep "N_NEON" >/dev/null; then
      passed=$((passed + 1))
    else
      fail_step "kernel family $family for NEON"
    fi
  done
}

heading "packages"
if [[ $install == yes ]]; then
  need_compiler_and_library_headers
  need_header doctest/doctest.h doctest-dev
  need_header benchmark/benchmark.h libbenchmark-dev
  need_command pkg-config pkg-config
  need_command clang++ clang
  need_command doxygen doxygen
  need_command aarch64-linux-gnu-g++ g++-aarch64-linux-gnu
  if ! clang++ -fsanitize=fuzzer -x c++ -fsyntax-only /dev/null 2>/dev/null; then
    missing_packages+=(libclang-rt-dev)
  fi
  install_missing
fi
check_compiler_version

stage "every test, all seeds of the recipes ($CXX)" recipes
stage "every test with clang++" test_tree "$build/clang" -DCMAKE_CXX_COMPILER=clang++
stage "address and undefined-behaviour sanitizers" \
  test_tree "$build/ubsan" -DCTGPT_SANITIZE=address,undefined
stage "thread sanitizer" threads
stage "NEON with the cross compiler" neon
stage "fuzzing, ${CTGPT_FUZZ_SECONDS:-120} s a parser" fuzz_parsers "${CTGPT_FUZZ_SECONDS:-120}"

heading "done"
slowest_tests
commit=$(git rev-parse HEAD 2>/dev/null || echo "no commit")
if [[ -n $(git status --porcelain -- . ":!$result" 2>/dev/null) ]]; then
  commit+=" and uncommitted changes"
fi
{
  echo "tests/full.sh: $passed passed, $failed failed in $((SECONDS / 60)) minutes"
  echo "date     $(date -u '+%Y-%m-%d %H:%M UTC')"
  echo "commit   $commit"
  echo "machine  $(sed -nE 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)," \
    "$(nproc) processors, $("$CXX" --version | head -n 1), $(clang++ --version | head -n 1)"
  printf '%s\n' "${lines[@]}"
} >"$result"
echo "written: $result"
verdict
