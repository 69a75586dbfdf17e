// Filters the table of runs and opens what is told of a run below its row. Without it all runs are told below the table.
"use strict";
(() => {
  const table = document.getElementById("runs-table");
  const form = document.querySelector(".filter");
  const [words, state, shown] = ["input", "select", "output"].map((kind) => form.querySelector(kind));
  const rows = [...table.tBodies[0].rows].map((row) => ({ row, text: row.textContent.toLowerCase() }));
  const told = new Map([...document.querySelectorAll("#run-details noscript")].map((it) => [it.dataset.run, it]));
  const opened = new Map(); // row of a run -> the row below it

  function filter() {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const { row, text } of rows) {
      const of_state = state.value === "" || row.dataset.state === state.value;
      row.hidden = !of_state || !wanted.every((word) => text.includes(word));
      if (opened.has(row)) opened.get(row).hidden = row.hidden;
      count += row.hidden ? 0 : 1;
    }
    shown.textContent = `${count} of ${rows.length} runs`;
  }

  // Whoever wrote the page escaped every name in this text; the page's policy lets no script in it run.
  function detailsOf(number) {
    const place = document.createElement("tr");
    place.className = "more";
    place.id = `run-${number}`;
    const cell = place.insertCell();
    cell.colSpan = table.tHead.rows[0].cells.length;
    cell.innerHTML = told.get(number).textContent;
    for (const link of cell.querySelectorAll("a.part")) {
      link.outerHTML = document.querySelector(`#${CSS.escape(link.hash.slice(1))} noscript`).textContent;
    }
    const details = cell.firstElementChild;
    details.removeAttribute("id");
    details.open = true;
    return place;
  }

  function toggle(button, row, number) {
    const open = !opened.has(row);
    if (open) {
      opened.set(row, detailsOf(number));
      row.after(opened.get(row));
    } else {
      opened.get(row).remove();
      opened.delete(row);
    }
    button.setAttribute("aria-expanded", String(open));
  }

  for (const { row } of rows) {
    const link = row.cells[0].querySelector("a");
    if (!link) continue;
    const number = link.hash.slice("#run-".length);
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.run = number;
    button.append(...link.childNodes);
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => toggle(button, row, number));
    link.replaceWith(button);
  }
  // A run's details are no row to sort: they are away while the others are moved.
  table.addEventListener("sort-start", () => opened.forEach((below) => below.remove()));
  table.addEventListener("sort-end", () => opened.forEach((below, row) => row.after(below)));

  function openAddressed() {
    const button = table.querySelector(`button[data-run="${CSS.escape(location.hash.replace("#run-", ""))}"]`);
    if (button?.getAttribute("aria-expanded") === "false") button.click();
    button?.scrollIntoView({ block: "center" });
  }

  document.getElementById("run-details").classList.add("in-table");
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", openAddressed);
  filter();
  openAddressed();
})();
