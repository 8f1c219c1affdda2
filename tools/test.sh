#!/bin/sh
# Tests the project on this machine, installing the packages that it needs, and ends with a line `N passed, N failed`.
#   tools/test.sh           the quick start: unit tests, the main programs, kernels of this machine
#   tools/test.sh --ci      also what continuous integration tests: gates, the readers under the sanitizers, the thread pool
#                           under ThreadSanitizer, the kernels for 64-bit Arm and a Cortex-M7 in QEMU
#   tools/test.sh --all     also tests that take hours: all gates, every test under the sanitizers, every type of weights for
#                           every instruction set, every board, 32-bit Arm, RISC-V, WebAssembly, every way to compile the
#                           single file, benchmarks
set -u

level=quick
for argument in "$@"; do
  case $argument in
    --ci) level=ci ;;
    --all) level=all ;;
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) printf 'test.sh: unknown argument %s (try --help)\n' "$argument" >&2; exit 2 ;;
  esac
done

cd "$(dirname "$0")/.." || exit 1
started=$(date +%s)
case $level in
  quick) tools/get-deps --test ;;
  ci) tools/get-deps --ci ;;
  all) tools/get-deps --all ;;
esac || exit 1

# Compilers that are not tested here may know other warnings, and be wrong.
werror=ON
[ "$level" != quick ] || werror=OFF
jobs=$(getconf _NPROCESSORS_ONLN)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0 skipped=0
stage_started=$started

# stage_ends NAME: prints the duration.
stage_ends() {
  now=$(date +%s)
  printf -- '--- %s: %s s\n' "$1" "$((now - stage_started))"
  stage_started=$now
}
stage_ends "packages installed"

# test_preset PRESET CONFIGURE_ARGUMENTS BUILD_ARGUMENTS CTEST_ARGUMENTS: configures, builds and tests; a build that fails counts as one
# failed test, and the other presets still run.
test_preset() {
  preset=$1
  printf -- '--- %s\n' "$preset"
  # shellcheck disable=SC2086
  if cmake --preset "$preset" -DLFM2_WERROR="$werror" -DCMAKE_UNITY_BUILD=ON -DLFM2_TEST_LEVEL="$level" $2 >"$log" 2>&1 &&
    cmake --build --preset "$preset" -j "$jobs" $3 >"$log" 2>&1; then
    stage_ends "$preset built"
  else
    cat "$log"
    printf 'FAILED: the preset %s does not build\n' "$preset"
    failed=$((failed + 1))
    stage_ends "$preset"
    return
  fi
  # Some tests wait most of the time: one more than there are processors.
  # shellcheck disable=SC2086
  ctest --preset "$preset" -j "$((jobs + 1))" $4 2>&1 | tee "$log" | grep -v '^ *Start '
  counts=$(awk '/ Test +#[0-9]+: .*\*\*\*Skipped/ { skipped++; next }
                / Test +#[0-9]+: .* Passed / { passed++; next }
                / Test +#[0-9]+: / { failed++ }
                END { print passed + 0, failed + 0, skipped + 0 }' "$log")
  read -r more_passed more_failed more_skipped <<END
$counts
END
  if [ "$((more_passed + more_failed + more_skipped))" -eq 0 ]; then
    printf 'FAILED: the preset %s ran no test\n' "$preset"
    more_failed=1
  fi
  passed=$((passed + more_passed)) failed=$((failed + more_failed)) skipped=$((skipped + more_skipped))
  stage_ends "$preset tested"
}

# folders PRESET CONFIGURE_ARGUMENTS FOLDER...: builds and runs the unit tests of these folders of tests/.
folders() {
  preset=$1 arguments=$2
  shift 2
  test_preset "$preset" "$arguments" "--target $(printf '%s_test ' "$@")" "-L ^($(echo "$*" | tr ' ' '|'))\$"
}

# These tests are about bytes and pointers, so that scalar kernels without optimisation will do.
scalar="-DCMAKE_CXX_FLAGS=-DHWY_COMPILE_ONLY_SCALAR -DCMAKE_CXX_FLAGS_DEBUG=-gline-tables-only"
case $level in
  quick) test_preset test "-DLFM2_PROGRAMS=chat;lfm2-pack;lfm2-inspect;lfm2-server" "" "" ;;
  ci)
    test_preset test "" "" ""
    folders asan "$scalar" base format text fuzz
    folders tsan "-DLFM2_TOOLS_OPTIONS=-O0" posix
    folders aarch64-linux "" kernels
    ;;
  all)
    # With optimised programs and benchmarks.
    test_preset test "-DLFM2_TOOLS_OPTIONS= -DLFM2_TOOLS_PRECOMPILE=OFF -DLFM2_BUILD_BENCHMARKS=ON" "" ""
    # Each file by itself, which shows missing includes.
    test_preset asan "-DCMAKE_UNITY_BUILD=OFF" "" ""
    folders tsan "-DLFM2_TOOLS_OPTIONS=-O0" posix
    folders aarch64-linux "-DLFM2_TOOLS_OPTIONS=-O0" base format storage model kernels layers
    folders armv7-linux "-DLFM2_TOOLS_OPTIONS=-O0" base format storage model kernels layers text
    folders riscv64-linux "-DLFM2_TOOLS_OPTIONS=-O0" kernels
    ;;
esac

if [ "$skipped" -gt 0 ]; then
  printf '%s skipped: see Skipped above\n' "$skipped"
fi
printf -- '--- in all: %s s\n' "$(($(date +%s) - started))"
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
