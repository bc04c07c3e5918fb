"use strict";
(() => {
  const table = document.getElementById("questions-table");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const find = document.getElementById("find");
  const show = document.getElementById("show");
  const shown = document.getElementById("shown");
  const words = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));

  const filter = () => {
    const wanted = find.value.trim().toLowerCase();
    let count = 0;
    for (const row of rows) {
      row.hidden = !(words.get(row).includes(wanted) && (!show.value || row.dataset.outcome === show.value));
      if (!row.hidden) count += 1;
    }
    shown.textContent = count + " shown";
  };

  const key = (row, column) => {
    const cell = row.cells[column];
    if (!("v" in cell.dataset)) return cell.textContent;
    return cell.dataset.v === "" ? null : Number(cell.dataset.v);
  };

  const sort = (head) => {
    const column = head.cellIndex;
    const falling = head.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const order = rows.map((row) => [key(row, column), row]);
    order.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      const difference = typeof a === "number" ? a - b : a.localeCompare(b, undefined, { numeric: true });
      return falling ? -difference : difference;
    });
    body.append(...order.map(([, row]) => row));
  };

  for (const head of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(head));
    head.append(button);
  }
  find.addEventListener("input", filter);
  show.addEventListener("change", filter);
  find.closest(".controls").hidden = false;
})();
