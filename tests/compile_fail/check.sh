#!/usr/bin/env bash
# Compiles one file twice. Its good half (no macro) must compile; its bad half (-DMUST_FAIL) must be
# refused with a message that contains every text that the file announces:
#   // expect: text                        on each compiler
#   // expect g++: text                    on one of them (g++ or clang++)
#   // bad half's flags: flags             for a fault that lies in how a file is compiled
# Usage: check.sh FILE COMPILER ARGUMENT...
set -euo pipefail

file=$1 compiler=$2
shift 2
case $("$compiler" --version | head -n 1) in
  *clang*) kind="clang++" ;;
  *) kind="g++" ;;
esac

mapfile -t expected < <(sed -nE "s/^\/\/ expect( ${kind//+/\\+})?: //p" "$file")
if [[ ${#expected[@]} -eq 0 ]]; then
  echo "$file announces no text: add a line '// expect: text'"
  exit 1
fi

echo "the good half must compile"
"$compiler" "$@" -fsyntax-only "$file"

echo "the bad half must not"
read -ra bad_flags < <(sed -nE "s/^\/\/ bad half's flags: //p" "$file"; echo)
if output=$("$compiler" "$@" -fsyntax-only -DMUST_FAIL "${bad_flags[@]}" "$file" 2>&1); then
  echo "$file compiles with -DMUST_FAIL"
  exit 1
fi
for text in "${expected[@]}"; do
  if ! grep -qF -- "$text" <<<"$output"; then
    printf '%s\nthe message lacks: %s\n' "$output" "$text"
    exit 1
  fi
done
echo "refused, as announced"
