// What the page shows: pieces, notices, and refusals at the fields that they are about.

import { Problem } from "./api.js";

export const find = (selector) => document.querySelector(selector);
export const won = (amount) => `${amount.toLocaleString("ko-KR")}원`;

/** An element; text goes in as text, never as HTML. */
export function el(name, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Rows of a <dl>: [name, value] pairs; what has no value is left out. */
export const rows = (pairs) =>
  pairs
    .filter(([, value]) => value)
    .map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)));

let fading;

/** ``kind`` "bad" is a refusal, "brief" goes away by itself. */
export function say(text, kind = "") {
  Object.assign(find("#notice"), { textContent: text, hidden: !text, className: kind });
  clearTimeout(fading);
  if (kind === "brief") fading = setTimeout(say, 4000, "");
}

/** Do something for a form or a button, which is busy meanwhile. Whatever is refused is shown. */
export async function doing(place, work) {
  const buttons = place.matches("button") ? [place] : [...place.querySelectorAll("button")];
  buttons.forEach((button) => (button.disabled = true));
  place.querySelectorAll(".error").forEach((error) => error.remove());
  place.querySelectorAll("[aria-invalid]").forEach((input) => input.removeAttribute("aria-invalid"));
  say("");
  try {
    return await work();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    refuse(place, problem);
  } finally {
    buttons.forEach((button) => (button.disabled = false));
  }
}

/** What was typed stays; the first wrong field has the focus. */
function refuse(place, problem) {
  const elsewhere = problem.errors.filter(({ at, detail }) => {
    const input = place.elements?.namedItem(at ?? "");
    if (!input) return true;
    const id = `error-${at.replace("/", "-")}`;
    find(`#${id}`)?.remove();
    input.after(el("small", { className: "error", id }, detail));
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", id);
    return false;
  });
  const details = elsewhere.map((each) => each.detail);
  if (details.length || !problem.errors.length || problem.said.detail) {
    say([problem.message, ...details.filter((each) => each !== problem.message)].join(" "), "bad");
  }
  if (problem.status === 401) find("#signin").hidden = false;
  find("[aria-invalid]")?.focus();
}

addEventListener("waiting", async ({ detail: problem }) => {
  for (let left = problem.wait; left > 0; left -= 1) {
    say(`${problem.message} ${left}초 뒤에 다시 시도합니다.`);
    await new Promise((done) => setTimeout(done, 1000));
  }
  say("");
});
