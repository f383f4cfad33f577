// What makes every page a little kinder. Each page works without it.

const submitted = new WeakSet();

// A second click sends nothing twice. The deposit form has a guard of its own.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || form.id === "draft") return;
  if (submitted.has(form)) {
    event.preventDefault();
    return;
  }
  submitted.add(form);
  event.submitter?.setAttribute("aria-disabled", "true");
});

// A page that comes back from the browser's memory can be used again.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.forms) submitted.delete(form);
  for (const button of document.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
});

document.querySelector("[data-focus]")?.focus();

for (const link of document.querySelectorAll(".masthead nav a")) {
  if (link.pathname === location.pathname && !link.search) link.setAttribute("aria-current", "page");
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

for (const button of document.querySelectorAll("[data-reveal]")) {
  const field = document.getElementById(button.dataset.reveal);
  const show = button.textContent;
  button.hidden = false;
  button.addEventListener("click", () => {
    const revealed = field.type === "password";
    field.type = revealed ? "text" : "password";
    button.textContent = revealed ? button.dataset.hide : show;
  });
}
