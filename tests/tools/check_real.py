#!/usr/bin/env python3
"""tools/check-real: it agrees with what llama-server computed of the small model, finds what differs, and says what is missing.

    check_real.py CHECK-REAL LFM2-EVAL MODEL.gguf REPLIES.json
    check_real.py --record LLAMA-SERVER CHECK-REAL LFM2-EVAL MODEL.gguf REPLIES.json

A program in place of llama-server answers from REPLIES.json, which --record makes with the real one.
"""
import importlib.machinery
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy
except ImportError as e:
    sys.exit(print(f"SKIPPED: {e} (tools/get-deps --test installs it)"))

PROMPTS = ["<|startoftext|><|im_start|>user\nCould you remind me in 21 minutes please.<|im_end|>\n<|im_start|>assistant\n",
           "<|startoftext|>Which day comes after Tuesday?"]
TOKENS, TOP = 24, 12
# Replies of llama-server from a file next to this one; a request is recognised by the number of its prompt's tokens.
STUB = f"""#!{sys.executable}
import http.server, json, pathlib, sys
folder = pathlib.Path(__file__).parent
replies = json.loads((folder / "replies.json").read_text())
if "fail" in replies:
    sys.exit(replies["fail"])
class Handler(http.server.BaseHTTPRequestHandler):
    def reply(self, value):
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def do_GET(self):
        self.reply(replies["props"] if self.path == "/props" else {{"status": "ok"}})
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/tokenize":
            return self.reply({{"tokens": replies["tokens"][body["content"]]}})
        steps = replies["steps"][f"{{len(body['prompt'])}},{{body['n_predict']}}"]
        self.reply({{"completion_probabilities": [
            {{"id": token, "top_logprobs": [{{"id": i, "logprob": p}} for i, p in likeliest]}} for token, likeliest in steps]}})
    def log_message(self, *_):
        pass
port = int(sys.argv[sys.argv.index("--port") + 1])
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


def record(server, tool, evaluate, model, path):
    """What the real llama-server says, the likeliest tokens only."""
    loader = importlib.machinery.SourceFileLoader("check_real", tool)
    real = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_real", loader))
    loader.exec_module(real)
    llama = real.Llama(server, model, 128, [])
    replies = {"tokens": {}, "steps": {}}
    try:
        llama.wait(60)
        replies["props"] = {"build_info": llama.build()}
        for text in PROMPTS:
            ids = replies["tokens"][text] = llama.tokens(text)
            steps = llama.generate(ids, TOKENS, TOP)
            tokens = ids + [token for token, _ in steps]
            for prompt, found in ((ids, steps), (tokens, llama.generate(tokens, 1, TOP))):
                replies["steps"][f"{len(prompt)},{len(found)}"] = [
                    [token, [[i, round(p, 5)] for i, p in likeliest.items()]] for token, likeliest in found]
    finally:
        llama.end()
    pathlib.Path(path).write_text(json.dumps(replies, separators=(",", ":")) + "\n", encoding="utf-8")


if sys.argv[1] == "--record":
    record(*sys.argv[2:])
    sys.exit()
tool, evaluate, model, recorded = sys.argv[1:]
REPLIES = json.loads(pathlib.Path(recorded).read_text(encoding="utf-8"))


def run(replies, folder, code, *options):
    server = folder / "bin" / "llama-server"
    server.parent.mkdir(exist_ok=True)
    server.write_text(STUB, encoding="utf-8")
    server.chmod(0o755)
    (server.parent / "replies.json").write_text(json.dumps(replies), encoding="utf-8")
    prompts = [word for text in PROMPTS for word in ("--prompt", text)]
    result = subprocess.run([sys.executable, "-B", tool, model, "--llama", folder, "--lfm2-eval", evaluate, "--tokens", str(TOKENS),
                             "--top", str(TOP), *prompts, *options], capture_output=True, text=True, check=False)
    check(result.returncode == code, code, result)
    check("Traceback" not in result.stderr, result.stderr)
    return result


def changed(change):
    replies = json.loads(json.dumps(REPLIES))
    change(replies)
    return replies


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    out = folder / "out.json"
    said = run(REPLIES, folder, 0, "--json", str(out)).stdout
    check(said.startswith(f"llama.cpp {REPLIES['props']['build_info']}") and "\nthey agree: " in said, said)
    results = json.loads(out.read_text(encoding="utf-8"))["prompts"]
    check([one["choices"] for one in results] == [TOKENS + 1] * len(PROMPTS), results)
    check(all(one["equal"] == TOKENS for one in results), "another token than llama.cpp's", results)

    # A token that llama.cpp chose and this library would not: the first that differs is named, with both margins.
    prompt_tokens = len(REPLIES["tokens"][PROMPTS[1]])
    key = f"{prompt_tokens},{TOKENS}"

    at, (_, sure) = max(enumerate(REPLIES["steps"][key]), key=lambda one: one[1][1][0][1] - one[1][1][1][1])
    check(sure[0][1] - sure[1][1] > 1.5, "the recorded tokens are all near ties", sure)

    def choose_another(replies):
        likeliest = replies["steps"][key][at][1]
        likeliest[0][0], likeliest[1][0] = likeliest[1][0], likeliest[0][0]
    said = run(changed(choose_another), folder, 1).stdout
    check(f"the first {at} of 24" in said and f"first difference, token {at}: llama.cpp " in said and "they do not agree" in said, said)

    # Probabilities that are flatter, with the same choices.
    def flatten(replies):
        for steps in replies["steps"].values():
            for _, likeliest in steps:
                likeliest[:] = [[i, p / 2 - 1] for i, p in likeliest]
    said = run(changed(flatten), folder, 1).stdout
    check("the first 24 of 24" in said and "they do not agree: mean KL divergence" in said, said)

    # What cannot be compared is one sentence, and another exit code.
    def drop(replies):
        replies["steps"][key] = replies["steps"][key][:3]
    for replies, words in ((changed(drop), "gave probabilities of 3 tokens instead of 24"), ({"fail": "no such model"}, "no such model"),
                           (changed(lambda r: r["tokens"].update({PROMPTS[0]: [1, 2]})), "the tokens of prompt 1 differ")):
        said = run(replies, folder, 2).stderr.splitlines()[-1]
        check(said.startswith("check-real: ") and words in said, said)
    for arguments, words in (([model, "--llama", str(folder / "absent")], "llama-server is not in "),
                             ([str(folder / "absent.gguf"), "--llama", str(folder)], "no such file")):
        result = subprocess.run([sys.executable, "-B", tool, *arguments, "--lfm2-eval", evaluate], capture_output=True, text=True,
                                check=False)
        check(result.returncode == 2 and words in result.stderr and result.stderr.count("\n") == 1, result)
print("ok")
