// The desk by keyboard, the time that is left, and drafts. Everything works without this, but for what is live.
const EVERY_MS = 30_000; // how often the page says that somebody is at work
const IDLE_MS = 5 * 60_000; // after that long without a touch it says nothing
const WARN_S = 120;
const SAVE_MS = 800; // a pause of this length, and what is written is saved
const MOST_MS = 3000; // somebody who types on and on is saved this often
const AGAIN_MS = 5000; // after a save that failed
const ANSWER_MS = 10_000; // how long an answer is waited for
const LEFT_MS = 1000; // until what another tab sent on closing has arrived
const CARRIED = 60_000; // bytes; browsers finish no larger requests once the page is left

const one = (selector) => document.querySelector(selector);
const review = one("[data-review]");
const lease = one("[data-until]");
const bar = one(".rv-time");
const undo = one("[data-undo]");
const post = (path, body, keepalive = false) =>
  fetch(path, {
    method: "POST", headers: { Accept: "application/json" }, body, credentials: "same-origin", keepalive,
    signal: AbortSignal.timeout(ANSWER_MS),
  });
// All tabs share a session: what a page asks for says whose page it is, and is done in nobody else's name.
function mine() {
  const said = new FormData();
  said.set("person", review.elements.person.value);
  return said;
}

// The time that is left, and its extension.
let until = lease && Date.parse(lease.dataset.until) - Date.parse(lease.dataset.now) + performance.now();
let ends = lease && Date.parse(lease.dataset.until);
let last = lease && Date.parse(lease.dataset.last); // no extension goes beyond; NaN where that is not known
let asked = false; // whether more time was asked for by a key or a press
let touched = performance.now();
let leaving = false;
let gone = false;
const spoken = document.documentElement.lang.startsWith("zh") ? "zh-CN" : "en-GB";
const month = spoken === "zh-CN" ? "long" : "short";
const moment = new Intl.DateTimeFormat(spoken, {
  year: "numeric", month, day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false, timeZone: "Asia/Shanghai",
});

// What is written is kept on the server, however the page ends.
let changed = false; // whether something is written that is not saved
let since = 0; // from when on
let timer = 0;
let saving = Promise.resolve();
const ended = one("[data-ended]");
const isEnded = () => Boolean(ended.querySelector("p"));

// One at a time, so that no save overtakes a later one. The promise is of the answer; of nothing where none came.
function save() {
  return (saving = saving.then(send));
}

async function send() {
  clearTimeout(timer);
  timer = 0;
  const body = new FormData(review);
  changed = false;
  const carried = new Blob([...body.values()]).size < CARRIED;
  const answer = await post(`${review.dataset.review}/draft`, body, carried).catch(() => null);
  if (!answer?.ok) [changed, since] = [true, performance.now()];
  if (answer) await tell(answer);
  if (!answer || isEnded() || answer.status >= 500) timer ||= setTimeout(save, AGAIN_MS);
  return answer;
}

const words = (problem) => [problem.title, problem.detail].filter(Boolean).join(spoken === "zh-CN" ? "" : " ");

async function tell(answer) {
  if (answer.status >= 500) return; // it is tried again
  const problem = answer.ok ? {} : await answer.json().catch(() => ({}));
  one("[data-refused]").textContent = signedOut(answer, problem) ? "" : words(problem);
}

// The session has ended, or is somebody else's now: the page stays as it is, and saves what is written once whoever
// opened it has signed in elsewhere. Returns whether it is so.
function signedOut(answer, problem) {
  const another = /:page-of-another$/.test(problem.type);
  const out = another || answer.status === 401;
  if (!out && !isEnded()) return false;
  const why = another ? words(problem) : ended.querySelector("template").content.querySelector("strong").textContent;
  if (out && ended.querySelector(":scope > p strong")?.textContent === why) return true;
  if (!out && ended.contains(document.activeElement)) review.querySelector("button[type=submit]").focus();
  for (const each of ended.querySelectorAll("p")) each.remove();
  if (out) {
    ended.append(ended.querySelector("template").content.cloneNode(true));
    ended.querySelector("strong").textContent = why;
    ended.scrollIntoView({ block: "nearest" });
  } else extend().catch(() => {}); // the next beat asks again
  return out;
}

async function extend() {
  if (gone) return;
  const answer = await post(`${review.dataset.review}/extend`, mine());
  if (answer.status >= 500) return; // the next beat asks again
  const said = await answer.json();
  if (!answer.ok && signedOut(answer, said)) return (timer ||= setTimeout(save, AGAIN_MS));
  if (!answer.ok) return lose(said);
  hold(answer, said.lease);
}

function hold(answer, held) {
  ends = Date.parse(held.until);
  last = Date.parse(held.last);
  until = ends - Date.parse(answer.headers.get("Date")) + performance.now();
  show();
}

// Nobody is at work here, and nothing is extended; but another page may have changed the lease, or lost it.
async function watch() {
  if (gone) return;
  const answer = await fetch(review.dataset.review, {
    headers: { Accept: "application/json" }, credentials: "same-origin", signal: AbortSignal.timeout(ANSWER_MS),
  });
  if (!answer.ok) return; // who comes back to the page hears why
  const held = (await answer.json()).lease;
  if (held?.reviewer === review.elements.person.value) hold(answer, held);
  else await extend(); // what is not held is not extended: the answer says who has it, or what became of it
}

function more() {
  asked = true;
  return extend();
}

// Somebody else has the case, or it is decided: what is written is kept before anything is said, and stays on the page.
async function lose(problem) {
  gone = true;
  const kept = Boolean((await save())?.ok);
  const back = /:case-(claimed|not-held|reserved)$/.test(problem.type);
  const over = /:case-(closed|decided|for-others|conflict|experts-only)$/.test(problem.type);
  const box = one("[data-lost]");
  const said = box.querySelector("template").content.cloneNode(true);
  said.querySelector("[data-lost-why]").textContent = words(problem);
  said.querySelector("[data-lost-kept]").hidden = !kept || !back;
  said.querySelector("[data-lost-shown]").hidden = !kept || !over;
  said.querySelector("[data-lost-unkept]").hidden = kept;
  box.append(said);
  const release = one(`form[action="${review.dataset.review}/release"]`);
  for (const each of [lease, bar, release]) each.hidden = true;
  box.scrollIntoView({ block: "nearest" });
}

function show() {
  const left = Math.max(0, Math.floor((until - performance.now()) / 1000));
  const clock = one("[data-left]");
  clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  const text = one("[data-said]");
  const sentence = left ? text.dataset.said.replace("@", moment.format(ends)) : text.dataset.over;
  if (text.textContent !== sentence) text.textContent = sentence;
  lease.classList.toggle("rv-lease--soon", left <= WARN_S);
  const longest = ends >= last;
  const soon = left <= WARN_S;
  const which = !left ? "over" : longest && (soon || asked) ? "last" : soon ? "soon" : "";
  for (const warning of bar.querySelectorAll("[data-warning]")) {
    const silent = warning.dataset.warning !== which;
    if (warning.hidden !== silent) warning.hidden = silent;
  }
  const again = !left && longest;
  one("[data-again]").hidden = !again;
  one("[data-extend]").hidden = longest; // there is no more to be had
}

// Each tab that closes leaves the case, and one that stays takes the time again: whoever closes one of several is still
// there, and no tab has to know of the others, which may end without a word.
const tabs = review && new BroadcastChannel(`${review.dataset.review} ${review.elements.person.value}`);
tabs?.addEventListener("message", () => {
  touched = performance.now(); // so the next beat asks as well, should the leaving arrive after what is asked here
  setTimeout(() => extend().catch(() => {}), LEFT_MS);
});

if (review && lease) {
  for (const event of ["keydown", "pointerdown", "input", "scroll"]) {
    addEventListener(event, () => (touched = performance.now()), { passive: true });
  }
  setInterval(show, 1000);
  setInterval(() => (performance.now() - touched < IDLE_MS ? extend() : watch()).catch(() => {}), EVERY_MS); // the next beat asks again
  one("[data-extend]").addEventListener("click", (event) => {
    event.preventDefault(); // more time is asked for without leaving
    more().catch(() => {});
  });
  // What is in focus does not lie under the bar, nor when that grows by a warning. Whoever reads elsewhere stays there.
  new ResizeObserver(() => {
    document.documentElement.style.scrollPaddingBottom = `${bar.offsetHeight + 8}px`;
    const here = document.activeElement;
    const [box, over] = [here.getBoundingClientRect(), bar.getBoundingClientRect()];
    const covered = box.bottom > over.top && box.top < over.bottom;
    if (!gone && covered && review.contains(here)) here.scrollIntoView({ block: "nearest" });
  }).observe(bar);
  addEventListener("submit", (event) => (leaving = !event.defaultPrevented));
  // Whoever follows a link to the desk, or to another case, is still at work: there the time left is the time that was left.
  addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || link.target || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    leaving = link.origin === location.origin && /^\/(cases|snippets)/.test(link.pathname) && link.pathname !== location.pathname;
  });
  addEventListener("pagehide", () => {
    if (changed) send();
    if (leaving || gone) return;
    navigator.sendBeacon(`${review.dataset.review}/leave`, mine());
    tabs.postMessage("left");
  });
  // Browsers may end a page that is hidden without another word; and signing in again is done in another tab.
  document.addEventListener("visibilitychange", () => (document.hidden ? changed && send() : isEnded() && save()));
  addEventListener("pageshow", () => {
    leaving = false;
    extend();
  });

  review.addEventListener("input", () => {
    const now = performance.now();
    if (!changed) since = now;
    changed = true;
    clearTimeout(timer);
    timer = setTimeout(save, Math.min(SAVE_MS, Math.max(0, since + MOST_MS - now)));
  });

  // The page is left only with everything saved: if the session has ended, what it leads to would know nothing of it.
  let giving = false;
  let saved = false;
  review.addEventListener("submit", async (event) => {
    if (saved) return;
    event.preventDefault();
    const button = event.submitter;
    if (giving) return;
    giving = true;
    const answer = await save();
    giving = false;
    if (isEnded()) return ended.focus();
    if (answer?.status === 403) return; // it is said why, and what is written can still be copied
    saved = true;
    review.requestSubmit(button);
    saved = false;
  });
}

if (undo) setTimeout(() => undo.remove(), Number(undo.dataset.undo) * 1000);

// The keys: on or off, and which, as this browser's user chose.
const STORE = "shuangqian.desk.keys";
const panel = one("[data-keys]");
const fields = panel ? [...panel.querySelectorAll("input[data-act]")] : [];
const on = panel?.querySelector("input[data-on]");
const chosen = JSON.parse(localStorage.getItem(STORE) ?? "{}");
const taken = (key, by) => key && (/[\s\d]/.test(key) || fields.some((each) => each !== by && each.value === key));
// What advises a key names the one that was chosen; where it does nothing, the text says what it says without scripts.
function advise() {
  for (const text of document.querySelectorAll("[data-keyed]")) {
    const key = on.checked && fields.find((field) => field.dataset.act === text.dataset.act).value;
    text.dataset.plain ??= text.textContent;
    text.textContent = key ? text.dataset.keyed.replace("@", () => key) : text.dataset.plain;
  }
}
const usual = fields.map((field) => field.value);
for (const field of fields) field.value = chosen[field.dataset.act] ?? field.value;
// Before, two acts could be given one key: such a choice is none.
if (fields.some((field) => taken(field.value, field))) fields.forEach((field, index) => (field.value = usual[index]));
if (on) on.checked = chosen.on ?? true;
if (on) advise();
panel?.addEventListener("focusin", ({ target }) => (target.dataset.before = target.value));
panel?.addEventListener("change", ({ target }) => {
  const why = one("[data-taken]");
  why.textContent = "";
  if (target.dataset.act && taken(target.value, target)) {
    why.textContent = why.dataset.taken.replace("@", target.value);
    target.value = target.dataset.before;
  }
  if (target.dataset.act) target.dataset.before = target.value;
  const kept = Object.fromEntries(fields.map((field) => [field.dataset.act, field.value]));
  localStorage.setItem(STORE, JSON.stringify({ ...kept, on: on.checked }));
  advise();
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
  extend: () => review && lease && more().catch(() => {}),
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
  const mine = `[data-snippet][lang="${document.documentElement.lang}"]`;
  if (act) acts[act]();
  else if (/^[1-9]$/.test(event.key) && snippets?.contains(document.activeElement)) {
    const line = snippets.querySelectorAll("li")[event.key - 1];
    if (line) insert(line.querySelector(mine) ?? line.querySelector("[data-snippet]"));
  } else if (/^[0-5]$/.test(event.key)) {
    const group = groups.find((each) => each.contains(document.activeElement)) ?? groups[0];
    choose(group?.querySelector(`input[name^=score-][value="${event.key}"]`));
  } else return;
  event.preventDefault();
});
