// The deposit form with a script: files go while the person writes (upload.js), and the title is checked while it is
// typed. Without it the form sends all at once and the server says the same. Nothing typed is kept in the browser.

import { element, isBusy, obstacle, preparePicking, say, whenDone } from "./upload.js";

const form = document.getElementById("draft");
const words = form.dataset;
const sendStatus = document.getElementById("send-status");

/** Quiet time after typing before the title is checked, in milliseconds. */
const TITLE_PAUSE_MS = 350;

let submitting = false;

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
      whenDone(() => {
        say(sendStatus, "");
        form.requestSubmit(submitter);
      });
      return say(sendStatus, words.busy);
    }
    const left = submitter?.value === "send" ? obstacle() : null;
    if (left) {
      event.preventDefault();
      say(sendStatus, left.text);
      return left.at.focus();
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

preparePicking(() => submitting);
prepareSending();
prepareTitle();
