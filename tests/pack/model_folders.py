"""Directories of safetensors, written by the format's description, and lfm2-pack on them: what tests of directories share."""
import json
import shutil
import struct
import subprocess
import sys

try:
    import numpy as np
except ImportError as e:
    sys.exit(print(f"SKIPPED: {e} (tools/get-deps --test installs it)"))

DTYPES = {"F32": np.float32, "F16": np.float16, "BF16": np.uint16, "U32": np.uint32, "U8": np.uint8}


def write_safetensors(path, tensors):
    """tensors: {name: (dtype, array)}."""
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, (dtype, array) in tensors.items():
        size = array.nbytes
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for _, array in tensors.values():
            f.write(np.ascontiguousarray(array).tobytes())


def read_safetensors(path):
    data = open(path, "rb").read()
    size, = struct.unpack_from("<Q", data)
    header = json.loads(data[8:8 + size])
    return {name: (t["dtype"], np.frombuffer(data[8 + size + t["data_offsets"][0]:8 + size + t["data_offsets"][1]],
                                             DTYPES[t["dtype"]]).reshape(t["shape"]))
            for name, t in header.items() if name != "__metadata__"}


class ModelFolders:
    def __init__(self, tool, mlx, scratch):
        self.tool, self.mlx, self.scratch = tool, mlx, scratch

    def pack(self, source, name="out.lfm2"):
        out = self.scratch / name
        result = subprocess.run([self.tool, source, out, "--name", "x", "--quiet"], capture_output=True, text=True)
        return result, out

    def good(self, source, name="out.lfm2"):
        result, out = self.pack(source, name)
        if result.returncode != 0:
            sys.exit(f"{source}: {result.stderr}")
        return out

    def refused(self, source, part):
        result, out = self.pack(source, "refused.lfm2")
        ok = result.returncode == 1 and part in result.stderr and result.stderr.count("\n") == 1 and not out.exists()
        if not ok:
            sys.exit(f"expected a refusal with {part!r}: {result.returncode}, {result.stderr}")

    def notes(self, source):
        """What is said on standard error of a model that packs."""
        result = subprocess.run([self.tool, source, self.scratch / "noted.lfm2", "--name", "x"], capture_output=True,
                                text=True)
        assert result.returncode == 0, result
        return [line for line in result.stderr.splitlines() if line.startswith("note: ")]

    def folder(self, name, config, tensors, shards=None):
        """A directory; shards: the names of the tensors in each of its files."""
        path = self.scratch / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        for file in ("tokenizer.json", "tokenizer_config.json", "generation_config.json", "chat_template.jinja"):
            shutil.copy(self.mlx / file, path / file)
        (path / "config.json").write_text(json.dumps(config))
        if shards is None:
            write_safetensors(path / "model.safetensors", tensors)
            return path
        places = {}
        for i, names in enumerate(shards):
            file = f"model-{i + 1:05}-of-{len(shards):05}.safetensors"
            write_safetensors(path / file, {n: tensors[n] for n in names})
            places.update({n: file for n in names})
        (path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
        return path
