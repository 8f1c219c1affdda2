#!/bin/sh
# Runs the recipe's CMake steps without Buildroot: configures with its options, installs into a staging directory, and builds a
# program against that copy.
#   try.sh HIGHWAY_INCLUDE_DIRECTORY [TOOLCHAIN_FILE]
set -eu
highway=$1 toolchain=${2:-}
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
staging=$work/staging
mkdir -p "$staging/usr/include"
cp -r "$highway/hwy" "$staging/usr/include/"
options=$(sed -n 's/^\t\(-DLFM2_[A-Z_]*=[A-Z]*\)\( .*\)\{0,1\}$/\1/p' "$root/packaging/buildroot/lfm2/lfm2.mk")
[ -n "$options" ] || { echo "try.sh: lfm2.mk has no options" >&2; exit 1; }
version=$(sed -n 's/^#define LFM2_VERSION_STRING "\(.*\)"$/\1/p' "$root/include/lfm2/base/version.h")
grep -qx "LFM2_VERSION = $version" "$root/packaging/buildroot/lfm2/lfm2.mk" ||
  { echo "try.sh: LFM2_VERSION in lfm2.mk is not $version, the library's version: change it" >&2; exit 1; }
# shellcheck disable=SC2086
cmake -S "$root" -B "$work/lfm2" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr \
  ${toolchain:+-DCMAKE_TOOLCHAIN_FILE="$toolchain"} $options -DLFM2_BUILD_TOOLS=OFF \
  -DLFM2_HIGHWAY_DIR="$staging/usr/include" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
{ cmake --build "$work/lfm2" && DESTDIR=$staging cmake --install "$work/lfm2"; } >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
mkdir "$work/app"
cat >"$work/app/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.20)
project(app CXX)
find_package(lfm2 REQUIRED)
add_executable(app app.cc)
target_link_libraries(app PRIVATE lfm2::lfm2)
END
cat >"$work/app/app.cc" <<'END'
#include "lfm2.h"
int main() { return lfm2::ArenaBytes(lfm2::kLfm2_8B_A1B, lfm2::SessionOptions()) > 0 ? 0 : 1; }
END
{ cmake -S "$work/app" -B "$work/build" -G Ninja ${toolchain:+-DCMAKE_TOOLCHAIN_FILE="$toolchain"} \
    -DCMAKE_PREFIX_PATH="$staging/usr" -DLFM2_HIGHWAY_DIR="$staging/usr/include" && cmake --build "$work/build"; } \
  >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
echo "built against the staged copy: $(od -A n -t x1 -N 20 "$work/build/app")"
