#!/usr/bin/env python3
"""Hugging Face directories, packed by lfm2-pack and read back.

    folder.py LFM2-PACK BF16.gguf MLX-DIRECTORY

A directory gives the image that the GGUF file of the same weights gives, byte for byte, and so does every layout of experts;
what is wrong with a directory is named. Needs numpy and gguf.
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

from model_folders import DTYPES, ModelFolders, read_safetensors

try:
    import gguf
    import numpy as np

    import read_image
except ImportError as e:
    sys.exit(print(f"SKIPPED: {e} (tools/get-deps --test installs it)"))

NAMES = {
    "token_embd.weight": "model.embed_tokens.weight", "token_embd_norm.weight": "model.embedding_norm.weight",
    "attn_norm": "operator_norm", "ffn_norm": "ffn_norm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_q_norm": "self_attn.q_layernorm", "attn_k_norm": "self_attn.k_layernorm",
    "attn_output": "self_attn.out_proj", "shortconv.in_proj": "conv.in_proj", "shortconv.conv": "conv.conv",
    "shortconv.out_proj": "conv.out_proj", "ffn_gate": "feed_forward.w1", "ffn_up": "feed_forward.w3",
    "ffn_down": "feed_forward.w2",
}


def hf_tensors(reader):
    """The tensors of a dense BF16 GGUF file under Hugging Face's names."""
    out = {}
    for t in reader.tensors:
        if t.name in NAMES:
            name = NAMES[t.name]
        else:
            _, layer, rest = t.name.split(".", 2)
            name = f"model.layers.{layer}.{NAMES[rest.rsplit('.', 1)[0]]}.weight"
        if t.tensor_type == gguf.GGMLQuantizationType.BF16:
            array = t.data.view(np.uint16)
        else:
            array = (t.data.view(np.uint32) >> 16).astype(np.uint16)  # they were bfloat16 before
        array = array.reshape([int(n) for n in reversed(t.shape)])
        out[name] = ("BF16", array[:, None, :] if name.endswith("conv.conv.weight") else array)
    return out


class Test(ModelFolders):
    def __init__(self, tool, gguf_file, mlx, scratch):
        super().__init__(tool, mlx, scratch)
        self.gguf = gguf_file

    def dense_config(self, reader):
        def key(name):
            return reader.fields["lfm2." + name].contents()
        kv = key("attention.head_count_kv")
        return {
            "model_type": "lfm2", "hidden_size": key("embedding_length"), "num_hidden_layers": key("block_count"),
            "num_attention_heads": key("attention.head_count"), "num_key_value_heads": max(kv),
            "vocab_size": key("vocab_size"), "max_position_embeddings": key("context_length"),
            "conv_L_cache": key("shortconv.l_cache"), "norm_eps": 1e-5, "rope_theta": key("rope.freq_base"),
            "full_attn_idxs": [i for i, n in enumerate(kv) if n], "block_auto_adjust_ff_dim": False,
            "block_ff_dim": key("feed_forward_length"),
        }

    def hugging_face(self):
        reader = gguf.GGUFReader(self.gguf)
        tensors, config = hf_tensors(reader), self.dense_config(reader)
        want = self.good(self.gguf, "gguf.lfm2").read_bytes()
        assert self.good(self.folder("hf", config, tensors)).read_bytes() == want, "one file"
        names = sorted(tensors)
        shards = [names[0::3], names[1::3], names[2::3]]
        path = self.folder("sharded", config, tensors, shards)
        assert self.good(path).read_bytes() == want, "three files"

        index = path / "model.safetensors.index.json"
        good = json.loads(index.read_text())
        for file, part in (("../hf/model.safetensors", "not a file name"), ("/etc/passwd", "not a file name"), ("", "not a file name"),
                           (7, "not a file name"), ("absent.safetensors", "no such file")):
            bad = json.loads(json.dumps(good))
            bad["weight_map"][names[0]] = file
            index.write_text(json.dumps(bad))
            self.refused(path, part)
        bad = json.loads(json.dumps(good))
        bad["weight_map"]["model.nothing"] = good["weight_map"][names[0]]
        index.write_text(json.dumps(bad))
        self.refused(path, "model.nothing is not in")

        def changed(name, value):
            copy = dict(tensors)
            if value is None:
                del copy[name]
            else:
                copy[name] = value
            return self.folder("changed", config, copy)
        q = "model.layers.1.self_attn.q_proj.weight"
        self.refused(changed(q, None), q + " is missing")
        self.refused(changed(q, ("BF16", tensors[q][1][:-1])), "has the shape [255, 256], expected [256, 256]")
        self.refused(changed(q, ("U8", tensors[q][1].view(np.uint8))), "has the dtype U8")
        self.refused(changed(q, ("U32", tensors[q][1].view(np.uint32))), "config.json has no quantization")
        self.refused(changed("model.layers.1.self_attn.rotary", tensors[q]), "rotary has no place")
        conv = "model.layers.0.conv.conv.weight"
        self.refused(changed(conv, ("BF16", tensors[conv][1][:, :, :2])), "expected [256, 1, 3]")
        # The axis of length 1 may be the last; a tied head that is there all the same is the embedding.
        turned = changed(conv, ("BF16", tensors[conv][1].transpose(0, 2, 1)))
        assert self.good(turned).read_bytes() == want, "MLX's axes"
        assert self.good(changed("lm_head.weight", tensors["model.embed_tokens.weight"])).read_bytes() == want, "tied head"
        # Half floats and floats of the same values give the same values.
        for dtype in ("F16", "F32"):
            other = {n: (dtype, (a.astype(np.uint32) << 16).view(np.float32).astype(DTYPES[dtype]))
                     for n, (_, a) in tensors.items()}
            image = read_image.Image(self.good(self.folder("other", config, other)))
            for role, layer, _, values in image.tensors():
                if role == "attn_q":
                    assert (values == other[q][1].astype(np.float32)).all(), dtype
        self.vision(config, tensors, want)
        self.encoders(config, tensors)
        self.vocabulary(config, tensors)

    def vision(self, config, tensors, want):
        """A model that sees has a text model in it, under the names of transformers and of mlx-vlm: the same image."""
        eyes = {f"{part}.{i}.weight": ("BF16", np.zeros((2, 3), np.uint16))
                for part in ("vision_tower.vision_model.encoder.layers", "multi_modal_projector.linear") for i in (1, 2)}
        whole = {"model_type": "lfm2_vl", "architectures": ["Lfm2VlForConditionalGeneration"], "text_config": config,
                 "vision_config": {"model_type": "siglip2_vision_model"}, "downsample_factor": 2}
        for text, other in ((lambda n: n.replace("model.", "model.language_model.", 1), "model."),
                            (lambda n: "language_model." + n, "")):
            sees = {**{text(n): t for n, t in tensors.items()}, **{other + n: t for n, t in eyes.items()}}
            path = self.folder("sees", whole, sees)
            assert self.good(path).read_bytes() == want, "a text model within another"
            said, = self.notes(path)
            assert "4 tensors of multi_modal_projector and vision_tower are left out" in said, said
            self.refused(self.folder("sees", whole, {**sees, "audio.weight": tensors["model.embed_tokens.weight"]}), "audio.weight has no place")
        name = "model.embed_tokens.weight"
        self.refused(self.folder("sees", whole, {**sees, name: tensors[name]}), name + " is there under two names")
        self.refused(self.folder("sees", {**whole, "text_config": None}, sees), "text_config is missing")
        self.refused(self.folder("sees", config, sees), "is missing")

        # MLX's config names quantised tensors as they are called in the file.
        mlx_config, mlx = json.loads((self.mlx / "config.json").read_text()), read_safetensors(self.mlx / "model.safetensors")
        own = mlx_config.pop("quantization")
        mlx_config.pop("quantization_config", None)
        special = {f"language_model.{k}" if isinstance(v, (dict, bool)) else k: v for k, v in own.items()}
        assert any(k.startswith("language_model.") for k in special), "a tensor with a type of its own"
        path = self.folder("sees", {"model_type": "lfm2_vl", "text_config": mlx_config, "quantization": special},
                           {"language_model." + n: t for n, t in mlx.items()})
        assert self.good(path).read_bytes() == self.good(self.mlx, "mlx.lfm2").read_bytes(), "MLX's text model"

    def encoders(self, config, tensors):
        """A directory of an embedding model is refused by name; a width that the config lacks is the tensors'."""
        self.refused(self.folder("encoder", {**config, "architectures": ["Lfm2BidirectionalModel"]}, tensors),
                     "Lfm2BidirectionalModel")
        for name in ("modules.json", "1_Pooling"):
            path = self.folder("encoder", config, tensors)
            (path / name).mkdir()
            self.refused(path, f"there is {name}: this is an embedding model")
        want = self.good(self.folder("whole", config, tensors)).read_bytes()
        silent = {k: v for k, v in config.items() if k != "block_ff_dim"}
        path = self.folder("silent", silent, tensors)
        assert self.good(path).read_bytes() == want and not self.notes(path), "no width in the config"
        path = self.folder("wrong", {**config, "block_ff_dim": 12288}, tensors)
        assert self.good(path).read_bytes() == want, "another width in the config"
        said, = self.notes(path)
        assert "size of 12288" in said, said

        # The publisher's sampling: in the image, and a bad value left out with a note.
        path = self.folder("sampled", config, tensors)
        (path / "generation_config.json").write_text(json.dumps(
            {"bos_token_id": 1, "eos_token_id": 7, "temperature": 0.3, "top_k": -5, "min_p": 0.15}))
        said, = self.notes(path)
        assert "top_k is -5" in said and "ignored" in said, said
        image = read_image.Image(self.scratch / "noted.lfm2")
        assert image.sampling == {"temperature": np.float32(0.3), "min_p": np.float32(0.15)}, image.sampling

    def vocabulary(self, config, tensors):
        path = self.folder("vocab", config, tensors)
        tokenizer = json.loads((path / "tokenizer.json").read_text())

        def refused(change, part):
            copy = json.loads(json.dumps(tokenizer))
            change(copy)
            (path / "tokenizer.json").write_text(json.dumps(copy))
            self.refused(path, part)

        def split(text):
            def change(t):
                t["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = text
            return change
        refused(lambda t: t["model"].update(type="Unigram"), "not BPE")
        refused(lambda t: t["model"].update(byte_fallback=True), "byte_fallback")
        refused(lambda t: t["model"]["vocab"].update(foo=99999), '"foo" has the id 99999')
        refused(lambda t: t["model"]["vocab"].update(foo=300), "two tokens have the id 300")
        refused(lambda t: t["model"]["merges"].append("ab"), "a merge is")
        refused(lambda t: t.update(normalizer={"type": "NFC"}), "normalizer")
        refused(split("\\s+"), "pre_tokenizer is not LFM2's")
        refused(lambda t: t["added_tokens"][0].update(lstrip=True), "lstrip")
        # Merges as texts, and one token less than the embedding has rows.
        copy = json.loads(json.dumps(tokenizer))
        copy["model"]["merges"] = [" ".join(m) for m in tokenizer["model"]["merges"]]
        (path / "tokenizer.json").write_text(json.dumps(copy))
        want = (self.scratch / "gguf.lfm2").read_bytes()
        assert self.good(path).read_bytes() == want, "merges as texts"
        # LFM2.5-8B-A1B writes the same split in another way.
        split(r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s")(copy)
        (path / "tokenizer.json").write_text(json.dumps(copy))
        assert self.good(path).read_bytes() == want, "LFM2.5's pattern"
        self.chat_templates(path)
        (path / "chat_template.jinja").write_text("{{ messages }}")
        self.refused(path, "--template")
        (path / "chat_template.jinja").unlink()
        (path / "chat_template.jinja").symlink_to("chat_template.jinja")
        self.refused(path, "too many symbolic links")
        self.refused("x" * 5000, "the name is too long")

    def chat_templates(self, path):
        """Each published template, in this project's words, is recognised in both kinds of directory and both places."""
        mlx = self.scratch / "mlx-templates"
        shutil.copytree(self.mlx, mlx)
        for name in ("lfm2", "lfm2_v2", "lfm2_5", "lfm2_5_raw", "lfm2_5_date", "lfm2_5_keep_past", "lfm2_5_think"):
            jinja = self.exported(name)
            for folder in (path, mlx):
                (folder / "chat_template.jinja").write_text(jinja)
                assert read_image.chat_name(self.good(folder)) == name, name
            (path / "chat_template.jinja").unlink()
            config = json.loads((path / "tokenizer_config.json").read_text())
            for inside in (jinja, [{"name": "tool_use", "template": "x"}, {"name": "default", "template": jinja}]):
                (path / "tokenizer_config.json").write_text(json.dumps({**config, "chat_template": inside}))
                assert read_image.chat_name(self.good(path)) == name, name
            (path / "tokenizer_config.json").write_text(json.dumps(config))

    def exported(self, name):
        image, out = self.scratch / "named.lfm2", self.scratch / "named.gguf"
        subprocess.run([self.tool, self.gguf, image, "--quiet", "--template", name], check=True)
        subprocess.run([pathlib.Path(self.tool).parent / "lfm2-export", image, out, "--quiet"], check=True)
        assert read_image.chat_name(self.good(out)) == name, name
        return gguf.GGUFReader(out).fields["tokenizer.chat_template"].contents()

    def expert_layouts(self):
        """Experts one by one, stacked as transformers 5 has them, and as MLX has them: the same image."""
        config = json.loads((self.mlx / "config.json").read_text())
        for key in ("quantization", "quantization_config"):
            config.pop(key, None)
        published, random = read_safetensors(self.mlx / "model.safetensors"), np.random.default_rng(2)
        hidden, width, experts = config["hidden_size"], config["moe_intermediate_size"], config["num_experts"]

        def bf16(*shape):
            return ("BF16", (random.standard_normal(shape, np.float32).view(np.uint32) >> 16).astype(np.uint16))
        mlx = {}
        for name, (dtype, array) in published.items():
            base = name.rsplit(".", 1)[0]
            if base + ".scales" not in published:
                mlx[name] = (dtype, array)
            elif name.endswith(".weight"):
                mlx[name] = bf16(*array.shape[:-1], published[base + ".scales"][1].shape[-1] * 64)
        ours = {"gate_proj": "w1", "up_proj": "w3", "down_proj": "w2"}
        single, stacked = {}, {}
        for name, (dtype, array) in mlx.items():
            layer, _, matrix = name.partition("switch_mlp.")
            kind = matrix.split(".")[0]
            if kind:
                assert array.shape == ((experts, hidden, width) if kind == "down_proj" else (experts, width, hidden))
                for e in range(experts):
                    single[f"{layer}experts.{e}.{ours[kind]}.weight"] = (dtype, array[e])
                if kind == "down_proj":
                    stacked[layer + "experts.down_proj"] = (dtype, array)
                elif kind == "gate_proj":
                    up = mlx[layer + "switch_mlp.up_proj.weight"][1]
                    stacked[layer + "experts.gate_up_proj"] = (dtype, np.concatenate([array, up], axis=1))
                continue
            for mlx_name, our_name in ours.items():
                name = name.replace(f"feed_forward.{mlx_name}.", f"feed_forward.{our_name}.")
            turned = array.transpose(0, 2, 1) if name.endswith("conv.conv.weight") else array
            single[name] = stacked[name] = (dtype, turned)
        want = self.good(self.folder("single", config, single))
        for role, layer, type_, values in read_image.Image(want).tensors():
            if role not in ("expert_gate", "expert_up", "expert_down"):
                continue
            part = f"model.layers.{layer}.feed_forward.switch_mlp.{role[len('expert_'):]}_proj.weight"
            assert type_ == read_image.BF16 and (values == read_image.bfloat(mlx[part][1]).reshape(values.shape)).all(), part
        want = want.read_bytes()
        assert self.good(self.folder("stacked", config, stacked)).read_bytes() == want, "stacked experts"
        assert self.good(self.folder("mlx", config, mlx)).read_bytes() == want, "MLX's experts"

        def refused(tensors, change, part):
            copy = dict(tensors)
            change(copy)
            self.refused(self.folder("changed", config, copy), part)
        gone = next(n for n in single if ".experts.3.w1." in n)
        refused(single, lambda t: t.pop(gone), gone + " is missing")
        refused(single, lambda t: t.update({gone: ("F16", t[gone][1])}), "has another type")
        refused(single, lambda t: t.update({gone.replace(".3.", f".{experts}."): t[gone]}), "has no place")
        both = next(n for n in stacked if n.endswith("gate_up_proj"))
        refused(stacked, lambda t: t.update({both: ("BF16", t[both][1][:, :width])}), f"expected [{experts}, {2 * width}")
        refused(stacked, lambda t: t.update({gone: single[gone]}), "has no place")
        gate = next(n for n in mlx if n.endswith("switch_mlp.gate_proj.weight"))
        refused(mlx, lambda t: t.update({gate: ("BF16", t[gate][1][:-1])}), f"expected [{experts}, {width}")


def main():
    tool, gguf_file, mlx = sys.argv[1:]
    with tempfile.TemporaryDirectory() as scratch:
        test = Test(tool, gguf_file, pathlib.Path(mlx), pathlib.Path(scratch))
        test.hugging_face()
        test.expert_layouts()


if __name__ == "__main__":
    main()
