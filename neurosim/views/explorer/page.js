"use strict";
// The page itself: what is shown, and what is done to it.

const byId = (id) => document.getElementById(id);
const { chip, presets } = JSON.parse(byId("data").textContent);
const FROM = -3, TO = 3, MOST = 12, FEWEST = 2; // neurons of a row of one's own
const state = { layer: null, sharpness: 1, signed: false, selected: 0, shown: [], low: 0, high: 1, curves: null, own: false };

function ofPreset(potentials) {
  const all = (value) => potentials.map(() => value);
  return {
    potentials: [...potentials], thresholds: all(0), offsets: all(0), norms: all(1), rates: all(1), square: 1, cutoff: 0, cap: Number.MAX_VALUE,
    activation: { name: "Identity", exponent: 1 }, noSteps: "",
  };
}

// Take a layer, and show its strongest neurons: of a preset all of them, in their order.
function take(layer, own) {
  const order = layer.potentials.map((_, k) => k);
  if (own) order.sort((a, b) => layer.potentials[b] - layer.potentials[a]);
  const shown = order.slice(0, own ? (isNarrow() ? 8 : 10) : MOST), values = shown.map((k) => layer.potentials[k]);
  const least = Math.min(0, ...values), most = own ? bound((Math.max(0, ...values) || 1e-6) * 1.02) : 1;
  for (const name of ["potentials", "responses", "steps"]) byId(name).replaceChildren();
  Object.assign(state, {
    layer, own, shown, curves: null, selected: order[0],
    low: least < 0 ? -bound(-least) : 0, high: most,
  });
}

function limits(k) {
  const { layer } = state;
  const most = layer.noSteps ? Infinity : layer.norms[k] * Math.sqrt(layer.square); // |u| is at most |w| |x|
  return [Math.max(state.low, -most), Math.min(state.high, most)];
}

function setPotential(k, value) {
  const [low, high] = limits(k);
  state.layer.potentials[k] = Math.min(high, Math.max(low, value));
  state.curves = null;
  state.selected = k;
  pressed(null);
  draw();
}

function setSharpness(sharpness, source) {
  state.sharpness = sharpness;
  byId("message").textContent = "";
  for (const name of ["gain", "temperature"]) byId(name).removeAttribute("aria-invalid");
  draw(source);
}

function show(output, value, text) {
  byId(output).textContent = text;
  byId(output).dataset.value = String(value);
}

function draw(source) {
  const { layer, sharpness, signed, shown } = state;
  const { shares, winner, entropy } = respond(layer, sharpness);
  const lengths = layer.noSteps ? shares.map(() => 0) : steps(layer, shares, winner, signed);
  const rest = layer.potentials.map((_, k) => k).filter((k) => !shown.includes(k));
  drawPotentials(winner);
  drawResponses(shares, winner, rest);
  drawSteps(lengths, winner, rest);
  drawCurves();
  const most = Math.log(shares.length);
  show("entropy", entropy, entropy.toFixed(3));
  show("entropy-share", entropy / most, percent(entropy / most));
  show("effective", Math.exp(entropy), Math.exp(entropy).toFixed(2));
  show("neurons", shares.length, shares.length.toLocaleString("en"));
  show("winner", winner, String(winner));
  show("winner-share", shares[winner], percent(shares[winner]));
  show("lock", sharpness, String(Number(sharpness.toPrecision(5))));
  if (source !== "gain") byId("gain").value = gainText(sharpness);
  if (source !== "temperature") byId("temperature").value = temperatureText(sharpness);
  const slider = byId("sharpness"), power = Math.log10(sharpness);
  if (source !== "sharpness") slider.value = String(power);
  slider.setAttribute("aria-valuetext", `gain ${gainText(sharpness)}, temperature ${temperatureText(sharpness)}`);
}

function isNarrow() {
  return byId("potentials").clientWidth < 420; // bars stand closer than four digits are wide
}

function potentialText(u) {
  if (u !== 0 && Math.abs(u) < 0.005) return u.toExponential(0);
  if (Math.abs(u) >= 10) return u.toFixed(isNarrow() ? 0 : 1);
  return isNarrow() ? u.toFixed(2).replace("0.", ".") : u.toFixed(2);
}

function drawPotentials(winner) {
  const { layer, shown, low, high, selected } = state;
  const groups = bars(byId("potentials"), 190, low, high, "potentials", shown.map((k) => ({
    id: `potential-${k}`, value: layer.potentials[k], text: potentialText(layer.potentials[k]), name: String(k),
    kind: k === winner ? "draggable winner" : "draggable", title: `neuron ${k}: potential ${layer.potentials[k].toPrecision(4)}`,
  })));
  groups.forEach((group, i) => {
    const [least, most] = limits(shown[i]);
    const about = {
      role: "slider", tabindex: "0", "aria-label": `potential of neuron ${shown[i]}`, "aria-orientation": "vertical",
      "aria-valuemin": least, "aria-valuemax": most, "aria-valuenow": Number(layer.potentials[shown[i]].toPrecision(4)),
    };
    for (const [key, value] of Object.entries(about)) group.setAttribute(key, value);
  });
  byId("selected").textContent = String(selected);
  const field = byId("potential"), [least, most] = limits(selected);
  Object.assign(field, { min: String(least), max: String(most) });
  if (document.activeElement !== field) field.value = String(Number(layer.potentials[selected].toPrecision(4)));
  byId("potentials-unit").textContent = state.own ? "of the strongest neurons" : "cosine of weights and input";
  byId("add").disabled = state.own || shown.length >= MOST;
  byId("remove").disabled = state.own || shown.length <= FEWEST;
}

function sum(values, indices) {
  return indices.reduce((total, k) => total + Math.abs(values[k]), 0);
}

function withRest(name, values, rest, text, winner) {
  const ends = (k) => (k === winner ? "winner" : values[k] < 0 ? "unlearns" : "");
  const drawn = state.shown.map((k) => ({
    id: `${name}-${k}`, value: values[k], name: String(k), text: text(values[k]), kind: ends(k),
    title: `neuron ${k}: ${name} ${values[k].toPrecision(5)}`,
  }));
  if (rest.length) {
    const total = sum(values, rest), sign = values[rest[0]] < 0 && !rest.includes(winner) ? -1 : 1;
    const title = `${rest.length.toLocaleString("en")} other neurons: ${name} ${total.toPrecision(5)} together`;
    drawn.push({ id: `${name}-others`, value: sign * total, name: "rest", text: text(sign * total), kind: "others", title });
  }
  return drawn;
}

function short(share) {
  const digits = share < 0.0995 && !isNarrow() ? 1 : 0, text = (100 * share).toFixed(digits);
  return Number(text) === 0 ? "0" : `${text}%`;
}

function drawResponses(shares, winner, rest) {
  bars(byId("responses"), 180, 0, 1, "responses", withRest("response", shares, rest, short, winner));
}

function drawSteps(lengths, winner, rest) {
  const { layer, signed, own } = state;
  byId("plasticity").hidden = Boolean(layer.noSteps);
  byId("no-steps").hidden = !layer.noSteps;
  byId("no-steps").textContent = layer.noSteps;
  byId("plasticity-unit").textContent = own && layer.rated ? "step size |Δw|" : "step size |Δw|, in units of the rate η";
  byId("assumption").textContent = own
    ? `Norms, ${layer.rated ? "rates, " : ""}cutoff and cap are those of the layer; |x|² = ${Number(layer.square.toPrecision(4))}.`
    : "Here weights and input have norm one, as after learning, and η is the same for all.";
  const total = lengths.reduce((all, size) => all + Math.abs(size), 0) || 1; // where nobody learns all shares are 0
  const drawn = withRest("step", lengths, rest, (size) => short(Math.abs(size) / total), winner);
  const most = bound((Math.max(...drawn.map((bar) => Math.abs(bar.value))) || 1e-12) * 1.02);
  bars(byId("steps"), 190, signed ? -most : 0, most, "step sizes", drawn);
  show("winner-step", Math.abs(lengths[winner]) / total, percent(Math.abs(lengths[winner]) / total));
}

function drawCurves() {
  if (state.curves === null) {
    const most = Math.log(state.layer.potentials.length), winner = [], entropy = [];
    for (let step = 10 * FROM; step <= 10 * TO; step += 1) {
      const answer = respond(state.layer, 10 ** (step / 10));
      winner.push([step / 10, answer.shares[answer.winner]]);
      entropy.push([step / 10, answer.entropy / most]);
    }
    state.curves = [
      { kind: "winner", values: winner },
      { kind: "entropy", values: entropy },
    ];
  }
  const label = "winner's share, and entropy as a share of ln K, over the temperature, for these potentials";
  curves(byId("curves"), 170, FROM, TO, label, state.curves, Math.log10(state.sharpness));
}

function pressed(button) {
  for (const other of document.querySelectorAll(".buttons button")) other.setAttribute("aria-pressed", String(other === button));
  byId("note").classList.toggle("past", button === null); // its lines stay, or what is dragged would move
}

function buttonFor(parent, id, text, action) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", id, textContent: text });
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => { action(); pressed(button); });
  byId(parent).append(button);
}

function begin() {
  presets.forEach(({ id, name, potentials, sharpness, note }) => buttonFor("presets", `preset-${id}`, name, () => {
    if (potentials.length) take(ofPreset(potentials), false);
    setSharpness(sharpness);
    byId("note").textContent = note;
  }));
  byId("chip-text").textContent = chip.text;
  byId("chip-command").textContent = chip.command;
  document.querySelector("main").classList.toggle("with-chip", chip.samples.length > 0);
  chip.samples.forEach(({ name, layer }, i) => buttonFor("samples", `sample-${i}`, name, () => {
    take({ ...chip.layer, ...layer, potentials: [...layer.potentials] }, true);
    state.signed = byId("signed").checked = chip.signed;
    setSharpness(chip.sharpness ?? state.sharpness);
    byId("note").textContent = "";
  }));
  take(ofPreset(presets[0].potentials), false);
  listen();
  byId(chip.samples.length ? "sample-0" : `preset-${presets[0].id}`).click();
}

function listen() {
  byId("sharpness").addEventListener("input", (event) => {
    pressed(null);
    setSharpness(10 ** Number(event.target.value), "sharpness");
  });
  const fields = { gain: [sharpnessOfGain, "a number above 1, such as 20, 1e12 or e^100"], temperature: [(text) => 1 / number(text), "a positive number"] };
  for (const [name, [read, rule]] of Object.entries(fields)) {
    byId(name).addEventListener("input", (event) => {
      const sharpness = read(event.target.value.trim());
      if (!(sharpness >= 1 / MOST_TEMPERATURE && sharpness <= 1 / LEAST_TEMPERATURE)) {
        event.target.setAttribute("aria-invalid", "true");
        byId("message").textContent = `The ${name} must be ${rule}.`;
        return;
      }
      pressed(null);
      setSharpness(sharpness, name);
    });
    byId(name).addEventListener("blur", () => setSharpness(state.sharpness)); // what is shown is what is computed
  }
  byId("signed").addEventListener("change", (event) => { state.signed = event.target.checked; draw(); });
  byId("potential").addEventListener("input", (event) => {
    const value = number(event.target.value);
    if (Number.isFinite(value)) setPotential(state.selected, value);
  });
  byId("potential").addEventListener("blur", () => draw());
  byId("add").addEventListener("click", () => resize([...state.layer.potentials, 0.5]));
  byId("remove").addEventListener("click", () => resize(state.layer.potentials.slice(0, -1)));
  listenToBars(byId("potentials"));
  new ResizeObserver(() => draw()).observe(byId("potentials"));
}

function resize(potentials) {
  take(ofPreset(potentials), false);
  pressed(null);
  draw();
}

function listenToBars(svg) {
  const keys = { ArrowUp: 0.01, ArrowRight: 0.01, ArrowDown: -0.01, ArrowLeft: -0.01, PageUp: 0.1, PageDown: -0.1, Home: -Infinity, End: Infinity };
  let dragged = null;
  const of = (target) => { const bar = target.closest(".bar"); return bar && Number(bar.id.slice("potential-".length)); };
  const move = (event) => {
    const y = scale(state.low, state.high, 190 - BOTTOM, TOP);
    setPotential(dragged, y.back(event.clientY - svg.getBoundingClientRect().top));
  };
  svg.addEventListener("focusin", (event) => { state.selected = of(event.target) ?? state.selected; draw(); });
  svg.addEventListener("keydown", (event) => {
    const k = of(event.target), step = keys[event.key];
    if (k === null || step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const far = state.high - state.low;
    setPotential(k, state.layer.potentials[k] + step * far);
  });
  svg.addEventListener("pointerdown", (event) => {
    dragged = of(event.target);
    if (dragged === null || event.button !== 0) { dragged = null; return; }
    svg.setPointerCapture(event.pointerId);
    event.preventDefault();
    byId(`potential-${dragged}`).focus({ preventScroll: true });
    move(event);
  });
  svg.addEventListener("pointermove", (event) => { if (dragged !== null) move(event); });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) svg.addEventListener(name, () => { dragged = null; });
}

begin();
