#!/usr/bin/env python3
"""The chat templates that lfm2-export writes render the same text as the published ones, in transformers' engine.
The chats are those of the tests of published templates.

    templates.py LFM2-EXPORT LFM2-PACK MODEL.gguf DIRECTORY-OF-CHATS
"""
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import gguf
    import jinja2.sandbox
except ImportError as e:
    sys.exit(print(f"SKIPPED: {e} (tools/get-deps --test installs it)"))

export, pack, model, chats = sys.argv[1:]
# The environment as transformers configures it.
engine = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
engine.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)

with tempfile.TemporaryDirectory() as scratch:
    chats = pathlib.Path(chats)
    files = {"lfm2": ["chat-lfm2.json"], "lfm2_5": ["chat-lfm2.5.json"]}
    for kind in ("lfm2", "lfm2_v2", "lfm2_5", "lfm2_5_raw", "lfm2_5_date", "lfm2_5_keep_past", "lfm2_5_think"):
        image, out, again = f"{scratch}/{kind}.lfm2", f"{scratch}/{kind}.gguf", f"{scratch}/again.lfm2"
        subprocess.run([pack, model, image, "--template", kind, "--quiet"], check=True)
        subprocess.run([export, image, out, "--quiet"], check=True)
        reader = gguf.GGUFReader(out)
        template = engine.from_string(reader.fields["tokenizer.chat_template"].contents())
        subprocess.run([pack, out, again, "--quiet"], check=True)
        if pathlib.Path(image).read_bytes() != pathlib.Path(again).read_bytes():
            sys.exit(f"failed: {kind}: packed again, it is another image")
        for file in files.get(kind, []) + [f"chat-variants/{kind}.json"]:
            json_file = json.loads((chats / file).read_text(encoding="utf-8"))
            for case in json_file["cases"]:
                text = template.render(messages=case["messages"], tools=case["tools"], bos_token="<|startoftext|>",
                                       strftime_now=lambda form: json_file["date"],
                                       add_generation_prompt=case["add_generation_prompt"])
                if text != case["text"]:
                    sys.exit(f"failed: {kind}: {text!r}, expected {case['text']!r}")
            if len(json_file["cases"]) not in (24, 30):
                sys.exit(f"failed: {kind}: {len(json_file['cases'])} cases")
print("ok")
