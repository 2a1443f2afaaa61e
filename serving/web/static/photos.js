/* Photographs and papers of the field pages with a bad network: kept on this device (IndexedDB, for each account apart) until the service has them, sent once, after what was
   written of the same place. A picture is made smaller first; the hash of the file as the camera left it goes with it. They are not encrypted: whoever unlocks the device can read
   them until they are sent, dropped or erased at sign-out (leave.js). */
"use strict";
const FIELD_PHOTOS = { longest: 2000, quality: 0.85, largest: 15e6, most: 60 };

const fieldPhotos = (root, tell, clientOf, changed) => {
  const forms = [...root.querySelectorAll("form[data-photo]")];
  const words = root.dataset;
  let kept = [];

  const opened = () => new Promise((resolve, reject) => {
    const asked = indexedDB.open(`xiezhi-field-${words.field}`, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("photos", { keyPath: "id" });
    asked.onerror = () => reject(asked.error);
    asked.onsuccess = () => { asked.result.onversionchange = () => asked.result.close(); resolve(asked.result); };
  });
  const within = async (mode, work) => {
    const base = await opened();
    try {
      return await new Promise((resolve, reject) => {
        const step = base.transaction("photos", mode);
        const asked = work(step.objectStore("photos"));
        step.oncomplete = () => resolve(asked.result);
        step.onerror = step.onabort = () => reject(step.error);
      });
    } finally { base.close(); }
  };
  const load = async () => { try { kept = await within("readonly", (s) => s.getAll()); } catch { kept = []; } };
  const put = async (photo) => { await within("readwrite", (s) => s.put(photo)); await load(); };
  const drop = async (id) => { await within("readwrite", (s) => s.delete(id)); await load(); };

  const hex = (bytes) => Array.from(new Uint8Array(bytes), (b) => b.toString(16).padStart(2, "0")).join("");
  const hash = async (file) => (crypto.subtle ? hex(await crypto.subtle.digest("SHA-256", await file.arrayBuffer())) : ""); // a plain http address has none
  const smaller = async (file) => {
    if (!file.type.startsWith("image/")) return file;
    let picture;
    try { picture = await createImageBitmap(file); } catch { return file; } // what this browser cannot read goes as it is
    const share = Math.min(1, FIELD_PHOTOS.longest / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [Math.round(picture.width * share), Math.round(picture.height * share)];
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    const made = await new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", FIELD_PHOTOS.quality); });
    return made && made.size < file.size ? made : file;
  };

  const show = () => {
    for (const form of forms) {
      const mine = kept.filter((p) => p.place === form.dataset.photo);
      const refused = mine.find((p) => p.state === "refused");
      if (refused) tell(form, refused.message, "refused");
      else if (mine.length) tell(form, `${words.photoKept} ${mine.length}`, "waiting");
      form.querySelector(".drop").hidden = !mine.length;
    }
  };
  const keep = async (form, file) => {
    if (kept.length >= FIELD_PHOTOS.most) { tell(form, words.photoFull, "refused"); return; }
    const [original, body] = await Promise.all([hash(file), smaller(file)]);
    if (body.size > FIELD_PHOTOS.largest) { tell(form, words.photoLarge, "refused"); return; }
    const id = hex(crypto.getRandomValues(new Uint8Array(16)));
    const place = form.dataset.photo;
    await put({ id, place, client: clientOf(place), to: new URL(form.action).pathname, name: file.name, original, body, state: "waiting" });
    form.reset();
    show();
    changed();
  };

  for (const form of forms) {
    form.addEventListener("submit", (event) => {
      const file = form.elements.file.files[0];
      if (!file || !window.indexedDB) return;
      event.preventDefault();
      keep(form, file).catch(() => { // the device keeps nothing: the browser sends the form itself, where there is a network
        if (navigator.onLine) form.submit(); else tell(form, words.photoFull, "refused");
      });
    });
    form.querySelector(".drop").addEventListener("click", async () => {
      for (const photo of kept.filter((p) => p.place === form.dataset.photo)) await drop(photo.id);
      tell(form, "", "");
      show();
      changed();
    });
  }

  return {
    begin: async () => { await load(); show(); },
    counts: () => ["waiting", "refused"].map((state) => kept.filter((p) => p.state === state).length),
    /* What was refused because nothing was written of its place yet is sent again once something is. */
    again: async (place) => {
      for (const photo of kept.filter((p) => p.place === place && p.state === "refused")) await put({ ...photo, state: "waiting" });
    },
    /* Sends what waits, but nothing of a place whose writing `held` still waits; whether the session has ended. */
    send: async (held) => {
      let signedOut = false;
      for (const photo of kept.filter((p) => p.state === "waiting" && !held(p.place))) {
        let reply, told = {};
        try {
          const body = new FormData();
          body.append("client", photo.client);
          body.append("original", photo.original);
          body.append("file", photo.body, photo.name);
          reply = await fetch(photo.to, { method: "POST", headers: { accept: "application/json" }, body, credentials: "same-origin", redirect: "error" });
          told = await reply.json();
        } catch { break; }
        const form = forms.find((f) => f.dataset.photo === photo.place);
        if (reply.ok) { await drop(photo.id); if (form) tell(form, told.message, "stored"); }
        else if (reply.status === 401) { signedOut = true; break; }
        else if (reply.status >= 500 || reply.status === 429) break;
        else await put({ ...photo, state: "refused", message: told.error || String(reply.status) });
      }
      show();
      return signedOut;
    },
  };
};
