// class Timeline(element, model, options): a zoomable timeline of one session in any element; `append(delta)` lets a live one grow.
// options: theme (theme.json, needed), scheme ("dark" | "light" | a function that says which), follow (true: the view stays at the end), maxMarks, maxPoints.
"use strict";

const NEAR = 6;                                  // CSS pixels within which a mark is meant
const RANK = { error: 0, warning: 1, command: 2, checkpoint: 3, message: 4, frame: 5 };
const CHARGING = ["CurrentDemand", "ChargingStatus", "DC_ChargeLoop", "AC_ChargeLoop"];
const LEAST_VIEW = 0.002;                        // s across the whole width

class Timeline {
  constructor(element, model, options = {}) {
    this.element = element;
    this.options = options;
    this.theme = options.theme;
    this.store = new Store(model, options);
    this.view = { from: 0, to: 1 };
    this.cursors = { a: null, b: null };
    this.follow = options.follow === true;
    this.fitted = false;
    this.hover = null;                           // {t, x, y} under the pointer
    element.classList.add("timeline");
    element.replaceChildren();
    this.legend = made("div", "legend", element);
    const stage = made("div", "stage", element);
    this.stage = stage;
    this.canvas = made("canvas", "data", stage);
    this.over = made("canvas", "over", stage);
    this.over.tabIndex = 0;
    this.over.setAttribute("role", "img");
    this.over.setAttribute("aria-label", "timeline: arrows pan, plus and minus zoom, 0 shows all, a and b set cursors, n and p go to events");
    this.tip = made("div", "tip", stage);
    this.tip.hidden = true;
    this.readout = made("table", "readout", element);
    this.fit();
    this.hands = new Hands(this);
    this.buildLegend();
    this.resize();
    this.draw();                                 // the hands need its places before the first frame
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(element);
  }

  // --- for others -------------------------------------------------------------------------------------------------

  // Only what is new, in the shape of the neutral model. Unknown lanes and series become new rows.
  append(delta) {
    const whole = this.view.to >= this.store.about.duration_s * 1.0001 && this.view.from <= 0;
    const rows = this.store.lanes.length + this.store.series.length + this.store.rows.size;
    this.store.append(delta);
    if (whole) this.fit(); else if (this.follow) this.pan(this.end() - this.view.to);
    if (rows !== this.store.lanes.length + this.store.series.length + this.store.rows.size) {
      this.buildLegend();
      this.resize();
    }
    this.redraw();
  }

  destroy() {
    this.observer.disconnect();
    this.hands.release();
    this.element.replaceChildren();
  }

  fit() { this.show(0, this.end()); }

  // From the plug to the first ampere: what most questions are about.
  setup() {
    const charging = this.store.phases.find((p) => CHARGING.includes(p.name));
    this.show(-0.3, charging ? charging.from + 3 : this.end());
  }

  ending() {
    const charging = this.store.phases.filter((p) => CHARGING.includes(p.name)).pop();
    this.show(charging ? charging.to - 4 : this.end() - 10, this.end());
  }

  end() { return Math.max(this.store.about.duration_s * 1.01, LEAST_VIEW); }

  show(from, to) {
    const wide = Math.max(LEAST_VIEW, to - from), most = Math.max(this.end() * 1.2, 1);
    const width = Math.min(wide, most);
    let left = from - (width - wide) / 2;
    left = Math.max(-0.1 * most, Math.min(left, most - width * 0.1));
    this.view = { from: left, to: left + width };
    this.redraw();
  }

  zoom(factor, at = (this.view.from + this.view.to) / 2) {
    const to = at + (this.view.to - at) * factor, from = at - (at - this.view.from) * factor;
    this.show(from, to);
  }

  pan(by) { this.show(this.view.from + by, this.view.to + by); }

  setCursor(name, t) {
    this.cursors[name] = t;
    this.redraw();
  }

  // The event (error, warning, command, checkpoint) after or before a time, or null.
  event(t, forward) {
    let best = null;
    for (const mark of [...(this.store.rows.get(EVENTS) || []), ...(this.store.rows.get(CHECKPOINTS) || [])]) {
      if (forward ? mark.t > t + 1e-6 && (!best || mark.t < best.t) : mark.t < t - 1e-6 && (!best || mark.t > best.t)) best = mark;
    }
    return best;
  }

  goto(t, width = Math.min(4, this.view.to - this.view.from)) {
    this.cursors.a = t;
    this.show(t - width / 2, t + width / 2);
  }

  // --- drawing ----------------------------------------------------------------------------------------------------

  scheme() {
    const said = typeof this.options.scheme === "function" ? this.options.scheme() : this.options.scheme;
    return said === "light" ? "light" : "dark";
  }

  resize() {
    const width = Math.max(220, this.stage.clientWidth), ratio = window.devicePixelRatio || 1;
    this.rows = layoutRows(this.store, this.theme);
    this.width = width;
    this.left = width < 560 ? 74 : 128;
    this.height = this.rows.bottom;
    for (const canvas of [this.canvas, this.over]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(this.height * ratio);
      canvas.style.height = `${this.height}px`;
      canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    this.redraw();
  }

  redraw() {
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.pending);
    this.pending = 0;
    const began = performance.now(), scheme = this.scheme();
    if (!this.painter || this.painter.scheme !== scheme) this.painter = new Painter(this.canvas.getContext("2d"), this.theme, scheme);
    this.painter.place(this.view, this.left, this.width);
    this.painter.all(this.store, this.rows, this.height, this.fitted);
    this.drawOver();
    this.lastDraw = performance.now() - began;
    if (this.options.onview) this.options.onview(this);
  }

  // Cursors and what is under the pointer: a canvas of its own, so that moving costs nothing.
  drawOver() {
    const c = this.over.getContext("2d"), colour = this.theme[this.scheme()], p = this.painter;
    c.clearRect(0, 0, this.width, this.height);
    c.font = SMALL;
    c.textBaseline = "middle";
    const { a, b } = this.cursors;
    if (a !== null && b !== null) {
      const x = Math.max(this.left, p.x(Math.min(a, b))), end = Math.min(this.width, p.x(Math.max(a, b)));
      c.fillStyle = colour.shade;
      if (end > x) c.fillRect(x, 0, end - x, this.height);
    }
    for (const name of ["a", "b"]) {
      const t = this.cursors[name];
      if (t === null) continue;
      const x = Math.round(p.x(t));
      if (x < this.left || x > this.width) continue;
      c.fillStyle = colour[name];
      c.fillRect(x, 0, 1, this.height);
      c.fillRect(x - 7, 0, 15, 15);
      c.fillStyle = colour.ground;
      c.fillText(name.toUpperCase(), x - 4, 8);
    }
    if (this.hover && this.hover.x >= this.left) {
      c.fillStyle = colour.dim;
      c.fillRect(Math.round(this.hover.x), 0, 1, this.height);
      const text = clock(this.hover.t);
      const wide = c.measureText(text).width + 8, x = Math.min(this.hover.x + 2, this.width - wide);
      c.fillStyle = colour.text;
      c.fillRect(x, 0, wide, 15);
      c.fillStyle = colour.ground;
      c.fillText(text, x + 4, 8);
    }
    this.fillReadout();
  }

  // --- legend and values ------------------------------------------------------------------------------------------

  buildLegend() {
    this.legend.replaceChildren();
    for (const series of this.store.series) this.chip(series, series.name, series.side, lineKind(series));
    for (const lane of this.store.lanes) this.chip(lane, lane.name, "lane", "bar");
  }

  chip(what, name, side, kind) {
    const chip = made("button", `chip ${side} ${kind}`, this.legend);
    chip.type = "button";
    made("i", "", chip);
    made("span", "", chip).textContent = name;
    chip.title = side === "lane" ? "show or hide this lane" : `told by the ${side}; show or hide`;
    const tell = () => chip.setAttribute("aria-pressed", String(what.visible));
    tell();
    chip.addEventListener("click", () => {
      what.visible = !what.visible;
      tell();
      this.resize();
    });
  }

  fillReadout() {
    const { a, b } = this.cursors, here = this.hover ? this.hover.t : null;
    const columns = [["here", here], ["A", a], ["B", b]].filter(([, t]) => t !== null);
    if (!columns.length) {
      this.readout.hidden = true;
      return;
    }
    this.readout.hidden = false;
    const both = a !== null && b !== null;
    const head = ["", ...columns.map(([name, t]) => `${name}  ${clock(t)}`), ...(both ? [`B − A  ${duration(Math.abs(b - a))}`] : [])];
    const lines = [head];
    for (const s of this.store.series) {
      if (!s.visible) continue;
      const values = columns.map(([, t]) => s.at(t));
      if (values.every((v) => v !== v) && !both) continue;
      const cells = values.map((v) => v === v ? `${number(v)} ${s.unit}` : "–");
      if (both) {
        const step = s.at(b) - s.at(a);
        cells.push(step === step ? `${step > 0 ? "+" : ""}${number(step)} ${s.unit}` : "–");
      }
      lines.push([s.name, ...cells]);
    }
    const key = JSON.stringify(lines);
    if (key === this.told) return;
    this.told = key;
    this.readout.replaceChildren(...lines.map((cells, i) => {
      const line = document.createElement("tr");
      for (const text of cells) made(i ? "td" : "th", "", line).textContent = text;
      return line;
    }));
  }

  // --- what is under the pointer ----------------------------------------------------------------------------------

  under(x, y) {
    const row = this.rows.find((r) => y >= r.y && y < r.y + r.height);
    if (!row || x < this.left) return null;
    const t = this.painter.t(x), reach = NEAR / this.painter.scale;
    if (row.type === "lane" || row.type === "marks") {
      const mark = nearest(this.store.rows.get(row.name) || [], t, reach);
      const span = row.lane ? row.lane.spans[firstObjectAfter(row.lane.spans, t, "from") - 1] : null;
      return { row, mark, span: span && span.to >= t ? span : null };
    }
    if (row.type === "phases") return { row, phase: this.store.phases.find((p) => !TOTALS.includes(p.name) && p.from <= t + reach && p.to >= t - reach) };
    if (row.type === "panel") return { row, values: row.series.map((s) => [s, s.at(t)]).filter(([, v]) => v === v) };
    return null;
  }

  showTip(x, y) {
    const found = this.under(x, y), tip = this.tip;
    const lines = found ? this.tipLines(found) : [];
    if (!lines.length) {
      tip.hidden = true;
      return;
    }
    tip.replaceChildren();
    for (const [kind, text] of lines) made("div", kind, tip).textContent = text;
    tip.hidden = false;
    const wide = tip.offsetWidth, high = tip.offsetHeight;
    tip.style.left = `${Math.max(4, Math.min(x + 14, this.width - wide - 4))}px`;
    tip.style.top = `${y + 18 + high > this.height && y > high + 12 ? y - high - 12 : y + 18}px`;
  }

  tipLines({ row, mark, span, phase, values }) {
    const began = this.store.about.began_unix_s;
    const when = (t) => clock(t, 0.0001) + (began ? `   ${new Date((began + t) * 1000).toISOString().slice(11, 23)} UTC` : "");
    if (mark) return [["head " + mark.kind, mark.text], ["when", when(mark.t)], ...(mark.detail ? mark.detail.split(", ").map((part) => ["value", part]) : [])];
    if (span) return [["head", span.text], ["when", `${row.name}, ${duration(span.to - span.from)}, from ${clock(span.from)}`], ...(span.detail ? [["value", span.detail]] : [])];
    if (phase) return [["head", phase.name], ["when", `${duration(phase.to - phase.from)}, from ${clock(phase.from)}`], ...limitLines(phase)];
    return (values || []).map(([s, v]) => ["value", `${s.name}  ${number(v)} ${s.unit}`]);
  }
}

function limitLines(phase) {
  const lines = [];
  if (phase.limit_s !== null) lines.push(["value", `limit ${duration(phase.limit_s)} (${phase.limit_name})`]);
  if (phase.usual_s) lines.push(["value", `usual ${phase.usual_s.map(duration).join(" · ")}`]);
  return lines;
}

// The mark nearest to `t` within `reach`; where several are as near, the weightier.
function nearest(marks, t, reach) {
  let best = null;
  for (let i = firstObjectAfter(marks, t - reach, "t"); i < marks.length && marks[i].t <= t + reach; i++) {
    const mark = marks[i];
    if (!best || RANK[mark.kind] < RANK[best.kind] || RANK[mark.kind] === RANK[best.kind] && Math.abs(mark.t - t) < Math.abs(best.t - t)) best = mark;
  }
  return best;
}

function lineKind(series) {
  const pattern = dashes(series);
  return !pattern.length ? "solid" : pattern[0] > 4 ? "dashed" : "dotted";
}

function made(tag, name, parent) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  parent.append(element);
  return element;
}
