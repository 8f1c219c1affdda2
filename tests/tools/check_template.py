#!/usr/bin/env python3
"""tools/check-template: an image agrees with the template that is exported from it, and a difference is found and
reduced.

    check_template.py CHECK-TEMPLATE LFM2-EVAL LFM2-PACK LFM2-EXPORT MODEL.gguf
"""
import pathlib
import subprocess
import sys
import tempfile

try:
    import gguf
    import jinja2
except ImportError as e:
    sys.exit(print(f"SKIPPED: {e} (tools/get-deps --test installs it)"))

tool, evaluate, pack, export, model = sys.argv[1:]


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


def run(image, template, chats, code):
    result = subprocess.run([sys.executable, "-B", tool, image, template, "--chats", str(chats), "--lfm2-eval", evaluate],
                            capture_output=True, text=True, check=False)
    check(result.returncode == code, result)
    return result


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    jinja = {}
    for kind in ("lfm2", "lfm2_v2", "lfm2_5", "lfm2_5_raw", "lfm2_5_date", "lfm2_5_keep_past", "lfm2_5_think"):
        image, out = folder / (kind + ".lfm2"), folder / "out.gguf"
        subprocess.run([pack, model, image, "--template", kind, "--quiet"], check=True)
        subprocess.run([export, image, out, "--quiet"], check=True)
        jinja[kind] = gguf.GGUFReader(out).fields["tokenizer.chat_template"].contents()
        (folder / (kind + ".jinja")).write_text(jinja[kind], encoding="utf-8")
        check("no difference in" in run(image, folder / (kind + ".jinja"), 400, 0).stdout, kind)

    # Each pair differs, and each change of a template is found.
    for image, other in (("lfm2", "lfm2_v2"), ("lfm2_5", "lfm2_5_raw"), ("lfm2_5_raw", "lfm2_5_date"), ("lfm2_5", "lfm2_5_think")):
        said = run(folder / (image + ".lfm2"), folder / (other + ".jinja"), 400, 1).stdout
        check("they differ for the chat" in said and "from byte" in said, said)
    changed = folder / "changed.jinja"
    for before, after in (('replace("\\r", "\\\\r")', 'replace("\\t", "\\\\t")'), ("| trim", ""), 
                          ("m.reasoning_content", "m.reasoning"), ('"<image>"', '"<picture>"')):
        check(before in jinja["lfm2_5"], before)
        changed.write_text(jinja["lfm2_5"].replace(before, after), encoding="utf-8")
        said = run(folder / "lfm2_5.lfm2", changed, 3000, 1).stdout
        chat = said.splitlines()[1]
        check(len(chat) < 400, "as small as it gets", chat)

    check("check-template: " in run(folder / "absent.lfm2", folder / "lfm2.jinja", 1, 1).stderr
          or "absent.lfm2" in run(folder / "absent.lfm2", folder / "lfm2.jinja", 1, 1).stderr, "an image that is none")
    check("check-template: " in run(folder / "lfm2.lfm2", folder / "absent.jinja", 1, 1).stderr, "no template")
    changed.write_text("{% for %}")
    check("check-template: " in run(folder / "lfm2.lfm2", changed, 1, 1).stderr, "a template that is none")
print("ok")
