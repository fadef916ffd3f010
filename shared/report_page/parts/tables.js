"use strict";
// Sorting, filtering, long tables. Without it everything is still there: tables, links, and the rest folded away.
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const changed = (element) => element.dispatchEvent(new Event("changed"));

function sortable(table) {
  all("thead th", table).forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    // Browsers repeat a table's head on every sheet of paper, but none with buttons in it.
    table.addEventListener("printing", (event) => head.replaceChildren(event.detail ? button.textContent : button));
    button.addEventListener("click", () => {
      const rising = head.getAttribute("aria-sort") !== "ascending";
      all("th[aria-sort]", table).forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", rising ? "ascending" : "descending");
      const key = (row) => row.cells[column].dataset.key ?? row.cells[column].textContent.trim();
      const order = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
      const rows = [...table.tBodies[0].rows].map((row) => [key(row), row]);
      rows.sort((one, other) => order.compare(one[0], other[0]) * (rising ? 1 : -1));
      table.tBodies[0].append(...rows.map(([, row]) => row));
      changed(table);
    });
  });
}

// The rows that are folded away join the others; a button asks for them, and the filters look at all.
function joined(table) {
  const rest = document.querySelector(`details.rest[data-table="${table.id}"]`);
  if (!rest) return;
  table.tBodies[0].append(...all("tbody > tr", rest));
  rest.remove();
}

const words = new WeakMap();
function wordsOf(row) {
  if (!words.has(row)) words.set(row, `${row.textContent} ${row.dataset.words ?? ""} ${all("[title]", row).map((cell) => cell.title).join(" ")}`.toLowerCase());
  return words.get(row);
}

function long(table) {
  const form = document.querySelector(`form[data-table="${table.id}"]`);
  const selects = form ? all("select", form) : [];
  const [foot, shown, more] = ["p", "span", "button"].map((name) => document.createElement(name));
  const first = () => Math.min(Number(table.dataset.first), matchMedia("(max-width: 640px)").matches ? 10 : Infinity);
  const state = { open: false, touched: false };
  const asked = () => (form?.elements.text.value ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const chosen = (row) => selects.every((select) => !select.value || select.value.split(" ").includes(row.dataset[select.name]));

  function apply() {
    const [rows, terms] = [[...table.tBodies[0].rows], asked()];
    const fits = rows.filter((row) => chosen(row) && terms.every((term) => wordsOf(row).includes(term)));
    const seen = new Set(state.open || state.printing ? fits : fits.slice(0, first()));
    rows.forEach((row) => { row.hidden = !seen.has(row); });
    // Our own choice at the beginning ends with a second click: first all that fit it, then all.
    const ours = state.touched ? null : selects.find((select) => select.value);
    state.fitting = seen.size < fits.length;
    const wanted = ours && !state.fitting ? rows.length : fits.length;
    shown.textContent = `${seen.size} of ${rows.length} shown`;
    more.textContent = `Show all ${wanted}${ours && state.fitting ? ` ${ours.selectedOptions[0].textContent}` : ""}`;
    more.hidden = seen.size >= wanted;
    foot.hidden = !form && more.hidden;
    if (table.id === "clusters-table") dim(state.touched ? new Set(fits.map((row) => row.id)) : null);
  }
  function begin() {
    selects.forEach((select) => { select.value = select.dataset.start ?? ""; });
  }
  function open() {
    if (!state.touched && !state.fitting) selects.forEach((select) => { select.value = ""; });
    state.open = true;
    apply();
  }
  shown.setAttribute("role", "status");
  foot.className = "foot";
  shown.className = "shown soft";
  more.type = "button";
  more.addEventListener("click", open);
  foot.append(shown, more);
  table.closest(".scroll").after(foot);
  table.addEventListener("changed", apply);
  table.addEventListener("printing", (event) => { state.printing = event.detail; apply(); });
  if (form) {
    form.hidden = false;
    form.addEventListener("input", (event) => {
      // Whoever types looks for something in all of them, not only in what we chose to show first.
      if (!state.touched && event.target.name === "text") selects.forEach((select) => { select.value = ""; });
      state.touched = asked().length > 0 || selects.some((select) => select.value);
      if (!state.touched && !state.open && event.target.name === "text") begin();
      apply();
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    form.reset();
    begin();
  }
  apply();
}

function dim(ids) {
  all(".cluster").forEach((mark) => mark.classList.toggle("faint", ids !== null && !ids.has(mark.dataset.row)));
}

// A link may lead to a row that is not shown, or into something folded.
function reveal(hash) {
  const target = hash.length > 1 && document.getElementById(decodeURIComponent(hash.slice(1)));
  if (!target) return;
  if (target.matches("tr")) target.hidden = false;
  for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
}

all("table.sortable").forEach((table) => { joined(table); sortable(table); long(table); });
document.addEventListener("click", (event) => {
  const link = event.target.closest?.('a[href^="#"]');
  if (link && !event.defaultPrevented) reveal(link.getAttribute("href"));
});
function arrive() {
  reveal(location.hash);
  document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}
addEventListener("hashchange", arrive);
if (location.hash) arrive();
