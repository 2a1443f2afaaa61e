/* Keys for whoever works through a list: j k Enter n a / ?. Pages work without. */
"use strict";
addEventListener("keydown", (event) => {
  const at = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName)) return;
  const rows = [...document.querySelectorAll("table.leads tbody tr")];
  const here = rows.findIndex((row) => row.contains(document.activeElement));
  const go = (i) => rows[i]?.querySelector("a")?.focus();
  const acts = {
    j: () => go(Math.min(here + 1, rows.length - 1)),
    k: () => go(Math.max(here - 1, 0)),
    n: () => document.querySelector('form[action="/cases/next"]')?.requestSubmit(),
    a: () => {
      const form = document.querySelector("#act .stepform");
      if (form) { form.open = true; form.querySelector("select, input:not([type=hidden]), textarea")?.focus(); }
    },
    "/": () => document.querySelector(".find input")?.focus(),
    "?": () => { const keys = document.getElementById("keys"); keys.hidden = !keys.hidden; },
  };
  if (acts[event.key]) { event.preventDefault(); acts[event.key](); }
});
