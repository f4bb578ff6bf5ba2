// The operator's page: what the host tells over its stream of events, drawn.
//
// It owns nothing but this page. All that comes from plugins is put in as text.

const API = "/admin/v1/";
const SAMPLES = 600;
const ENTRIES = 100;
const FUSES_SHOWN = matchMedia("(max-width: 40rem)").matches ? 6 : 24;
const SVG = "http://www.w3.org/2000/svg";

const $ = (id) => document.getElementById(id);
const copy = (id) => $(id).content.firstElementChild.cloneNode(true);

/** What is known of the host. */
const host = { figures: null, plugins: new Map(), samples: [], faults: [], changes: [], history: [], version: "" };
let stream = null;
let lostSince = null;

// --- words and figures ------------------------------------------------------

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

function figure(value) {
  if (value === null || value === undefined) return "–";
  if (value !== 0 && Math.abs(value) < 10 && !Number.isInteger(value)) return value.toFixed(value < 1 ? 2 : 1);
  return Math.abs(value) < 100000 ? whole.format(value) : compact.format(value);
}

function lasted(seconds) {
  const units = [["d", 86400], ["h", 3600], ["min", 60]];
  for (const [index, [unit, length]] of units.entries()) {
    if (seconds < length) continue;
    const rest = Math.floor((seconds % length) / (units[index + 1]?.[1] ?? 1));
    return `${Math.floor(seconds / length)} ${unit} ${rest} ${units[index + 1]?.[0] ?? "s"}`;
  }
  return `${Math.floor(seconds)} s`;
}

/** Sets a text only if it is another: what is selected or read aloud stays. */
function text(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

function element(name, kind, value) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  if (value !== undefined) made.textContent = value;
  return made;
}

function say(what) {
  $("said").textContent = what;
}

// --- asking the host --------------------------------------------------------

async function ask(method, path, body) {
  const options = { method, credentials: "same-origin", cache: "no-store" };
  if (body !== undefined) {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  const response = await fetch(API + path, options);
  const kind = response.headers.get("content-type") ?? "";
  const told = kind.startsWith("application/json") && method !== "HEAD" ? await response.json() : null;
  if (response.status === 401) {
    showLogin("");
  }
  if (!response.ok) {
    throw new Error(told?.error?.message ?? `the host answered with ${response.status}`);
  }
  return told;
}

/** Orders something, and says what became of it. */
async function order(button, path, done, body) {
  button.disabled = true;
  try {
    await ask("POST", path, body);
    say(done);
  } catch (problem) {
    say(`It failed: ${problem.message}`);
    await confirmed("It was not done", problem.message, null);
  } finally {
    button.disabled = false;
  }
}

function confirmed(title, words, yes) {
  const dialog = $("ask");
  $("ask-title").textContent = title;
  $("ask-text").textContent = words;
  $("ask-yes").textContent = yes ?? "";
  $("ask-yes").hidden = yes === null;
  dialog.querySelector("[value=no]").textContent = yes === null ? "Close" : "Leave it";
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

// --- coming in --------------------------------------------------------------

function showLogin(problem) {
  stream?.close();
  stream = null;
  document.body.dataset.state = "login";
  text($("live"), "not logged in");
  $("lost").hidden = true;
  $("board").hidden = true;
  $("tools").hidden = true;
  $("login").hidden = false;
  $("login-problem").textContent = problem;
  $("token").focus();
}

async function login(token) {
  try {
    await ask("POST", "login", { token });
  } catch (problem) {
    showLogin(problem.message);
    return;
  }
  $("token").value = "";
  watch();
}

/** A link of `fusebox dashboard` has the token behind its #, which is sent nowhere. */
async function begin() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given !== null) {
    history.replaceState(null, "", location.pathname);
    await login(given);
    return;
  }
  await retry();
}

async function retry() {
  try {
    await ask("HEAD", "status");
    watch();
  } catch (problem) {
    if (document.body.dataset.state !== "login") {
      lost();
      setTimeout(retry, 2000);
    }
  }
}

function watch() {
  $("login").hidden = true;
  stream?.close();
  stream = new EventSource(`${API}events`);
  stream.addEventListener("whole", (event) => take(JSON.parse(event.data), true));
  stream.addEventListener("part", (event) => take(JSON.parse(event.data), false));
  stream.addEventListener("error", () => {
    lost();
    // Refused, for instance by a host that was started anew: the browser gives up.
    if (stream?.readyState === EventSource.CLOSED) setTimeout(retry, 2000);
  });
}

function lost() {
  lostSince ??= new Date();
  document.body.dataset.state = "lost";
  text($("live"), "disconnected");
  $("lost").hidden = false;
  text($("lost"), `Disconnected since ${clock.format(lostSince)}. What is below is as old as that. Trying again…`);
}

function found() {
  lostSince = null;
  document.body.dataset.state = "live";
  text($("live"), "live");
  $("lost").hidden = true;
  $("board").hidden = false;
  $("tools").hidden = false;
}

// --- taking in what is told -------------------------------------------------

function take(told, isWhole) {
  if (isWhole) {
    host.version = told.version;
    host.samples = told.samples;
    host.plugins = new Map();
    host.faults = [];
    host.changes = [];
    host.history = [];
  }
  if (told.sample) {
    host.samples.push(told.sample);
    host.samples.splice(0, host.samples.length - SAMPLES);
  }
  if (told.figures) host.figures = told.figures;
  for (const [name, plugin] of Object.entries(told.plugins ?? {})) host.plugins.set(name, plugin);
  for (const name of told.gone ?? []) host.plugins.delete(name);
  if (told.history) {
    host.history = told.history.map((one) => ({ ...one, kind: "plugin", at_ms: one.at_unix_ms, change: one.event }));
  }
  for (const entry of told.entries ?? []) {
    const kept = entry.kind === "fault" ? host.faults : host.changes;
    kept.unshift(entry);
    kept.splice(ENTRIES);
    if (!isWhole && entry.kind === "breaker") say(words(entry));
  }
  found();
  draw(isWhole || Boolean(told.history) || (told.entries ?? []).length > 0);
}

function draw(hasEntries) {
  drawBar();
  drawPlots();
  drawPlugins();
  if (hasEntries) {
    drawEntries("faults", "no-faults", host.faults, faultEntry);
    const changes = [...host.changes, ...host.history].sort((one, other) => other.at_ms - one.at_ms);
    drawEntries("changes", "no-changes", changes.slice(0, ENTRIES), changeEntry);
  }
}

// --- the bar ----------------------------------------------------------------

const LEVELS = ["error", "warn", "info", "debug", "trace"];

function drawBar() {
  const now = host.figures;
  text($("status"), now.status);
  $("status").dataset.status = now.status;
  document.title = now.status === "healthy" ? "Fusebox" : `${now.status} – Fusebox`;
  text($("facts"), `${host.version} · up ${lasted(now.uptime_s)} · ${figure(now.requests_total)} requests · ${figure(now.sessions)} sessions`);
  text($("drain"), now.draining ? "Resume" : "Drain");
  const level = $("log-level");
  level.parentElement.hidden = now.log_level === null;
  if (now.log_level !== null && document.activeElement !== level) {
    const all = LEVELS.includes(now.log_level) ? LEVELS : [now.log_level, ...LEVELS];
    if (level.options.length !== all.length || level.options[0].value !== all[0]) {
      level.replaceChildren(...all.map((one) => new Option(one, one)));
    }
    level.value = now.log_level;
  }
  $("causes").hidden = now.causes.length === 0;
  const list = $("causes").querySelector("ul");
  const shown = [...list.children].map((one) => one.textContent);
  if (shown.join("\n") !== now.causes.join("\n")) {
    list.replaceChildren(...now.causes.map((cause) => element("li", "", cause)));
  }
}

$("drain").addEventListener("click", async (event) => {
  const draining = host.figures.draining;
  const sure = draining || await confirmed(
    "Take nobody new?",
    "New connections and sessions are refused and /ready says 503, until you resume. What runs goes on.",
    "Drain",
  );
  if (sure) await order(event.target, draining ? "resume" : "drain", draining ? "The host takes everybody again." : "The host takes nobody new.");
});

$("log-level").addEventListener("change", (event) =>
  order(event.target, "log-level", `The log says ${event.target.value}.`, { level: event.target.value }));

$("logout").addEventListener("click", async () => {
  await ask("POST", "logout").catch(() => null);
  showLogin("");
});

$("login-form").addEventListener("submit", (event) => {
  event.preventDefault();
  login($("token").value);
});

// --- plots ------------------------------------------------------------------

const PLOTS = [
  { name: "Requests", unit: "a second", series: [["requests", "requests"], ["errors", "errors", "bad"]] },
  { name: "Latency", unit: "ms at 99 %", last: 2, series: [["p50_ms", "50 %"], ["p95_ms", "95 %"], ["p99_ms", "99 %"]] },
  { name: "Calls", unit: "in flight", series: [["in_flight", "in flight"], ["queue", "waiting", "warn"]] },
  { name: "Connections", unit: "open", series: [["connections", "open"]] },
  { name: "Memory", unit: "MiB", series: [["memory_mb", "of this process"]] },
  { name: "Processors", unit: "%", least: 100, series: [["cpu_percent", "of the machine"]] },
];

function makePlot(plot) {
  const made = copy("plot");
  made.querySelector(".name").textContent = plot.name;
  const canvas = made.querySelector("svg");
  plot.paths = plot.series.map(([, , kind], index) => {
    const area = document.createElementNS(SVG, "path");
    area.setAttribute("class", `area s${index}`);
    const line = document.createElementNS(SVG, "path");
    line.setAttribute("class", `s${index} ${kind ?? ""}`);
    canvas.append(...(index === 0 ? [area, line] : [line]));
    return { area, line };
  });
  plot.cursor = document.createElementNS(SVG, "line");
  plot.cursor.setAttribute("visibility", "hidden");
  canvas.append(plot.cursor);
  plot.legend = plot.series.map(([, name, kind], index) => {
    const label = element("span");
    const mark = element("i", `s${index} ${kind ?? ""}`);
    const value = element("b");
    label.append(mark, `${name} `, value);
    made.querySelector(".legend").append(label);
    return value;
  });
  made.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    plot.at = Math.round(((event.clientX - box.left) / box.width) * (SAMPLES - 1));
    drawPlot(plot);
  });
  made.addEventListener("pointerleave", () => {
    plot.at = null;
    drawPlot(plot);
  });
  plot.made = made;
  $("plots").append(made);
}

function drawPlot(plot) {
  const samples = host.samples;
  const has = samples.some((sample) => plot.series.some(([key]) => typeof sample[key] === "number"));
  plot.made.hidden = !has;
  if (!has) return;
  const shown = plot.series.map(([key]) => samples.map((sample) => sample[key] ?? null));
  const top = Math.max(plot.least ?? 1, ...shown.flat().map((value) => value ?? 0));
  const before = SAMPLES - samples.length;
  const x = (index) => ((before + index) / (SAMPLES - 1)) * 600;
  const y = (value) => 98 - (value / top) * 82;
  for (const [index, values] of shown.entries()) {
    let path = "";
    let first = null;
    let last = null;
    for (const [at, value] of values.entries()) {
      if (value === null) { last = null; continue; }
      path += `${last === null ? "M" : "L"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
      first ??= x(at);
      last = x(at);
    }
    plot.paths[index].line.setAttribute("d", path);
    if (index === 0 && last !== null) {
      plot.paths[0].area.setAttribute("d", `${path}L${last.toFixed(1)} 100L${first.toFixed(1)} 100Z`.replace(/(?<!^)M/g, "L"));
    }
  }
  const at = plot.at === null || plot.at === undefined ? samples.length - 1 : Math.min(Math.max(plot.at - before, 0), samples.length - 1);
  const isNow = at === samples.length - 1;
  plot.cursor.setAttribute("visibility", isNow ? "hidden" : "visible");
  for (const [end, value] of [["x1", x(at)], ["x2", x(at)], ["y1", 0], ["y2", 100]]) plot.cursor.setAttribute(end, value);
  const main = shown[plot.last ?? 0][at];
  const value = plot.made.querySelector(".value");
  value.replaceChildren(figure(main), element("small", "", isNow ? plot.unit : `${plot.unit}, ${clock.format(samples[at].at_ms)}`));
  text(plot.made.querySelector(".top"), figure(top));
  plot.made.querySelector("svg").setAttribute("aria-label", `${plot.name}: ${figure(main)} ${plot.unit}; the highest of the last ten minutes is ${figure(top)}`);
  plot.made.querySelector(".legend").hidden = plot.series.length < 2;
  for (const [index, label] of plot.legend.entries()) text(label, figure(shown[index][at]));
}

function drawPlots() {
  for (const plot of PLOTS) drawPlot(plot);
}

// --- plugins ----------------------------------------------------------------

const STATES = { closed: "closed", open: "open", half_open: "half-open, probing" };
const made = new Map();

const ORDERS = {
  reload: { name: "Reload", done: "is loaded again" },
  disable: { name: "Disable", done: "is switched off", grave: "Nothing of it will be served until it is enabled again. Calls that run finish." },
  enable: { name: "Enable", done: "is served again" },
  rollback: { name: "Roll back", done: "is rolled back", grave: "The last good version before this one takes its place, and this one is not taken again." },
  pin: { name: "Pin", done: "stays at its version" },
  unpin: { name: "Unpin", done: "follows its file again" },
  promote: { name: "Promote canary", done: "has its canary serve all calls", grave: "The new version gets all calls now." },
  abort: { name: "Take canary back", done: "has no canary any more" },
};

function ordersFor(plugin) {
  if (plugin.state === "disabled") return ["enable"];
  const canary = plugin.canary ? ["promote", "abort"] : [];
  return [...canary, "reload", plugin.pinned ? "unpin" : "pin", "rollback", "disable"];
}

function isTroubled(plugin) {
  return plugin.state === "failed" || Boolean(plugin.failed_update)
    || Object.values(plugin.handlers).some((one) => one.state !== "closed");
}

function drawPlugins() {
  const names = [...host.plugins.keys()].sort((one, other) => one.localeCompare(other));
  $("no-plugins").hidden = names.length > 0;
  text($("plugins-count"), names.length ? `(${names.length})` : "");
  for (const [name, card] of made) {
    if (!host.plugins.has(name)) {
      card.root.remove();
      made.delete(name);
    }
  }
  let before = null;
  for (const name of names) {
    let card = made.get(name);
    if (!card) {
      card = makePlugin(name);
      made.set(name, card);
    }
    const next = before ? before.nextElementSibling : $("plugins").firstElementChild;
    if (next !== card.root) $("plugins").insertBefore(card.root, next);
    before = card.root;
    const plugin = host.plugins.get(name);
    if (card.drawn !== plugin) {
      drawPlugin(name, plugin, card);
      card.drawn = plugin;
    }
  }
}

function makePlugin(name) {
  const root = copy("plugin");
  root.querySelector("h3").textContent = name;
  root.setAttribute("aria-label", `plugin ${name}`);
  root.dataset.plugin = name;
  return { root, fuses: new Map(), orders: "" };
}

function drawPlugin(name, plugin, card) {
  const { root } = card;
  root.dataset.trouble = isTroubled(plugin);
  root.dataset.state = plugin.state;
  text(root.querySelector(".sha"), plugin.sha256 ? plugin.sha256.slice(0, 12) : "");
  const state = root.querySelector("header .state");
  text(state, plugin.pinned ? `${plugin.state}, pinned` : plugin.state);
  state.dataset.state = plugin.state;
  const failed = plugin.failed_update && `The new file can't be used, and the version before it serves on: ${plugin.failed_update}`;
  text(root.querySelector(".problem"), plugin.reason ?? failed ?? "");
  drawFigures(root.querySelector(".figures"), plugin);
  drawOrders(name, plugin, card);
  drawFuses(name, plugin, card);
}

function drawFigures(list, plugin) {
  const figures = [
    ["calls", plugin.calls], ["faults", plugin.faults, plugin.faults > 0], ["refused", plugin.refused],
    ["in flight", plugin.in_flight], ["waiting", plugin.waiting], ["fuel", plugin.fuel],
  ].filter(([, value]) => value !== undefined && value !== null);
  if (plugin.state !== "serving") figures.length = 0;
  if (plugin.canary) figures.push(["canary", `${plugin.canary.share} % of calls to ${plugin.canary.sha256.slice(0, 12)}, ${figure(plugin.canary.faults)} faults of ${figure(plugin.canary.calls)}`]);
  if (plugin.source) figures.push(["from", plugin.source]);
  while (list.children.length > figures.length) list.lastElementChild.remove();
  for (const [index, [name, value, isBad]] of figures.entries()) {
    let pair = list.children[index];
    if (!pair) {
      pair = element("div");
      pair.append(element("dt"), element("dd"));
      list.append(pair);
    }
    text(pair.firstElementChild, name);
    text(pair.lastElementChild, typeof value === "number" ? figure(value) : value);
    pair.classList.toggle("bad", Boolean(isBad));
  }
}

function drawOrders(name, plugin, card) {
  const orders = ordersFor(plugin);
  if (card.orders === orders.join()) return;
  card.orders = orders.join();
  card.root.querySelector(".orders").replaceChildren(...orders.map((one) => {
    const { name: label, done, grave } = ORDERS[one];
    const button = element("button", "", label);
    button.type = "button";
    button.setAttribute("aria-label", `${label} plugin ${name}`);
    button.addEventListener("click", async () => {
      if (grave && !(await confirmed(`${label} ${name}?`, grave, label))) return;
      await order(button, `plugins/${encodeURIComponent(name)}/${one}`, `Plugin ${name} ${done}.`);
    });
    return button;
  }));
}

function drawFuses(name, plugin, card) {
  const handlers = Object.entries(plugin.handlers);
  // What is not as it should be comes first where not all are shown.
  const crowded = handlers.length > FUSES_SHOWN;
  const isFirst = ([, one], index) => !crowded || one.state !== "closed" || index < FUSES_SHOWN;
  const [list, rest] = [card.root.querySelector(":scope > .fuses"), card.root.querySelector(".more .fuses")];
  const places = [[list, handlers.filter(isFirst)], [rest, handlers.filter((one, index) => !isFirst(one, index))]];
  for (const [key, fuse] of card.fuses) {
    if (!(key in plugin.handlers)) {
      fuse.remove();
      card.fuses.delete(key);
    }
  }
  for (const [place, those] of places) {
    for (const [index, [handler, one]] of those.entries()) {
      let fuse = card.fuses.get(handler);
      if (!fuse) {
        fuse = makeFuse(name, handler);
        card.fuses.set(handler, fuse);
      }
      if (place.children[index] !== fuse) place.insertBefore(fuse, place.children[index] ?? null);
      drawFuse(fuse, one);
    }
  }
  const hidden = places[1][1].length;
  card.root.querySelector(".more").hidden = hidden === 0;
  text(card.root.querySelector(".more summary"), `${hidden} more, all closed`);
}

function makeFuse(plugin, handler) {
  const fuse = copy("fuse");
  fuse.dataset.handler = handler;
  fuse.querySelector(".name").textContent = handler;
  const reset = fuse.querySelector(".reset");
  reset.setAttribute("aria-label", `Reset the breaker of ${handler} of plugin ${plugin}`);
  reset.addEventListener("click", () => {
    const path = `breakers/${encodeURIComponent(plugin)}/${encodeURIComponent(handler)}/reset`;
    order(reset, path, `The breaker of ${handler} is closed.`);
  });
  return fuse;
}

function drawFuse(fuse, one) {
  fuse.dataset.state = one.state;
  let state = STATES[one.state] ?? one.state;
  if (one.state === "open" && one.retry_after_ms !== null) state += `, probes in ${Math.ceil(one.retry_after_ms / 1000)} s`;
  if (one.state === "closed" && one.consecutive_faults > 0) state += `, ${one.consecutive_faults} faults in a row`;
  const faults = one.faults ? `, ${figure(one.faults)} faults` : "";
  const last = one.state !== "closed" && one.last_fault ? `, ${one.last_fault}` : "";
  text(fuse.querySelector(".state"), state);
  text(fuse.querySelector(".counts"), `${figure(one.calls)} calls${faults}${last}`);
  fuse.querySelector(".reset").hidden = one.state === "closed" && one.consecutive_faults === 0;
}

// --- what has happened ------------------------------------------------------

const BREAKERS = { open: "opened", closed: "closed after good probes", reset: "was reset" };

function words(entry) {
  return `The breaker of ${entry.handler} of plugin ${entry.plugin} ${BREAKERS[entry.state] ?? entry.state}.`;
}

function when(entry) {
  const time = element("time", "", clock.format(entry.at_ms));
  time.dateTime = new Date(entry.at_ms).toISOString();
  time.title = new Date(entry.at_ms).toLocaleString();
  return time;
}

function faultEntry(entry) {
  const item = element("li");
  const what = element("span", "what");
  what.append(element("span", "tag", entry.reason), " ", element("b", "", entry.handler), ` of ${entry.plugin}`);
  item.append(when(entry), what, element("span", "told", entry.message));
  return item;
}

function changeEntry(entry) {
  const item = element("li");
  const what = element("span", "what");
  let told = "";
  if (entry.kind === "breaker") {
    what.append(element("span", entry.state === "open" ? "tag" : "tag good", entry.state), ` ${words(entry)}`);
  } else if (entry.kind === "order") {
    what.append(element("span", "tag plain", "order"), " ", element("b", "", entry.order));
    told = `${entry.who}: ${entry.outcome}`;
  } else {
    const isBad = ["failed", "rolled_back", "canary_aborted"].includes(entry.change);
    what.append(element("span", isBad ? "tag" : "tag good", entry.change.replaceAll("_", " ")), " ", element("b", "", entry.plugin));
    if (entry.sha256) what.append(" ", element("code", "", entry.sha256.slice(0, 12)));
    told = entry.reason ?? "";
  }
  item.append(when(entry), what);
  if (told) item.append(element("span", "told", told));
  return item;
}

function drawEntries(list, none, entries, make) {
  $(none).hidden = entries.length > 0;
  $(list).replaceChildren(...entries.map(make));
}

// --- details, which are asked for when they are opened ----------------------

function rows(items, total, make) {
  if (items.length === 0) return [element("p", "empty", "There are none.")];
  const shown = items.map((item) => {
    const row = element("p", "row");
    for (const [name, value] of make(item)) {
      const part = element("span", "", `${name} `);
      part.append(element("b", "", String(value)));
      row.append(part);
    }
    return row;
  });
  return total > items.length ? [element("p", "empty", `${items.length} of ${total}`), ...shown] : shown;
}

const DETAILS = {
  sessions: (told) => rows(told.sessions, told.total, (one) => [
    ["session", one.id], ["version", one.version], ["caller", one.caller || "anybody"],
    ["calls", one.calls], ["quiet for", lasted(one.idle_ms / 1000)],
  ]),
  tasks: (told) => rows(told.tasks, told.total, (one) => [
    ["task", one.id], ["tool", one.tool], ["status", one.status], ["caller", one.caller || "anybody"],
    ["since", clock.format(one.created_ms)],
  ]),
  config: (told) => [element("pre", "", told.toml)],
};

for (const [name, make] of Object.entries(DETAILS)) {
  $(name).addEventListener("toggle", async () => {
    if (!$(name).open) return;
    const body = $(name).querySelector(".body");
    try {
      body.replaceChildren(...make(await ask("GET", name)));
    } catch (problem) {
      body.replaceChildren(element("p", "problem", problem.message));
    }
  });
}

for (const plot of PLOTS) makePlot(plot);
begin();
