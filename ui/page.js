// Runs once for each HTML block of the page, with `element` and `trigger` given by the page.
// Buttons and boxes carry data-op; folds carry data-key and stay as the shopper left them when their block is drawn
// anew, and so does the focus of the keyboard.
const folds = (window.crossaisleFolds ??= new Set());
const heard = (window.crossaisleHeard ??= { turn: "", length: 0 });
const turning = new Set(["say", "more", "compare"]);

// Where the session has ended, the page is loaded anew, once: it asks to sign in.
if (!window.crossaisleFetch) {
  window.crossaisleFetch = window.fetch;
  window.fetch = async (...asked) => {
    const answer = await window.crossaisleFetch(...asked);
    const ours = answer.url.startsWith(location.origin);
    if (answer.status === 401 && ours && Date.now() - Number(sessionStorage.getItem("crossaisleOut")) > 60_000) {
      sessionStorage.setItem("crossaisleOut", String(Date.now()));
      location.reload();
    }
    return answer;
  };
}

const send = (from) => {
  const { op, item, text } = from.dataset;
  trigger(turning.has(op) ? "say" : "act", { op, item, text });
};
let pressed = "";
element.addEventListener("click", (event) => {
  const summary = event.target.closest("summary");
  const fold = summary?.parentElement;
  if (fold?.dataset.key) {
    if (fold.open) folds.delete(fold.dataset.key);
    else folds.add(fold.dataset.key);
    return;
  }
  const button = event.target.closest("button[data-op]");
  const { op, item } = button?.dataset ?? {};
  const again = event.detail > 1 && pressed === `${op} ${item}`;
  pressed = `${op} ${item}`;
  if (!button || again) return; // a double click is one press
  send(button);
  // Pressed by keyboard, what starts a turn goes up into the past with its card: the next words go into the box.
  const box = turning.has(button.dataset.op) && event.detail === 0 && document.querySelector("#xa-words textarea");
  if (box) box.focus({ preventScroll: true });
});
element.addEventListener("change", (event) => {
  if (event.target.dataset.op) send(event.target);
});

// Where the keyboard was, in words that hold when the block is drawn anew.
let focused = "";
const place = (node) => {
  const turn = node.closest("[data-turn]")?.dataset.turn;
  const fold = node.closest("summary")?.parentElement.dataset.key;
  const own = fold ? `details[data-key="${CSS.escape(fold)}"] > summary` : node.dataset.op && `[data-op="${node.dataset.op}"]`;
  const item = !fold && node.dataset.item ? `[data-item="${CSS.escape(node.dataset.item)}"]` : "";
  return own ? `${turn && !fold ? `[data-turn="${turn}"] ` : ""}${own}${item}` : "";
};
element.addEventListener("focusin", (event) => (focused = place(event.target)));
element.addEventListener("focusout", (event) => {
  if (event.relatedTarget) focused = "";
});

// Screen readers hear each sentence of the answer once, when it is whole.
const tell = (turn) => {
  const log = document.getElementById("xa-log");
  const prose = turn.querySelector(".xa-prose");
  if (!log || !prose) return;
  if (heard.turn !== turn.dataset.turn) {
    heard.turn = turn.dataset.turn;
    heard.length = 0;
  }
  const text = prose.innerText;
  const end = prose.classList.contains("xa-writing") ? text.lastIndexOf("\n") + 1 : text.length;
  if (end <= heard.length) return;
  const line = document.createElement("p");
  line.textContent = text.slice(heard.length, end);
  heard.length = end;
  log.append(line);
  while (log.childElementCount > 40) log.firstElementChild.remove();
};

let latest = "";
// What is asked before something is done for good, with its buttons, comes into view when it is shown.
const asked = new ResizeObserver(([of]) => {
  if (of.contentRect.height) of.target.closest("#xa-sure")?.scrollIntoView({ block: "nearest" });
});
const settle = () => {
  const warning = element.querySelector(".xa-warning");
  if (warning) asked.observe(warning);
  const head = element.querySelector("[data-lang]");
  if (head && document.documentElement.lang !== head.dataset.lang) document.documentElement.lang = head.dataset.lang;
  for (const fold of element.querySelectorAll("details[data-key]")) {
    const open = folds.has(fold.dataset.key);
    if (fold.open !== open) fold.open = open;
  }
  for (const box of element.querySelectorAll("input[data-op]")) box.checked = box.hasAttribute("checked");
  if (focused && document.activeElement === document.body) element.querySelector(focused)?.focus({ preventScroll: true });
  const turns = element.querySelectorAll("[data-turn]");
  const last = turns[turns.length - 1];
  const thread = element.closest("#xa-thread");
  if (!last || !thread) return;
  if (element.closest("#xa-live")) tell(last);
  if (last.dataset.turn === latest) return;
  latest = last.dataset.turn;
  requestAnimationFrame(() => {
    const distance = last.getBoundingClientRect().top - thread.getBoundingClientRect().top;
    thread.scrollTo({ top: thread.scrollTop + distance - 8 });
  });
};
new MutationObserver(settle).observe(element, {
  childList: true,
  subtree: true,
  characterData: true,
  attributes: true,
  attributeFilter: ["open", "checked", "data-turn", "data-lang"],
});
settle();
