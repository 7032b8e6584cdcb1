#!/usr/bin/env bash
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: examples/quickstart.sh [--minutes N] [--data FILE] [--dir DIR] [--port N] [--no-serve]
                              [--no-install] [--help]

From a bare machine to a chat page of your own GPT, in under five minutes on two cores:
  1. packages    on Debian 12 and Ubuntu 24.04 as root, only what is missing; elsewhere it prints
                 exactly what to install and stops
  2. build       the program build/ctgpt, and nothing else
  3. data        a small world of stories, facts and sums, and conversations about it
  4. tokenizer   a vocabulary of 1,024 tokens, learned from them
  5. pre-train   a GPT learns the text, with a progress bar
  6. fine-tune   it learns to answer, on the conversations
  7. results     the share of held-out questions that it answers, by kind
  8. chat        the page at http://127.0.0.1:8080, until Ctrl-C
It leaves DIR/tokenizer, DIR/base and DIR/chat, and prints the next commands ready to paste. Run
again, it goes on where it was interrupted, and keeps what is finished.

  --minutes N    minutes of training (about 2): more of them train a larger model on more text
  --data FILE    pre-train on your own text; the conversations stay those of the small world
  --dir DIR      where all is kept (runs/quickstart)
  --port N       port of the page (8080)
  --no-serve     end before the page
  --no-install   install nothing: the needed packages are somewhere that CMake finds

Environment: CTGPT_BUILD_DIR, the folder to build in (build).
TEXT
}

fail() {
  echo "examples/quickstart.sh: $*" >&2
  exit 2
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dir=$top/runs/quickstart install=yes serve=yes minutes='' own='' port=8080
while [[ $# -gt 0 ]]; do
  case $1 in
    --help | -h)
      usage
      exit 0
      ;;
    --no-install) install=no ;;
    --no-serve) serve=no ;;
    --dir | --data | --minutes | --port)
      [[ -n ${2:-} ]] || fail "$1 needs a value; see examples/quickstart.sh --help"
      case $1 in
        --dir) dir=$(realpath -m -- "$2") ;;
        --data)
          [[ -r $2 ]] || fail "--data $2 is not a file that can be read"
          own=$(realpath -- "$2")
          ;;
        --minutes)
          [[ $2 =~ ^[1-9][0-9]{0,3}$ ]] ||
            fail "--minutes wants a whole number from 1 to 9999, not $2"
          minutes=$2
          ;;
        --port)
          [[ $2 =~ ^[0-9]{1,5}$ && $2 -le 65535 ]] ||
            fail "--port wants a number up to 65535, not $2"
          port=$2
          ;;
      esac
      shift
      ;;
    *) fail "unknown flag $1; see examples/quickstart.sh --help" ;;
  esac
  shift
done

cd "$top"
# shellcheck source=../cmake/install_packages.sh
source cmake/install_packages.sh
build=${CTGPT_BUILD_DIR:-build}
dir=$(realpath -m --relative-to=. -- "$dir")
readonly seed=1

heading() { printf '\n== %s\n' "$*"; }
run() {
  printf '+ %s\n' "$*"
  "$@"
}
# is_there PATH: whether an earlier call made it.
is_there() {
  [[ -e $1 ]] || return 1
  echo "$1 is there already"
}
# train_or_resume OUT VERB FLAG...
train_or_resume() {
  local out=$1 verb=$2
  shift 2
  if [[ -e $out/run.json ]]; then
    echo "$out holds a run: it goes on if it was interrupted. To train afresh: rm -r $dir"
    run "$ctgpt" "$verb" --resume --out "$out"
  else
    run "$ctgpt" "$verb" "$@" --out "$out"
  fi
}

heading "1/8 packages"
if [[ $install == yes ]]; then
  need_compiler_and_library_headers
  install_missing
fi
check_compiler_version

heading "2/8 build"
if [[ ! -e $build/CMakeCache.txt ]]; then
  run cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCTGPT_BUILD_TESTS=OFF \
    -DCTGPT_BUILD_BENCHMARKS=OFF
fi
run cmake --build "$build" --target ctgpt_program --parallel
ctgpt=$build/ctgpt

# Two minutes train the smallest model. With more of them the text grows too, so that it is never
# read often, and the number of steps is what a short trial says that the time allows.
preset=quickstart bytes=8000000 conversations=8000
if [[ -n $minutes && $minutes -ge 8 ]]; then
  preset=quickstart-large conversations=60000
  bytes=$((minutes < 250 ? minutes * 4000000 : 1000000000))
fi

heading "3/8 data"
mkdir -p "$dir"
text=$dir/world.txt talks=$dir/conversations.jsonl
if [[ -n $own ]]; then
  text=$own
  echo "Pre-training reads $own. The conversations are about a small world that it does not"
  echo "tell of, so the model learns that world, and to answer, from the conversations alone."
else
  is_there "$text" || run "$ctgpt" data world --bytes "$bytes" --seed "$seed" --out "$text"
fi
is_there "$talks" ||
  run "$ctgpt" data world --conversations "$conversations" --seed "$seed" --out "$talks"

heading "4/8 tokenizer"
is_there "$dir/tokenizer" ||
  run "$ctgpt" tokenizer train --data "$text" --vocab 1024 --special "<|endoftext|>" \
    "<|im_start|>" "<|im_end|>" --out "$dir/tokenizer"

heading "5/8 pre-train"
steps=()
if [[ -n $minutes && ! -e $dir/base/run.json ]]; then
  echo "How fast is this machine? A trial of 40 steps:"
  rm -rf "$dir/trial"
  "$ctgpt" train --data "$text" --tokenizer "$dir/tokenizer" --preset "$preset" --seed "$seed" \
    --steps 40 --eval-batches 1 --out "$dir/trial" 2>/dev/null
  # The median of the last steps; a fifth of the time is left to fine-tuning and evaluations.
  count=$(tail -n 21 "$dir/trial/metrics.jsonl" | sed -n 's/.*"seconds":\([0-9.e-]*\).*/\1/p' |
    sort -g | awk -v minutes="$minutes" '{ s[NR] = $1 }
      END { printf "%d", minutes * 60 * 0.8 / s[int((NR + 1) / 2)] }')
  steps=(--steps "$count" --warmup "$((count / 25))")
  rm -rf "$dir/trial"
  echo "$minutes minutes are worth $count steps."
fi
train_or_resume "$dir/base" train --data "$text" --tokenizer "$dir/tokenizer" \
  --preset "$preset" --seed "$seed" "${steps[@]}"

heading "6/8 fine-tune"
train_or_resume "$dir/chat" finetune --model "$dir/base" --data "$talks" --epochs 1 \
  --seed "$seed"

heading "7/8 results"
run "$ctgpt" sample --model "$dir/base" --tokens 120 --seed "$seed"
run "$ctgpt" eval --model "$dir/chat" --world-questions "$seed" --out "$dir/chat/eval.json"

cat <<TEXT

The model is in $dir/chat. What to try next:
  $ctgpt chat --model $dir/chat
  $ctgpt serve --model $dir/chat
  $ctgpt sample --model $dir/base --prompt "Once" --temperature 0.8
  $ctgpt eval --model $dir/base --data $text
  $ctgpt report $dir/base $dir/chat
  $ctgpt bench serve --model $dir/chat --users 16
  examples/quickstart.sh --minutes 30 --dir runs/larger
examples/README.md walks the whole way, stage by stage.
TEXT

if [[ $serve == yes ]]; then
  heading "8/8 chat: http://127.0.0.1:$port (Ctrl-C ends it)"
  printf '+ %s\n' "$ctgpt serve --model $dir/chat --port $port --db $dir/chat.db"
  exec "$ctgpt" serve --model "$dir/chat" --port "$port" --db "$dir/chat.db"
fi
