// The network of this folder: contract.json says what it takes and returns, LiteRT.js runs it.

import { Tensor, loadAndCompile, loadLiteRt } from "./litert/core/index.js";

/** Reads contract and network, and starts the runtime; raises an Error if one of them fails. */
export async function load() {
  const contract = await (await fetched("contract.json")).json();
  const network = new Uint8Array(await (await fetched(contract.network)).arrayBuffer());
  if (network.length !== contract.bytes) {
    throw new Error(`${contract.network} is not the file that contract.json describes.`);
  }
  const said = await startRuntime();
  try {
    const model = await loadAndCompile(network, { accelerator: "wasm" });
    return new Classifier(contract, model);
  } catch (error) {
    throw new Error(`LiteRT.js cannot run ${contract.network}: ${said.at(-1) ?? error.message}`);
  }
}

class Classifier {
  constructor(contract, model) {
    this.contract = contract;
    this.model = model;
  }

  /**
   * Scores of the classes, as Python's LiteRT computes them from the same file.
   *
   * @param pixels Integers in 0..255, as `see` returns them.
   * @returns Float32Array with a score for each of `contract.classes`.
   */
  async scores(pixels) {
    const { image, output } = this.contract;
    const kinds = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array };
    const input = new Tensor(kinds[image.dtype].from(pixels), image.shape);
    const results = await this.model.run([input]);
    const values = await results[0].data();
    [input, ...results].forEach((tensor) => tensor.delete());
    if (output.scale === undefined) return values;
    // In float32 at each step, as NumPy computes it.
    const scale = Math.fround(output.scale);
    return Float32Array.from(values, (x) => (x - output.zero_point) * scale);
  }
}

/** Starts LiteRT.js on the CPU; returns the list that its messages are added to. */
async function startRuntime() {
  // Its messages, one for each file that it loads, do not belong on the console.
  const said = [];
  self.Module = { print: (text) => said.push(text), printErr: (text) => said.push(text) };
  // It asks for a GPU even where none is wanted, and warns of one that is missing.
  const adapter = { limits: {}, features: new Set(), requestDevice: async () => null };
  const gpu = { requestAdapter: async () => adapter };
  Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true });
  try {
    await loadLiteRt("litert/core/wasm/");
  } finally {
    delete navigator.gpu; // the browser's own shows again
  }
  return said;
}

async function fetched(name) {
  const answer = await fetch(name, { cache: "no-cache" }); // the two files must be of one export
  if (!answer.ok) throw new Error(`The server does not find ${name} (${answer.status}).`);
  return answer;
}
