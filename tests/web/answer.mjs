// Answers commands with a module of the page, as the page does: answer.mjs ENGINE.mjs MODULE.wasm MODEL.lfm2 < COMMANDS
// Each line of standard input is a command, each line of standard output the ids of the answer's tokens, as JSON.
import {readFileSync} from "fs";
import {pathToFileURL} from "url";

const [engineFile, moduleFile, modelFile] = process.argv.slice(2);
const {Engine} = await import(pathToFileURL(engineFile));
const engine = await Engine.open(new WebAssembly.Module(readFileSync(moduleFile)), [readFileSync(modelFile)]);
for (const command of readFileSync(0, "utf8").split("\n").filter((line) => line)) {
  engine.begin();
  engine.ask(command, 64);
  while (engine.step());
  console.log(JSON.stringify(engine.answerTokenIds()));
}
