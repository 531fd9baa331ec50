// Everything works without this file; it saves page loads and clicks.

// The − and + beside a quantity change the number at once and send it a moment later; an answer to
// the number before is no longer wanted.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-step]");
  if (!button) return;
  const input = button.closest(".stepper").querySelector("input[type=number]");
  const now = Number.parseInt(input.value, 10) || 0;
  const next = Math.min(Math.max(now + Number(button.dataset.step), Number(input.min)), Number(input.max));
  event.preventDefault();
  if (next === now) return;
  input.value = next;
  button.removeAttribute("name"); // or it would be sent along and counted again
  button.form.dispatchEvent(new CustomEvent("htmx:abort", { bubbles: true, detail: {} }));
  input.dispatchEvent(new Event("change", { bubbles: true }));
});

// A menu closes when the reader turns elsewhere.
const closeMenus = (except) =>
  document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (menu !== except) menu.open = false;
  });
document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.querySelector("details.menu[open]");
  closeMenus(null);
  open?.querySelector("summary").focus();
});

// What is typed while an answer is on its way is newer than the answer, so it stays and is sent.
const typed = () =>
  Object.fromEntries([...document.querySelectorAll("#discounts input[type=text]")].map((input) => [input.id, input.value]));
let sent = {};
let newer = [];
document.addEventListener("htmx:beforeRequest", () => { sent = typed(); });
document.addEventListener("htmx:beforeSwap", () => {
  newer = Object.entries(typed()).filter(([id, value]) => id in sent && value !== sent[id]);
});
document.addEventListener("htmx:afterSwap", () => {
  newer = newer.filter(([id]) => document.getElementById(id));
  for (const [id, value] of newer) document.getElementById(id).value = value;
});
document.addEventListener("htmx:afterSettle", () => {
  for (const [id] of newer.splice(0)) document.getElementById(id).dispatchEvent(new Event("change", { bubbles: true }));
});

// A request in the background that comes to nothing is said, not passed over.
for (const trouble of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.addEventListener(trouble, () => {
    const notice = document.getElementById("no-answer").content.cloneNode(true);
    document.getElementById("messages").replaceChildren(notice);
  });
}
