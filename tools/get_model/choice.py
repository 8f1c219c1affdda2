"""Which files of a repository lfm2-pack reads, and which of them the user requests. Names are untrusted."""
import collections
import difflib
import re

# GGUF's weight types and their bits per weight.
BITS = {
    "F32": 32, "F16": 16, "BF16": 16, "Q8_0": 8.5, "Q6_K": 6.5625, "Q5_K": 5.5, "Q5_1": 6, "Q5_0": 5.5, "Q4_K": 4.5,
    "Q4_1": 5, "Q4_0": 4.5, "IQ4_NL": 4.5, "IQ4_XS": 4.25, "MXFP4": 4.25, "Q3_K": 3.4375, "IQ3_S": 3.4375,
    "IQ3_XXS": 3.0625, "Q2_K": 2.625, "IQ2_S": 2.5625, "IQ2_XS": 2.3125, "IQ2_XXS": 2.0625, "IQ1_M": 1.75,
    "IQ1_S": 1.5625, "TQ2_0": 2.0625, "TQ1_0": 1.6875, "NVFP4": 4.5, "Q1_0": 1.125,
}
# Mixtures whose name does not contain a type: the type of most of their weights.
MIXTURES = {"IQ3_XS": "IQ3_S", "IQ3_M": "IQ3_S", "IQ2_M": "IQ2_S", "MXFP4_MOE": "MXFP4"}
# Types that an image stores as values in place of codes, and its bits per weight (docs/format.md).
WIDENED = {"IQ3_S": 4.19, "IQ3_XXS": 4.19, "IQ2_S": 3.31, "IQ2_XS": 3.31, "IQ2_XXS": 3.19, "IQ1_S": 2.19, "IQ1_M": 3.31,
           "TQ1_0": 2.06, "Q1_0": 2.13}
QUANTISED = {"q4": 5.7, "q4-m": 5.2, "q4-s": 4.6, "q3": 5, "q3-m": 4.5, "q3-s": 4, "q2": 4.5, "q2-m": 4, "q2-s": 3.5,
             "iq4_nl": 4.6, "q4_0": 4.6, "q6": 6.7, "q8": 8.6}
TYPE = re.compile(r"(?:^|[-_.])((?:UD-)?(?:I?Q\d\w*|TQ\d_0|BF16|F16|F32|MXFP4(?:_MOE)?|NVFP4))(?=$|[-.])", re.I)
PART = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf")
SHARD = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")
INDEX = "model.safetensors.index.json"
BESIDE_WEIGHTS = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
                  "chat_template.jinja")
RAM_GB = (0.5, 1, 2, 4, 8, 16, 32, 64, 128)

File = collections.namedtuple("File", "path size")
# name: without the number of a part; type: from the name, or "".
Model = collections.namedtuple("Model", "name type files")


class Unclear(Exception):
    """What is wrong with the choice, in one sentence."""


def shown(text):
    """Untrusted text for a terminal: without control characters, and shortened."""
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))
    return text if len(text) <= 200 else text[:200] + "..."


def human(size):
    for unit, value in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= value:
            return f"{size / value:.3g} {unit}" if size < 1000 * value else f"{size / value:.0f} {unit}"
    return f"{size} bytes"


def last(path):
    return path.rsplit("/", 1)[-1]


def is_safe(path):
    """Whether a path within a repository is valid, with a file name that is valid on every system."""
    return isinstance(path, str) and len(last(path).encode("utf-8", "replace")) <= 200 and all(
        part and part[0] not in ".-~ " and part.isprintable() and not set(part) & set('\\:*?"<>|')
        for part in path.split("/"))


def type_of(name):
    """The type in a file name: LFM2-8B-A1B-UD-Q3_K_XL.gguf has UD-Q3_K_XL."""
    found = TYPE.findall(re.sub(r"\.gguf$", "", name))
    return found[-1].upper() if found else ""


def weights_of(type_name):
    """The type of most weights in a file with that type in its name; None if unknown."""
    name = re.sub("^UD-", "", type_name)
    name = MIXTURES.get(name, name)
    mixture = re.fullmatch(r"(Q\d_K)_(?:XXS|XS|S|M|L|XL|XXL)", name)
    name = mixture.group(1) if mixture else name
    return name if name in BITS else None


def gguf_models(files):
    """GGUF models among the files, with all parts of those that are split."""
    parts, models = {}, []
    for file in files:
        name = last(file.path)
        if not name.endswith(".gguf") or name.startswith("mmproj") or "imatrix" in name:
            continue
        part = PART.fullmatch(file.path)
        if part is None:
            models.append(Model(name[:-len(".gguf")], type_of(name), [file]))
        elif 1 <= int(part.group(2)) <= int(part.group(3)):
            parts.setdefault((part.group(1), int(part.group(3))), {})[int(part.group(2))] = file
    for (path, count), found in parts.items():
        if len(found) == count:
            models.append(Model(last(path), type_of(last(path)), [found[i] for i in sorted(found)]))
    return sorted(models, key=lambda model: (sum(file.size for file in model.files), model.name))


def directories(repository, files):
    """{name: model} of the directories of safetensors. The name is the path of the directory, or "safetensors" for the
    repository itself. Models have only the files that lfm2-pack reads."""
    folders, found = {}, {}
    for file in files:
        folders.setdefault(file.path.rpartition("/")[0], {})[last(file.path)] = file
    for folder, at in sorted(folders.items()):
        weights = ["model.safetensors"] if "model.safetensors" in at else []
        if INDEX in at:
            weights = [INDEX] + weights + sorted(filter(SHARD.fullmatch, at))
        if "config.json" in at and any(name.endswith(".safetensors") for name in weights):
            name = "-".join([last(repository), *folder.split("/")]) if folder else last(repository)
            parts = [at[name] for name in (*BESIDE_WEIGHTS, *weights) if name in at]
            found[folder or "safetensors"] = Model(name, "", parts)
    return found


def image_bytes(model, quantised_as):
    """Estimated size of the image, at most a few per cent too large and never too small."""
    size = sum(file.size for file in model.files)
    bits = BITS.get(weights_of(model.type)) if model.type else 16
    if quantised_as and bits:
        return round(size * max(QUANTISED[quantised_as] / bits, 0.25)) + (64 << 10)
    wide = WIDENED.get(weights_of(model.type)) if bits else None
    return round(size * (wide / bits if wide else 1.05)) + (64 << 10)


def memory_for(size):
    """The smallest usual memory size for such a model, an operating system and a session: "8 GB"."""
    fitting = [gb for gb in RAM_GB if size + 0.15e9 <= 0.75e9 * gb]
    return f"{fitting[0]:g} GB" if fitting else "more"


def table(models, folders, memory):
    """Lines that list GGUF models and directories. memory: bytes of this machine, 0 if unknown."""
    rows = [("file", "size", "packs", "memory", "here")]
    listed = [(model.files[0].path, model) for model in models] + list(folders.items())
    for name, model in listed:
        size = sum(file.size for file in model.files)
        packs = "yes" if weights_of(model.type) else "no" if model.type else "unknown"
        fits = "" if not memory else "fits" if size + 0.15e9 <= 0.75 * memory else "does not fit"
        rows.append((shown(name), human(size), packs, memory_for(size), fits))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = [(a.ljust(widths[0]), b.rjust(widths[1]), c.ljust(widths[2]), d.rjust(widths[3]), e)
             for a, b, c, d, e in rows]
    return ["  ".join(line).rstrip() for line in lines]


def nearest(name, names, count=3):
    """Up to `count` of the names that are similar to the name."""
    lower = {}
    for other in names:
        lower.setdefault(other.lower(), other)
    return [lower[match] for match in difflib.get_close_matches(name.lower(), list(lower), count, 0.5)]


def choose(repository, files, wanted):
    """The requested model; raises Unclear. None: there are several, and none was named. wanted: a file, a type such as
    Q4_0, a directory, "safetensors", or None."""
    models, folders = gguf_models(files), directories(repository, files)
    if wanted is None:
        possible = models or list(folders.values())
        if not possible:
            raise Unclear(f"{repository} has no file that lfm2-pack reads: neither a GGUF file nor config.json with "
                          "model.safetensors")
        return possible[0] if len(possible) == 1 else None
    if wanted.rstrip("/") in folders:
        return folders[wanted.rstrip("/")]
    for model in models:
        if wanted in (model.files[0].path, last(model.files[0].path)):
            return model
    of_type = [model for model in models if model.type == wanted.upper()]
    if len(of_type) == 1:
        return of_type[0]
    if of_type:
        raise Unclear(f"{repository} has {len(of_type)} files of the type {wanted}: "
                      + ", ".join(shown(model.files[0].path) for model in of_type))
    paths = [model.files[0].path for model in models] + list(folders)
    near = nearest(wanted, paths) or paths[:3]
    known = "; the nearest: " + ", ".join(map(shown, near)) if near else ", and nothing else that lfm2-pack reads"
    raise Unclear(f"{repository} has no file {shown(wanted)} that lfm2-pack reads{known}")
