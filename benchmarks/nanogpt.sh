#!/usr/bin/env bash
# Trains nanoGPT's CPU character recipe with ctgpt and with PyTorch in one go, one thread each, and
# compares CPU-seconds and the best validation loss.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: benchmarks/nanogpt.sh [--seeds "1337 1338 1339"] [--steps N] [--out FILE]

The recipe: tinyshakespeare, first 90 % to train, 4 layers, 4 heads, 128 wide, context 64, batch 12,
2,000 steps, evaluated every 250. ctgpt runs as `ctgpt train --preset shakespeare-char-cpu`. PyTorch
runs nanoGPT itself where NANOGPT_DIR is its checkout (with data/shakespeare_char prepared), and
otherwise benchmarks/pytorch_gpt.py, the same model in plain PyTorch; without PyTorch it says so and
measures ctgpt alone.

Environment:
  CTGPT         the program (build/ctgpt)
  CTGPT_DATA    folder with text/tinyshakespeare.txt (../shared/data)
  CTGPT_PYTHON  a Python that has torch (python3)
  NANOGPT_DIR   a checkout of nanoGPT
TEXT
}

seeds="1337 1338 1339" steps=2000 out=
while (($#)); do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --seeds) seeds=$2; shift 2 ;;
    --steps) steps=$2; shift 2 ;;
    --out) out=$2; shift 2 ;;
    *) echo "benchmarks/nanogpt.sh: unknown flag $1; see --help" >&2; exit 2 ;;
  esac
done
cd "$(dirname "$0")/.."
program=${CTGPT:-build/ctgpt}
text=${CTGPT_DATA:-../shared/data}/text/tinyshakespeare.txt
python=${CTGPT_PYTHON:-python3}
[[ -x $program ]] || { echo "no program $program; build it first" >&2; exit 1; }
[[ -f $text ]] || { echo "no text $text; set CTGPT_DATA" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# cpu_of <file> <command>...: runs it and leaves user + system seconds in the file.
cpu_of() {
  local file=$1
  shift
  TIMEFORMAT='%U %S %R'
  { time "$@" >"$work/output" 2>"$work/errors"; } 2>"$file" || {
    cat "$work/errors" >&2
    return 1
  }
}

torch=no
"$python" -c 'import torch' 2>/dev/null && torch=yes
[[ $torch == yes ]] || echo "PyTorch is not installed for $python: measuring ctgpt alone"
lines=()
for seed in $seeds; do
  cpu_of "$work/ours" "$program" train --data "$text" --tokenizer char \
    --preset shakespeare-char-cpu --steps "$steps" --seed "$seed" --threads 1 --keep 1 \
    --save-every 1000000 --out "$work/run-$seed"
  read -r user system wall <"$work/ours"
  ours=$(awk "BEGIN { print $user + $system }")
  ours_loss=$(sed -nE 's/.*"val_loss":([0-9.]+).*/\1/p' "$work/run-$seed/metrics.jsonl" |
    sort -g | head -1)
  line="seed $seed: ctgpt $ours CPU-s ($wall s wall), best val $ours_loss"
  if [[ $torch == yes ]]; then
    if [[ -n ${NANOGPT_DIR:-} ]]; then
      peer=nanoGPT
      ( cd "$NANOGPT_DIR" && OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 cpu_of "$work/theirs" "$python" \
        train.py config/train_shakespeare_char.py --device=cpu --compile=False --eval_iters=20 \
        --log_interval=250 --block_size=64 --batch_size=12 --n_layer=4 --n_head=4 --n_embd=128 \
        --max_iters="$steps" --lr_decay_iters="$steps" --dropout=0.0 --out_dir="$work/nano-$seed" )
      theirs_loss=$(sed -nE 's/.*val loss ([0-9.]+).*/\1/p' "$work/output" | sort -g | head -1)
    else
      peer="PyTorch"
      cpu_of "$work/theirs" "$python" benchmarks/pytorch_gpt.py char "$text" --steps "$steps" \
        --seed "$seed" --threads 1
      theirs_loss=$(sed -nE 's/.*"best_val_loss": ([0-9.]+).*/\1/p' "$work/output")
    fi
    read -r user system wall <"$work/theirs"
    theirs=$(awk "BEGIN { print $user + $system }")
    ratio=$(awk "BEGIN { printf \"%.2f\", $theirs / $ours }")
    line+="; $peer $theirs CPU-s ($wall s wall), best val $theirs_loss; ratio $ratio"
  fi
  echo "$line"
  lines+=("$line")
done
[[ -z $out ]] || printf '%s\n' "${lines[@]}" >"$out"
