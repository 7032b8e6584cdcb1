# shellcheck shell=bash
# Sourced by the scripts that people call. Finds out what a machine lacks and installs it where
# apt-get and root are there; elsewhere prints exactly what to install.
#
#   need_command NAME PACKAGE      the command NAME comes from the Debian package PACKAGE
#   need_header FILE PACKAGE       so does the C++ header FILE
#   install_missing                installs what is missing, or ends the script with a list (exit 1)

missing_packages=()

need_command() {
  command -v "$1" >/dev/null || missing_packages+=("$2")
}

need_header() {
  local compiler=${CXX:-g++}
  if ! command -v "$compiler" >/dev/null ||
    ! "$compiler" -x c++ -I/usr/include/eigen3 -fsyntax-only - 2>/dev/null <<<"
#if !__has_include(<$1>)
#error missing
#endif"; then
    missing_packages+=("$2")
  fi
}

need_compiler_and_library_headers() {
  need_command "${CXX:-g++}" g++
  need_command cmake cmake
  need_command ninja ninja-build
  need_header Eigen/Core libeigen3-dev
  need_header hwy/highway.h libhwy-dev
  need_header CLI/CLI.hpp libcli11-dev
  need_command pkg-config pkg-config
  need_header zlib.h zlib1g-dev
  need_header zstd.h libzstd-dev
  need_header bzlib.h libbz2-dev
  need_header curl/curl.h libcurl4-openssl-dev
  need_header libxml2/libxml/HTMLparser.h libxml2-dev
  need_header re2/re2.h libre2-dev
  need_header utf8proc.h libutf8proc-dev
  need_header httplib.h libcpp-httplib-dev
  need_header openssl/ssl.h libssl-dev
  need_header sqlite3.h libsqlite3-dev
  need_header prometheus/registry.h prometheus-cpp-dev
  need_header toml++/toml.h libtomlplusplus-dev
}

install_missing() {
  if [[ ${#missing_packages[@]} -eq 0 ]]; then
    echo "Everything that is needed is installed."
    return
  fi
  local line="apt-get install -y --no-install-recommends ${missing_packages[*]}"
  if ! command -v apt-get >/dev/null || [[ $(id -u) -ne 0 ]]; then
    echo "Some packages are missing, and this script installs only as root with apt-get."
    echo "On Debian 12 or Ubuntu 24.04, run as root:"
    echo "  apt-get update && $line"
    echo "Elsewhere install what these packages hold, with g++ 12 and CMake 3.23 or newer."
    exit 1
  fi
  echo "Installing: ${missing_packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  local log
  log=$(mktemp)
  if ! { apt-get update && $line; } >"$log" 2>&1; then
    tail -n 20 "$log"
    rm -f "$log"
    echo "apt-get could not install the packages; run by hand: apt-get update && $line"
    exit 1
  fi
  rm -f "$log"
}

check_compiler_version() {
  local compiler=${CXX:-g++} version
  version=$("$compiler" -dumpversion)
  if ! "$compiler" -std=c++20 -x c++ -fsyntax-only - 2>/dev/null <<<"
#include <version>
#if defined(__clang__) ? __clang_major__ < 14 : __GNUC__ < 12
#error old
#endif"; then
    echo "$compiler $version is too old: ctgpt needs g++ 12 or clang++ 14 or newer." \
      "Install one and name it: CXX=g++-12 $0"
    exit 1
  fi
}
