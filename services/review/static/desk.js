// The desk by keyboard, the time that is left, and drafts. Everything works without this, but for what is live.
const EVERY_MS = 30_000; // how often the page says that somebody is at work
const IDLE_MS = 5 * 60_000; // after that long without a touch it says nothing
const WARN_S = 120;
const SAVE_MS = 800;

const one = (selector) => document.querySelector(selector);
const review = one("[data-review]");
const lease = one("[data-until]");
const undo = one("[data-undo]");
const post = (path, body) =>
  fetch(path, { method: "POST", headers: { Accept: "application/json" }, body, credentials: "same-origin" });

// The time that is left, and its extension.
let until = lease && Date.parse(lease.dataset.until) - Date.parse(lease.dataset.now) + performance.now();
let touched = performance.now();
let leaving = false;

async function extend() {
  const answer = await post(`${review.dataset.review}/extend`);
  if (!answer.ok) return location.reload();
  const held = (await answer.json()).lease;
  const now = Date.parse(answer.headers.get("Date"));
  if (held) until = Date.parse(held.until) - now + performance.now();
  show();
}

function show() {
  const left = Math.max(0, Math.round((until - performance.now()) / 1000));
  const clock = one("[data-left]");
  clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  lease.classList.toggle("rv-lease--soon", left <= WARN_S);
  const warning = one("[data-warning]");
  if (warning.hidden !== left > WARN_S) warning.hidden = left > WARN_S;
}

if (review && lease) {
  for (const event of ["keydown", "pointerdown", "input", "scroll"]) {
    addEventListener(event, () => (touched = performance.now()), { passive: true });
  }
  setInterval(show, 1000);
  setInterval(() => performance.now() - touched < IDLE_MS && extend(), EVERY_MS);
  one("[data-extend]").addEventListener("submit", (event) => {
    event.preventDefault();
    extend();
  });
  addEventListener("submit", () => (leaving = true));
  addEventListener("pagehide", () => leaving || navigator.sendBeacon(`${review.dataset.review}/leave`));
  addEventListener("pageshow", () => extend());

  // What is written is kept on the server, however the page ends.
  let saving;
  review.addEventListener("input", () => {
    clearTimeout(saving);
    saving = setTimeout(() => post(`${review.dataset.review}/draft`, new FormData(review)), SAVE_MS);
  });
}

if (undo) setTimeout(() => undo.remove(), Number(undo.dataset.undo) * 1000);

// The keys: on or off, and which, as this browser's user chose.
const STORE = "shuangqian.desk.keys";
const panel = one("[data-keys]");
const fields = panel ? [...panel.querySelectorAll("input[data-act]")] : [];
const on = panel?.querySelector("input[data-on]");
const chosen = JSON.parse(localStorage.getItem(STORE) ?? "{}");
for (const field of fields) field.value = chosen[field.dataset.act] ?? field.value;
if (on) on.checked = chosen.on ?? true;
panel?.addEventListener("change", () => {
  const kept = Object.fromEntries(fields.map((field) => [field.dataset.act, field.value]));
  localStorage.setItem(STORE, JSON.stringify({ ...kept, on: on.checked }));
});

// Snippets go where the cursor stands in the comment.
const snippets = one("[data-snippets]");
const comment = review?.querySelector("textarea");
function insert(button) {
  const before = comment.value.slice(0, comment.selectionStart);
  comment.setRangeText((before && !before.endsWith("\n") ? "\n" : "") + button.value, comment.selectionStart, comment.selectionEnd, "end");
  comment.focus();
  comment.dispatchEvent(new Event("input", { bubbles: true }));
}
snippets?.addEventListener("click", (event) => {
  const button = event.target.closest("[data-snippet]");
  if (!button) return;
  event.preventDefault();
  insert(button);
});
comment?.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && on?.checked) snippets.querySelector("summary").focus();
});

const groups = review ? [...review.querySelectorAll("fieldset")] : [];
const verdict = (value) => review?.querySelector(`input[name=verdict][value=${value}]`);
function go(step) {
  const here = groups.findIndex((group) => group.contains(document.activeElement));
  const group = groups[Math.min(groups.length - 1, Math.max(0, here < 0 ? 0 : here + step))];
  (group?.querySelector("input:checked") ?? group?.querySelector("input"))?.focus();
}
function choose(input) {
  if (!input) return;
  input.checked = true;
  input.focus();
  input.dispatchEvent(new Event("input", { bubbles: true }));
}
const acts = {
  down: () => go(1),
  up: () => go(-1),
  approve: () => choose(verdict("approve")),
  changes: () => choose(verdict("request-changes")),
  reject: () => choose(verdict("reject")),
  extend: () => review && lease && extend(),
  snippets: () => {
    if (!snippets) return;
    snippets.open = true;
    snippets.querySelector("[data-snippet]")?.focus();
  },
  undo: () => undo?.querySelector("button")?.click(),
  help: () => {
    panel.open = !panel.open;
    panel.querySelector("summary").focus();
  },
};

addEventListener("keydown", (event) => {
  if (!on?.checked || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("textarea, select, [contenteditable], input:not([type=radio])")) return;
  const act = fields.find((field) => field.value && field.value === event.key)?.dataset.act;
  const spoken = `[data-snippet][lang="${document.documentElement.lang}"]`;
  if (act) acts[act]();
  else if (/^[1-9]$/.test(event.key) && snippets?.contains(document.activeElement)) {
    const line = snippets.querySelectorAll("li")[event.key - 1];
    if (line) insert(line.querySelector(spoken) ?? line.querySelector("[data-snippet]"));
  } else if (/^[0-5]$/.test(event.key)) {
    const group = groups.find((each) => each.contains(document.activeElement)) ?? groups[0];
    choose(group?.querySelector(`input[name^=score-][value="${event.key}"]`));
  } else return;
  event.preventDefault();
});
