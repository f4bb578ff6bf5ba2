// Opens the operator's page in a browser, and says what it shows: one JSON object on
// standard output. What is wanted comes as lines of JSON on standard input, and each
// is answered with a line. It judges nothing.

import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.env.FUSEBOX_TEST_ENV, "clients", "package.json"));
const { chromium } = require("playwright-core");

const [url, scheme = "light", width = "1280", height = "900"] = process.argv.slice(2);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});
const context = await browser.newContext({
  viewport: { width: Number(width), height: Number(height) },
  colorScheme: scheme,
  reducedMotion: "reduce",
});
const page = await context.newPage();
page.setDefaultTimeout(60_000);
const problems = [];
page.on("console", (message) => {
  if (["error", "warning"].includes(message.type())) problems.push(`${message.type()}: ${message.text()}`);
});
page.on("pageerror", (error) => problems.push(String(error)));
const foreign = [];
page.on("request", (request) => {
  if (new URL(request.url()).origin !== new URL(url).origin) foreign.push(request.url());
});

const does = {
  /** Opens an address of the host. */
  open: ({ path }) => page.goto(new URL(path, url).href).then(() => null),
  fill: ({ at, value }) => page.locator(at).fill(value).then(() => null),
  click: ({ at }) => page.locator(at).click().then(() => null),
  press: ({ key }) => page.keyboard.press(key).then(() => null),
  /** The text of the first that is there and seen. */
  text: ({ at }) => page.locator(at).first().innerText(),
  count: ({ at }) => page.locator(at).count(),
  /** Waits until one is seen. */
  seen: ({ at }) => page.locator(at).first().waitFor({ state: "visible" }).then(() => null),
  gone: ({ at }) => page.locator(at).first().waitFor({ state: "hidden" }).then(() => null),
  /**
   * Waits until one is seen, and says when that was in milliseconds since 1970: by
   * the page itself, which notices it with the change.
   */
  when: ({ at }) => page.evaluate((at) => new Promise((resolve) => {
    const look = () => {
      if (!document.querySelector(at)) return false;
      resolve(Date.now());
      return true;
    };
    if (look()) return;
    const watch = new MutationObserver(() => { if (look()) watch.disconnect(); });
    watch.observe(document.body, { subtree: true, childList: true, attributes: true });
  }), at),
  /** What a script in the page gives. */
  run: ({ script }) => page.evaluate(script),
  resize: ({ width, height }) => page.setViewportSize({ width, height }).then(() => null),
  picture: ({ path, full }) => page.screenshot({ path, fullPage: full ?? true }).then(() => null),
  cookies: () => context.cookies(),
  problems: () => ({ problems, foreign }),
  forget: () => { problems.length = 0; return null; },
};

console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  try {
    const told = await does[asked.do](asked);
    console.log(JSON.stringify({ told: told ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}
await browser.close();
