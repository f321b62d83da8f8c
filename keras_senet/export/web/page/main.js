// The page: where pictures come from, and how the answer is shown.

import { load } from "./classifier.js";
import { decoded, picture, readsPixels } from "./picture.js";
import { see } from "./view.js";

const LISTED = 5; // classes shown, unless more labels apply

const part = (id) => document.getElementById(id);
const [status, answers, video, chosen] = ["status", "answers", "video", "chosen"].map(part);

let classifier = null;
let turn = 0; // counts what is asked for: an answer to an earlier picture is dropped
let stream = null; // of the camera while it runs

begin();

async function begin() {
  say("Loading the network ...");
  try {
    if (typeof WebAssembly === "undefined") {
      throw new Error("This browser has no WebAssembly, which the network needs.");
    }
    classifier = await load();
  } catch (error) {
    say(`The network cannot be loaded. ${error.message}`, true);
    return;
  }
  if (!readsPixels()) {
    part("warning").textContent =
      "This browser changes the pixels that a page reads, against tracking: the answers are not " +
      "those of the network. Allow this page to read canvases, or take another browser.";
    part("warning").hidden = false;
  }
  describe(classifier.contract);
  part("file").disabled = part("camera").disabled = false;
  say("Ready.");
}

function describe({ title, classes, image, multi_label, bytes, quantization }) {
  document.title = `${title}: what is in the picture?`;
  const several = multi_label ? "any number of" : "one of";
  const names = classes.length <= 12 ? classes.join(", ") : `${classes.length} classes`;
  part("about").textContent =
    `${title} (${quantization}, ${(bytes / 1e6).toFixed(1)} MB) answers with ${several}: ${names}.`;
  const [, rows, columns] = image.shape;
  part("size").textContent = `Seen by the network: ${columns} × ${rows} pixels`;
  part("seen").width = columns;
  part("seen").height = rows;
}

/** Says how things stand, or what went wrong. */
function say(text, wrong = false) {
  status.textContent = text;
  status.classList.toggle("wrong", wrong);
}

// Files: chosen, dropped or pasted.

part("file").addEventListener("change", ({ target }) => {
  if (target.files.length) classifyFile(target.files[0]);
  target.value = ""; // so that the same file can be chosen again
});

document.addEventListener("paste", ({ clipboardData }) => take(clipboardData, "paste"));
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", ({ relatedTarget }) => {
  if (relatedTarget === null) document.body.classList.remove("dropping");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  take(event.dataTransfer, "drop");
});

function take(data, how) {
  if (classifier === null) return;
  if (data.files.length) {
    classifyFile(data.files[0]);
  } else {
    say(`There is no picture in this ${how}: it must be a file or a copied picture.`, true);
  }
}

async function classifyFile(file) {
  stopCamera();
  const mine = ++turn;
  part("result").hidden = true;
  say(`Reading ${file.name} ...`);
  const begin = performance.now();
  let image = null;
  try {
    image = await decoded(file);
    if (mine === turn) showFile(file);
    if (mine === turn) await classify(image, begin, mine);
    if (mine === turn) say(file.name);
  } catch (error) {
    if (mine === turn) say(`${file.name}: ${error.message}`, true);
  } finally {
    image?.close();
  }
}

function showFile(file) {
  URL.revokeObjectURL(chosen.src);
  chosen.src = URL.createObjectURL(file);
  chosen.hidden = false;
  video.hidden = true;
}

// The camera, one frame after the other.

part("camera").addEventListener("click", () => (stream === null ? startCamera() : stopCamera()));

async function startCamera() {
  const mine = ++turn;
  say("Asking for the camera ...");
  let asked = null;
  try {
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new Error("Browsers give a camera to pages from https:// or localhost only.");
    }
    asked = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    video.srcObject = asked;
    await video.play();
  } catch (error) {
    asked?.getTracks().forEach((track) => track.stop());
    if (mine === turn) say(cameraTrouble(error), true);
    return;
  }
  if (mine !== turn) {
    asked.getTracks().forEach((track) => track.stop());
    return;
  }
  stream = asked;
  stream.getTracks().forEach((track) => track.addEventListener("ended", stopCamera));
  video.hidden = false;
  chosen.hidden = true;
  answers.ariaLive = "off"; // a new answer for each frame is too much to be read out
  part("camera").textContent = "Stop the camera";
  part("camera").setAttribute("aria-pressed", "true");
  say("The camera runs.");
  try {
    while (mine === turn) {
      await classify(picture(video, video.videoWidth, video.videoHeight), performance.now(), mine);
      await new Promise(requestAnimationFrame); // none comes while the page is hidden
    }
  } catch (error) {
    stopCamera();
    say(error.message, true);
  }
}

function stopCamera() {
  if (stream === null) return;
  turn++;
  video.pause(); // the last frame stays in sight
  stream.getTracks().forEach((track) => track.stop());
  stream = null;
  answers.ariaLive = "polite";
  part("camera").textContent = "Start the camera";
  part("camera").setAttribute("aria-pressed", "false");
  say("The camera is off.");
}

function cameraTrouble(error) {
  const known = {
    NotAllowedError: "The camera was refused. Allow it for this page, or choose a picture.",
    NotFoundError: "There is no camera. Choose a picture.",
    NotReadableError: "Another program uses the camera. Close it, or choose a picture.",
  };
  return known[error.name] ?? error.message;
}

// The answer.

/** Shows the answer of the network to a picture that was begun at a time, unless it is too late. */
async function classify(image, begin, mine) {
  const { contract } = classifier;
  const channels = contract.image.shape[3];
  const pixels = see(image, contract.view, channels);
  const ready = performance.now();
  const scores = await classifier.scores(pixels);
  const end = performance.now();
  if (mine !== turn) return;
  if (!scores.every(Number.isFinite)) throw new Error("The network returned no numbers.");
  showSeen(pixels, channels);
  showAnswers(scores, contract);
  part("times").textContent =
    `Network ${milliseconds(end - ready)}, decoding and resizing ${milliseconds(ready - begin)}`;
  part("result").hidden = false;
  // For pages around this one.
  const detail = { scores, classes: contract.classes, milliseconds: end - ready };
  document.dispatchEvent(new CustomEvent("classified", { detail }));
}

const milliseconds = (time) => `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`;

function showSeen(pixels, channels) {
  const context = part("seen").getContext("2d");
  const image = context.createImageData(part("seen").width, part("seen").height);
  for (let i = 0, from = 0; i < image.data.length; i += 4, from += channels) {
    for (let k = 0; k < 3; k++) image.data[i + k] = pixels[channels === 3 ? from + k : from];
    image.data[i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

function showAnswers(scores, { classes, multi_label, threshold, output }) {
  const order = Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a]);
  const present = (index) => multi_label && scores[index] > threshold;
  const count = Math.max(LISTED, order.filter(present).length);
  const isShare = output.meaning === "probability";
  const [least, most] = isShare ? [0, 1] : [scores[order.at(-1)], scores[order[0]]];
  answers.classList.toggle("labels", multi_label);
  answers.replaceChildren(
    ...order.slice(0, count).map((index) => {
      const length = most > least ? (scores[index] - least) / (most - least) : 0;
      return answer(classes[index], scores[index], length, isShare, present(index));
    }),
  );
}

function answer(name, score, length, isShare, present) {
  const bar = document.createElement("span");
  bar.className = "bar";
  bar.style.width = `${100 * length}%`;
  const label = document.createElement("span");
  label.textContent = present ? `✓ ${name}` : name;
  const number = document.createElement("data");
  number.value = String(score);
  number.textContent = isShare ? `${(100 * score).toFixed(1)} %` : score.toPrecision(4);
  const item = document.createElement("li");
  item.classList.toggle("present", present);
  item.append(bar, label, number);
  return item;
}
