"""Shared by the tests of tools/get-model: a hub with models on this machine, and functions that run the tool.

    ... GET-MODEL LFM2-PACK CHAT MODEL.gguf MLX-DIRECTORY [TEST...]
"""
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from fake_hub import FakeHub, Repository

if importlib.util.find_spec("huggingface_hub") is None:
    print("SKIPPED: huggingface_hub is not installed (tools/get-deps --hub)")
    sys.exit()

script, packer, chat, gguf_path, mlx_path = map(os.path.abspath, sys.argv[1:6])
gguf = pathlib.Path(gguf_path).read_bytes()
scratch = pathlib.Path(tempfile.mkdtemp())
hub = FakeHub()
MIB = 1 << 20  # connections are cut between whole pieces of the client
GGUF = "LiquidAI/LFM2-Home-GGUF"


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


def environment(**more):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGINGFACE"))
             and not name.lower().endswith("_proxy")}
    return {**clean, "HF_ENDPOINT": hub.url, "HF_HOME": str(scratch / "hf"), "PATH": os.environ["PATH"], **more}


def start(folder, *arguments, packed_by=packer, **more):
    packing = ["--lfm2-pack", str(packed_by)] if packed_by is not None and "--no-pack" not in arguments else []
    command = [sys.executable, "-B", script, *packing, *map(str, arguments)]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


def run(folder, *arguments, packed_by=packer, env=None, **more):
    process = start(folder, *arguments, packed_by=packed_by, env=environment(**(env or {})), **more)
    out, err = process.communicate(timeout=120)
    check("Traceback" not in err, err)
    return process.returncode, out, err


def new_folder():
    return pathlib.Path(tempfile.mkdtemp(dir=scratch))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def works(folder, *arguments, **more):
    code, out, err = run(folder, *arguments, **more)
    check(code == 0, arguments, code, out, err)
    return out


def refused(folder, arguments, saying, left=(), packers_too=False, **more):
    """One sentence on standard error, after that of lfm2-pack if it printed one; nothing under a final name."""
    found, out, err = run(folder, *arguments, **more)
    lines = [line for line in err.splitlines() if line.startswith("get-model: ")]
    check(found == 1 and len(lines) == 1 and (packers_too or err.count("\n") == 1), arguments, found, out, err)
    check(re.search(saying, err), saying, err)
    check(names(folder) == sorted(left), "what is left", names(folder))
    return err


def by_pack(source):
    image = new_folder() / "model.lfm2"
    subprocess.run([packer, source, image, "--quiet"], check=True)
    return image.read_bytes()


mlx = {path.name: path.read_bytes() for path in pathlib.Path(mlx_path).iterdir()}
half = len(gguf) // 2
hub.repositories = {
    GGUF: Repository({"home-Q4_0.gguf": gguf, "README.md": b"# home", ".gitattributes": b"x"}, ["home-Q4_0.gguf"],
                     gguf={"architecture": "lfm2moe", "total": 1}),
    "people/LFM2-mlx": Repository({**mlx, "README.md": b"# mlx", "nested/model.safetensors": b"x",
                                   "adapters.safetensors": b"x"}, ["model.safetensors", "tokenizer.json"]),
    "people/mlx-folders": Repository({f"{folder}/{name}": data for folder in ("4bit", "8bit")
                                      for name, data in mlx.items()}, ["4bit/model.safetensors"]),
    "people/split": Repository({"home-00001-of-00002.gguf": gguf[:half], "home-00002-of-00002.gguf": gguf[half:]},
                               ["home-00001-of-00002.gguf", "home-00002-of-00002.gguf"]),
    "people/changing": Repository({"model-Q4_0.gguf": gguf[:-1] + b"x"}, ["model-Q4_0.gguf"]),
    "people/gated": Repository({"model.gguf": gguf}, ["model.gguf"], gated=True),
    "people/private": Repository({"model.gguf": gguf}, ["model.gguf"], private=True),
    "people/empty": Repository({"README.md": b"# empty", "model.onnx": b"x"}),
    "people/other": Repository({"llama-Q4_0.gguf": b"x"}, gguf={"architecture": "llama"}),
    "people/twice": Repository({"a/x-Q4_0.gguf": b"x", "b/x-Q4_0.gguf": b"x"}),
    "people/several": Repository({name: b"x" for name in (
        "LFM2-Q4_0.gguf", "LFM2-UD-Q3_K_XL.gguf", "LFM2-Q4_0_4_8.gguf", "LFM2-new.gguf", "mmproj-F16.gguf",
        "LFM2.imatrix.gguf", "BF16/LFM2-BF16-00001-of-00002.gguf", "BF16/LFM2-BF16-00002-of-00002.gguf",
        "config.json", "model.safetensors", "4bit/config.json", "4bit/model.safetensors")}),
    "people/evil": Repository({name: gguf for name in (
        "../../evil.gguf", "/tmp/evil.gguf", "x/../../evil.gguf", "..\\evil.gguf", ".evil.gguf", "a\x1b[31m.gguf",
        "-evil.gguf", "fine-Q4_0.gguf", "good-Q8_0.gguf")}),
}
IMAGE = by_pack(gguf_path)


def run_tests(*tests):
    try:
        for test in tests:
            if sys.argv[6:] and test.__name__ not in sys.argv[6:]:
                continue
            hub.heal()
            begin = time.monotonic()
            test()
            print(f"{test.__name__}: {time.monotonic() - begin:.1f} s", flush=True)
    finally:
        shutil.rmtree(scratch)
    print("ok")
