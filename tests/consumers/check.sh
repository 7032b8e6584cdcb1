#!/usr/bin/env bash
# Builds examples/hello.cpp in one of the ways that users do, runs it and checks what it prints. The
# way one_line takes the file as it is; the others train for fewer steps, to save time.
# Usage: check.sh WAY SOURCE BUILD COMPILER, with WAY one of
#   add_subdirectory, fetch_content, find_package   a CMake project in the folder of that name
#   find_package_data, add_subdirectory_data        a program that reads files with ctgpt::data
#   pkg_config                                      one call of the compiler, with pkg-config
#   one_line                                        the shortest build: one call of the compiler
#   one_file                                        the same with CTGPT_IMPLEMENTATION
#   ..._native                                      each of them with -march=native
#   forgotten_unit                                  no dispatch unit: the linker says what to do
set -euo pipefail

way=$1 source=$2 build=$3 compiler=$4
work=$build/tests/consumers/$way
native=()
if [[ $way == *_native ]]; then
  native=(-march=native)
  way=${way%_native}
fi
rm -rf "$work"
mkdir -p "$work"

short=$work/hello.cpp
sed -E 's/run\.steps\([0-9]+,/run.steps(10,/' "$source/examples/hello.cpp" >"$short"
if cmp -s "$short" "$source/examples/hello.cpp"; then
  echo "examples/hello.cpp has no line 'run.steps(N,' to shorten"
  exit 1
fi

say_and_run() {
  echo "+ $*"
  "$@"
}

build_with_cmake() {
  local launcher=()
  if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
  say_and_run cmake -S "$source/tests/consumers/$way" -B "$work/build" -G Ninja \
    -DCMAKE_BUILD_TYPE=Release "-DCMAKE_CXX_COMPILER=$compiler" "-DCTGPT_SOURCE=$source" \
    "-DHELLO=$short" "-DCMAKE_CXX_FLAGS=${native[*]}" "${launcher[@]}" "$@"
  say_and_run cmake --build "$work/build" --parallel 2
  hello=$work/build/hello
}

# The lines of the README, run where the README says: at the top of the repository.
build_with_one_line() {
  cd "$source"
  hello=$work/hello
  say_and_run "$compiler" -std=c++20 -O2 "${native[@]}" -Iinclude "$@" -lhwy -pthread -o "$hello"
}

unit=ctgpt/backend/cpu/impl.hpp
case $way in
  add_subdirectory | fetch_content) build_with_cmake ;;
  find_package)
    say_and_run cmake --install "$build" --prefix "$work/prefix"
    build_with_cmake "-DCMAKE_PREFIX_PATH=$work/prefix"
    ;;
  find_package_data | add_subdirectory_data)
    settings=("-DWAY=$way")
    if [[ $way == find_package_data ]]; then
      say_and_run cmake --install "$build" --prefix "$work/prefix"
      settings+=("-DCMAKE_PREFIX_PATH=$work/prefix")
    fi
    way=data_component
    build_with_cmake "${settings[@]}"
    printf '{"text":"Once"}\n{"text":7}\n' | gzip >"$work/a.jsonl.gz"
    printf 'upon a time\n' >"$work/b.txt"
    output=$("$work/build/read" "$work/a.jsonl.gz" "$work/b.txt")
    printf '%s\n' "$output"
    if [[ $output != $'Once\nupon a time\n\n2 documents, 1 bad record' ]]; then
      echo "read must print the two texts and the count"
      exit 1
    fi
    exit 0
    ;;
  pkg_config)
    say_and_run cmake --install "$build" --prefix "$work/prefix"
    pc=$(find "$work/prefix" -name ctgpt.pc)
    mv "$work/prefix" "$work/moved"  # a prefix may be moved
    flags=$(PKG_CONFIG_PATH=$(dirname "${pc/prefix/moved}") pkg-config --cflags --libs ctgpt)
    hello=$work/hello
    # shellcheck disable=SC2086
    say_and_run "$compiler" -O2 "${native[@]}" "$short" $flags -o "$hello"
    ;;
  one_line)
    file=examples/hello.cpp
    if [[ ${#native[@]} -gt 0 ]]; then file=$short; fi
    build_with_one_line -include "$unit" "$file"
    ;;
  one_file) build_with_one_line -DCTGPT_IMPLEMENTATION "$short" ;;
  forgotten_unit)
    if build_with_one_line "$short" >"$work/log" 2>&1; then
      echo "a program without the dispatch unit must not link"
      exit 1
    fi
    advice=compile_one_source_file_that_includes_ctgpt_backend_cpu_impl_hpp
    if ! grep "undefined reference to .*$advice" "$work/log"; then
      cat "$work/log"
      echo "the linker's message must name the header to include"
      exit 1
    fi
    exit 0
    ;;
  *)
    echo "unknown way: $way"
    exit 2
    ;;
esac

output=$("$hello")
printf '%s\n' "$output"
if [[ $output != Once* || ${#output} -lt 200 ]]; then
  echo "hello must print 'Once' and the 200 tokens that follow"
  exit 1
fi
