// A draft saves itself while somebody types, and items come and go without the page being loaded anew. Without this,
// the buttons of the form do the same.
const form = document.querySelector("form[data-draft]");
const said = document.getElementById("saved");
const ended = document.getElementById("ended");
const PAUSE_MS = 1200;
const AGAIN_MS = 5000;
let timer = 0;
let saving = null;
let refused = false;
let plain = false;
let pressed = null;
let leaving = false;

function post(data) {
  const body = new URLSearchParams(data);
  // So that the last words arrive though the page is left; browsers take no more than 64 kB that way.
  const keepalive = body.toString().length < 60_000;
  return fetch(form.action, { method: "POST", body, keepalive, headers: { Accept: "text/html" } });
}

// Whether what was typed is kept, or the next page shows it: else this one must not be left.
async function save() {
  const data = new FormData(form);
  data.set("do", "autosave");
  try {
    const answer = await post(data);
    if (over(answer)) return false;
    if (!answer.headers.get("Content-Type")?.includes("json")) return failed(answer.status, await answer.text());
    const told = await answer.json();
    said.textContent = told.said;
    refused = !answer.ok;
    if (answer.ok) {
      form.elements.version.value = told.version;
      history.replaceState(null, "", form.action + location.hash);
    }
    return true;
  } catch {
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
  if (status >= 500 || status === 429) later(AGAIN_MS);
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
function soon() {
  clearTimeout(timer);
  timer = 0;
  if (refused) return saving;
  const mine = (saving ?? Promise.resolve()).then(save).finally(() => { if (saving === mine) saving = null; });
  saving = mine;
  return mine;
}

function later(ms) {
  clearTimeout(timer);
  timer = setTimeout(soon, ms);
}

async function swap(button) {
  const group = button.closest(".sq-group");
  const answer = await post(new FormData(form, button));
  if (over(answer)) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const after = page.getElementById(group.id);
  if (!answer.ok || !after) {
    plain = true;
    await press(button);
    return;
  }
  group.replaceWith(document.importNode(after, true));
  form.elements.version.value = page.querySelector("[name=version]").value;
  history.replaceState(null, "", form.action);
  const here = document.getElementById(group.id);
  const added = button.value.startsWith("add:") && here.querySelector(".sq-item:last-of-type :is(input, select, textarea)");
  (added || here).focus();
}

// What is typed is saved before the page is left for what a button does: if the session has ended, it would be lost.
async function press(button) {
  if (!plain && /^(add|remove):/.test(button?.value ?? "")) {
    await saving;
    await swap(button).catch(unconnected);
  } else {
    refused = false; // where somebody else changed the draft, the button leads to a page that shows both
    if (await soon()) leave(button);
    else said.focus();
  }
  if (!ended.hidden) ended.focus();
}

function leave(button) {
  leaving = true;
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
  form.addEventListener("input", (event) => event.target.dataset.hashFor || later(PAUSE_MS));
  form.addEventListener("change", (event) => event.target.files?.length && hash(event.target));
  // Signing in again is done in another tab: whoever comes back from it does not wait.
  document.addEventListener("visibilitychange", () => timer && (document.hidden || !ended.hidden) && soon());
  // A page kept for the way back knows an older version than the one that was saved from it.
  window.addEventListener("pageshow", (event) => event.persisted && location.reload());
  form.addEventListener("submit", (event) => {
    if (leaving) return;
    event.preventDefault();
    clearTimeout(timer);
    timer = 0;
    pressed ??= press(event.submitter).finally(() => { pressed = null; });
  });
}
