"use strict";
// The power follows the form while it is filled in; everything else works without this script.
const form = document.getElementById("design");
let waiting = 0, turn = 0, changed = false;

const reckon = async () => {
  const mine = ++turn;
  try {
    const reply = await fetch(form.getAttribute("action"), { method: "POST", body: new URLSearchParams(new FormData(form)) });
    const fresh = new DOMParser().parseFromString(await reply.text(), "text/html").getElementById("power");
    if (mine === turn && fresh) document.getElementById("power").replaceChildren(...fresh.childNodes);
  } catch {
    // Without its server the page keeps what it showed; saving says what is wrong.
  }
};

form.addEventListener("input", ({ target }) => {
  changed = true;
  // What was said of a text that is no longer there.
  target.closest(".field")?.querySelector(".problem")?.remove();
  target.removeAttribute("aria-invalid");
  clearTimeout(waiting);
  waiting = setTimeout(reckon, 300);
});
form.addEventListener("submit", () => { changed = false; });
addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });
