#!/usr/bin/env bash
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: examples/quickstart.sh [--dir DIR] [--no-install] [--help]

From a bare machine to a trained GPT in under five minutes on two cores:
  1. packages   on Debian 12 and Ubuntu 24.04 as root, only what is missing; elsewhere it prints
                exactly what to install and stops
  2. build      the program build/ctgpt, and nothing else
  3. data       a small world of stories, facts, sums and conversations, generated on the spot
  4. tokenizer  a vocabulary of 1,024 tokens, learned from it
  5. train      a GPT on it, with a progress bar
  6. results    samples, and the share of held-out questions that it answers
The model stays in DIR, and the next commands are printed ready to paste. Run again, it resumes a
training that was interrupted, and keeps one that is finished.

  --dir DIR      where the run is kept (runs/quickstart)
  --no-install   install nothing: the needed packages are somewhere that CMake finds

Environment: CTGPT_BUILD_DIR, the folder to build in (build).
TEXT
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dir=$top/runs/quickstart install=yes
while [[ $# -gt 0 ]]; do
  case $1 in
    --help | -h)
      usage
      exit 0
      ;;
    --no-install) install=no ;;
    --dir)
      if [[ -z ${2:-} ]]; then
        echo "examples/quickstart.sh: --dir needs a folder" >&2
        exit 2
      fi
      dir=$(realpath -m -- "$2")
      shift
      ;;
    *)
      echo "examples/quickstart.sh: unknown flag $1; see examples/quickstart.sh --help" >&2
      exit 2
      ;;
  esac
  shift
done

cd "$top"
# shellcheck source=../cmake/install_packages.sh
source cmake/install_packages.sh
build=${CTGPT_BUILD_DIR:-build}
dir=$(realpath -m --relative-to=. -- "$dir")
readonly seed=1 bytes=8000000
data=$dir.txt tokens=$dir-tokens

heading() { printf '\n== %s\n' "$*"; }
run() {
  printf '+ %s\n' "$*"
  "$@"
}

heading "1/6 packages"
if [[ $install == yes ]]; then
  need_compiler_and_library_headers
  install_missing
fi
check_compiler_version

heading "2/6 build"
if [[ ! -e $build/CMakeCache.txt ]]; then
  run cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCTGPT_BUILD_TESTS=OFF \
    -DCTGPT_BUILD_BENCHMARKS=OFF
fi
run cmake --build "$build" --target ctgpt_program --parallel
ctgpt=$build/ctgpt

heading "3/6 data"
mkdir -p "$(dirname "$dir")"
if [[ -e $data ]]; then
  echo "$data is there already"
else
  run "$ctgpt" data world --bytes "$bytes" --seed "$seed" --out "$data"
fi

heading "4/6 tokenizer"
if [[ -e $tokens/tokenizer.json ]]; then
  echo "$tokens is there already"
else
  run "$ctgpt" tokenizer train --data "$data" --vocab 1024 --out "$tokens"
fi

heading "5/6 train"
if [[ -e $dir/run.json ]]; then
  echo "$dir holds a run: it goes on if it was interrupted. To train afresh: rm -r $dir"
  run "$ctgpt" train --resume --out "$dir"
else
  run "$ctgpt" train --data "$data" --tokenizer "$tokens" --preset quickstart --seed "$seed" \
    --out "$dir"
fi

heading "6/6 results"
run "$ctgpt" sample --model "$dir" --samples 3 --tokens 200 --seed "$seed"
run "$ctgpt" eval --model "$dir" --world-questions "$seed"

cat <<TEXT

The model is in $dir. What to try next:
  $ctgpt chat --model $dir
  $ctgpt sample --model $dir --prompt "Once" --temperature 0.8
  $ctgpt eval --model $dir --data $data
  $ctgpt describe --model $dir
  $ctgpt report $dir
  $ctgpt train --resume --steps 5000 --out $dir
TEXT
