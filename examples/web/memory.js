// Shows what the model's memory is used for: all of it as one bar, and the arena, which is the last part, as another.

const byId = (id) => document.getElementById(id);
// What lies before the arena, by Engine.describe().
const BEFORE_ARENA = ["program and stack", "model image"];
const NAMES = {"KV cache": "keys and values"};

function size(bytes) {
  return bytes < 999.5e3 ? `${(bytes / 1e3).toFixed(bytes < 9950 ? 1 : 0)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function fill(bar, parts) {
  bar.replaceChildren(...parts.map(({name, bytes, color}) => {
    const part = document.createElement("i");
    part.style.flexGrow = bytes;
    part.style.background = color;
    part.title = `${name}: ${bytes.toLocaleString("en")} bytes`;
    return part;
  }));
}

function addToLegend({name, bytes, color}) {
  const term = document.createElement("dt"), value = document.createElement("dd"), mark = document.createElement("i");
  mark.style.background = color;
  term.append(mark, NAMES[name] ?? name);
  value.textContent = size(bytes);
  value.title = `${bytes.toLocaleString("en")} bytes`;
  byId("legend").append(term, value);
}

export function showMemory({memoryBytes, regions}) {
  const before = regions.filter(({name}) => BEFORE_ARENA.includes(name));
  const arena = regions.filter(({name, bytes}) => !BEFORE_ARENA.includes(name) && bytes > 0);
  before.forEach((part, i) => part.color = ["#6f6a9c", "#9d94d8"][i]);
  arena.forEach((part, i) => part.color = `hsl(${28 + i * 310 / arena.length} 75% 66%)`);
  const arenaBytes = arena.reduce((sum, {bytes}) => sum + bytes, 0);
  fill(byId("memory-bar"), [...before, {name: "arena", bytes: arenaBytes, color: "#ffcf8a"}]);
  fill(byId("arena-bar"), arena);
  byId("memory-total").textContent = `${size(memoryBytes)}, fixed`;
  byId("arena-total").textContent = size(arenaBytes);
  byId("legend").replaceChildren();
  for (const part of [...before, ...arena]) addToLegend(part);
  byId("memory").hidden = false;
}
