// Gives each cell of a table with three columns or more the heading of its column, which site.css shows on a phone.
for (const table of document.querySelectorAll("table.docutils")) {
  const headings = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent.trim());
  for (const row of table.querySelectorAll("tbody tr")) {
    [...row.cells].forEach((cell, column) => {
      if (column > 0 && headings.length > 2 && headings[column]) cell.dataset.heading = headings[column];
      cell.classList.toggle("empty", !cell.textContent.trim());
    });
  }
}
