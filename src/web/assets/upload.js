// Files of the deposit form with a script: chosen or dropped, folders too, several at once, each by the tus 1.0
// protocol (tus.min.js, tus-js-client): what the gateway has acknowledged is kept, whatever happens to the line, this
// page or the gateway. Nothing is kept in the browser: what is unfinished is listed by the gateway, and a file that is
// chosen again goes on where it was.

const form = document.getElementById("draft");
const words = form.dataset;
// The buttons named "action" hide the property of that name.
const draftPath = form.getAttribute("action");
const input = document.getElementById("files");
const folder = document.getElementById("folder");
const drop = document.getElementById("drop");
const list = document.getElementById("uploads");
const sealedList = document.getElementById("sealed-files");
const unfinishedArea = document.getElementById("unfinished");
const unfinishedList = document.getElementById("unfinished-files");
const status = document.getElementById("upload-status");

/** Files of a dropped folder beyond this are left; the gateway has a limit of its own. */
const DROPPED_FILES_MAX = 1000;
/** Files on their way at once. */
const AT_ONCE = 3;
/** The smallest and the largest piece of a file in one request, in bytes. */
const PIECE_MIN = 1024 * 1024;
const PIECE_MAX = 64 * 1024 * 1024;
/** How long a piece should take, in milliseconds: progress is what was acknowledged, so pieces must not be long. */
const PIECE_MS = 4000;
/** When a lost line is tried again, in milliseconds; afterwards every REST_MS. */
const RETRY_DELAYS = [0, 1000, 2000, 4000, 8000, 15000];
const REST_MS = 20000;
/** The least time between two sentences that are read aloud unasked, in milliseconds. */
const QUIET_MS = 10000;

export function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export function say(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

function sizeInWords(bytes) {
  const units = words.unit.split(",");
  let scaled = bytes;
  let unit = 0;
  while (scaled >= 1000 && unit + 1 < units.length) {
    scaled /= 1000;
    unit += 1;
  }
  const digits = unit === 0 ? 0 : 1;
  return `${scaled.toLocaleString(words.language, { maximumFractionDigits: digits })}\u00a0${units[unit]}`;
}

function timeInWords(seconds) {
  if (seconds < 90) return `${seconds}\u00a0${words.seconds}`;
  if (seconds < 5400) return `${Math.ceil(seconds / 60)}\u00a0${words.minutes}`;
  return `${Math.ceil(seconds / 3600)}\u00a0${words.hours}`;
}

// ---- What is read aloud: what needs a person at once, the rest now and then ----

let saidAt = 0;

function announce(text, atOnce) {
  const now = performance.now();
  if (!atOnce && now - saidAt < QUIET_MS) return;
  saidAt = now;
  say(status, text);
}

// ---- The files on their way ----

const uploads = [];
let afterwards = null;

const isUnderWay = (upload) => ["waiting", "sending", "lost", "paced"].includes(upload.state);

/** Whether files are on their way and will arrive without anybody doing anything. */
export const isBusy = () => uploads.some(isUnderWay);

/** The first thing that keeps the deposit from being sent until a person decides: an element to go to, and a sentence. */
export function obstacle() {
  const paused = uploads.find((upload) => upload.state === "paused");
  if (paused) return { at: paused.row.querySelector("button"), text: words.pausedLeft };
  const failed = uploads.find((upload) => upload.state === "failed");
  if (failed) return { at: failed.row.querySelector("button"), text: words.leave };
  const unfinished = unfinishedList.querySelector("button");
  return unfinished ? { at: unfinished, text: words.unfinishedLeft } : null;
}

/** Does something once nothing is on its way any more. */
export function whenDone(act) {
  afterwards = act;
}

class FileUpload {
  constructor({ file, path }) {
    this.file = file;
    this.path = path;
    this.name = path || file.name;
    this.fingerprint = `${this.name}|${file.size}|${file.lastModified}`;
    this.state = "waiting";
    this.acknowledged = 0;
    this.timer = 0;
    this.build();
  }

  build() {
    this.row = element("li", "upload");
    this.label = element("span", "upload-state", words.waiting);
    this.bar = element("progress");
    this.bar.max = 100;
    this.bar.value = 0;
    this.bar.setAttribute("aria-label", `${words.progress} ${this.name}`);
    this.actions = element("span", "upload-actions");
    this.row.append(element("span", "file-name", this.name), element("span", "file-size", sizeInWords(this.file.size)));
    this.row.append(this.label, this.actions, this.bar);
    list.append(this.row);
    list.hidden = false;
    this.pauseButton = this.offer(words.pause, () => (this.state === "paused" ? this.resume() : this.pause()));
    this.offer(words.cancel, () => this.cancel());
  }

  offer(text, act) {
    const button = element("button", "quiet", text);
    button.type = "button";
    button.setAttribute("aria-label", `${text} ${this.name}`);
    button.addEventListener("click", act);
    this.actions.append(button);
    return button;
  }

  become(state, text) {
    this.state = state;
    this.row.classList.toggle("failed", state === "failed");
    this.row.classList.toggle("paused", ["paused", "lost", "paced"].includes(state));
    const pauses = state === "paused" ? words.resume : words.pause;
    say(this.pauseButton, pauses);
    this.pauseButton.setAttribute("aria-label", `${pauses} ${this.name}`);
    say(this.label, text);
  }

  start() {
    clearTimeout(this.timer);
    this.timer = 0;
    if (!["waiting", "lost", "paced"].includes(this.state)) return undefined;
    if (this.file.size === 0) return this.fail(words.empty);
    const limit = Number(words.fileLimit);
    if (this.file.size > limit) {
      return this.fail(`${words.tooLarge} ${sizeInWords(this.file.size)}, ${words.limit} ${sizeInWords(limit)}.`);
    }
    this.become("sending", `${words.sending}…`);
    this.pieceBegan = performance.now();
    this.rate = null;
    this.client ??= this.newClient();
    return this.client.start();
  }

  newClient() {
    const earlier = takeUnfinished(this.fingerprint, this.name, this.file.size);
    return new window.tus.Upload(this.file, {
      endpoint: `${draftPath}/fichiers/tus`,
      uploadUrl: earlier ? `${draftPath}/fichiers/tus/${earlier}` : null,
      uploadDataDuringCreation: true,
      storeFingerprintForResuming: false,
      chunkSize: PIECE_MIN,
      retryDelays: RETRY_DELAYS,
      headers: { Accept: "application/json" },
      metadata: {
        filename: this.file.name,
        relativePath: this.path,
        filetype: this.file.type,
        fingerprint: this.fingerprint,
      },
      onUploadUrlAvailable: () => this.reach(this.client?._offset ?? 0),
      onChunkComplete: (size, acknowledged) => this.pieceArrived(size, acknowledged),
      onShouldRetry: (error) => this.isTransient(error),
      onSuccess: () => this.finish(),
      onError: (error) => this.broke(error),
    });
  }

  // A piece is durable: the bar moves, and the next piece is cut so that it takes a few seconds.
  pieceArrived(size, acknowledged) {
    const took = Math.max(performance.now() - this.pieceBegan, 1);
    this.pieceBegan = performance.now();
    const rate = size / took;
    this.rate = this.rate === null ? rate : this.rate * 0.7 + rate * 0.3;
    const aim = Math.min(rate * PIECE_MS, this.client.options.chunkSize * 2);
    this.client.options.chunkSize = Math.round(Math.min(Math.max(aim, PIECE_MIN), PIECE_MAX));
    this.reach(acknowledged);
  }

  reach(acknowledged) {
    this.acknowledged = acknowledged;
    const share = acknowledged / this.file.size;
    this.bar.value = share * 100;
    if (this.state !== "sending") return;
    const left = this.rate ? Math.ceil((this.file.size - acknowledged) / this.rate / 1000) : null;
    const remaining = left === null || left === 0 ? "" : `, ${words.remaining} ${timeInWords(left)}`;
    say(this.label, `${Math.floor(share * 100)}\u00a0% ${words.received}${remaining}`);
    announce(`${overall()}\u00a0% ${words.received}`, false);
  }

  // What passes by itself is tried again: a lost line, a fault of the gateway, bytes that still arrive from before.
  isTransient(error) {
    const code = error.originalResponse?.getStatus() ?? 0;
    const passes = code === 0 || code >= 500 || [409, 423, 460].includes(code);
    if (passes && this.state === "sending") this.becomeLost();
    if (passes) this.pieceBegan = performance.now();
    return passes && navigator.onLine;
  }

  becomeLost() {
    this.become("lost", words.lost);
    announce(words.lost, true);
    // The client tries again by itself; it says nothing when the line is back.
    this.client.options.onProgress = () => {
      this.client.options.onProgress = null;
      if (this.state === "lost") this.become("sending", `${words.sending}…`);
    };
  }

  broke(error) {
    const code = error.originalResponse?.getStatus() ?? 0;
    if (code === 429) return this.waitFor(Number(error.originalResponse.getHeader("Retry-After")) || 60);
    if (code === 0 || code >= 500 || [409, 423, 460].includes(code)) {
      this.become("lost", words.lost);
      this.timer = setTimeout(() => this.start(), REST_MS);
      return undefined;
    }
    return this.fail(reasonOf(error) ?? words.failed);
  }

  waitFor(seconds) {
    const at = new Date(Date.now() + seconds * 1000).toLocaleTimeString(words.language, { hour: "2-digit", minute: "2-digit" });
    this.become("paced", `${words.paced} ${at}.`);
    announce(`${this.name}. ${words.paced} ${at}.`, true);
    this.timer = setTimeout(() => this.start(), seconds * 1000);
  }

  pause() {
    clearTimeout(this.timer);
    const wasWaiting = this.state === "waiting";
    this.become("paused", words.paused);
    if (!wasWaiting) this.client?.abort();
    next();
  }

  resume() {
    this.become("waiting", words.waiting);
    next();
  }

  fail(reason) {
    this.become("failed", `${words.refused}. ${reason}`);
    announce(`${this.name}. ${reason}`, true);
    this.bar.remove();
    this.actions.replaceChildren();
    this.offer(words.remove, () => {
      this.leave();
      input.focus();
    });
    next();
  }

  async finish() {
    this.state = "done";
    this.row.remove();
    await refresh();
    this.leave();
  }

  cancel() {
    clearTimeout(this.timer);
    this.state = "cancelled";
    const url = this.client?.url;
    this.client?.abort();
    if (url) giveUp(url).then(refresh);
    this.leave();
  }

  leave() {
    this.row.remove();
    uploads.splice(uploads.indexOf(this), 1);
    list.hidden = list.children.length === 0;
    next();
  }
}

function reasonOf(error) {
  try {
    return JSON.parse(error.originalResponse.getBody()).error;
  } catch {
    return null;
  }
}

function overall() {
  const total = uploads.reduce((sum, upload) => sum + upload.file.size, 0);
  const done = uploads.reduce((sum, upload) => sum + upload.acknowledged, 0);
  return total === 0 ? 100 : Math.floor((done / total) * 100);
}

export function add(files) {
  for (const file of files) uploads.push(new FileUpload(file));
  next();
}

function next() {
  const sending = uploads.filter((upload) => ["sending", "lost"].includes(upload.state)).length;
  const waiting = uploads.filter((upload) => upload.state === "waiting");
  for (const upload of waiting.slice(0, Math.max(AT_ONCE - sending, 0))) upload.start();
  if (isBusy()) return;
  if (uploads.length === 0 && sealedList.children.length > 0) announce(words.allDone, true);
  const act = afterwards;
  afterwards = null;
  act?.();
}

// Gives an upload up (tus, "Termination").
async function giveUp(url) {
  try {
    await fetch(url, { method: "DELETE", headers: { "Tus-Resumable": "1.0.0", Accept: "application/json" } });
  } catch {
    // It stays listed as unfinished, and can be given up there.
  }
}

// ---- What the gateway has ----

// The upload of an earlier visit that this file goes on with, taken off the list.
function takeUnfinished(fingerprint, name, size) {
  const rows = [...unfinishedList.children];
  const known = rows.find((row) =>
    row.dataset.fingerprint ? row.dataset.fingerprint === fingerprint : row.dataset.name === name && row.dataset.size === String(size),
  );
  known?.remove();
  unfinishedArea.hidden = unfinishedList.children.length === 0;
  return known?.dataset.upload;
}

async function refresh() {
  try {
    const response = await fetch(draftPath, { headers: { Accept: "application/json" } });
    if (response.ok) show(await response.json());
  } catch {
    // The list is put right with the next file, or when the page is loaded anew.
  }
}

function show({ files, uploads: unfinished }) {
  sealedList.replaceChildren(...files.map(sealedRow));
  document.getElementById("no-files").hidden = files.length > 0;
  const mine = new Set(uploads.map((upload) => upload.client?.url?.split("/").pop()).filter(Boolean));
  for (const row of [...unfinishedList.children]) {
    if (mine.has(row.dataset.upload) || !unfinished.some(({ id }) => id === row.dataset.upload)) row.remove();
  }
  unfinishedArea.hidden = unfinishedList.children.length === 0;
}

function sealedRow({ n, name, size, digest, state, reason }) {
  const row = element("li", "file");
  const tag = { sealed: ["good", words.sealed], held: ["wait", words.held] }[state] ?? ["bad", words.refused];
  const button = element("button", "quiet", words.remove);
  button.type = "submit";
  button.name = "remove";
  button.value = String(n);
  button.setAttribute("aria-label", `${words.remove} ${name}`);
  row.append(element("span", "file-name", name), element("span", "file-size", sizeInWords(size)));
  row.append(element("span", `tag ${tag[0]}`, tag[1]), button);
  if (reason) row.append(element("span", "file-reason", reason));
  const printed = element("span", "file-digest", `${words.digest} `);
  printed.append(element("code", "", digest));
  row.append(printed);
  return row;
}

// ---- Choosing and dropping ----

// A folder is walked; each file keeps its path within what was dropped.
async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files].map((file) => ({ file, path: "" }));
  const found = [];
  while (entries.length > 0 && found.length < DROPPED_FILES_MAX) {
    const entry = entries.shift();
    if (entry.isFile) found.push({ file: await new Promise((give, refuse) => entry.file(give, refuse)), path: pathOf(entry) });
    else entries.push(...(await childrenOf(entry)));
  }
  return found;
}

// A file that lies in no folder has no path.
function pathOf(entry) {
  const path = entry.fullPath.replace(/^\//, "");
  return path.includes("/") ? path : "";
}

async function childrenOf(directory) {
  const reader = directory.createReader();
  const all = [];
  for (;;) {
    const some = await new Promise((give, refuse) => reader.readEntries(give, refuse));
    if (some.length === 0 || all.length >= DROPPED_FILES_MAX) return all;
    all.push(...some);
  }
}

function takeChosen(field) {
  add([...field.files].slice(0, DROPPED_FILES_MAX).map((file) => ({ file, path: file.webkitRelativePath ?? "" })));
  field.value = "";
}

export function preparePicking(isLeaving) {
  for (const part of form.querySelectorAll(".without-script")) part.hidden = true;
  for (const part of form.querySelectorAll(".with-script")) part.hidden = false;
  input.addEventListener("change", () => takeChosen(input));
  folder.addEventListener("change", () => takeChosen(folder));
  document.getElementById("choose-folder").addEventListener("click", () => folder.click());
  // A file dropped beside the field must not replace the page.
  for (const name of ["dragover", "drop"]) document.addEventListener(name, (event) => event.preventDefault());
  form.addEventListener("dragover", () => drop.classList.add("over"));
  form.addEventListener("dragleave", (event) => {
    if (!form.contains(event.relatedTarget)) drop.classList.remove("over");
  });
  form.addEventListener("drop", async (event) => {
    drop.classList.remove("over");
    add(await droppedFiles(event.dataTransfer));
  });
  window.addEventListener("online", () => {
    for (const upload of uploads) if (upload.state === "lost" && upload.timer) upload.start();
  });
  window.addEventListener("beforeunload", (event) => {
    if (isBusy() && !isLeaving()) event.preventDefault();
  });
}
