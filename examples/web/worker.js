// The model's thread: fetches the files, opens the model, and answers. It works for a few milliseconds at a time and
// looks for messages in between, so that a stop is heard while a token is being computed.
//
// In:  {do: "load", settings}, {do: "ask", text}, {do: "results", texts}, {do: "stop"}
// Out: {is: "progress", what, bytes, of}, {is: "ready", model}, {is: "failed", text, loading}, {is: "text", text},
//      {is: "done", calls, malformed, stopped, speed, ids}: malformed is the reason why there are no calls
import {Engine} from "./engine.js";

const SLICE_MILLISECONDS = 12;

let engine = null;
let settings = null;
let stopped = false;

// Begins to fetch a file. Its bytes are an asynchronous iterable of Uint8Array.
function download(url, what) {
  const response = fetch(url);
  response.catch(() => {});  // whoever takes the pieces is told
  return pieces(response, url, what);
}

async function* pieces(promise, url, what) {
  let response;
  try {
    response = await promise;
  } catch {
    throw new Error(`${url} cannot be fetched: is the server still there?`);
  }
  if (!response.ok) throw new Error(`${url} cannot be fetched: the server says ${response.status}`);
  // Where the transfer is compressed, the length is that of compressed bytes: then it is not known.
  const of = response.headers.has("Content-Encoding") ? 0 : Number(response.headers.get("Content-Length") ?? 0);
  const reader = response.body.getReader();
  let bytes = 0;
  for (;;) {
    const {done, value} = await reader.read();
    if (done) return;
    bytes += value.length;
    postMessage({is: "progress", what, bytes, of});
    yield value;
  }
}

async function load(given) {
  settings = given;
  const program = download("assistant.wasm", "program"), image = download(settings.image, "model");
  const bytes = [];
  for await (const piece of program) bytes.push(piece);
  const module = await WebAssembly.compile(await new Blob(bytes).arrayBuffer());
  engine = await Engine.open(module, image);
  engine.begin(settings.system, settings.tools);
  postMessage({is: "ready", model: engine.describe()});
}

// Lets messages in: unlike setTimeout, this does not wait.
const channel = new MessageChannel();
function breathe() {
  return new Promise((resolve) => {
    channel.port1.onmessage = resolve;
    channel.port2.postMessage(null);
  });
}

// Runs the answer that was begun to its end.
async function answer(began) {
  stopped = false;
  const before = engine.position;
  let firstToken = 0, promptTokens = 0;
  while (engine.busy && !stopped) {
    const end = performance.now() + SLICE_MILLISECONDS;
    do {
      engine.step();
      if (firstToken === 0 && engine.answerTokens > 0) {
        firstToken = performance.now();
        promptTokens = engine.position - before;
      }
    } while (engine.busy && performance.now() < end);
    const text = engine.takeAnswer();
    if (text) postMessage({is: "text", text});
    await breathe();
  }
  if (stopped) engine.stop();
  const now = performance.now();
  const tokens = engine.answerTokens;
  // The first token comes with the prompt: the others are what decoding takes.
  const speed = firstToken === 0 ? null : {
    promptTokens, promptMilliseconds: firstToken - began, tokens, milliseconds: now - firstToken,
  };
  let calls = [], malformed = null;
  try {
    if (!stopped) calls = engine.readCalls();
  } catch (error) {
    malformed = error.message;
  }
  postMessage({is: "done", calls, malformed, stopped, speed, ids: engine.answerTokenIds()});
}

async function handle(message) {
  const began = performance.now();
  switch (message.do) {
    case "load":
      return load(message.settings);
    case "ask":
      if (!settings.remember) engine.begin(settings.system, settings.tools);
      engine.ask(message.text, settings.maxTokens);
      return answer(began);
    case "results":
      engine.tellResults(message.texts, settings.maxTokens);
      return answer(began);
  }
}

onmessage = async ({data}) => {
  if (data.do === "stop") {
    stopped = true;
    return;
  }
  try {
    await handle(data);
  } catch (error) {
    postMessage({is: "failed", text: error.message, loading: data.do === "load"});
  }
};
