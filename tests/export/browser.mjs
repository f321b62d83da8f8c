// Opens a page in Chromium and reports what it shows and asks for: node browser.mjs PLAYWRIGHT JOB
// (a JSON file); prints JSON.

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [playwright, file] = process.argv.slice(2);
const { default: library } = await import(pathToFileURL(path.join(playwright, "index.js")));
const job = JSON.parse(fs.readFileSync(file));
const browser = await library.chromium.launch({
  executablePath: job.chromium,
  args: [
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
  ],
});
const report = { requests: [], console: [], pictures: {} };
const context = await browser.newContext({ viewport: { width: job.width ?? 1280, height: 800 } });
const page = await context.newPage();
context.on("request", (request) => report.requests.push(request.url()));
page.on("console", (message) => report.console.push(`${message.type()}: ${message.text()}`));
page.on("pageerror", (error) => report.console.push(`error: ${error.message}`));
await page.addInitScript(() => {
  document.addEventListener("classified", ({ detail }) => (window.scores = [...detail.scores]));
});

/** Waits until the page says something that a pattern fits; returns all that it says. */
async function said(pattern) {
  const fits = (text) => new RegExp(text).test(document.getElementById("status").textContent);
  await page.waitForFunction(fits, pattern, { timeout: 60000 });
  return page.textContent("#status");
}

async function shown() {
  return page.$$eval("#answers li", (items) =>
    items.map((item) => ({
      name: item.querySelector("span:not(.bar)").textContent,
      score: Number(item.querySelector("data").value),
      text: item.querySelector("data").textContent,
      bar: item.querySelector(".bar").style.width,
      present: item.classList.contains("present"),
    })),
  );
}

await page.goto(job.url);
if (job.logs) {
  await page.waitForFunction((count) => window.logged?.length >= count, job.logs, { timeout: 60000 });
  report.logged = await page.evaluate(() => window.logged);
} else {
  report.begin = await said("^(?!Loading|This page runs)");
  report.about = await page.textContent("#about");
}
for (const picture of job.pictures ?? []) {
  await page.evaluate(() => (window.scores = null));
  await page.setInputFiles("#file", picture);
  const name = path.basename(picture);
  report.pictures[name] = {
    status: await said(`^${name.replaceAll(".", "\\.")}`),
    scores: await page.evaluate(() => window.scores),
    shown: (await page.isVisible("#answers")) ? await shown() : [],
  };
}
if (job.keyboard) {
  const focused = () => page.evaluate(() => document.activeElement.id);
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("Tab");
  const chooser = page.waitForEvent("filechooser");
  report.keyboard = [await focused()];
  await page.keyboard.press("Enter");
  await (await chooser).setFiles(job.pictures[0]);
  report.keyboard.push(await said(`^${path.basename(job.pictures[0])}`));
  await page.keyboard.press("Tab");
  report.keyboard.push(await focused());
  await page.keyboard.press("Enter");
  report.keyboard.push(await said("camera runs"));
  await page.waitForSelector("#video", { state: "visible" });
  await page.keyboard.press("Enter");
  report.keyboard.push(await said("camera is off"));
}
report.wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
if (job.screenshot) await page.screenshot({ path: job.screenshot, fullPage: true });
await browser.close();
console.log(JSON.stringify(report));
