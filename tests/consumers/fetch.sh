#!/usr/bin/env bash
# What CMake does on a machine that lacks a library.
# Usage: fetch.sh CASE SOURCE BUILD, with CASE one of
#   copy      folders that stand for the fetched libraries are used
#   refused   without a network it ends with a sentence a library: what to install
#   off       so it does with -DCTGPT_FETCH=OFF
set -euo pipefail

case=$1 source=$2 work=$3/tests/consumers/fetch_$1
rm -rf "$work"
mkdir -p "$work"

highway=$(pkg-config --variable pcfiledir libhwy)

# CMake shall not see what is installed.
export PKG_CONFIG_LIBDIR=$work PKG_CONFIG_PATH=""
hidden=()
for package in Eigen3 CLI11 tomlplusplus doctest benchmark hwy; do
  hidden+=("-DCMAKE_DISABLE_FIND_PACKAGE_$package=ON")
done
configure() {
  cmake -S "$source" -B "$work/build" -G Ninja "${hidden[@]}" "-DCTGPT_DATA_COMPONENT=$data" \
    -DCTGPT_SERVE_COMPONENT=OFF "$@" >"$work/log" 2>&1
}
says() {
  if ! tr -s '\n ' ' ' <"$work/log" | grep -qF -- "$1"; then
    cat "$work/log"
    echo "the log lacks: $1"
    exit 1
  fi
}

data=OFF  # the components' libraries are not fetched
case $case in
  copy)
    mkdir "$work/pkgconfig"  # the library that is compiled comes from the system
    cp "$highway/libhwy.pc" "$work/pkgconfig"
    export PKG_CONFIG_LIBDIR=$work/pkgconfig
    mkdir -p "$work/cli11/include" "$work/toml/include" "$work/doctest"
    ln -s /usr/include/CLI "$work/cli11/include/CLI"
    ln -s /usr/include/toml++ "$work/toml/include/toml++"
    ln -s /usr/include/doctest "$work/doctest/doctest"
    hidden=("${hidden[@]:0:4}")
    configure "-DFETCHCONTENT_SOURCE_DIR_CTGPT_CLI11=$work/cli11" \
      "-DFETCHCONTENT_SOURCE_DIR_CTGPT_TOMLPLUSPLUS=$work/toml" \
      "-DFETCHCONTENT_SOURCE_DIR_CTGPT_EIGEN3=/usr/include/eigen3" \
      "-DFETCHCONTENT_SOURCE_DIR_CTGPT_DOCTEST=$work/doctest" -DCTGPT_BUILD_BENCHMARKS=OFF ||
      { cat "$work/log" && exit 1; }
    says "cmake --install is off: it needs Eigen3;CLI11;tomlplusplus;doctest installed"
    grep -qF -- "-isystem $work/cli11/include" "$work/build/build.ninja"
    grep -qF -- "-isystem $work/toml/include" "$work/build/build.ninja"
    grep -qF -- "-isystem $work/doctest" "$work/build/build.ninja"
    cmake --build "$work/build" --target test_core
    "$work/build/tests/test_core"
    exit 0
    ;;
  refused)
    export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=url.file:///nowhere/.insteadOf
    export GIT_CONFIG_VALUE_0=https://
    flags=()
    ;;
  off) flags=(-DCTGPT_FETCH=OFF) ;;
  *)
    echo "fetch.sh: unknown case $case" >&2
    exit 2
    ;;
esac
if configure "${flags[@]}"; then
  echo "cmake must not go on without its libraries"
  exit 1
fi
says "ctgpt needs libraries that this machine lacks."
says "Eigen3 was not found: install it (Debian, Ubuntu: apt-get install libeigen3-dev)"
says "hwy was not found: install it (Debian, Ubuntu: apt-get install libhwy-dev)"

# The component says the same of its libraries, and how to do without it.
rm -rf "$work/build"
data=ON
unset PKG_CONFIG_PATH
mkdir -p "$work/pkgconfig"
cp "$highway/libhwy.pc" "$work/pkgconfig"
export PKG_CONFIG_LIBDIR=$work/pkgconfig
hidden=()
if configure "${flags[@]}"; then
  echo "cmake must not go on without the component's libraries"
  exit 1
fi
says "libzstd was not found by pkg-config: install it (Debian, Ubuntu: apt-get install pkg-config"
says "(-DCTGPT_DATA_COMPONENT=OFF where ctgpt is built)"
