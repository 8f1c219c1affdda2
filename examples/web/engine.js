// A model in a WebAssembly module: what assistant.cc exports, as a class. It knows neither the page nor where files
// come from, so that it runs in a worker and in Node.js alike.

const PAGE_BYTES = 65536;
// INITIAL_MEMORY of CMakeLists.txt.
const LEAST_PAGES = 16;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class Engine {
  #exports;
  #memory;

  #image = 0;  // where it is
  #imageBytes = 0;
  #received = 0;

  // Opens a model with a module (a WebAssembly.Module) that has no memory of its own. pieces: the bytes of the image,
  // an iterable of Uint8Array, also an asynchronous one. The first of them say how much memory the model's plan takes,
  // which is allocated once; all are copied there as they come. Throws an Error with a sentence for people.
  static async open(module, pieces) {
    const planner = new Engine(module, LEAST_PAGES);
    let engine = null, first = new Uint8Array(0);
    for await (const piece of pieces) {
      if (engine) {
        engine.#receive(piece);
        continue;
      }
      first = joined(first, piece);
      if (first.length < planner.#exports.HeaderBytes()) continue;
      engine = planner.#makeEngine(module, first);
      engine.#receive(first);
    }
    if (!engine) throw new Error(`the file has ${first.length} bytes and is not a model image`);
    if (engine.#received < engine.#imageBytes) {
      throw new Error(`the file ends after ${engine.#received} of ${engine.#imageBytes} bytes`);
    }
    engine.#try(engine.#exports.Open());
    return engine;
  }

  constructor(module, pages) {
    this.#memory = new WebAssembly.Memory({initial: pages, maximum: pages});
    this.#exports = new WebAssembly.Instance(module, {env: {memory: this.#memory}}).exports;
    this.#exports._initialize();
  }

  // {contextLength, kernels, name, imageBytes, memoryBytes, regions: [{name, bytes}]}: regions in the order in which
  // they lie in the memory.
  describe() {
    this.#exports.Describe();
    const lines = this.#text().split("\n").slice(0, -1).map((line) => {
      const space = line.indexOf(" ");
      return {bytes: Number(line.slice(0, space)), name: line.slice(space + 1)};
    });
    const [context, image, ...regions] = lines;
    return {contextLength: context.bytes, kernels: context.name, name: image.name, imageBytes: image.bytes,
            memoryBytes: this.#memory.buffer.byteLength, regions};
  }

  // Forgets the chat. tools: a list of JSON texts; a model that was trained on its tools needs none.
  begin(system = "", tools = []) {
    const parts = tools.length > 0 || system ? [system, ...tools] : [];
    this.#try(this.#exports.Begin(this.#give(parts.map((part) => part + "\0").join(""))));
  }

  // Begins an answer, which step() makes: to what a person says, or to the results of tools.
  ask(text, maxTokens = 0) { this.#try(this.#exports.Ask(this.#give(text), maxTokens)); }
  tellResults(texts, maxTokens = 0) {
    for (const text of texts.slice(0, -1)) this.#try(this.#exports.AddResult(this.#give(text)));
    this.#try(this.#exports.TellResult(this.#give(texts.at(-1)), maxTokens));
  }
  // A fraction of a token's work; false once the answer has ended.
  step() {
    this.#try(this.#exports.Step());
    return this.busy;
  }
  get busy() { return this.#exports.IsBusy() !== 0; }
  stop() { this.#exports.Stop(); }

  // What was answered since the last call.
  takeAnswer() {
    this.#exports.TakeAnswer();
    return this.#text();
  }
  // The calls of tools that the answer has: [{name, arguments}]. Throws where one is malformed.
  readCalls() {
    this.#try(this.#exports.ReadCalls());
    return this.#text().split("\n").slice(0, -1).map((line) => JSON.parse(line));
  }

  // Tokens of the context so far; of the answer, how many, and which.
  get position() { return this.#exports.Position(); }
  get answerTokens() { return this.#exports.AnswerTokens(); }
  answerTokenIds() {
    return [...new Int32Array(this.#memory.buffer, this.#exports.AnswerTokenIds() >>> 0, this.answerTokens)];
  }

  // Addresses are unsigned, and WebAssembly hands them out as signed numbers.
  #bytes(address, size) { return new Uint8Array(this.#memory.buffer, address >>> 0, size); }
  #text() { return decoder.decode(this.#bytes(this.#exports.TextAddress(), this.#exports.TextBytes())); }
  #give(text) {
    const bytes = encoder.encode(text);
    const capacity = this.#exports.TextCapacity();
    if (bytes.length > capacity) throw new Error(`a text has ${bytes.length} bytes, and at most ${capacity} fit`);
    this.#bytes(this.#exports.TextAddress(), bytes.length).set(bytes);
    return bytes.length;
  }
  #try(succeeded) {
    if (!succeeded) throw new Error(this.#text());
  }

  // An engine with as much memory as the model needs that begins with these bytes.
  #makeEngine(module, first) {
    const headerBytes = this.#exports.HeaderBytes();
    this.#bytes(this.#exports.TextAddress(), headerBytes).set(first.subarray(0, headerBytes));
    this.#try(this.#exports.ReadHeader());
    const memoryBytes = this.#exports.MemoryBytes();
    let engine;
    try {
      engine = new Engine(module, Math.ceil(memoryBytes / PAGE_BYTES));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new Error(`this browser does not give ${Math.ceil(memoryBytes / 1e6)} MB of memory`);
    }
    engine.#imageBytes = this.#exports.ImageBytes();
    engine.#image = engine.#exports.ImageRoom(engine.#imageBytes) >>> 0;
    return engine;
  }
  #receive(piece) {
    if (piece.length > this.#imageBytes - this.#received) {
      throw new Error(`the file is longer than the ${this.#imageBytes} bytes that it says`);
    }
    this.#bytes(this.#image + this.#received, piece.length).set(piece);
    this.#received += piece.length;
  }
}

function joined(first, second) {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
