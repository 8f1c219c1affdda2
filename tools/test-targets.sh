#!/bin/sh
# Builds the examples for boards and the chat for other Linux machines, runs them in QEMU on the same commands, and
# prints a table: whether the tokens are the same as here, sizes, the deepest stack, and instructions per token.
#   tools/test-targets.sh [TARGET...] [--commands N] [--record]     all targets, or those named; see --help
set -eu
cd "$(dirname "$0")/.."
exec python3 -B tests/targets/targets.py "$@"
