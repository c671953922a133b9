// Sort a table by its headings and filter its rows, see tables.py.
(() => {
  const box = document.currentScript.closest(".sortable");
  const body = box.querySelector("tbody");
  const rows = [...body.rows];
  const filter = box.querySelector("input");
  const says = box.querySelector("output");
  const orderOf = (row, n) => row.cells[n].dataset.order ?? row.cells[n].textContent;
  const compare = (a, b) => (a === "" || b === "" || isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b);

  box.querySelectorAll("th").forEach((heading, n) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const up = heading.getAttribute("aria-sort") !== "ascending";
      box.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", up ? "ascending" : "descending");
      const sorted = [...rows].sort((a, b) => (up ? 1 : -1) * compare(orderOf(a, n), orderOf(b, n)));
      body.append(...sorted);
    });
  });

  filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += !row.hidden;
    }
    says.textContent = `${shown} of ${rows.length}`;
  });
  box.querySelector(".sortable-filter").hidden = false;
})();
