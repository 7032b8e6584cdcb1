#!/usr/bin/env bash
# Holds the compile-time budgets, in seconds of user CPU time at -O2:
#   a user's hello unit                                    3
#   the CPU dispatch unit, all its families, a target      8
#   any unit of the library or the examples               25
#
# The rule: each unit is compiled, and up to four times more while it is over the budget; the best
# time counts. Budgets are of a quiet core of a Zen 5 server with g++ 12, which compiles
# calibration.cpp in 2.6 s. A slower machine gets more: they are multiplied by (seconds of
# calibration.cpp) / 2.6, never by less than 1. It is compiled again before each further try: a
# virtual machine may become slower meanwhile.
#
# Usage: check.sh SOURCE WORK COMPILER ARGUMENT...     measure the repository's units
#        check.sh --self-test WORK COMPILER            see that an overrun is seen, and only that
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$1 work=$2 compiler=$3
shift 3
readonly hello_budget=3 target_budget=8 unit_budget=25 calibration_seconds=2.6
TIMEFORMAT=%U
failures=0

# seconds <unit> <object> <argument>...: user time of one compilation.
seconds() {
  local unit=$1 object=$2
  shift 2
  { time "$compiler" -std=c++20 -O2 "$@" -c "$unit" -o "$object" 2>"$object.log"; } 2>&1 || {
    cat "$object.log" >&2
    echo "$unit does not compile" >&2
    exit 1
  }
}

within() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a <= b) }'; }
best() { awk -v a="$1" -v b="$2" 'BEGIN { print (a < b) ? a : b }'; }

# judge <name> <seconds> <budget>: prints the line of one budget.
judge() {
  local verdict="ok" limit
  limit=$(awk -v b="$3" -v s="$scale" 'BEGIN { printf "%.2f", b * s }')
  if ! within "$2" "$limit"; then
    verdict="OVER"
    failures=$((failures + 1))
  fi
  printf '%-32s %7.2f s of %7.2f s  %s\n' "$1" "$2" "$limit" "$verdict"
}

# measure <name> <budget> <unit> <argument>...: leaves the time in `spent`.
measure() {
  local name=$1 budget=$2 unit=$3 object=$work/unit.o usual=$scale again try
  shift 3
  spent=$(seconds "$unit" "$object" "$@")
  for try in 1 2 3 4; do
    if within "$spent" "$(awk -v b="$budget" -v s="$scale" 'BEGIN { print b * s }')"; then break; fi
    calibrate
    again=$(seconds "$unit" "$object" "$@")
    spent=$(best "$spent" "$again")
    echo "try $((try + 1)) of $name: $again s; calibration: $calibration s"
  done
  judge "$name" "$spent" "$budget"
  scale=$usual
}

# calibrate: leaves the seconds in `calibration`, and what budgets are multiplied by in `scale`.
calibrate() {
  calibration=$(seconds "$here/calibration.cpp" "$work/calibration.o")
  scale=$(awk -v c="$calibration" -v s="$calibration_seconds" \
    'BEGIN { printf "%.3f", (c > s) ? c / s : 1 }')
}

mkdir -p "$work"
if [[ $source == --self-test ]]; then
  scale=1
  echo "int main() {}" >"$work/empty.cpp"
  measure "an empty program" 1000 "$work/empty.cpp"
  [[ $failures == 0 ]] || { echo "what is within its budget is called over it" >&2 && exit 1; }
  measure "the same in less than no time" -1 "$work/empty.cpp"  # a compilation may take 0.00 s
  [[ $failures == 1 ]] || { echo "an overrun is not seen" >&2 && exit 1; }
  exit 0
fi

calibrate
echo "calibration: $calibration s, so budgets are multiplied by $scale"

flags=("-I$source/include" "$@")
family=0 all=0 targets=""
for name in products rows elementwise attention; do
  family=$((family + 1))
  printf '#include "ctgpt/backend/cpu/impl.hpp"\n' >"$work/unit.cpp"
  measure "dispatch unit: $name" "$unit_budget" "$work/unit.cpp" "-DCTGPT_CPU_FAMILY=$family" \
    "${flags[@]}"
  all=$(awk -v a="$all" -v b="$spent" 'BEGIN { print a + b }')
  targets+=$(nm -C "$work/unit.o" | grep -oE 'N_[A-Z0-9_]+::' | sort -u)$'\n'
done
count=$(grep -c . <<<"$(sort -u <<<"$targets" | grep . || true)")
judge "dispatch units, $count targets" "$all" $((target_budget * count))

for unit in "$source"/examples/*.cpp "$source"/examples/*/*.cpp; do
  [[ -e $unit ]] || continue
  name=${unit#"$source"/}
  if [[ $name == examples/hello.cpp ]]; then
    measure "$name" "$hello_budget" "$unit" "${flags[@]}"
  else
    measure "$name" "$unit_budget" "$unit" "${flags[@]}"
  fi
done
exit "$failures"
