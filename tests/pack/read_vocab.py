"""A reader of the vocabulary and the token trie of .lfm2 images, written from docs/format-vocab.md and
docs/format-token-trie.md alone."""
import struct


def up(n):
    return (n + 7) // 8 * 8


class Vocab:
    """section: the bytes of the vocabulary, and maybe more."""

    def __init__(self, section):
        self.count, merges, specials, text_bytes = struct.unpack_from("<4I", section, 24)
        begin = struct.unpack_from(f"<{self.count + 1}I", section, 128)
        types = up(up(128 + 4 * (self.count + 1)) + 4 * (self.count + 1))
        types = up(up(types + 12 * merges) + 1024 + 4 * specials)
        text = up(types + self.count)
        self.types = section[types:types + self.count]
        self.tokens = [section[text + begin[t]:text + begin[t + 1]] for t in range(self.count)]
        self.chat = up(text + text_bytes)


def chat_name(path):
    """The name of the chat template of an image."""
    data = open(path, "rb").read()
    at, = struct.unpack_from("<Q", data, struct.calcsize("<8sIIQQIIQQQ"))  # the vocabulary begins the pinned part
    chat_bytes, = struct.unpack_from("<I", data, at + 56)
    if chat_bytes == 0:
        return None
    chat = at + Vocab(data[at:]).chat
    size, = struct.unpack_from("<H", data, chat + 8)
    return data[chat + 32:chat + 32 + size].decode()


def character(token, at):
    """The character that begins there; None where bytes are none."""
    for size in range(1, 5):
        try:
            return token[at:at + size].decode("utf-8")
        except UnicodeDecodeError:
            pass
    return None


def trie_of(token):
    """Number of the trie that a token is in, and its plain length."""
    at = count = 0
    while at < len(token):
        c = character(token, at)
        if c is None or c in '"\\':
            return 2, 0
        if ord(c) < 0x20:
            return 1, 0
        at += len(c.encode())
        count += 1
    return (0, count) if count <= 254 else (2, 0)


def nodes_of(tokens):
    """The nodes (byte, token, subtree, depth) of some (bytes, id), sorted."""
    nodes, path = [], []  # path: places of the nodes whose subtree is not complete

    def close(depth):
        while len(path) > depth:
            nodes[path[-1]][2] = len(nodes) - path[-1]
            path.pop()

    # Of tokens of equal bytes all but the first stand after everything that begins so.
    seen, keys = set(), []
    for text, token in tokens:
        keys.append(([*text, 256] if text in seen else [*text, -1], token, text))
        seen.add(text)
    last = b""
    for _, token, text in sorted(keys):
        shared = 0
        while shared < min(len(text) - 1, len(last)) and text[shared] == last[shared]:
            shared += 1
        close(shared)
        for depth in range(shared + 1, len(text) + 1):
            path.append(len(nodes))
            nodes.append([text[depth - 1], token if depth == len(text) else 0xFFFFFF, 0, depth])
        last = text
    close(0)
    return nodes


def check_token_trie(section, vocab_section):
    """Demands that the section is the trie of the vocabulary, byte for byte; returns its nodes."""
    vocab = Vocab(vocab_section)
    tries, lengths = [[], [], []], bytearray(up(vocab.count))
    for token, (kind, text) in enumerate(zip(vocab.types, vocab.tokens)):
        if kind in (1, 4, 6) and text:
            number, lengths[token] = trie_of(text)
            tries[number].append((text, token))
    made = [nodes_of(sorted(t)) for t in tries]
    body = b"".join(struct.pack("<II", token << 8 | byte, subtree << 8 | depth)
                    for nodes in made for byte, token, subtree, depth in nodes) + bytes(lengths)
    depth = max((node[3] for nodes in made for node in nodes), default=0)
    header = struct.pack("<8sIIQ5I20x", b"LFM2TRI\n", 1, 64, 64 + len(body), vocab.count, *map(len, made), depth)
    assert section[:64] == header, (section[:64], header)
    assert section[64:] == body, "nodes of the token trie"
    return sum(map(len, made))
