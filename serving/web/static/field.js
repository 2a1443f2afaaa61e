/* Pages of the field (beds, tasks) with a bad network: a form is kept on this device until the service has said that it has it, and sent again when there is a network.
   What is kept, for each account apart: where it goes, number on the list, result, time, note and an id made here, by which the service stores it once. No name and no
   number of a person. Photographs (photos.js) follow what was written of the same place. It is erased when the service has it, and at sign-out (leave.js). Without this
   script the same forms are sent as any other. */
"use strict";
(() => {
  const root = document.querySelector("[data-field]");
  if (!root) return;
  const KEY = `xiezhi-field-${root.dataset.field}`;
  const SKIP = new Set(["client", "back"]);
  const words = root.dataset;
  const status = document.getElementById("field-status");
  const signIn = document.getElementById("field-sign-in");

  const read = () => {
    try { return JSON.parse(localStorage.getItem(KEY)) || []; } catch { return []; }
  };
  const write = (kept) => {
    try {
      if (kept.length) localStorage.setItem(KEY, JSON.stringify(kept)); else localStorage.removeItem(KEY);
      return true;
    } catch { return false; }
  };
  const change = (client, how) => write(read().flatMap((e) => (e.client === client ? how(e) : [e])));
  const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
  const clock = () => new Date(Date.now() + 8 * 3600e3).toISOString().slice(0, 16); // the wall clock of China
  const place = (form) => `${new URL(form.action).pathname} ${form.elements.lead?.value ?? form.elements.key?.value}`;
  const fields = (form) => Object.fromEntries([...new FormData(form)].filter(([name]) => !SKIP.has(name)));
  const forms = [...root.querySelectorAll("form[data-keep]")];
  const formOf = (entry) => forms.find((f) => place(f) === entry.place);

  const tell = (form, text, state) => {
    const line = form?.querySelector(".told-state");
    if (line) { line.textContent = text; line.dataset.state = state; }
  };
  const show = (signedOut) => {
    const kept = read();
    const [photosWaiting, photosRefused] = photos.counts();
    const waiting = kept.filter((e) => e.state === "waiting").length;
    const refused = kept.filter((e) => e.state === "refused").length;
    const parts = [];
    if (waiting) parts.push(`${words.waiting} ${waiting}`);
    if (photosWaiting) parts.push(`${words.photos} ${photosWaiting}`);
    if (refused) parts.push(`${words.refused} ${refused}`);
    if (photosRefused) parts.push(`${words.photosRefused} ${photosRefused}`);
    if (!navigator.onLine) parts.push(words.offline);
    if (signedOut) parts.push(words.signedOut);
    status.textContent = parts.join("　") || words.nothing;
    signIn.hidden = !signedOut;
    for (const entry of kept) {
      const form = formOf(entry);
      if (entry.state !== "draft") tell(form, entry.state === "refused" ? entry.message : words.kept, entry.state);
      const drop = form?.querySelector(".drop");
      if (drop) drop.hidden = entry.state !== "refused";
    }
  };
  const fill = (form, values) => {
    for (const [name, value] of Object.entries(values)) {
      for (const field of form.elements) {
        if (field.name !== name || field.type === "hidden") continue;
        if (field.type === "radio") field.checked = field.value === value; else field.value = value;
      }
    }
    form.closest("details")?.setAttribute("open", "");
  };

  const photos = fieldPhotos(root, tell, (at) => read().find((e) => e.place === at && e.state !== "draft")?.client ?? newId(), () => { show(false); send(); });
  let busy = false;
  const send = async () => {
    if (busy) return;
    busy = true;
    let signedOut = false;
    for (const entry of read().filter((e) => e.state === "waiting")) {
      let reply, told = {};
      try {
        const body = JSON.stringify({ ...entry.values, client: entry.client });
        const headers = { "content-type": "application/json", accept: "application/json" };
        reply = await fetch(entry.to, { method: "POST", headers, body, credentials: "same-origin", redirect: "error" });
        told = await reply.json();
      } catch { break; } // no network, or no service: it stays, and is sent again
      if (reply.ok) {
        change(entry.client, () => []);
        const form = formOf(entry);
        tell(form, told.message, told.state);
        form?.closest("details")?.classList.add("sent");
        await photos.again(entry.place);
      } else if (reply.status === 401) { signedOut = true; break; }
      else if (reply.status >= 500 || reply.status === 429) break;
      else change(entry.client, (e) => [{ ...e, state: "refused", message: told.error || String(reply.status) }]);
    }
    if (!signedOut) signedOut = await photos.send((at) => read().some((e) => e.place === at && (e.state === "waiting" || e.state === "refused")));
    busy = false;
    show(signedOut);
  };

  for (const form of forms) {
    const at = form.elements.at;
    const keep = (state) => {
      const kept = read().filter((e) => !(e.place === place(form) && e.state !== "waiting"));
      const entry = { client: newId(), place: place(form), to: new URL(form.action).pathname, values: fields(form), state };
      return write([...kept, entry]);
    };
    form.addEventListener("input", (event) => {
      if (event.target.type === "radio" && at && !at.dataset.typed) at.value = clock();
      if (event.target === at) at.dataset.typed = "1";
      keep("draft");
    });
    form.addEventListener("submit", (event) => {
      if (!keep("waiting")) return; // the device keeps nothing: the browser sends the form itself
      event.preventDefault();
      tell(form, words.kept, "waiting");
      show(false);
      send();
    });
    form.querySelector(".drop")?.addEventListener("click", () => {
      write(read().filter((e) => !(e.place === place(form) && e.state === "refused")));
      form.reset();
      tell(form, "", "");
      form.querySelector(".drop").hidden = true;
      show(false);
    });
  }
  for (const entry of read()) { const form = formOf(entry); if (form) fill(form, entry.values); }
  document.getElementById("field-send")?.addEventListener("click", send);
  addEventListener("online", send);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) send(); });
  setInterval(() => { if (read().some((e) => e.state === "waiting") || photos.counts()[0]) send(); }, 20000);
  show(false);
  photos.begin().then(() => { show(false); send(); });
})();
