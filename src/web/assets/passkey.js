// Passkeys (WebAuthn): runs the ceremony that a form asks for, fills its hidden fields and sends it. A form says in data-passkey
// whether one is made ("create") or shown ("get"), and in data-begin where the options come from. What the PRF gives goes into
// the form of the sign-in and nowhere else.

const bytesOf = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const textOf = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

// The options as the browser wants them: what is binary is base64url in JSON.
function readOptions(options) {
  const read = { ...options, challenge: bytesOf(options.challenge) };
  if (options.user) read.user = { ...options.user, id: bytesOf(options.user.id) };
  const listed = (list) => list?.map((known) => ({ ...known, id: bytesOf(known.id) }));
  if (options.excludeCredentials) read.excludeCredentials = listed(options.excludeCredentials);
  if (options.allowCredentials) read.allowCredentials = listed(options.allowCredentials);
  return read;
}

function written(credential) {
  const { response } = credential;
  const parts = { clientDataJSON: textOf(response.clientDataJSON) };
  if (response.attestationObject) {
    parts.attestationObject = textOf(response.attestationObject);
  } else {
    parts.authenticatorData = textOf(response.authenticatorData);
    parts.signature = textOf(response.signature);
    parts.userHandle = response.userHandle ? textOf(response.userHandle) : null;
  }
  return JSON.stringify({ id: credential.id, rawId: textOf(credential.rawId), type: credential.type, response: parts });
}

const prfOf = (credential) => credential.getClientExtensionResults().prf?.results?.first;

async function run(form) {
  const begun = await fetch(form.dataset.begin, { method: "POST", headers: { accept: "application/json" }, credentials: "same-origin" });
  if (!begun.ok) throw new Error(String(begun.status));
  const { ceremonie, options, prf } = await begun.json();
  const publicKey = readOptions(options.publicKey);
  const wanted = { eval: { first: bytesOf(prf) } };
  publicKey.extensions = { ...publicKey.extensions, prf: wanted };
  let credential;
  let output;
  if (form.dataset.passkey === "create") {
    credential = await navigator.credentials.create({ publicKey });
    output = prfOf(credential);
    if (!output && credential.getClientExtensionResults().prf?.enabled) {
      // Many authenticators evaluate their PRF only when they are shown.
      const shown = await navigator.credentials.get({
        publicKey: {
          challenge: crypto.getRandomValues(new Uint8Array(32)), rpId: publicKey.rp.id, userVerification: "required",
          allowCredentials: [{ type: "public-key", id: credential.rawId }], extensions: { prf: wanted },
        },
      });
      output = prfOf(shown);
    }
  } else {
    delete publicKey.allowCredentials;
    credential = await navigator.credentials.get({ publicKey });
    output = prfOf(credential);
  }
  const fields = form.elements;
  fields.namedItem("ceremonie").value = ceremonie;
  fields.namedItem("cle").value = written(credential);
  fields.namedItem("prf").value = output ? textOf(output) : "";
}

if (window.PublicKeyCredential) {
  for (const note of document.querySelectorAll(".without-script")) note.hidden = true;
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const notice = form.querySelector("[role=alert]");
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      event.stopImmediatePropagation();
      notice.hidden = true;
      try {
        await run(form);
        form.submit();
        for (const name of ["cle", "prf"]) form.elements.namedItem(name).value = "";
      } catch {
        notice.textContent = form.dataset.failed;
        notice.hidden = false;
      }
    }, { capture: true });
  }
}
