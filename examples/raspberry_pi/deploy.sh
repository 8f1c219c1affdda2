#!/bin/sh
# Builds chat for a Raspberry Pi, copies it and a model there, and talks to it over ssh.
#   deploy.sh [--pi 3|4|5] USER@HOST MODEL.lfm2 [CHAT_OPTION...]    MODEL.lfm2 is copied once, when it has changed
#   deploy.sh [--pi 3|4|5] --emulate MODEL.lfm2 [CHAT_OPTION...]    the same program here, under qemu-aarch64
set -eu
pi=4
case ${1:-} in
  --pi)
    [ $# -ge 2 ] || { echo "deploy.sh: --pi needs 3, 4 or 5" >&2; exit 2; }
    pi=$2
    shift 2
    ;;
  -h | --help | '') sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
case $pi in 3 | 4 | 5) ;; *) echo "deploy.sh: there is no Raspberry Pi $pi to build for; --pi takes 3, 4 or 5" >&2; exit 2 ;; esac
[ $# -ge 2 ] || { echo "deploy.sh: needs USER@HOST or --emulate, and MODEL.lfm2 (try --help)" >&2; exit 2; }
host=$1 model=$2
shift 2
[ -r "$model" ] || { echo "deploy.sh: $model can not be read; lfm2-pack makes it from a GGUF file" >&2; exit 1; }

root=$(cd "$(dirname "$0")/../.." && pwd)
(cd "$root" && cmake --preset "raspberry-pi-$pi" >/dev/null && cmake --build --preset "raspberry-pi-$pi" --target chat lfm2-bench >/dev/null)
bin=$root/build/raspberry-pi-$pi/bin

if [ "$host" = --emulate ]; then
  case $pi in 3) cpu=cortex-a53 ;; 4) cpu=cortex-a72 ;; 5) cpu=cortex-a76 ;; esac
  exec qemu-aarch64 -cpu "$cpu" "$bin/chat" "$model" "$@"
fi

# Under a temporary name first: a copy that is cut off is never taken for the whole file.
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
  { echo "deploy.sh: $host can not be reached, or runs no 64-bit Linux (uname -m has to be aarch64)" >&2; exit 1; }
copy "$bin/chat" chat
copy "$bin/lfm2-bench" lfm2-bench
name=$(basename "$model")
copy "$model" "$name"
arguments=
for argument in "$@"; do
  arguments="$arguments '$(printf '%s' "$argument" | sed "s/'/'\\\\''/g")'"
done
exec ssh -t "$host" "cd lfm2 && ./chat '$name'$arguments"
