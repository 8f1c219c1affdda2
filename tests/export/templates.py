#!/usr/bin/env python3
"""The chat templates that lfm2-export writes render what the published ones do, in the engine that those are made for.

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
# As transformers sets it up.
engine = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
engine.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)

with tempfile.TemporaryDirectory() as scratch:
    for kind in ("lfm2", "lfm2.5"):
        image, out = f"{scratch}/{kind}.lfm2", f"{scratch}/{kind}.gguf"
        subprocess.run([pack, model, image, "--template", kind, "--quiet"], check=True)
        subprocess.run([export, image, out, "--quiet"], check=True)
        reader = gguf.GGUFReader(out)
        template = engine.from_string(reader.fields["tokenizer.chat_template"].contents())
        cases = json.loads((pathlib.Path(chats) / f"chat-{kind}.json").read_text(encoding="utf-8"))["cases"]
        for case in cases:
            text = template.render(messages=case["messages"], tools=case["tools"], bos_token="<|startoftext|>",
                                   add_generation_prompt=case["add_generation_prompt"])
            if text != case["text"]:
                sys.exit(f"failed: {kind}: {text!r}, expected {case['text']!r}")
        if len(cases) != 30:
            sys.exit(f"failed: {kind}: {len(cases)} cases")
print("ok")
