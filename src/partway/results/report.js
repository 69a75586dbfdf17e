// Sorts, filters and opens the table of runs. Without it the page holds the same, and each run has its settings below.
"use strict";
(() => {
  const table = document.getElementById("runs-table");
  const runs = [...table.tBodies];
  const form = document.querySelector(".filter");
  const words = form.querySelector("input");
  const state = form.querySelector("select");
  const shown = form.querySelector("output");

  function valueOf(run, column) {
    const cell = run.rows[0].cells[column];
    const text = cell.dataset.value ?? cell.textContent.trim();
    return text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text;
  }

  // What is missing stands last, whichever way the rest is sorted.
  function compare(one, other, direction) {
    if (one === "" || other === "") return (one === "") - (other === "");
    if (typeof one === "number" && typeof other === "number") return direction * (one - other);
    return direction * String(one).localeCompare(String(other), "en", { numeric: true });
  }

  function sort(head) {
    const direction = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
    const column = head.cellIndex;
    runs.sort((one, other) => compare(valueOf(one, column), valueOf(other, column), direction));
    table.append(...runs);
  }

  function filter() {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const run of runs) {
      const cells = [...run.rows[0].cells].map((cell) => cell.textContent.toLowerCase());
      const found = wanted.every((word) => cells.some((cell) => cell.includes(word)));
      run.hidden = !found || (state.value !== "" && run.dataset.state !== state.value);
      count += run.hidden ? 0 : 1;
    }
    shown.textContent = `${count} of ${runs.length} runs`;
  }

  function button(text, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", () => act(made));
    return made;
  }

  // The name of a run opens its settings.
  function makeOpenable(run, number) {
    const more = run.querySelector(".more");
    const name = run.rows[0].cells[0];
    if (!more) return;
    more.hidden = true;
    more.id = `settings-${number}`;
    const toggle = button(name.textContent.trim(), (made) => {
      more.hidden = !more.hidden;
      more.querySelector("details").open = !more.hidden;
      made.setAttribute("aria-expanded", String(!more.hidden));
    });
    toggle.setAttribute("aria-expanded", "false");
    toggle.setAttribute("aria-controls", more.id);
    name.replaceChildren(toggle);
  }

  for (const head of table.tHead.rows[0].cells) {
    head.replaceChildren(button(head.textContent.trim(), () => sort(head)));
  }
  runs.forEach(makeOpenable);
  table.classList.add("openable");
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  filter();
})();
