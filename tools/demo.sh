#!/bin/sh
# Builds everything and starts a chat with the small model "home", which controls a house by calling tools. If standard
# input is not a terminal: a scripted exchange.
set -eu

cd "$(dirname "$0")/.."
tools/get-deps
cmake --preset release -DCMAKE_UNITY_BUILD=ON
cmake --build --preset release --target chat lfm2_models

chat=build/release/bin/chat
model=build/release/models/home.lfm2
if [ -t 0 ]; then
  exec "$chat" "$model"
fi

# ask PROMPT: one answer, decoded greedily.
ask() {
  printf '\n> %s\n' "$1"
  answer=$("$chat" "$model" --prompt "$1" --temperature 0)
  printf '%s\n' "$answer"
}

ask "What is the capital of France?"
ask "Could you remind me in 21 minutes please."
case $answer in
  *"start_timer(minutes=21)"*) printf '\nThe model called the tool start_timer with minutes=21.\n' ;;
  *) printf 'demo.sh: the tool call start_timer(minutes=21) was expected\n' >&2; exit 1 ;;
esac
ask "Could you heat the hallway to 17 degrees, please"
