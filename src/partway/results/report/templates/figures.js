// The numbers of a figure's points, on hover and with the keyboard: Tab enters a figure, arrows go from point to point.
"use strict";
(() => {
  const NEAR = 28; // pixels: so near to the mouse is a point that it means
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;
  document.body.append(tip);
  let marked = null;

  const middle = (point) => {
    const { left, right, top, bottom } = point.getBoundingClientRect();
    return [(left + right) / 2, (top + bottom) / 2];
  };

  function hide() {
    marked?.classList.remove("told");
    marked = null;
    tip.hidden = true;
  }

  function show(point) {
    if (point === marked) return;
    hide();
    marked = point;
    point.classList.add("told");
    tip.textContent = point.getAttribute("aria-label");
    tip.hidden = false;
    place();
  }

  // Above the point, or below it where the window ends; never beyond its sides.
  function place() {
    if (!marked) return;
    const [x, y] = middle(marked);
    const { width, height } = tip.getBoundingClientRect();
    const last = document.documentElement.clientWidth - width - 8;
    tip.style.left = `${Math.max(8, Math.min(x - width / 2, last))}px`;
    tip.style.top = `${y - height - 14 < 8 ? y + 14 : y - height - 14}px`;
  }

  function nearest(points, event) {
    const distances = points.map((point) => Math.hypot(...middle(point).map((at, axis) => at - [event.clientX, event.clientY][axis])));
    const best = distances.indexOf(Math.min(...distances));
    return distances[best] <= NEAR ? points[best] : null;
  }

  function step(points, point, key) {
    const to = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[key];
    const place = key === "Home" ? 0 : key === "End" ? points.length - 1 : points.indexOf(point) + to;
    return points[Math.max(0, Math.min(points.length - 1, place))];
  }

  function move(points, event) {
    if (event.key === "Escape") return hide();
    if (!/^(Arrow|Home$|End$)/.test(event.key)) return;
    event.preventDefault();
    const next = step(points, event.target, event.key);
    event.target.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  }

  for (const svg of document.querySelectorAll("figure.chart svg")) {
    const titles = [...svg.querySelectorAll("title")];
    const points = titles.map((title) => title.parentElement);
    if (!points.length) continue;
    titles.forEach((title, place) => {
      points[place].setAttribute("aria-label", title.textContent);
      points[place].setAttribute("role", "img");
      points[place].setAttribute("tabindex", place ? "-1" : "0");
      title.remove(); // the browser's own tip would stand beside ours
    });
    svg.setAttribute("role", "group"); // an image has no parts that could be told
    svg.addEventListener("focusin", (event) => show(event.target));
    svg.addEventListener("focusout", hide);
    svg.addEventListener("keydown", (event) => move(points, event));
    svg.addEventListener("pointermove", (event) => {
      const point = nearest(points, event);
      if (point) show(point);
      else if (!svg.contains(document.activeElement)) hide();
    });
    svg.addEventListener("pointerleave", hide);
  }
  window.addEventListener("scroll", place, { passive: true, capture: true });
  window.addEventListener("keydown", (event) => event.key === "Escape" && hide());
})();
