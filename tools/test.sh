#!/bin/sh
# Runs the project's tests on this machine and ends with a line `N passed, N failed`.
#   tools/test.sh           release (with all gates), library and readers under the sanitizers, 64-bit and 32-bit Arm under qemu
#   tools/test.sh --all     also what takes long: tools under the sanitizers, tests with the label "long", and every type of
#                           weights for the instruction sets of other machines
#   tools/test.sh --quick   release only
set -u

quick=no all=no
for argument in "$@"; do
  case $argument in
    --quick) quick=yes ;;
    --all) all=yes ;;
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) printf 'test.sh: unknown argument %s (try --help)\n' "$argument" >&2; exit 2 ;;
  esac
done

cd "$(dirname "$0")/.." || exit 1
if [ "$quick" = yes ]; then tools/get-deps; else tools/get-deps --test --benchmarks; fi || exit 1

jobs=$(getconf _NPROCESSORS_ONLN)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0 skipped=0
stage_started=$(date +%s)

# stage_ends NAME: says how long it took.
stage_ends() {
  now=$(date +%s)
  printf -- '--- %s: %s s\n' "$1" "$((now - stage_started))"
  stage_started=$now
}

# test_preset PRESET CONFIGURE_ARGUMENTS BUILD_ARGUMENTS CTEST_ARGUMENTS: configures, builds and tests; a build that fails counts as one
# failed test, and the other presets still run.
test_preset() {
  preset=$1
  printf -- '--- %s\n' "$preset"
  # shellcheck disable=SC2086
  if cmake --preset "$preset" -DLFM2_WERROR=ON -DCMAKE_UNITY_BUILD=ON $2 >"$log" 2>&1 &&
    cmake --build --preset "$preset" $3 >"$log" 2>&1; then
    stage_ends "$preset built"
  else
    cat "$log"
    printf 'FAILED: the preset %s does not build\n' "$preset"
    failed=$((failed + 1))
    stage_ends "$preset"
    return
  fi
  # shellcheck disable=SC2086
  ctest --preset "$preset" -j "$jobs" $4 2>&1 | tee "$log" | grep -v '^ *Start '
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

# programs_of FOLDER...: of those that have a program of tests, which is named after the folder, $targets and $names.
programs_of() {
  targets= names=
  for folder in "$@"; do
    if ls "tests/$folder"/*_test.cc >/dev/null 2>&1; then
      targets="$targets ${folder}_test"
      names="${names:+$names|}$folder"
    fi
  done
}
# The library and all that reads files, prompts and requests: fuzz_test has the server's readers.
# shellcheck disable=SC2046
programs_of $(ls tests | grep -v -x -e kernels -e quantize -e server -e tools)
reader_targets=$targets reader_names=$names
# Under qemu: what depends on the machine's instructions and the layout of bytes, and where pointers have another size text too.
programs_of base format storage model kernels layers
arm_targets=$targets arm_labels=$names
programs_of base format storage model kernels layers text
arm32_targets=$targets arm32_labels=$names

# The tests with the label "cross" are part of the preset aarch64-linux.
left_out="^(cross|long)\$"
# For the presets that test the library, not the tools.
library_alone=-DLFM2_TOOLS_OPTIONS=-O0
every_type=-DLFM2_TEST_EVERY_TYPE=OFF
if [ "$all" = yes ]; then
  left_out="^cross\$"
  every_type=-DLFM2_TEST_EVERY_TYPE=ON
  # For the tests that run tests in another preset's tree.
  LFM2_TEST_LONG=1
  export LFM2_TEST_LONG
fi
if [ "$quick" = yes ]; then
  test_preset release "" "" "-LE $left_out"
else
  test_preset release "-DLFM2_BUILD_BENCHMARKS=ON $every_type" "" "-LE $left_out"
  if [ "$all" = yes ]; then
    # Each file by itself, which shows what it forgets to include.
    test_preset asan "-DCMAKE_UNITY_BUILD=OFF $every_type" "" ""
  else
    test_preset asan "" "--target $reader_targets" "-R ^($reader_names)\$"
  fi
  test_preset tsan "$library_alone" "--target posix_test" "-L ^posix\$"
  test_preset aarch64-linux "$library_alone $every_type" "--target $arm_targets" "-L ^($arm_labels)\$ -LE $left_out"
  test_preset armv7-linux "$library_alone $every_type" "--target $arm32_targets" "-L ^($arm32_labels)\$ -LE $left_out"
fi

if [ "$skipped" -gt 0 ]; then
  printf '%s skipped: see SKIPPED above\n' "$skipped"
fi
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
