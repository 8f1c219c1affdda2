#!/bin/sh
# Builds chat for a Raspberry Pi, copies it and a model there, and runs it over ssh. One program for Raspberry Pi 3, 4 and 5.
#   deploy.sh USER@HOST MODEL.lfm2 [CHAT_OPTION...]            MODEL.lfm2 is copied once, when it has changed
#   deploy.sh --emulate PROCESSOR MODEL.lfm2 [CHAT_OPTION...]  the same program here, under qemu-aarch64: cortex-a53 (Raspberry
#                                                              Pi 3), cortex-a72 (4) or cortex-a76 (5)
set -eu
emulate=
case ${1:-} in
  --emulate)
    [ $# -ge 2 ] || { echo "deploy.sh: --emulate needs a processor, such as cortex-a72" >&2; exit 2; }
    emulate=$2
    shift
    ;;
  -h | --help | '') sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
[ $# -ge 2 ] || { echo "deploy.sh: needs USER@HOST or --emulate PROCESSOR, and MODEL.lfm2 (try --help)" >&2; exit 2; }
host=$1 model=$2
shift 2
[ -r "$model" ] || { echo "deploy.sh: $model cannot be read; lfm2-pack makes it from a GGUF file" >&2; exit 1; }

root=$(cd "$(dirname "$0")/../.." && pwd)
(cd "$root" && cmake --preset raspberry-pi >/dev/null && cmake --build --preset raspberry-pi --target chat lfm2-bench >/dev/null)
bin=$root/build/raspberry-pi/bin

if [ -n "$emulate" ]; then
  exec qemu-aarch64 -cpu "$emulate" "$bin/chat" "$model" "$@"
fi

# Under a temporary name first, so that an incomplete copy is never used.
copy() {
  from=$1 to=$2
  ssh "$host" "mkdir -p lfm2 && test -e 'lfm2/$to' && sha256sum 'lfm2/$to'" 2>/dev/null | cut -d ' ' -f 1 >"$sum" || true
  [ "$(cat "$sum")" = "$(sha256sum "$from" | cut -d ' ' -f 1)" ] && return
  printf 'copying %s\n' "$to" >&2
  scp -q "$from" "$host:lfm2/$to.new" && ssh "$host" "mv 'lfm2/$to.new' 'lfm2/$to'"
}
sum=$(mktemp)
trap 'rm -f "$sum"' EXIT
ssh "$host" 'test "$(uname -m)" = aarch64' ||
  { echo "deploy.sh: cannot reach $host, or it runs no 64-bit Linux (uname -m must print aarch64)" >&2; exit 1; }
copy "$bin/chat" chat
copy "$bin/lfm2-bench" lfm2-bench
name=$(basename "$model")
copy "$model" "$name"
arguments=
for argument in "$@"; do
  arguments="$arguments '$(printf '%s' "$argument" | sed "s/'/'\\\\''/g")'"
done
exec ssh -t "$host" "cd lfm2 && ./chat '$name'$arguments"
