// Sort a table by its headings and filter its rows, see tables.py.
// Inlined with the table, so that it works wherever the table is shown.
"use strict";
(() => {
  const compare = (a, b) => (a === "" || b === "" || isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b);
  const orderOf = (row, n) => row.cells[n].dataset.order ?? row.cells[n].textContent;

  function activate(box) {
    const body = box.querySelector("tbody");
    const rows = [...body.rows];
    const headings = [...box.querySelectorAll("th")];
    const filter = box.querySelector("input");

    headings.forEach((heading, n) => {
      if (!heading.textContent.trim()) return; // nothing to name a button by
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const up = heading.getAttribute("aria-sort") !== "ascending";
        headings.forEach((other) => other.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", up ? "ascending" : "descending");
        rows.sort((a, b) => (up ? 1 : -1) * compare(orderOf(a, n), orderOf(b, n)));
        body.append(...rows);
      });
    });

    filter.addEventListener("input", () => {
      const words = filter.value.toLowerCase().split(/\s+/);
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }
      const shown = rows.filter((row) => !row.hidden).length;
      box.querySelector("output").textContent = `${shown} of ${rows.length}`;
    });
    box.querySelector(".sortable-filter").hidden = false;
    box.classList.add("active");
  }

  document.querySelectorAll(".sortable:not(.active)").forEach(activate);
})();
