// The picture: details of what is pointed at, and a walk with the arrow keys. Without it there are titles and links.
const picture = document.getElementById("map");
const panel = document.getElementById("panel");
const nodes = picture ? all(".node", picture) : [];
const HEAD = 36; // of a VNet's box, above its clusters
let pinned = null;

function entry(term, ...values) {
  const [name, value] = [document.createElement("dt"), document.createElement("dd")];
  name.textContent = term;
  value.append(...values);
  return [name, value];
}

function fill(row) {
  const heads = all("thead th", row.closest("table")).map((head) => head.textContent);
  const [title, list, link, way] = ["h3", "dl", "a", "p"].map((name) => document.createElement(name));
  title.append(...row.cells[0].cloneNode(true).childNodes);
  if (row.dataset.why) list.append(...entry("Why", row.dataset.why));
  [...row.cells].slice(1).forEach((cell, column) => list.append(...entry(heads[column + 1], ...cell.cloneNode(true).childNodes)));
  link.href = `#${row.id}`;
  link.textContent = "To its row in the table";
  way.append(link);
  panel.querySelector(".inside").replaceChildren(title, list, way);
  panel.setAttribute("aria-label", `Details of ${row.cells[0].firstChild.textContent}`);
}

// The panel lies over the page, at the side where the thing itself is not.
function describe(node) {
  const row = document.getElementById(node.dataset.row);
  const at = node.getBoundingClientRect();
  fill(row);
  panel.classList.toggle("left", (at.left + at.right) / 2 > innerWidth / 2);
  panel.classList.toggle("top", (at.top + at.bottom) / 2 > innerHeight / 2);
  panel.hidden = false;
  panel.scrollTop = 0;
  const key = node.closest("[data-key]")?.dataset.key;
  all(".chosen, .lit", picture).forEach((other) => other.classList.remove("chosen", "lit"));
  node.classList.add("chosen");
  const line = all(".lines .peering", picture).find((other) => other.dataset.net === key);
  line?.classList.add("lit");
  if (line) line.parentNode.append(line);
}

function close() {
  panel.hidden = true;
  pinned = null;
  all(".chosen, .lit", picture).forEach((other) => other.classList.remove("chosen", "lit"));
}

// Where a node is, for the walk: a cluster or the hub as it is, a VNet at its head.
function spot(node, start = false) {
  const { x, y, width, height } = node.querySelector("rect").getBBox();
  return node.matches(".net") ? { x, y, w: start ? 40 : width, h: HEAD } : { x, y, w: width, h: height };
}

const gap = (a, length, b, other) => Math.max(0, b - (a + length), a - (b + other));

function neighbour(node, key) {
  const here = spot(node, true);
  const sideways = key === "ArrowLeft" || key === "ArrowRight";
  const ahead = {
    ArrowRight: (there) => there.x - here.x - here.w, ArrowLeft: (there) => here.x - there.x - there.w,
    ArrowDown: (there) => there.y - here.y - here.h, ArrowUp: (there) => here.y - there.y - there.h,
  }[key];
  let [best, least] = [null, Infinity];
  for (const other of nodes) {
    const there = spot(other);
    // From a VNet's head its own width would be in the way of going sideways.
    const along = key === "ArrowRight" && node.matches(".net") ? there.x - spot(node).x - spot(node).w : ahead(there);
    if (other === node || along < -1) continue;
    const across = sideways ? gap(here.y, here.h, there.y, there.h) : gap(here.x, here.w, there.x, there.w);
    const score = along + 3 * across + Math.abs(sideways ? there.y - here.y : there.x - here.x) / 1000;
    if (score < least) [best, least] = [other, score];
  }
  return best;
}

function end(node, event) {
  const group = event.ctrlKey ? nodes : all(".cluster", node.closest(".vnet") ?? picture);
  const among = group.length ? group : nodes;
  return event.key === "Home" ? among[0] : among.at(-1);
}

function walk(node, event) {
  if (event.altKey || event.metaKey || event.shiftKey) return;
  const next = event.key.startsWith("Arrow") ? neighbour(node, event.key) : ["Home", "End"].includes(event.key) ? end(node, event) : null;
  if (!next) return;
  event.preventDefault();
  nodes.forEach((other) => other.setAttribute("tabindex", other === next ? "0" : "-1"));
  pinned = null;
  next.focus();
}

nodes.forEach((node, place) => {
  node.setAttribute("tabindex", place ? "-1" : "0");
  node.querySelector("title")?.remove(); // the panel says it, and more
  node.addEventListener("mouseenter", () => { if (!pinned) describe(node); });
  node.addEventListener("focus", () => { if (node !== pinned) { pinned = null; describe(node); } });
  node.addEventListener("keydown", (event) => walk(node, event));
  node.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    describe(node);
    pinned = node;
    if (event.detail === 0) panel.focus(); // by the keyboard: it is read and walked from there
  });
});

if (picture) {
  const section = picture.closest("section");
  const left = (event) => { if (!pinned && !section.contains(event.relatedTarget)) close(); };
  section.addEventListener("mouseleave", (event) => { if (!document.activeElement?.closest?.(".node")) left(event); });
  section.addEventListener("focusout", left);
  section.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || panel.hidden) return;
    const back = panel.contains(document.activeElement) ? pinned : null;
    close();
    back?.focus();
    if (back) close();
  });
  panel.querySelector(".close").addEventListener("click", () => { const back = pinned; close(); back?.focus(); close(); });
  panel.addEventListener("click", (event) => { if (event.target.closest("a")) close(); });
  new IntersectionObserver(([seen]) => { if (!seen.isIntersecting) close(); }).observe(picture);
  // Where the picture is wider than the screen, begin at the hub.
  const [view, hub] = [picture.parentElement, picture.querySelector(".hub").getBoundingClientRect()];
  view.scrollLeft += (hub.left + hub.right) / 2 - view.getBoundingClientRect().left - view.clientWidth / 2;
}
