// The page: what is said goes to the worker, what the model calls goes to the house, and everything is shown.
import {House} from "./house.js";
import {Scene} from "./scene.js";
import {showMemory} from "./memory.js";

// Three are shown at a time.
const SUGGESTIONS = [
  "Turn on the light in the kitchen", "Set the nursery to 22 degrees", "Lock the porch door",
  "Make the bedroom light purple", "Set a 5 minute timer", "Play rain sounds in the garden",
  "I want orange light in the garage", "What is the temperature in the attic?", "What is the capital of France?",
];
const SUGGESTIONS_SHOWN = 3;
const CALL_BEGIN = "<|tool_call_start|>", CALL_END = "<|tool_call_end|>";
const MOST_TURNS = 4;

const byId = (id) => document.getElementById(id);
const house = new House();
const scene = new Scene(byId("scene"), house);
house.onchange = (name) => scene.draw(name);

let worker = null;
let bubble = null;  // what the model is writing
let written = "";
let turns = 0;  // with calls, since something was said
let wantsStop = false;
let suggestion = 0;

function setState(state) {
  document.body.dataset.state = state;
  const isReady = state === "ready";
  byId("input").disabled = byId("send").disabled = !isReady;
  byId("send").hidden = state === "busy";
  byId("stop").hidden = state !== "busy";
  byId("suggestions").hidden = !(isReady || state === "busy");
  for (const button of byId("suggestions").children) button.disabled = !isReady;
}

function addLine(kind, text) {
  const line = document.createElement("div");
  line.className = kind;
  line.textContent = text;
  byId("log").append(line);
  line.scrollIntoView({block: "nearest"});
  return line;
}

function fail(text) {
  byId("loading").hidden = true;
  addLine("failure", text);
  setState("failed");
}

function suggest() {
  byId("suggestions").replaceChildren();
  for (let i = 0; i < SUGGESTIONS_SHOWN; ++i) {
    const text = SUGGESTIONS[suggestion++ % SUGGESTIONS.length];
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.onclick = () => say(text);
    byId("suggestions").append(button);
  }
}

// --- What is said ---

function say(text) {
  addLine("said", text);
  suggest();
  turns = 0;
  wantsStop = false;
  send({do: "ask", text});
}

function send(message) {
  bubble = null;
  written = "";
  setState("busy");
  worker.postMessage(message);
}

// What the model has written so far: an answer in words, or a call.
function showText(text) {
  written += text;
  const isCall = written.startsWith(CALL_BEGIN);
  bubble ??= addLine(isCall ? "call" : "answer", "");
  bubble.textContent = isCall ? written.replace(CALL_BEGIN, "").replace(CALL_END, "") : written;
  bubble.scrollIntoView({block: "nearest"});
}

function endAnswer({calls, malformed, stopped, speed, ids}) {
  if (bubble) bubble.title = `${ids.length} tokens: ${ids.join(" ")}`;
  if (speed) showSpeed(speed);
  // A stop may come when the answer has just ended.
  if (stopped || wantsStop) {
    bubble?.classList.add("refused");
    addLine("note", "Stopped.");
  } else if (malformed) {
    bubble?.classList.add("refused");
    addLine("note", `The house does not understand this: ${malformed}.`);
  } else if (calls.length > 0 && obey(calls)) {
    return;
  }
  setState("ready");
  byId("input").focus({preventScroll: true});
}

// Whether the model is told of the result and goes on.
function obey(calls) {
  const outcomes = calls.map((call) => house.act(call));
  const isDone = outcomes.every(({ok}) => ok);
  bubble.classList.add(isDone ? "done" : "refused");
  for (const {note} of outcomes) if (note) addLine("note", note);
  for (const call of calls) scene.flash(call.arguments.room);
  if (!isDone || ++turns > MOST_TURNS) return false;
  send({do: "results", texts: outcomes.map(({result}) => result)});
  return true;
}

// --- Figures ---

const rounded = (number) => Math.round(number).toLocaleString("en");

function showSpeed({promptTokens, promptMilliseconds, tokens, milliseconds}) {
  byId("first").textContent = rounded(promptMilliseconds);
  byId("prefill").textContent = rounded(promptTokens / promptMilliseconds * 1000);
  // The first token came with the prompt.
  if (tokens > 1) byId("decode").textContent = rounded((tokens - 1) / milliseconds * 1000);
}

const loaded = {};
function showProgress({what, bytes, of}) {
  loaded[what] = {bytes, of};
  const all = Object.values(loaded);
  const sum = (key) => all.reduce((total, each) => total + each[key], 0);
  const isKnown = all.every((each) => each.of > 0);
  byId("bar").style.width = isKnown ? `${100 * sum("bytes") / sum("of")}%` : "100%";
  byId("loading-text").textContent = `Loading the model: ${(sum("bytes") / 1e6).toFixed(1)} MB`;
}

function showReady(model) {
  byId("loading").hidden = true;
  byId("ready").textContent = rounded(performance.now());
  showMemory(model);
  byId("model").textContent =
    `${model.name}: ${model.kernels} kernels, room for ${model.contextLength.toLocaleString("en")} tokens`;
  addLine("note", "The model is ready. Tell it what to do.");
  setState("ready");
}

// --- Begin ---

// A function that returns a vector: valid where the browser has WebAssembly's SIMD.
const SIMD_PROBE = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7b, 3, 2, 1, 0,
                                   10, 8, 1, 6, 0, 0x41, 0, 0xfd, 0x0f, 0x0b]);

async function begin() {
  setState("loading");
  suggest();
  if (typeof WebAssembly !== "object") return fail("This browser has no WebAssembly, which the model runs in.");
  if (!WebAssembly.validate(SIMD_PROBE)) {
    return fail("This browser's WebAssembly has no SIMD (128-bit vectors), which the model is computed with. " +
                "Browsers since 2023 have it.");
  }
  let settings;
  try {
    const response = await fetch("model.json");
    if (!response.ok) throw new Error(`the server says ${response.status}`);
    settings = await response.json();
  } catch (error) {
    return fail(`model.json cannot be read: ${error.message}`);
  }
  worker = new Worker("worker.js", {type: "module"});
  worker.onerror = () => fail("The model's thread cannot start: worker.js is not there, or the browser is too old.");
  worker.onmessage = ({data}) => {
    switch (data.is) {
      case "progress": return showProgress(data);
      case "ready": return showReady(data.model);
      case "text": return showText(data.text);
      case "done": return endAnswer(data);
      case "failed":
        if (data.loading) return fail(`The model cannot be loaded: ${data.text}`);
        addLine("failure", `The model failed: ${data.text}`);
        return setState("ready");
    }
  };
  worker.postMessage({do: "load", settings});
}

byId("composer").onsubmit = (event) => {
  event.preventDefault();
  const text = byId("input").value.trim();
  if (!text || document.body.dataset.state !== "ready") return;
  byId("input").value = "";
  say(text);
};
byId("stop").onclick = () => {
  wantsStop = true;
  worker.postMessage({do: "stop"});
};

let last = performance.now();
setInterval(() => {
  const now = performance.now();
  for (const {minutes} of house.tick(now - last)) {
    addLine("note", `The timer of ${minutes} ${minutes === 1 ? "minute" : "minutes"} has ended.`);
  }
  last = now;
}, 250);

begin();
