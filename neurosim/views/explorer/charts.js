"use strict";
// Charts in SVG at the page's own width, so that letters keep their size.

const SPACE = document.querySelector("svg").namespaceURI; // of SVG, which is written nowhere else
const LEFT = 44, RIGHT = 12, TOP = 20, BOTTOM = 34; // pixels about the plot

function element(name, attributes, parent, text) {
  const made = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent?.append(made);
  return made;
}

function scale(from, to, low, high) {
  const slope = (high - low) / (to - from);
  return Object.assign((value) => low + (value - from) * slope, { back: (at) => from + (at - low) / slope });
}

// The smallest of 1, 2 and 5 times a power of ten that is not below a number
function rounded(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((digit) => digit * power).find((bound) => bound >= most * (1 - 1e-9));
}

// Where an axis ends whose data reach so far
function bound(most) {
  const step = rounded(most / 6);
  return Number((Math.ceil(most / step - 1e-9) * step).toPrecision(6));
}

function ticks(low, high) {
  const step = rounded((high - low) / 6);
  const first = Math.ceil(low / step - 1e-9), count = Math.floor(high / step + 1e-9) - first;
  return Array.from({ length: count + 1 }, (_, i) => Number(((first + i) * step).toPrecision(6)));
}

// Draw what lies behind the data anew, and return the plot's measures; the data that were drawn stay.
function frame(svg, height, low, high, label) {
  const width = Math.max(240, svg.clientWidth);
  svg.setAttribute("height", height);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("aria-label", label);
  svg.querySelector(".frame")?.remove();
  const behind = element("g", { class: "frame", "aria-hidden": "true" }, null);
  svg.prepend(behind);
  const y = scale(low, high, height - BOTTOM, TOP);
  for (const value of ticks(low, high)) {
    const at = y(value), kind = value === 0 ? "grid zero" : "grid";
    element("line", { class: kind, x1: LEFT, x2: width - RIGHT, y1: at, y2: at }, behind);
    element("text", { class: "tick", x: LEFT - 6, y: at + 4, "text-anchor": "end" }, behind, tickText(value));
  }
  return { width, height, y, behind };
}

function tickText(value) {
  return value !== 0 && Math.abs(value) < 0.001 ? value.toExponential() : String(value);
}

// Bars from zero: each has id, value, name (below), text (at its end), kind (a class) and a title. A bar that is
// there already is moved, so that it keeps the focus.
function bars(svg, height, low, high, label, values) {
  const { width, y, behind } = frame(svg, height, low, high, label);
  element("text", { class: "tick", x: LEFT - 6, y: height - 12, "text-anchor": "end" }, behind, "neuron");
  const wanted = new Set(values.map((bar) => bar.id));
  for (const group of [...svg.querySelectorAll(".bar")]) if (!wanted.has(group.id)) group.remove();
  const step = (width - LEFT - RIGHT) / values.length, thick = Math.min(48, 0.72 * step);
  return values.map((bar, i) => {
    const group = svg.querySelector(`#${bar.id}`) ?? newBar(svg, bar.id);
    const middle = LEFT + (i + 0.5) * step, zero = y(0), at = y(Math.min(high, Math.max(low, bar.value)));
    const top = Math.min(at, zero), bottom = Math.max(at, zero);
    const place = (name, attributes, text) => {
      const piece = group.querySelector(`.${name}`);
      for (const [key, value] of Object.entries(attributes)) piece.setAttribute(key, value);
      if (text !== undefined) piece.textContent = text;
    };
    group.setAttribute("class", `bar ${bar.kind}`);
    group.dataset.value = String(bar.value);
    group.firstChild.textContent = bar.title;
    place("target", { x: middle - step / 2, y: TOP, width: step, height: height - BOTTOM - TOP });
    place("fill", { x: middle - thick / 2, y: top, width: thick, height: Math.max(1, bottom - top) });
    place("value", { x: middle, y: bar.value < 0 ? bottom + 12 : top - 5 }, bar.text);
    place("name", { x: middle, y: height - 12 }, bar.name);
    return group;
  });
}

function newBar(svg, id) {
  const group = element("g", { id }, svg);
  element("title", {}, group);
  element("rect", { class: "target" }, group);
  element("rect", { class: "fill" }, group);
  element("text", { class: "value", "text-anchor": "middle" }, group);
  element("text", { class: "name", "text-anchor": "middle" }, group);
  return group;
}

// Lines from 0 to 1 over log10 of the sharpness: each has values (pairs) and a kind (a class).
function curves(svg, height, from, to, label, lines, marker) {
  const { width, y, behind } = frame(svg, height, 0, 1, label);
  const x = scale(from, to, LEFT, width - RIGHT);
  for (let power = from; power <= to; power += 1) {
    const text = String(Number((10 ** -power).toPrecision(3)));
    element("text", { class: "tick", x: x(power), y: height - 16, "text-anchor": "middle" }, behind, text);
  }
  element("line", { class: "mark", x1: x(0), x2: x(0), y1: TOP, y2: height - BOTTOM }, behind);
  element("text", { class: "tick", x: x(0), y: TOP - 7, "text-anchor": "middle" }, behind, "b = e, plain softmax");
  for (const { kind, values } of lines) {
    const points = values.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    element("polyline", { class: `curve ${kind}`, points }, behind);
  }
  const now = x(Math.min(to, Math.max(from, marker)));
  element("line", { class: "now", x1: now, x2: now, y1: TOP, y2: height - BOTTOM }, behind);
}
