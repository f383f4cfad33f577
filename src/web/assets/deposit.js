// The deposit form with a script: files go one by one while the person writes, with a bar that tells the
// truth, and the title is checked while it is typed. Without it the form sends all at once and the server
// says the same. Nothing typed is kept in the browser.

const form = document.getElementById("draft");
const words = form.dataset;
const input = document.getElementById("files");
const drop = document.getElementById("drop");
const uploadList = document.getElementById("uploads");
const sealedList = document.getElementById("sealed-files");
const uploadStatus = document.getElementById("upload-status");
const sendStatus = document.getElementById("send-status");

/** Files of a dropped folder beyond this are left; the server has a limit of its own. */
const DROPPED_FILES_MAX = 1000;
/** Quiet time after typing before the title is checked, in milliseconds. */
const TITLE_PAUSE_MS = 350;

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function say(target, text) {
  target.textContent = text;
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
  const written = scaled.toLocaleString(words.language, { maximumFractionDigits: digits });
  return `${written}\u00a0${units[unit]}`;
}

// ---- Files ----

const queue = [];
let current = null;
let postponed = null;
let submitting = false;

function failures() {
  return [...uploadList.querySelectorAll(".failed")];
}

function isBusy() {
  return current !== null || queue.length > 0;
}

class Upload {
  constructor(file) {
    this.file = file;
    this.row = element("li", "upload");
    this.state = element("span", "upload-state", words.waiting);
    this.bar = element("progress");
    this.bar.max = 100;
    this.bar.value = 0;
    this.bar.setAttribute("aria-label", `${words.progress} ${file.name}`);
    this.actions = element("span", "upload-actions");
    this.row.append(element("span", "file-name", file.name), element("span", "file-size", sizeInWords(file.size)));
    this.row.append(this.state, this.actions, this.bar);
    uploadList.append(this.row);
    uploadList.hidden = false;
    this.offer(words.cancel, () => this.cancel());
  }

  offer(text, act) {
    const button = element("button", "quiet", text);
    button.type = "button";
    button.setAttribute("aria-label", `${text} ${this.file.name}`);
    button.addEventListener("click", act);
    this.actions.append(button);
  }

  start() {
    if (this.file.size === 0) return this.fail(words.empty, false);
    if (this.file.size > Number(words.fileLimit)) return this.fail(words.tooLarge, false);
    const body = new FormData();
    body.append("action", "add");
    body.append("files", this.file, this.file.name);
    const request = new XMLHttpRequest();
    this.request = request;
    this.began = performance.now();
    // The buttons named "action" hide the property of that name.
    request.open("POST", form.getAttribute("action"));
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => this.progress(event));
    request.addEventListener("load", () => this.answered(request));
    request.addEventListener("error", () => this.fail(navigator.onLine ? words.failed : words.offline, true));
    request.addEventListener("abort", () => this.leave());
    request.send(body);
  }

  progress(event) {
    if (!event.lengthComputable) return;
    const share = event.loaded / event.total;
    this.bar.value = share * 100;
    if (share >= 1) return say(this.state, `${words.sealing}…`);
    const elapsed = (performance.now() - this.began) / 1000;
    const left = elapsed > 1 ? Math.ceil((elapsed / share) * (1 - share)) : null;
    say(this.state, `${words.sending} ${Math.floor(share * 100)}\u00a0%${left === null ? "" : this.remaining(left)}`);
  }

  remaining(seconds) {
    const time = seconds < 90 ? `${seconds}\u00a0${words.seconds}` : `${Math.ceil(seconds / 60)}\u00a0${words.minutes}`;
    return `, ${words.remaining} ${time}`;
  }

  answered(request) {
    const answer = request.response;
    if (request.status >= 200 && request.status < 300 && Array.isArray(answer?.files)) {
      answer.files.forEach(listFile);
      return this.leave();
    }
    const retry = request.status >= 500 || request.status === 429 || request.status === 0;
    this.fail(answer?.error ?? words.failed, retry);
  }

  fail(reason, retry) {
    this.row.classList.add("failed");
    say(this.state, retry ? reason : `${words.refused}. ${reason}`);
    say(uploadStatus, `${this.file.name}. ${reason}`);
    this.bar.remove();
    this.actions.replaceChildren();
    if (retry) {
      this.offer(words.retry, () => {
        this.row.remove();
        add([this.file]);
      });
    }
    this.offer(words.remove, () => {
      this.row.remove();
      uploadList.hidden = uploadList.children.length === 0;
      document.getElementById("files").focus();
    });
    next(this);
  }

  cancel() {
    if (this === current) return this.request?.abort();
    queue.splice(queue.indexOf(this), 1);
    this.leave();
  }

  leave() {
    this.row.remove();
    uploadList.hidden = uploadList.children.length === 0;
    next(this);
  }
}

function add(files) {
  for (const file of files) queue.push(new Upload(file));
  if (current === null) next(null);
}

function next(done) {
  if (done !== current) return;
  current = queue.shift() ?? null;
  if (current) return void current.start();
  if (done === null) return;
  if (failures().length === 0) say(uploadStatus, words.allDone);
  const submitter = postponed;
  postponed = null;
  say(sendStatus, "");
  if (submitter) form.requestSubmit(submitter);
}

function listFile({ n, name, size, state, reason }) {
  const known = [...sealedList.children].find((row) => row.querySelector("button")?.value === String(n));
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
  if (known) known.replaceWith(row);
  else sealedList.append(row);
  document.getElementById("no-files").hidden = true;
}

// A folder is walked, so that its files are sent; its name is not.
async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files];
  const found = [];
  while (entries.length > 0 && found.length < DROPPED_FILES_MAX) {
    const entry = entries.shift();
    if (entry.isFile) found.push(await new Promise((give, refuse) => entry.file(give, refuse)));
    else entries.push(...(await childrenOf(entry)));
  }
  return found;
}

async function childrenOf(folder) {
  const reader = folder.createReader();
  const all = [];
  for (;;) {
    const some = await new Promise((give, refuse) => reader.readEntries(give, refuse));
    if (some.length === 0 || all.length >= DROPPED_FILES_MAX) return all;
    all.push(...some);
  }
}

function preparePicking() {
  for (const part of form.querySelectorAll(".without-script")) part.hidden = true;
  drop.querySelector(".drop-hint").hidden = false;
  input.addEventListener("change", () => {
    add([...input.files]);
    input.value = "";
  });
  // A file dropped beside the field must not replace the page.
  for (const name of ["dragover", "drop"]) document.addEventListener(name, (event) => event.preventDefault());
  form.addEventListener("dragover", () => drop.classList.add("over"));
  form.addEventListener("dragleave", (event) => {
    if (!form.contains(event.relatedTarget)) drop.classList.remove("over");
  });
  form.addEventListener("drop", async (event) => {
    drop.classList.remove("over");
    if (event.dataTransfer.files.length > 0) add(await filesOf(event.dataTransfer));
  });
  window.addEventListener("beforeunload", (event) => {
    if (isBusy() && !submitting) event.preventDefault();
  });
}

// ---- Sending ----

function prepareSending() {
  form.addEventListener("submit", (event) => {
    const submitter = event.submitter;
    if (submitting) return event.preventDefault();
    if (submitter?.value === "accept_title") {
      event.preventDefault();
      return acceptTitle();
    }
    if (isBusy()) {
      event.preventDefault();
      postponed = submitter;
      return say(sendStatus, words.busy);
    }
    if (submitter?.value === "send" && failures().length > 0) {
      event.preventDefault();
      say(sendStatus, words.leave);
      return failures()[0].querySelector("button").focus();
    }
    submitting = true;
    submitter?.setAttribute("aria-disabled", "true");
    say(sendStatus, words.sendingForm);
  });
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    submitting = false;
    say(sendStatus, "");
  });
}

// ---- Title ----

const title = document.getElementById("title");
const titleCheck = document.getElementById("title-check");
const suggestion = document.getElementById("title-suggestion");
let titleTimer = 0;
let titleRequest = null;

function prepareTitle() {
  title.addEventListener("input", () => {
    clearTimeout(titleTimer);
    titleTimer = setTimeout(checkTitle, TITLE_PAUSE_MS);
  });
}

async function checkTitle() {
  const text = title.value;
  titleRequest?.abort();
  if (text.trim() === "") return showTitle(text, [], null);
  titleRequest = new AbortController();
  try {
    const response = await fetch("/depot/titre", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ mailbox: words.mailbox, title: text }),
      signal: titleRequest.signal,
    });
    if (!response.ok) return;
    const { findings, suggestion: proposal } = await response.json();
    if (title.value === text) showTitle(text, findings ?? [], proposal ?? null);
  } catch {
    // The check while typing is a help; the server checks again when the deposit is sent.
  }
}

// Positions are counted in characters (Unicode code points), as the server counts them.
function markedTitle(text, findings) {
  const line = element("p", "marked");
  const bad = [...text].map((character, at) => ({ character, mark: findings.some((f) => at >= f.start && at < f.end) }));
  for (const { character, mark } of bad) {
    const last = line.lastChild;
    const kind = mark ? "MARK" : "#text";
    if (last?.nodeName === kind) last.textContent += character;
    else line.append(mark ? element("mark", "", character) : character);
  }
  return line;
}

function showTitle(text, findings, proposal) {
  const good = findings.length === 0;
  titleCheck.replaceChildren();
  titleCheck.classList.toggle("fine-title", good && text.trim() !== "");
  if (good && text.trim() !== "") titleCheck.append(element("p", "", words.titleGood));
  if (!good) {
    const reasons = element("ul");
    for (const reason of new Set(findings.map((finding) => finding.reason))) reasons.append(element("li", "", reason));
    titleCheck.append(element("p", "fine", words.titleWhy), markedTitle(text, findings), reasons);
  }
  title.toggleAttribute("aria-invalid", false);
  if (!good) title.setAttribute("aria-invalid", "true");
  document.getElementById("title-error")?.remove();
  title.setAttribute("aria-describedby", "title-help");
  showSuggestion(good ? null : proposal);
}

function showSuggestion(proposal) {
  suggestion.hidden = !proposal;
  suggestion.querySelector("strong").textContent = proposal ?? "";
  suggestion.querySelector("input").value = proposal ?? "";
}

function acceptTitle() {
  title.value = suggestion.querySelector("input").value;
  title.focus();
  checkTitle();
}

preparePicking();
prepareSending();
prepareTitle();
