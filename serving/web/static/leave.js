/* At sign-out nothing stays on this device of what field pages kept for this account (field.js, photos.js); what was not sent yet is asked about first. */
"use strict";
document.querySelector('form[action="/sign-out"]')?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const key = `xiezhi-field-${form.dataset.account}`;
  const photos = (mode, work) => new Promise((resolve) => {
    if (!window.indexedDB) { resolve(0); return; }
    const asked = indexedDB.open(key, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("photos", { keyPath: "id" });
    asked.onerror = () => resolve(0);
    asked.onsuccess = () => {
      const base = asked.result, step = base.transaction("photos", mode), told = work(step.objectStore("photos"));
      step.oncomplete = step.onabort = () => { base.close(); resolve(told.result || 0); };
    };
  });
  const waiting = /"state":"(waiting|refused)"/.test(localStorage.getItem(key) || "") || await photos("readonly", (s) => s.count()) > 0;
  if (waiting && !confirm(form.dataset.leave)) return;
  localStorage.removeItem(key);
  await photos("readwrite", (s) => s.clear());
  if (window.indexedDB) indexedDB.deleteDatabase(key);
  form.submit();
});
