/* Keys for whoever works through a list: j k Enter [ ] n a x / ?. Pages work without, and "?" can switch them off. */
"use strict";
const OFF = "xiezhi-keys-off";
const keys = document.getElementById("keys");
const tell = () => { keys.hidden = !keys.hidden; };
document.getElementById("keys-off")?.addEventListener("click", (event) => {
  const off = localStorage.getItem(OFF) !== "1";
  localStorage.setItem(OFF, off ? "1" : "0");
  event.target.setAttribute("aria-pressed", String(off));
  keys.hidden = off;
});
addEventListener("beforeprint", () => document.querySelectorAll("details:not(.score):not(.stepform)").forEach((d) => { d.open = true; }));
addEventListener("keydown", (event) => {
  const at = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName)) return;
  if (event.key === "?") { event.preventDefault(); tell(); return; }
  if (localStorage.getItem(OFF) === "1") return;
  const rows = [...document.querySelectorAll("table.leads tbody tr")];
  const here = rows.findIndex((row) => row.contains(document.activeElement));
  const go = (i) => rows[i]?.querySelector("a")?.focus();
  const follow = (rel) => document.querySelector(`a[rel=${rel}]`)?.click();
  const fill = (form) => {
    if (form) { form.open = true; form.querySelector("select, input:not([type=hidden]), textarea")?.focus(); }
  };
  const acts = {
    j: () => go(Math.min(here + 1, rows.length - 1)),
    k: () => go(Math.max(here - 1, 0)),
    "[": () => follow("prev"),
    "]": () => follow("next"),
    n: () => document.querySelector('form[action="/cases/next"]')?.requestSubmit(),
    a: () => {
      const form = document.querySelector("#in-law, #act .stepform");
      if (!form) document.querySelector('.head a[href^="/cases/"]')?.click();
      else fill(form);
    },
    x: () => fill(document.querySelector("#clears")),
    "/": () => document.querySelector(".find input")?.focus(),
  };
  if (acts[event.key]) { event.preventDefault(); acts[event.key](); }
});
