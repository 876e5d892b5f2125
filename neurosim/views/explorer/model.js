"use strict";
// The competition and the size of its steps, as numbers alone; `neurosim.layers.competition.SoftWTA` and
// `neurosim.layers.rules.SoftHebb` have the equations. Sharpness is 1 / temperature = ln(gain).

const LEAST_TEMPERATURE = 1e-30, MOST_TEMPERATURE = 3e38; // as SoftWTA takes them

// f(u): what of the potentials competes
function activated(potentials, activation) {
  const { name, exponent } = activation;
  if (name === "Softmax") return softmax(potentials.map((u) => u * exponent)).shares;
  if (name === "Identity") return potentials;
  const mean = potentials.reduce((sum, u) => sum + u, 0) / potentials.length;
  const threshold = name === "Triangle" ? mean : 0;
  return potentials.map((u) => Math.max(u - threshold, 0) ** (name === "Triangle" ? exponent : 1));
}

// Shares of exponentials relative to the largest, so that none is infinite; ties have the lowest index as winner.
function softmax(exponents) {
  const top = exponents.reduce((a, b) => Math.max(a, b), -Infinity);
  const weights = exponents.map((a) => Math.exp(a - top));
  const total = weights.reduce((sum, w) => sum + w, 0);
  let entropy = Math.log(total);
  weights.forEach((w, k) => { if (w > 0) entropy -= (w / total) * (exponents[k] - top); });
  return { shares: weights.map((w) => w / total), winner: exponents.indexOf(top), entropy: Math.max(0, entropy) };
}

// `layer` has potentials, activation, thresholds, and offsets: logarithms of a learned prior, which no temperature changes
function respond(layer, sharpness) {
  const drives = activated(layer.potentials, layer.activation);
  return softmax(drives.map((d, k) => sharpness * (d - layer.thresholds[k]) + layer.offsets[k]));
}

// Length of the step y (x - u w) of each neuron, times its rate; losers that unlearn have it with a minus.
// |x - u w|^2 = |x|^2 - 2 u (w x) + u^2 |w|^2, and w x = u.
function steps(layer, shares, winner, signed) {
  return shares.map((share, k) => {
    const u = layer.potentials[k], square = layer.norms[k] ** 2;
    if (share < layer.cutoff) return 0;
    const growth = layer.rates[k] * share, decay = growth * Math.abs(u);
    const shrunk = decay > layer.cap ? layer.cap / decay : 1;
    const length = Math.sqrt(Math.max(0, layer.square - 2 * u * u + u * u * square));
    return (signed && k !== winner ? -1 : 1) * growth * shrunk * length;
  });
}

// ---- numbers and their text: a gain may be beyond what a number holds, so it is written from its logarithm

function gainText(sharpness) {
  if (sharpness < 0.01) return String(1 + Number(Math.expm1(sharpness).toPrecision(4)));
  if (sharpness < Math.log(1e5)) return String(Number(Math.exp(sharpness).toPrecision(5)));
  const power = sharpness / Math.LN10, whole = Math.floor(power);
  const digits = (10 ** (power - whole)).toPrecision(4);
  return Number(digits) >= 10 ? `1e${whole + 1}` : `${Number(digits)}e${whole}`;
}

function temperatureText(sharpness) {
  return String(Number((1 / sharpness).toPrecision(5)));
}

// ln of a gain: 2.7, 1e434, e, e^100; NaN of what is none
function sharpnessOfGain(text) {
  const natural = /^e(?:\^(.+))?$/i.exec(text);
  if (natural) return natural[1] === undefined ? 1 : number(natural[1]);
  const decimal = /^([0-9.]+)e\+?([0-9]{1,6})$/i.exec(text);
  if (decimal && Number(decimal[2]) > 300) return Math.log(number(decimal[1])) + Number(decimal[2]) * Math.LN10;
  return Math.log(number(text));
}

function number(text) {
  return /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]{1,3})?$/i.test(text) ? Number(text) : NaN;
}

function percent(share) {
  if (share > 0.9995 && share < 1) return "> 99.9 %";
  if (share > 0 && share < 0.0005) return "< 0.1 %";
  return `${(100 * share).toFixed(1)} %`;
}
