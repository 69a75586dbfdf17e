// The heads of tables that can be sorted become buttons, for the keyboard; what sorts is sortable.min.js.
"use strict";
for (const head of document.querySelectorAll("table.sortable > thead th")) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...head.childNodes);
  head.append(button);
}
