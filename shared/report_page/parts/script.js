"use strict";
// Sorting, filtering and the panel. Without it everything is still there: tables, titles, links.
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

function sortable(table) {
  all("thead th", table).forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const rising = head.getAttribute("aria-sort") !== "ascending";
      all("th[aria-sort]", table).forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", rising ? "ascending" : "descending");
      const key = (row) => row.cells[column].dataset.key ?? row.cells[column].textContent.trim();
      const body = table.tBodies[0];
      const order = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
      const rows = [...body.rows].sort((one, other) => order.compare(key(one), key(other)) * (rising ? 1 : -1));
      body.append(...rows);
    });
  });
}

function filtered(form) {
  const table = document.getElementById(form.dataset.table);
  const [text, choice] = [form.elements.text, all("select", form)[0]];
  const apply = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = [...table.tBodies[0].rows].filter((row) => {
      const content = `${row.textContent} ${row.dataset.words ?? ""} ${all("[title]", row).map((cell) => cell.title).join(" ")}`.toLowerCase();
      const fits = words.every((word) => content.includes(word)) && (!choice.value || row.dataset[choice.name] === choice.value);
      row.hidden = !fits;
      return fits;
    });
    form.querySelector(".shown").textContent = `${shown.length} of ${table.tBodies[0].rows.length}`;
    if (table.id === "clusters-table") {
      const ids = new Set(shown.map((row) => row.id));
      all(".cluster").forEach((mark) => mark.classList.toggle("faint", !ids.has(`c${mark.dataset.cluster}`)));
    }
  };
  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  apply();
}

function describe(mark) {
  const panel = document.getElementById("panel");
  const row = document.getElementById(`c${mark.dataset.cluster}`);
  const heads = all("thead th", row.closest("table")).map((head) => head.textContent);
  const list = document.createElement("dl");
  [...row.cells].forEach((cell, column) => {
    const [term, value] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = heads[column];
    value.append(...[...cell.cloneNode(true).childNodes]);
    list.append(term, value);
  });
  panel.replaceChildren(list);
  panel.hidden = false;
  all(".cluster.chosen").forEach((other) => other.classList.remove("chosen"));
  mark.classList.add("chosen");
}

const marks = all(".cluster");
marks.forEach((mark, place) => {
  mark.setAttribute("tabindex", place ? "-1" : "0");
  mark.addEventListener("mouseenter", () => describe(mark));
  mark.addEventListener("focus", () => describe(mark));
  mark.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const next = step && marks[place + step];
    if (!next) return;
    event.preventDefault();
    marks.forEach((other) => other.setAttribute("tabindex", "-1"));
    next.setAttribute("tabindex", "0");
    next.focus();
  });
});
all("table.sortable").forEach(sortable);
all("form.filters").forEach(filtered);
