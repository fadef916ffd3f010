// On paper nothing can be unfolded: everything is open, and tables are whole; what was not asked for stays out.
let folded = [];
function printing(on) {
  all("table.sortable").forEach((table) => table.dispatchEvent(new CustomEvent("printing", { detail: on })));
  if (on) folded = all("details:not([open])");
  folded.forEach((fold) => { fold.open = on; });
}
addEventListener("beforeprint", () => printing(true));
addEventListener("afterprint", () => printing(false));
