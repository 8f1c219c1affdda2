#!/usr/bin/env python3
"""Draws docs/arena.svg: how LFM2-8B-A1B (Q4_0) runs in an arena of 1.30 GB. The numbers are those of docs/streaming.md.

    docs/draw-arena.py [OUTPUT]
"""
import pathlib
import sys

FIRST, LAYERS, EXPERTS, PER_TOKEN = 2, 22, 32, 4  # the first two of 24 layers are dense
SHOWN = 10  # the row of the layer that is being computed
RECORD_MB, FRONT_MB, SESSION_MB, SLOTS = 6.19, 373, 65, 139
CELL, GAP = 11, 2  # of the grids, in pixels
INK, PALE, FRONT, KEPT, CHOSEN, SESSION = "#24292f", "#d0d7de", "#8fb3d9", "#f2b880", "#d1495b", "#9bc99b"


def text(x, y, words, size=13, anchor="start", weight="normal"):
    return f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}">{words}</text>'


def box(x, y, width, height, fill):
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{fill}" stroke="{INK}" stroke-width="0.6"/>'


def arrow(x1, y1, x2, y2):
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{INK}" stroke-width="1.4" marker-end="url(#head)"/>'


def kept_in(layer):
    """Experts of a layer in memory, and those that the current token chose: any fixed pattern serves the picture."""
    slots = SLOTS // LAYERS + (layer < SLOTS % LAYERS)
    kept = sorted({(layer * 7 + i * 5 + i * i) % EXPERTS for i in range(slots * 2)})[:slots]
    return kept, kept[:2] + [(kept[-1] + 3) % EXPERTS, (kept[-1] + 9) % EXPERTS]


def draw():
    step = CELL + GAP
    grid = LAYERS * step
    left, top, right = 24, 46, 640
    out = [text(left, 28, "on the drive: model.lfm2, 4.73 GB", 15, weight="bold"),
           text(right, 28, "in memory: one arena, 1.30 GB", 15, weight="bold")]
    front = 42
    out += [box(left, top, EXPERTS * step - GAP, front, FRONT),
            text(left + 8, top + 18, "front part, 373 MB: vocabulary, embedding,"),
            text(left + 8, top + 34, "attention, convolution, norms, routers, dense layers")]
    slot_y = y = top + front + 30
    out.append(text(left, slot_y - 8, f"{LAYERS} layers of {EXPERTS} experts, {RECORD_MB} MB each"))
    out += [box(right, top, 280, front, FRONT), text(right + 8, top + 26, "front part, 373 MB"),
            text(right, slot_y - 8, f"{SLOTS} expert slots, 6 or 7 for each layer")]
    cells = {CHOSEN: [], KEPT: [], PALE: []}
    for layer in range(LAYERS):
        kept, chosen = kept_in(layer)
        for expert in range(EXPERTS):
            fill = CHOSEN if expert in chosen and layer == SHOWN else KEPT if expert in kept else PALE
            cells[fill].append((left + expert * step, y + layer * step))
        for slot in range(len(kept)):
            fill = CHOSEN if layer == SHOWN and slot < PER_TOKEN else KEPT
            cells[fill].append((right + slot * step, slot_y + layer * step))
    for fill, places in cells.items():
        path = "".join(f"M{x} {y}h{CELL}v{CELL}h-{CELL}z" for x, y in places)
        out.append(f'<path d="{path}" fill="{fill}"/>')
    session_x = right + 7 * step + 24
    out += [box(session_x, slot_y, 280 - 7 * step - 24, 62, SESSION),
            text(session_x + 8, slot_y + 18, "session, 65 MB:"),
            text(session_x + 8, slot_y + 35, "KV cache, activations,"),
            text(session_x + 8, slot_y + 52, "logits, tokenizer")]
    edge = left + EXPERTS * step + 8
    out += [arrow(edge, top + front / 2, right - 10, top + front / 2),
            text((edge + right) / 2, top + front / 2 - 8, "read once, CRC checked", 12, "middle")]
    row = y + SHOWN * step + CELL / 2
    out += [arrow(edge, row, right - 10, row),
            text((edge + right) / 2, row - 24, f"layer {FIRST + SHOWN} of this token:", 12, "middle"),
            text((edge + right) / 2, row - 8, "missing experts are read", 12, "middle"),
            text((edge + right) / 2, row + 18, "CRC checked; the least", 12, "middle"),
            text((edge + right) / 2, row + 34, "used experts leave", 12, "middle")]
    key_y = y + grid + 22
    for x, fill, words in ((left, KEPT, "in a slot"), (left + 110, CHOSEN, "chosen by the current layer's router"),
                           (left + 390, PALE, "on the drive only")):
        out += [box(x, key_y - 10, CELL, CELL, fill), text(x + CELL + 7, key_y, words, 12)]
    width, height = 944, key_y + 16
    style = f'<style>text{{font-family:system-ui,sans-serif;fill:{INK}}}</style>'
    head = f'<defs><marker id="head" markerWidth="9" markerHeight="8" refX="8" refY="4" orient="auto"><path d="M0,0 L9,4 L0,8 z" fill="{INK}"/></marker></defs>'
    title = "<title>LFM2-8B-A1B in an arena of 1.30 GB: front part, expert slots and session</title>"
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
                      title, style, head, f'<rect width="{width}" height="{height}" fill="white"/>', *out, "</svg>", ""])


def main():
    output = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).with_name("arena.svg")
    output.write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    main()
