// A draft saves itself while somebody types, and items come and go without the page being loaded anew. Without this,
// the buttons of the form do the same.
const form = document.querySelector("form[data-draft]");
const said = document.getElementById("saved");
const ended = document.getElementById("ended");
const PAUSE_MS = 1200;
const AGAIN_MS = 5000;
let timer = 0;
let saving = null;
// Somebody else changed the draft: nothing is saved over that before a button is pressed.
let refused = form?.dataset.changed !== undefined;
let unsaved = refused; // whether something was typed of which nobody has said that it is kept
let stuck = false; // whether it was tried to keep it, and failed
let plain = false;
let pressed = null;
let leaving = false;

// So that the last words arrive though the page is left; browsers take no more than 64 kB that way.
const carried = (body) => body.toString().length < 60_000;

function post(data) {
  const body = new URLSearchParams(data);
  return fetch(form.action, { method: "POST", body, keepalive: carried(body), headers: { Accept: "text/html" } });
}

// Whether what was typed is kept, or the next page shows it: else this one must not be left.
async function save() {
  const data = new FormData(form);
  data.set("do", "autosave");
  const typed = unsaved;
  [unsaved, stuck] = [false, true];
  try {
    const answer = await post(data);
    unsaved ||= typed && !answer.ok;
    if (over(answer)) return false;
    if (!answer.headers.get("Content-Type")?.includes("json")) return failed(answer.status, await answer.text());
    const told = await answer.json();
    said.textContent = told.said;
    refused = !answer.ok;
    if (answer.ok) {
      stuck = false;
      form.elements.version.value = told.version;
      history.replaceState(null, "", form.action + location.hash);
    }
    return true;
  } catch {
    unsaved ||= typed;
    unconnected();
    return false;
  }
}

// What keeps a draft from being saved, as the page of the problem says it. What is no fault of what was typed may pass
// by itself; the rest is tried again when something is changed.
function failed(status, text) {
  const page = new DOMParser().parseFromString(text, "text/html");
  const problem = { title: page.querySelector("h1"), detail: page.querySelector("h1 + p") };
  const filled = (_gap, name) => problem[name]?.textContent.trim() ?? "";
  said.textContent = form.dataset.failed.replace(/{(title|detail)}/g, filled);
  if (status >= 500 || status === 429 || status === 409) later(AGAIN_MS); // 409: somebody else is signed in now
  return false;
}

function unconnected() {
  said.textContent = form.dataset.unsaved;
  later(AGAIN_MS);
}

// Whether an answer says that nobody is signed in any more. The page stays as it is, with what was typed, and saves it
// as soon as somebody has signed in elsewhere.
function over(answer) {
  if (answer.status === 401) {
    ended.hidden = false;
    said.textContent = "";
    later(AGAIN_MS);
    return true;
  }
  if (ended.contains(document.activeElement)) said.focus();
  ended.hidden = true;
  return false;
}

// One at a time: each has to name the version that the one before made.
function inTurn(work) {
  const mine = (saving ?? Promise.resolve()).then(work).finally(() => { if (saving === mine) saving = null; });
  return (saving = mine);
}

function soon() {
  clearTimeout(timer);
  timer = 0;
  return refused ? saving : inTurn(save);
}

function later(ms) {
  clearTimeout(timer);
  timer = setTimeout(soon, ms);
}

// Whether an item came or went, or cannot just now; else the page is to be loaded anew. What the group shows is what was
// posted: meanwhile nothing is typed in it.
async function swap(button) {
  const group = button.closest(".sq-group");
  group.inert = true;
  try {
    const answer = await post(new FormData(form, button));
    if (over(answer)) return true;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const after = page.getElementById(group.id);
    if (!answer.ok || !after) return false;
    group.replaceWith(document.importNode(after, true));
    form.elements.version.value = page.querySelector("[name=version]").value;
    history.replaceState(null, "", form.action);
    const here = document.getElementById(group.id);
    const added = button.value.startsWith("add:") && here.querySelector(".sq-item:last-of-type :is(input, select, textarea)");
    (added || here).focus();
  } catch {
    unconnected();
  } finally {
    group.inert = false;
    if (button.isConnected) button.focus();
  }
  return true;
}

// What is typed is saved before the page is left for what a button does: if the session has ended, it would be lost.
async function press(button) {
  const item = /^(add|remove):/.test(button?.value ?? "");
  if (item && !plain) plain = !(await inTurn(() => swap(button)));
  if (!item || plain) {
    refused = false; // where somebody else changed the draft, the button leads to a page that shows both
    if (await soon()) leave(button);
    else said.focus();
  }
  if (!ended.hidden) ended.focus();
}

function leave(button) {
  leaving = true;
  unsaved = false; // the form brings it along
  form.requestSubmit(button);
  leaving = false;
}

async function hash(input) {
  const bytes = await crypto.subtle.digest("SHA-256", await input.files[0].arrayBuffer());
  const field = document.getElementById(input.dataset.hashFor);
  field.value = Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

if (form) {
  form.addEventListener("input", (event) => {
    if (event.target.dataset.hashFor) return;
    unsaved = true;
    later(PAUSE_MS);
  });
  form.addEventListener("change", (event) => event.target.files?.length && hash(event.target));
  // Signing in again is done in another tab: whoever comes back from it does not wait.
  document.addEventListener("visibilitychange", () => timer && (document.hidden || !ended.hidden) && soon());
  // A page kept for the way back knows an older version than the one that was saved from it.
  window.addEventListener("pageshow", (event) => event.persisted && !unsaved && location.reload());
  // What the page is about to lose is asked about. What was just typed is not: it is saved as the page is left.
  window.addEventListener("beforeunload", (event) => {
    const lost = refused || stuck || saving || !carried(new URLSearchParams(new FormData(form)));
    if (unsaved && !leaving && lost) event.preventDefault();
  });
  form.addEventListener("submit", (event) => {
    if (leaving) return;
    event.preventDefault();
    clearTimeout(timer);
    timer = 0;
    pressed ??= press(event.submitter).finally(() => { pressed = null; });
  });
}
