"use strict";
// Counts the payment window down, and lets a waiting PC follow the phone.

const timer = document.getElementById("time-left");
const ends = Date.now() + timer.dataset.seconds * 1000;

function tick() {
  const left = Math.max(0, Math.round((ends - Date.now()) / 1000));
  timer.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  if (left > 0) setTimeout(tick, 1000);
  else setTimeout(() => location.reload(), 1500);
}
tick();

const waiting = document.getElementById("waiting");

async function follow() {
  try {
    const answer = await fetch(waiting.dataset.state, { cache: "no-store" });
    const { way_on: wayOn } = await answer.json();
    if (wayOn) return location.replace(wayOn);
  } catch {
    // The sandbox may be starting again: ask once more.
  }
  setTimeout(follow, 1000);
}
if (waiting) follow();
