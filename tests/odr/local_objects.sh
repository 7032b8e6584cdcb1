#!/usr/bin/env bash
# Names the data of ctgpt that has internal linkage in the object files given: a second unit would
# have a second copy. Usage: local_objects.sh OBJECT...
set -euo pipefail

if ! command -v nm >/dev/null; then
  echo "nm is missing: install binutils"
  exit 1
fi
found=0
for object in "$@"; do
  symbols=$(nm -C "$object")
  if ! grep -q ' ctgpt::' <<<"$symbols"; then
    echo "$object holds nothing of ctgpt: the test would prove nothing"
    exit 1
  fi
  # b, d, r: local variables and constants; upper case and u, V are shared by all units.
  if grep -E ' [bdr] ctgpt::' <<<"$symbols"; then
    echo "  in $object"
    found=1
  fi
done
exit "$found"
