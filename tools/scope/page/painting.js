// Draws the rows of a timeline on a canvas: axis, phases, marks, lanes, panels of values; whatever is narrower than a pixel is drawn once per pixel.
"use strict";

const AXIS = 24, PHASES = 22, MARKS = 20, LANE = 22, PANEL = 124, PANEL_LOW = 76, GAP = 6;
const STEPS = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 36000, 86400];
const FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", SMALL = "11px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
const TOTALS = ["SDP to SessionSetup", "SessionSetup to charging"];      // phases that lie over others: only in the table

// The rows from top to bottom with their places; a panel per unit.
function layoutRows(store, theme) {
  const rows = [{ type: "axis", height: AXIS }];
  if (store.phases.length) rows.push({ type: "phases", name: "phases", height: PHASES });
  for (const name of [CHECKPOINTS, EVENTS, MODEM]) if (store.rows.has(name)) rows.push({ type: "marks", name, height: MARKS });
  for (const lane of store.lanes) if (lane.visible) rows.push({ type: "lane", name: lane.name, lane, height: LANE });
  const units = [...new Set(store.series.map((s) => s.unit))].sort((a, b) => order(theme, a) - order(theme, b));
  for (const unit of units) {
    const series = store.series.filter((s) => s.unit === unit && s.visible);
    if (series.length) rows.push({ type: "panel", name: theme.panel[unit] || unit, unit, series, height: ["V", "A"].includes(unit) ? PANEL : PANEL_LOW });
  }
  let y = 0;
  for (const row of rows) {
    if (row.type === "panel") y += GAP;
    row.y = y;
    y += row.height;
  }
  rows.bottom = y + GAP;
  return rows;
}

function order(theme, unit) {
  const place = theme.units.indexOf(unit);
  return place < 0 ? theme.units.length : place;
}

class Painter {
  // `view`: {from, to} in s; `left`: width of the names; `width`: of the whole canvas, CSS pixels.
  constructor(context, theme, scheme) {
    this.c = context;
    this.theme = theme;
    this.scheme = scheme;
    this.colour = theme[scheme];
    this.widths = new Map();
  }

  place(view, left, width) {
    this.view = view;
    this.left = left;
    this.width = width;
    this.scale = (width - left) / (view.to - view.from);
  }

  x(t) { return this.left + (t - this.view.from) * this.scale; }
  t(x) { return this.view.from + (x - this.left) / this.scale; }

  all(store, rows, height, fitted) {
    const c = this.c;
    c.fillStyle = this.colour.card;
    c.fillRect(0, 0, this.width, height);
    for (const row of rows) this.ground(row);
    this.grid(rows);
    c.save();
    c.beginPath();
    c.rect(this.left, 0, this.width - this.left, height);
    c.clip();
    for (const row of rows) {
      if (row.type === "phases") this.phases(row, store.phases);
      else if (row.type === "marks") this.marks(row, store.rows.get(row.name));
      else if (row.type === "lane") this.lane(row, store.rows.get(row.name) || []);
      else if (row.type === "panel") this.panel(row, fitted);
    }
    c.restore();
    for (const row of rows) this.name(row);
  }

  ground(row) {
    const c = this.c;
    if (row.type === "panel") {
      c.fillStyle = this.colour.row;
      c.fillRect(this.left, row.y, this.width - this.left, row.height);
    }
    if (row.type === "lane" || row.type === "marks" || row.type === "phases") {
      c.fillStyle = this.colour.grid;
      c.fillRect(0, row.y + row.height - 1, this.width, 1);
    }
  }

  name(row) {
    if (!row.name) return;
    const c = this.c;
    c.font = FONT;
    c.fillStyle = this.colour.dim;
    c.textBaseline = "middle";
    const y = row.type === "panel" ? row.y + 10 : row.y + row.height / 2;
    c.fillText(this.fit(row.name, this.left - 14), 6, y);
    if (row.type === "panel") {
      c.fillStyle = this.colour.text;
      c.font = SMALL;
      c.fillText(row.unit, 6, row.y + 26);
    }
  }

  grid(rows) {
    const c = this.c, step = STEPS.find((s) => s * this.scale >= 74) || STEPS[STEPS.length - 1];
    const axis = rows[0];
    c.font = SMALL;
    c.textBaseline = "middle";
    for (let t = Math.ceil(this.view.from / step) * step; t <= this.view.to; t += step) {
      const x = Math.round(this.x(t));
      c.fillStyle = this.colour.grid;
      c.fillRect(x, axis.height - 6, 1, rows.bottom - axis.height);
      c.fillStyle = this.colour.dim;
      const text = clock(t, step);
      if (x + 4 + this.wide(text) < this.width) c.fillText(text, x + 4, axis.y + 10);
    }
  }

  phases(row, phases) {
    let until = -Infinity;
    for (const phase of phases) {
      if (TOTALS.includes(phase.name) || phase.from < until - 0.0005) continue;
      until = phase.to;
      const late = phase.limit_s !== null && phase.to - phase.from > phase.limit_s;
      const text = `${phase.name}  ${duration(phase.to - phase.from)}`;
      this.bar(row, phase.from, phase.to, this.hue(phase.name), text, late ? this.colour.bad : null);
    }
  }

  lane(row, marks) {
    const spans = row.lane.spans;
    let i = Math.max(0, firstObjectAfter(spans, this.view.from, "from") - 1), drawn = -1;
    for (; i < spans.length && spans[i].from <= this.view.to; i++) {
      const span = spans[i];
      if (span.to < this.view.from) continue;
      const x = this.x(span.to);
      if (x - drawn < 0.7) continue;             // many within a pixel: one of them stands for all
      this.bar(row, span.from, span.to, this.spanColour(row.name, span.text), span.text);
      drawn = x;
    }
    this.ticks(row, marks);
  }

  bar(row, from, to, colour, text, edge = null) {
    const c = this.c, x = Math.max(this.x(from), this.left - 4), wide = Math.max(Math.min(this.x(to), this.width + 4) - x, 1), y = row.y + 2, high = row.height - 5;
    c.fillStyle = colour;
    c.beginPath();
    if (wide > 6) c.roundRect(x, y, wide - 1, high, 3); else c.rect(x, y, wide, high);
    c.fill();
    if (edge) {
      c.strokeStyle = edge;
      c.lineWidth = 1.5;
      c.stroke();
    }
    const visible = Math.max(x, this.left);
    if (wide > 26) {
      c.font = SMALL;
      c.textBaseline = "middle";
      c.fillStyle = this.colour.text;
      c.fillText(this.fit(text, x + wide - visible - 8), visible + 4, y + high / 2 + 0.5);
    }
  }

  // Messages and frames of a lane: a tick each, at most one per pixel.
  ticks(row, marks) {
    const c = this.c, first = firstObjectAfter(marks, this.view.from - 1e-9, "t");
    const many = (firstObjectAfter(marks, this.view.to, "t") - first) * 4 > this.width - this.left;
    c.fillStyle = many ? this.colour.quiet : this.colour.text;       // a comb of bright teeth would outshine the values
    let drawn = -1;
    for (let i = first; i < marks.length && marks[i].t <= this.view.to; i++) {
      const x = Math.floor(this.x(marks[i].t));
      if (x === drawn) continue;
      drawn = x;
      c.fillRect(x, row.y + row.height - 4, 1, 3);
    }
  }

  marks(row, marks) {
    const c = this.c;
    c.font = SMALL;
    c.textBaseline = "middle";
    let drawn = -1, free = -1;
    for (let i = firstObjectAfter(marks, this.view.from - 1e-9, "t"); i < marks.length && marks[i].t <= this.view.to; i++) {
      const mark = marks[i], x = Math.floor(this.x(mark.t)), y = row.y + row.height / 2;
      if (mark.kind === "checkpoint") {
        const number = mark.text.split(" ")[0], room = x > free;
        if (x !== drawn) {                       // those without room for their number are short
          c.fillStyle = this.colour.good;
          c.fillRect(x, room ? row.y + 2 : row.y + row.height - 6, 1, room ? row.height - 5 : 3);
        }
        if (room) {
          c.fillStyle = this.colour.dim;
          c.fillText(number, x + 3, y);
          free = x + 8 + this.wide(number);
        }
      } else if (mark.kind === "error" || mark.kind === "warning" || mark.kind === "command") {
        if (x - drawn < 2 && mark.kind !== "error") continue;
        this.symbol(mark.kind, x, y);
      } else if (x !== drawn) {
        c.fillStyle = this.colour.quiet;
        c.fillRect(x, y - 2, 1, 5);
      }
      drawn = x;
    }
  }

  symbol(kind, x, y) {
    const c = this.c;
    c.beginPath();
    if (kind === "error") {
      c.moveTo(x, y - 6); c.lineTo(x + 6, y); c.lineTo(x, y + 6); c.lineTo(x - 6, y);
    } else if (kind === "warning") {
      c.moveTo(x, y - 5); c.lineTo(x + 5, y + 4); c.lineTo(x - 5, y + 4);
    } else c.arc(x, y, 4, 0, 7);
    c.closePath();
    c.fillStyle = kind === "error" ? this.colour.bad : kind === "warning" ? this.colour.wait : this.colour.box;
    c.fill();
  }

  // One unit: all its series on one scale.
  panel(row, fitted) {
    const c = this.c, top = row.y + 6, high = row.height - 12;
    let low = Infinity, great = -Infinity;
    for (const s of row.series) {
      const a = fitted ? Math.max(0, firstAfter(s.t, s.n, this.view.from) - 1) : 0, b = fitted ? firstAfter(s.t, s.n, this.view.to) : s.n;
      const [l, g] = s.range(a, b);
      low = Math.min(low, l);
      great = Math.max(great, g);
    }
    if (low > great) return;
    [low, great] = rounded(low, great, fitted);
    row.low = low;
    row.great = great;
    const y = (v) => top + high - (v - low) / (great - low) * high;
    row.yOf = y;
    const step = niceStep((great - low) / Math.max(2, Math.floor(high / 26)));
    c.font = SMALL;
    c.textBaseline = "middle";
    for (let v = Math.ceil(low / step) * step; v <= great + step / 1e6; v += step) {
      c.fillStyle = this.colour.line;
      c.fillRect(this.left, Math.round(y(v)), this.width - this.left, 1);
    }
    for (const s of row.series) this.line(s, y);
    for (let v = Math.ceil(low / step) * step; v <= great + step / 1e6; v += step) {
      const text = number(v);
      c.fillStyle = this.colour.row + "cc";
      c.fillRect(this.left + 1, Math.round(y(v)) - 6, this.wide(text) + 5, 12);
      c.fillStyle = this.colour.dim;
      c.fillText(text, this.left + 3, Math.round(y(v)));
    }
  }

  line(s, y) {
    const c = this.c;
    const a = Math.max(0, firstAfter(s.t, s.n, this.view.from) - 1), b = Math.min(s.n, firstAfter(s.t, s.n, this.view.to) + 1);
    if (b <= a) return;
    c.save();
    c.strokeStyle = this.colour[s.side] || this.colour.text;
    [c.lineWidth, c.globalAlpha] = lineStyle(s);
    c.setLineDash(dashes(s));
    c.lineJoin = "round";
    c.beginPath();
    if (b - a <= 2.5 * (this.width - this.left)) this.exactly(s, a, b, y); else this.perPixel(s, a, b, y);
    c.stroke();
    c.restore();
  }

  exactly(s, a, b, y) {
    const c = this.c;
    let on = false, height = 0;
    for (let i = a; i < b; i++) {
      const v = s.v[i];
      if (v !== v) {
        if (on && s.step) c.lineTo(this.x(s.t[i]), height);
        on = false;
        continue;
      }
      const x = this.x(s.t[i]);
      if (!on) c.moveTo(x, y(v));
      else if (s.step) { c.lineTo(x, height); c.lineTo(x, y(v)); } else c.lineTo(x, y(v));
      height = y(v);
      on = true;
    }
  }

  // Of each column of pixels: the first, least, greatest and last value.
  perPixel(s, a, b, y) {
    const c = this.c;
    let on = false, i = a;
    for (let x = this.left; x < this.width + 1 && i < b; x++) {
      const end = Math.min(b, firstAfter(s.t, b, this.t(x + 1), i));
      if (end <= i) continue;
      const [low, high] = s.range(i, end);
      if (low > high) { on = false; i = end; continue; }
      const first = s.v[i] === s.v[i] ? s.v[i] : low, last = s.v[end - 1];
      if (on) c.lineTo(x, y(first)); else c.moveTo(x, y(first));
      if (high > low) { c.lineTo(x, y(low)); c.lineTo(x, y(high)); }
      on = last === last;
      if (on) c.lineTo(x + 0.5, y(last));
      i = end;
    }
  }

  hue(name) {
    const hues = this.theme.hues[this.scheme], known = this.theme.phases[name.split(" (")[0]] ?? this.theme.phases[name];
    if (known !== undefined) return hues[known];
    let sum = 0;
    for (let i = 0; i < name.length; i++) sum = (sum * 31 + name.charCodeAt(i)) >>> 0;
    return hues[sum % hues.length];
  }

  spanColour(lane, text) {
    if (lane === "car V2G" || lane === "SLAC" || lane === "connection") return this.hue(text);
    for (const kind of ["bad", "wait", "good"]) {
      if (this.theme.words[kind].some((word) => text.includes(word))) return mixed(this.colour[kind], this.colour.card, kind === "bad" ? 0.75 : 0.42);
    }
    if (lane === "limited by") return mixed(this.colour[text.split(":")[0]] || this.colour.quiet, this.colour.card, 0.38);
    return this.hue(text);
  }

  wide(text) {
    const key = this.c.font + text;
    let width = this.widths.get(key);
    if (width === undefined) {
      if (this.widths.size > 5000) this.widths.clear();
      this.widths.set(key, width = this.c.measureText(text).width);
    }
    return width;
  }

  fit(text, width) {
    if (this.wide(text) <= width) return text;
    let keep = Math.floor(text.length * width / this.wide(text));
    while (keep > 0 && this.wide(text.slice(0, keep) + "…") > width) keep -= 1;
    return keep > 1 ? text.slice(0, keep) + "…" : "";
  }
}

// Measured values are drawn full, targets dashed, limits dotted.
function dashes(s) {
  return /Target/.test(s.name) ? [7, 4] : /Maximum|Minimum|Limit|limit/.test(s.name) ? [2, 4] : [];
}

function lineStyle(s) {
  return dashes(s).length ? [1.4, 0.85] : [1.8, 1];
}

function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((f) => f * power).find((step) => step >= rough) || 10 * power;
}

function rounded(low, great, fitted) {
  if (!fitted && low > 0 && low < great * 0.7) low = 0;
  const room = (great - low) * 0.04 || Math.abs(great) * 0.1 || 1;
  return [low === 0 ? 0 : low - room, great + room];
}

function number(v) {
  return Math.abs(v) >= 1000 ? v.toFixed(0) : String(+v.toPrecision(4));
}

// 75.25 -> 1:15.25; the digits follow the step of the axis.
function clock(t, step = 0.001) {
  const digits = Math.max(0, Math.min(4, -Math.floor(Math.log10(step) + 1e-9)));
  const sign = t < 0 ? "−" : "", all = Math.abs(+t.toFixed(digits));
  if (all < 60) return `${sign}${all.toFixed(digits)} s`;
  const h = Math.floor(all / 3600), m = Math.floor(all % 3600 / 60), s = (all % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  return h ? `${sign}${h}:${String(m).padStart(2, "0")}:${s}` : `${sign}${m}:${s}`;
}

function duration(s) {
  if (s < 0.9995) return `${(s * 1000).toFixed(s < 0.01 ? 1 : 0)} ms`;
  if (s < 60) return `${s.toFixed(2)} s`;
  return clock(s, 1) + (s < 3600 ? " min" : " h");
}

function mixed(colour, ground, share) {
  const part = (hex, i) => parseInt(hex.slice(1 + 2 * i, 3 + 2 * i), 16);
  return "#" + [0, 1, 2].map((i) => Math.round(part(colour, i) * share + part(ground, i) * (1 - share)).toString(16).padStart(2, "0")).join("");
}
