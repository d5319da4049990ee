// Runs once for each HTML block of the page, with `element` and `trigger` given by the page.
// Buttons carry data-op; folds carry data-key and stay as the shopper left them when their block is drawn anew.
const folds = (window.crossaisleFolds ??= new Set());

element.addEventListener("click", (event) => {
  const summary = event.target.closest("summary");
  if (summary) {
    const fold = summary.parentElement;
    if (fold.open) folds.delete(fold.dataset.key);
    else folds.add(fold.dataset.key);
    return;
  }
  const button = event.target.closest("button[data-op]");
  if (!button) return;
  if (button.dataset.op === "say") trigger("say", { text: button.dataset.text });
  else trigger("act", { op: button.dataset.op, item: button.dataset.item });
});

let latest = "";
const settle = () => {
  for (const fold of element.querySelectorAll("details[data-key]")) {
    const open = folds.has(fold.dataset.key);
    if (fold.open !== open) fold.open = open;
  }
  const turns = element.querySelectorAll("[data-turn]");
  const last = turns[turns.length - 1];
  const thread = element.closest("#xa-thread");
  if (!last || !thread || last.dataset.turn === latest) return;
  latest = last.dataset.turn;
  requestAnimationFrame(() => {
    const distance = last.getBoundingClientRect().top - thread.getBoundingClientRect().top;
    thread.scrollTo({ top: thread.scrollTop + distance - 8 });
  });
};
new MutationObserver(settle).observe(element, {
  childList: true,
  subtree: true,
  attributes: true,
  attributeFilter: ["open", "data-turn"],
});
settle();
