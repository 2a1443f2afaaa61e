/* At sign-out nothing stays on this device of what field pages kept for this account (field.js); what was not sent yet is asked about first. */
"use strict";
document.querySelector('form[action="/sign-out"]')?.addEventListener("submit", (event) => {
  const key = `xiezhi-field-${event.target.dataset.account}`;
  const kept = localStorage.getItem(key) || "";
  if (/"state":"(waiting|refused)"/.test(kept) && !confirm(event.target.dataset.leave)) { event.preventDefault(); return; }
  localStorage.removeItem(key);
});
