"""The page of examples/web in headless Chromium: a scripted chat gives the golden tokens and changes the house, a stop
request interrupts an answer, and errors are reported in words.

    page.py CHROMIUM PAGE COMMANDS.jsonl [--screenshots FOLDER]

PAGE is the output folder of the target `web`. Times are printed and not checked: they depend on the machine.
"""
import argparse
import json
import os
import sys

import browser
from browser import Failure

READY = "document.body?.dataset.state == 'ready'"
FAILED = "document.body?.dataset.state == 'failed'"


def expect(condition, *what):
    if not condition:
        raise Failure(f"not as expected: {what}")


class Page:
    def __init__(self, window):
        self.window = window

    def text_of(self, selector):
        return self.window.evaluate(f"[...document.querySelectorAll({json.dumps(selector)})].map((e) => e.textContent)")

    def number(self, identifier):
        return self.window.evaluate(f"document.getElementById('{identifier}').textContent")

    def say(self, text, then=""):
        self.window.evaluate(f"document.getElementById('input').value = {json.dumps(text)};"
                             f"document.getElementById('composer').requestSubmit(); {then}")
        self.window.wait_for(READY)

    def tokens(self, kind):
        """Those of the last answer of a kind."""
        title = self.window.evaluate(f"[...document.querySelectorAll('#log > .{kind}')].at(-1).title")
        return [int(each) for each in title.split(": ")[1].split()]

    def room(self, name):
        """{classes: [...], light: color, temperature: text, plays: text} of a room, as it is shown."""
        return self.window.evaluate("""(() => {
          const room = document.querySelector('#scene .room.%s');
          return {classes: [...room.classList], light: room.style.getPropertyValue('--light'),
                  temperature: room.querySelector('.temperature').textContent,
                  plays: room.querySelector('.plays').textContent};
        })()""" % name.replace(" ", "-"))


def check_chat(page, commands):
    """The page shows the calls that the publisher's engine chose; one command of each tool."""
    by_tool = {}
    for command in commands:
        by_tool.setdefault(command["call"].split("[")[1].split("(")[0], command)
    expect(len(by_tool) == 7, by_tool.keys())
    for command in by_tool.values():
        page.say(command["user"])
        call = command["call"].replace("<|tool_call_start|>", "").replace("<|tool_call_end|>", "")
        expect(page.text_of("#log > .call")[-1] == call, call, page.text_of("#log > .call"))
        expect(page.tokens("call")[:-1] == command["greedy"], command, page.tokens("call"))
        expect(len(page.text_of("#log > .call.done")) == len(page.text_of("#log > .call")), page.text_of("#log > div"))
    for figure in ("first", "prefill", "decode", "ready"):
        expect(page.number(figure)[0].isdigit(), figure, page.number(figure))


def check_house(page):
    """Lights, heating, doors, sounds and timers change as calls come."""
    expect("lit" not in page.room("kitchen")["classes"], page.room("kitchen"))
    page.say("Turn on the light in the kitchen")
    expect("lit" in page.room("kitchen")["classes"], page.room("kitchen"))
    page.say("Turn the light in the kitchen off")
    expect("lit" not in page.room("kitchen")["classes"], page.room("kitchen"))
    page.say("Make the bedroom light purple")
    bedroom = page.room("bedroom")
    expect("lit" in bedroom["classes"] and bedroom["light"] == "#b57bff", bedroom)
    page.say("Set the nursery to 22 degrees")
    expect("warming" in page.room("nursery")["classes"], page.room("nursery"))
    page.window.wait_for("document.querySelector('.room.nursery .temperature').textContent == '22°'", seconds=20)
    expect("warming" not in page.room("nursery")["classes"], page.room("nursery"))
    page.say("Lock the porch door")
    expect("locked" in page.room("porch")["classes"], page.room("porch"))
    page.say("Play rain sounds in the living room")
    expect(page.room("living room")["plays"] == "♪ rain sounds", page.room("living room"))
    before = len(page.text_of("#scene .timer"))
    page.say("Set a 5 minute timer")
    page.window.wait_for(f"document.querySelectorAll('#scene .timer').length == {before + 1}")
    expect(page.text_of("#scene .timer text")[-1] in ("5:00", "4:59", "4:58"), page.text_of("#scene .timer text"))
    # What the house cannot do is refused, and the model does not claim that it was done.
    answers = len(page.text_of("#log > .answer"))
    page.say("Lock the west wing door")
    expect(page.text_of("#log > .note")[-1] == "This house has no west wing.", page.text_of("#log > .note"))
    for command, reason in (("Set the attic to 35 degrees", "The heating goes from 5 to 30 degrees, and not to 35."),
                            ("Heat the garden to 20 degrees", "The garden has no heating."),
                            ("Start a timer for 0 minutes", "A timer cannot run for 0 minutes.")):
        page.say(command)
        expect(page.text_of("#log > .note")[-1] == reason, page.text_of("#log > div")[-3:])
    expect(len(page.text_of("#log > .answer")) == answers, page.text_of("#log > .answer"))
    # Text that people write is never interpreted as HTML.
    page.say("<img src=x onerror=alert(1)> what is the capital of France?")
    expect(page.window.evaluate("document.querySelectorAll('#log img').length") == 0, "an element out of a message")


# Anything that a model may write, whatever it was trained on: none of it changes anything.
WRONG_CALLS = [
    {"name": "set_light", "arguments": {"room": "kitchen", "on": "yes"}},
    {"name": "set_light", "arguments": {"room": ["kitchen"], "on": True}},
    {"name": "set_light", "arguments": {"on": True}},
    {"name": "set_color", "arguments": {"room": "kitchen", "color": "constructor"}},
    {"name": "set_color", "arguments": {"room": "kitchen", "color": {"r": 1}}},
    {"name": "set_heating", "arguments": {"room": "kitchen", "celsius": 31}},
    {"name": "set_heating", "arguments": {"room": "kitchen", "celsius": 20.5}},
    {"name": "set_heating", "arguments": {"room": "kitchen", "celsius": "20"}},
    {"name": "set_heating", "arguments": {"room": "__proto__", "celsius": 20}},
    {"name": "lock_door", "arguments": {"room": "kitchen", "locked": None}},
    {"name": "play", "arguments": {"room": "kitchen", "what": ["a", "b"]}},
    {"name": "start_timer", "arguments": {"minutes": 1e300}},
    {"name": "start_timer", "arguments": {}},
    {"name": "constructor", "arguments": {"room": "kitchen"}},
    {"name": "open_window", "arguments": {"room": "kitchen"}},
]


def check_refusals(page):
    for call in WRONG_CALLS:
        outcome = page.window.evaluate("""(async () => {
          const {House} = await import('./house.js');
          const house = new House(), before = JSON.stringify([...house.rooms]);
          const outcome = house.act(%s);
          return {...outcome, same: JSON.stringify([...house.rooms]) === before && house.timers.length === 0};
        })()""" % json.dumps(call))
        expect(not outcome["ok"] and outcome["same"] and outcome["result"] == '{"ok": false}', call, outcome)


def check_stop(page):
    """The page stays live while the model works: a stop comes through, and the next answer is right."""
    page.say("Tell me a story about a fox.")
    whole = page.text_of("#log > .answer")[-1]
    page.say("Tell me a story about a fox.", then="document.getElementById('stop').click()")
    lines = page.text_of("#log > div")
    expect(lines[-1] == "Stopped." and lines[-2] != whole, whole, lines[-2:])
    page.say("What is the capital of France?")
    expect(page.text_of("#log > .answer")[-1] == "The capital of France is Paris.", page.text_of("#log > .answer"))


def check_memory(page, folder):
    parts = page.window.evaluate("[...document.querySelectorAll('#arena-bar i')].map((e) => e.title)")
    expect(any(part.startswith("KV cache: ") for part in parts) and len(parts) >= 6, parts)
    image = os.path.getsize(os.path.join(folder, "model.lfm2"))
    titles = page.window.evaluate("[...document.querySelectorAll('#legend dd')].map((e) => e.title)")
    expect(f"{image:,} bytes" in titles, titles)


def check_settings(window, server, commands):
    """The options in model.json reach the model: tools, and a chat that continues although its context fills."""
    page = Page(window)

    def open_with(**settings):
        settings = {"image": "model.lfm2", "system": "", "tools": [], "remember": False, "maxTokens": 64, **settings}
        server.replaced = {"model.json": json.dumps(settings).encode()}
        window.open(server.url)
        window.wait_for(READY)

    open_with(tools=['{"name": "set_light"'])
    page.say(commands[0]["user"])
    expect("tool" in " ".join(page.text_of("#log .failure")), page.text_of("#log > div"))
    open_with(system="Be kind.", tools=['{"name": "start_timer", "parameters": {"minutes": "integer"}}'])
    page.say(commands[0]["user"])
    expect(page.text_of("#log > .call.done") == ["[start_timer(minutes=21)]"], page.text_of("#log > div"))
    # About 45 tokens each, of 1,024.
    open_with(remember=True)
    for command in commands[:30]:
        page.say(command["user"])
    expect(not page.text_of("#log .failure"), page.text_of("#log .failure"))
    expect(len(page.text_of("#log > .call")) >= 25, page.text_of("#log > div"))


def damaged(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def check_failures(window, server, folder):
    """Whatever a server sends instead of the files, the page reports what is wrong."""
    with open(os.path.join(folder, "model.lfm2"), "rb") as file:
        model = file.read()
    # The last expert is followed by the token trie, which the page does not use.
    trie = int.from_bytes(model[384:392], "little")
    page = Page(window)
    for name, replaced, words in (
            ("model.lfm2", model[:-4096], f"ends after {len(model) - 4096} of {len(model)} bytes"),
            ("model.lfm2", model + b"more", f"longer than the {len(model)} bytes"),
            ("model.lfm2", damaged(model, len(model) // 2), "CRC"),
            ("model.lfm2", damaged(model, trie - 5000), "CRC"),
            ("model.lfm2", b"<!DOCTYPE html>" * 100, "is not a model image"),
            ("model.lfm2", b"", "is not a model image"),
            ("model.lfm2", None, "the server says 404"),
            ("assistant.wasm", None, "the server says 404"),
            ("assistant.wasm", b"\0asm", "WebAssembly"),
            ("model.json", b"{", "model.json cannot be read"),
            ("worker.js", None, "worker.js is not there")):
        server.replaced = {name: replaced}
        window.open(server.url)
        window.wait_for(FAILED)
        text = " ".join(page.text_of("#log .failure"))
        expect(words in text, name, words, text)
    server.replaced = {}
    window.call("Page.addScriptToEvaluateOnNewDocument", source="WebAssembly.validate = () => false")
    window.open(server.url)
    window.wait_for(FAILED)
    expect("SIMD" in " ".join(page.text_of("#log .failure")), page.text_of("#log .failure"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("chromium")
    parser.add_argument("page")
    parser.add_argument("commands")
    parser.add_argument("--screenshots", metavar="FOLDER")
    arguments = parser.parse_args()
    with open(arguments.commands, encoding="utf-8") as file:
        commands = [json.loads(line) for line in file]
    server = browser.Server(arguments.page)
    try:
        with browser.Browser(arguments.chromium) as window:
            window.size(1280, 860)
            page = Page(window)
            window.open(server.url)
            window.wait_for(f"{READY} || {FAILED}")
            expect(window.evaluate(READY), page.text_of("#log > div"))
            ready = window.evaluate("performance.now()")
            page.say(commands[0]["user"])
            print(f"ready after {page.number('ready')} ms, seen {ready:.0f} ms after navigation; first answer: first token "
                  f"after {page.number('first')} ms")
            check_chat(page, commands)
            check_house(page)
            check_refusals(page)
            check_stop(page)
            check_memory(page, arguments.page)
            print(f"last answer: prompt {page.number('prefill')} tokens/s, answer {page.number('decode')} tokens/s")
            expect(not window.messages, window.messages)
            if arguments.screenshots:
                window.screenshot(os.path.join(arguments.screenshots, "desktop.png"))
            window.size(390, 844, is_phone=True)
            expect(window.evaluate("document.documentElement.scrollWidth") <= 390, "the page is wider than a phone")
            if arguments.screenshots:
                window.screenshot(os.path.join(arguments.screenshots, "phone.png"))
            check_settings(window, server, commands)
            check_failures(window, server, arguments.page)
    except Failure as failure:
        print(failure)
        return 1
    finally:
        server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
