# shellcheck shell=bash
# Sourced by run.sh and full.sh, which stand at the top of the repository: the steps of a test run,
# and the count of what passed. Every step adds to `passed` and `failed`, its tests' times to
# `times`, and the names of tests that lack what they need to `left_out`.

passed=0
failed=0
left_out=()
jobs=${CTGPT_JOBS:-2}
ctest_prefix=()  # a command that ctest is run under
times=$(mktemp)
trap 'rm -f "$times"' EXIT

heading() { printf '\n== %s (minute %d)\n' "$*" $((SECONDS / 60)); }

fail_step() {
  echo "FAILED: $*"
  failed=$((failed + 1))
}

# build_tree <folder> <target> <cmake argument>...: a unit that does not compile fails the step, and
# the others are built all the same.
build_tree() {
  local folder=$1 target=$2
  shift 2
  echo "+ cmake -S . -B $folder -G Ninja $*"
  mkdir -p "$folder"
  if ! cmake -S . -B "$folder" -G Ninja "$@" >"$times.log" 2>&1; then
    cat "$times.log"
    rm -f "$times.log"
    fail_step "cmake could not configure $folder"
    return
  fi
  rm -f "$times.log"
  # Ninja shows a line a unit; a terminal sees them all, a log the messages and the end.
  if ! cmake --build "$folder" --target "$target" --parallel "$jobs" -- -k 0 --quiet; then
    fail_step "not everything in $folder compiles"
  fi
}

# run_tests <folder> <ctest argument>...
run_tests() {
  local folder=$1 report counts verdict name
  shift
  report=$(realpath "$folder")/report.xml
  rm -f "$report"
  "${ctest_prefix[@]}" ctest --test-dir "$folder" --parallel "$jobs" --output-on-failure \
    --output-junit "$report" "$@" | grep -vE '^ *Start +[0-9]+: ' || true
  if [[ ! -s $report ]]; then
    fail_step "ctest left no report in $folder"
    return
  fi
  # "<seconds> <tab> <verdict> <tab> <name>" for each test.
  local text='="([^"]*)"'
  sed -z 's/status="notrun">\n\t*<skipped message="SKIP_REG/status="left out">\n&/g' "$report" |
    sed -nE "s/^\t<testcase name$text classname$text time$text status$text.*/\3\t\4\t\1/p" |
    sed -e "s/&quot;/\"/g; s/&apos;/'/g; s/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g" >"$times.new"
  counts=$(awk -F '\t' '$2 == "run" { p++ } $2 !~ /^(run|left out)$/ { f++ }
    END { print p + 0, f + 0 }' "$times.new")
  while IFS=$'\t' read -r _ verdict name; do
    if [[ $verdict == "left out" ]]; then left_out+=("$name [$folder]"); fi
  done <"$times.new"
  awk -F '\t' -v from="$folder" '{ print $1 "\t" $3 " [" from "]" }' "$times.new" >>"$times"
  rm -f "$times.new"
  if [[ $counts == "0 0" ]]; then
    fail_step "ctest found no test in $folder"
    return
  fi
  passed=$((passed + ${counts% *}))
  failed=$((failed + ${counts#* }))
}

# fuzz_one <unit> <seconds> <folder>: libFuzzer on one target, from its corpus.
fuzz_one() {
  local unit=$1 limit=$2 work=$3 name libraries=()
  name=$(basename "$unit" .cpp)
  mkdir -p "$work/$name"
  if grep -qE '^#include "(ctgpt/data/|fuzz/reading.hpp)' "$unit"; then
    # The component data. What is in /usr/include is found without being named.
    read -ra libraries <<<"$(pkg-config --cflags --libs zlib libzstd libxml-2.0 libutf8proc) -lbz2"
  fi
  if grep -qE '^#include "ctgpt/safety/' "$unit"; then
    libraries=(-lre2)
  fi
  if grep -qE '^#include "ctgpt/serve/' "$unit"; then
    libraries=(-lcrypto)
  fi
  clang++ -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
    -Iinclude -Itests "$unit" "${libraries[@]}" -o "$work/fuzz_$name" &&
    "$work/fuzz_$name" -max_total_time="$limit" -timeout=20 -rss_limit_mb=3000 \
      -artifact_prefix="$work/$name-" "$work/$name" "tests/fuzz/corpus/$name"
}

# fuzz_parsers <seconds>: every target of tests/fuzz.
fuzz_parsers() {
  local limit=$1 work unit found=no
  if ! command -v clang++ >/dev/null; then
    echo "clang++ is not installed: no fuzzing beyond the replays that ran among the tests."
    return
  fi
  work=$(mktemp -d)
  for unit in tests/fuzz/*.cpp; do
    [[ -e $unit ]] || continue
    echo "+ fuzz $unit for $limit seconds"
    if fuzz_one "$unit" "$limit" "$work" >"$work/log" 2>&1; then
      tail -n 1 "$work/log"
      passed=$((passed + 1))
      printf '%s\t%s\n' "$limit" "fuzz: $unit" >>"$times"
    else
      tail -n 40 "$work/log"
      fail_step "fuzzing $unit; what was found lies in $work"
      found=yes
    fi
  done
  [[ $found == yes ]] || rm -rf "$work"
}

slowest_tests() {
  echo "The ten slowest tests:"
  sort -rn "$times" | awk -F '\t' 'NR <= 10 { printf "%9.2f s  %s\n", $1, $2 }'
}

# What was left out, and the plain line that ends a run.
verdict() {
  if [[ ${#left_out[@]} -gt 0 ]]; then
    echo "Left out, for want of data in CTGPT_DATA (${CTGPT_DATA:-../shared/data})," \
      "a Python package or a right; the test's message says which:"
    printf '  %s\n' "${left_out[@]}"
  fi
  printf '%d passed, %d failed\n' "$passed" "$failed"
  [[ $failed -eq 0 ]]
}
