// Holds one session for the timeline: series in growing typed arrays, lanes, marks by row; `append` takes a delta of the neutral model.
"use strict";

const BLOCK = 64;                                // points whose least and greatest value are kept together

class SeriesStore {
  constructor(model) {
    Object.assign(this, { name: model.name, unit: model.unit, side: model.side, step: model.step, n: 0, visible: true });
    this.t = new Float64Array(256);
    this.v = new Float64Array(256);
    this.low = new Float64Array(4).fill(Infinity);
    this.high = new Float64Array(4).fill(-Infinity);
  }

  push(t, v) {
    if (this.n === this.t.length) {
      this.t = grown(this.t);
      this.v = grown(this.v);
      const blocks = this.t.length / BLOCK;
      this.low = grown(this.low, Infinity, blocks);
      this.high = grown(this.high, -Infinity, blocks);
    }
    const value = v === null ? NaN : v;
    this.t[this.n] = t;
    this.v[this.n] = value;
    const block = Math.floor(this.n / BLOCK);
    if (value < this.low[block]) this.low[block] = value;
    if (value > this.high[block]) this.high[block] = value;
    this.n += 1;
  }

  // Least and greatest value of the points from `a` to before `b`; [Infinity, -Infinity] without any.
  range(a, b) {
    let low = Infinity, high = -Infinity, i = a;
    while (i < b) {
      if (i % BLOCK === 0 && i + BLOCK <= b) {
        const block = i / BLOCK;
        if (this.low[block] < low) low = this.low[block];
        if (this.high[block] > high) high = this.high[block];
        i += BLOCK;
      } else {
        const value = this.v[i++];
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    return [low, high];
  }

  // The value that was told last at this time; NaN where it is not known.
  at(t) {
    const i = firstAfter(this.t, this.n, t) - 1;
    return i < 0 ? NaN : this.v[i];
  }

  // Forgets the oldest `count` points.
  forget(count) {
    const t = this.t.subarray(count, this.n), v = this.v.subarray(count, this.n);
    const rest = new SeriesStore(this);
    for (let i = 0; i < t.length; i++) rest.push(t[i], v[i]);
    Object.assign(this, { t: rest.t, v: rest.v, low: rest.low, high: rest.high, n: rest.n });
  }
}

class Store {
  constructor(model, bounds = {}) {
    this.maxMarks = bounds.maxMarks || 400000;
    this.maxPoints = bounds.maxPoints || 400000;
    this.maxSpans = bounds.maxSpans || 40000;
    this.forgotten = 0;
    this.about = { duration_s: 0 };
    this.lanes = [];
    this.series = [];
    this.phases = [];
    this.rows = new Map();                       // row of marks -> marks in order of time
    this.append(model);
  }

  // `delta`: the neutral model with only what is new; see tools/history/README.md.
  append(delta) {
    for (const [name, value] of Object.entries(delta)) {
      if (!["lanes", "series", "marks", "phases"].includes(name)) this.about[name] = value;
    }
    for (const lane of delta.lanes || []) this.addSpans(lane);
    for (const series of delta.series || []) {
      let store = this.series.find((s) => s.name === series.name && s.side === series.side);
      if (!store) this.series.push(store = new SeriesStore(series));
      for (const [t, v] of series.points) {
        store.push(t, v);
        this.reach(t);
      }
      if (store.n > this.maxPoints) {
        this.forgotten += this.maxPoints >> 2;
        store.forget(this.maxPoints >> 2);
      }
    }
    for (const mark of delta.marks || []) this.addMark(mark);
    for (const phase of delta.phases || []) {
      const last = this.phases.findIndex((p) => p.name === phase.name && p.from === phase.from);
      if (last >= 0) this.phases[last] = phase; else this.phases.push(phase);
    }
  }

  addSpans(lane) {
    let store = this.lanes.find((l) => l.name === lane.name);
    if (!store) this.lanes.push(store = { name: lane.name, spans: [], visible: true });
    for (const span of lane.spans) {
      const last = store.spans[store.spans.length - 1];
      if (last && last.from === span.from) store.spans[store.spans.length - 1] = span; else store.spans.push(span);
      this.reach(span.to);
    }
    if (store.spans.length > this.maxSpans) this.forgotten += store.spans.splice(0, this.maxSpans >> 2).length;
  }

  addMark(mark) {
    const row = rowOf(mark);
    let marks = this.rows.get(row);
    if (!marks) this.rows.set(row, marks = []);
    marks.push(mark);
    this.reach(mark.t);
    if (marks.length > 1 && marks[marks.length - 2].t > mark.t) marks.sort((a, b) => a.t - b.t);
    if (marks.length > this.maxMarks) this.forgotten += marks.splice(0, this.maxMarks >> 2).length;
  }

  reach(t) {
    if (t > this.about.duration_s) this.about.duration_s = t;
  }

  count() {
    let marks = 0;
    for (const row of this.rows.values()) marks += row.length;
    return marks;
  }
}

const CHECKPOINTS = "checkpoints", EVENTS = "events", MODEM = "modem";

function rowOf(mark) {
  if (mark.kind === "checkpoint") return CHECKPOINTS;
  if (mark.kind === "message" || mark.kind === "frame") return mark.lane || MODEM;
  return EVENTS;
}

function grown(array, fill = 0, size = 2 * array.length) {
  const more = new Float64Array(size).fill(fill);
  more.set(array);
  return more;
}

// Index of the first of `n` times that is after `t`.
function firstAfter(times, n, t, from = 0) {
  let low = from, high = n;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= t) low = middle + 1; else high = middle;
  }
  return low;
}

// The same for objects that carry their time in `key`.
function firstObjectAfter(list, t, key) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle][key] <= t) low = middle + 1; else high = middle;
  }
  return low;
}

// The neutral model out of the compact form that tools/scope/packing.py embeds.
function unpackModel(packed) {
  const model = { ...packed };
  const words = packed.words;
  const marks = packed.marks;
  const kinds = packed.kinds;
  let t = 0;
  model.marks = marks.t.map((step, i) => {
    t += step;
    const mark = { t: t / 1e4, kind: kinds[marks.kind[i]], lane: words[marks.lane[i]], text: words[marks.text[i]] };
    if (marks.detail[i]) mark.detail = words[marks.detail[i]];
    return mark;
  });
  model.series = packed.series.map((series) => {
    let at = 0;
    return { ...series, points: series.t.map((step, i) => [(at += step) / 1e4, series.v[i]]) };
  });
  delete model.words;
  delete model.kinds;
  return model;
}
