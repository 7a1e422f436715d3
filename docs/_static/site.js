// Gives each cell of a table the heading of its column, which site.css shows where a row is a block of its own.
for (const table of document.querySelectorAll("table.docutils")) {
  const headings = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent.trim());
  for (const row of table.querySelectorAll("tbody tr")) {
    [...row.cells].forEach((cell, column) => {
      if (column > 0 && headings[column]) cell.dataset.heading = headings[column];
      cell.classList.toggle("empty", !cell.textContent.trim());
    });
  }
}
