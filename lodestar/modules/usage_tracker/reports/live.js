// Fetches the page again and takes its parts over, unless the reader is busy in it.
"use strict";
const every = Number(document.documentElement.dataset.every) * 1000;
const pause = document.getElementById("pause");
const said = document.getElementById("said");
let paused = false;

pause.hidden = false;
pause.addEventListener("click", () => {
  paused = !paused;
  pause.textContent = paused ? "Go on" : "Pause";
  pause.setAttribute("aria-pressed", String(paused));
});

function isRead() {
  const chosen = document.getSelection();
  return paused || document.hidden || (chosen && !chosen.isCollapsed);
}

async function look() {
  if (isRead()) return;
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    if (!answer.ok) throw new Error(await answer.text());
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const id of ["figures", "notes", "when", "main"]) {
      const old = document.getElementById(id);
      const one = fresh.getElementById(id);
      // What has the focus stays, or the keyboard would lose its place.
      if (old && one && old.innerHTML !== one.innerHTML && !old.contains(document.activeElement)) {
        old.replaceWith(document.adoptNode(one));
      }
    }
    said.textContent = "";
  } catch (problem) {
    said.textContent = "Not up to date: " + (problem.message || "the program has ended").trim();
  }
}

setInterval(look, every);
