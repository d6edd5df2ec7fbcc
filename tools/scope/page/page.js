// The page around the timeline: unpacks the sessions, shows who met whom, the phases beside their limits, and what happened as a list.
"use strict";

const SHOWN_EVENTS = 300;                        // lines of the list; the timeline has all of them

async function inflated(text) {
  const octets = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([octets]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).json();
}

function byId(name) { return document.getElementById(name); }

class Page {
  constructor(sessions, theme) {
    this.sessions = sessions;
    this.theme = theme;
    this.chosen = 0;
    this.light = matchMedia("(prefers-color-scheme: light)");
    this.light.addEventListener("change", () => this.paint());
    this.said = { "#dark": "dark", "#light": "light" }[location.hash] || null;      // the address or the button; null: what the system says
    this.buildTabs();
    this.buildTools();
    this.paint();
    this.choose(this.best());
  }

  scheme() { return this.said || (this.light.matches ? "light" : "dark"); }

  // Of several sessions the one with the most messages is what people look for.
  best() {
    let best = 0;
    this.sessions.forEach((s, i) => { if (s.marks.t.length > this.sessions[best].marks.t.length) best = i; });
    return best;
  }

  paint() {
    const colour = this.theme[this.scheme()], style = document.documentElement.style;
    for (const [name, value] of Object.entries(colour)) style.setProperty(`--${name}`, value);
    style.colorScheme = this.scheme();
    if (this.timeline) this.timeline.redraw();
  }

  buildTabs() {
    const tabs = byId("tabs");
    if (this.sessions.length < 2) return;
    this.sessions.forEach((session, i) => {
      const tab = made("button", "tab", tabs);
      tab.type = "button";
      tab.textContent = `${i + 1}  ${session.reached}`;
      tab.title = session.outcome;
      tab.addEventListener("click", () => this.choose(i));
    });
  }

  buildTools() {
    const tools = byId("tools");
    const button = (text, title, call) => {
      const element = made("button", "tool", tools);
      element.type = "button";
      element.textContent = text;
      element.title = title;
      element.addEventListener("click", call);
    };
    button("−", "zoom out (-)", () => this.timeline.zoom(1.7));
    button("+", "zoom in (+)", () => this.timeline.zoom(0.6));
    button("all", "the whole session (0)", () => this.timeline.fit());
    button("start", "from the plug to the first ampere (s)", () => this.timeline.setup());
    button("end", "how it ended (e)", () => this.timeline.ending());
    button("‹ event", "the event before (p)", () => this.step(false));
    button("event ›", "the next event (n)", () => this.step(true));
    button("clear", "without cursors (Esc)", () => { this.timeline.cursors = { a: null, b: null }; this.timeline.redraw(); });
    button("y", "values to the full height of what is shown (y)", () => { this.timeline.fitted = !this.timeline.fitted; this.timeline.redraw(); });
    button("◐", "dark or light", () => { this.said = this.scheme() === "dark" ? "light" : "dark"; this.paint(); });
  }

  step(forward) {
    const mark = this.timeline.event(this.timeline.cursors.a ?? (forward ? this.timeline.view.from : this.timeline.view.to), forward);
    if (mark) this.timeline.goto(mark.t);
  }

  choose(i) {
    this.chosen = i;
    if (this.timeline) this.timeline.destroy();
    this.model = unpackModel(this.sessions[i]);
    [...byId("tabs").children].forEach((tab, k) => tab.setAttribute("aria-selected", String(k === i)));
    this.about();
    this.timeline = new Timeline(byId("timeline"), this.model, { theme: this.theme, scheme: () => this.scheme() });
    this.phases();
    this.events();
  }

  about() {
    const m = this.model, facts = byId("facts");
    byId("title").textContent = m.title;
    byId("outcome").textContent = m.outcome;
    facts.replaceChildren();
    const began = m.began_unix_s === null ? null : new Date(m.began_unix_s * 1000).toISOString().replace("T", " ").slice(0, 19) + " UTC";
    for (const [name, value] of [["charger", m.charger], ["vendor", m.vendor], ["car", m.car], ["protocol", m.protocol], ["began", began],
      ["length", duration(m.duration_s)], ["reached", m.reached]]) {
      if (!value) continue;
      const fact = made("div", "fact", facts);
      made("b", "", fact).textContent = name;
      made("span", "", fact).textContent = value;
    }
    const notes = byId("notes");
    notes.replaceChildren();
    const said = [...m.remarks];
    if (m.damage) said.unshift(`Damaged file, everything before is shown: ${m.damage}`);
    if (m.not_kept) said.push(`${m.not_kept} more values or marks than this page keeps are left out`);
    for (const text of said) made("li", "", notes).textContent = text;
  }

  phases() {
    const table = byId("phases");
    table.replaceChildren();
    byId("phasecard").hidden = !this.model.phases.length;
    const head = made("tr", "", table);
    for (const text of ["phase", "", "took", "limit", "usual"]) made("th", "", head).textContent = text;
    for (const phase of this.model.phases) {
      const took = phase.to - phase.from, line = made("tr", "", table), late = phase.limit_s !== null && took > phase.limit_s;
      made("td", "name", line).textContent = phase.name;
      this.bar(made("td", "bar", line), phase, took, late);
      made("td", late ? "took late" : "took", line).textContent = duration(took);
      const limit = made("td", "limit", line);
      limit.textContent = phase.limit_s === null ? "" : duration(phase.limit_s);
      limit.title = phase.limit_name || "";
      if (phase.limit_name) made("small", "", limit).textContent = phase.limit_name;
      const usual = made("td", "usual", line);
      if (phase.usual_s) {
        usual.textContent = duration(phase.usual_s[1]);
        made("small", "", usual).textContent = `${duration(phase.usual_s[0])} to ${duration(phase.usual_s[2])}`;
      }
      line.title = "show this phase";
      line.addEventListener("click", () => {
        this.timeline.show(phase.from - took * 0.1 - 0.05, phase.to + took * 0.1 + 0.05);
        byId("timeline").scrollIntoView({ behavior: "smooth", block: "nearest" });
      });
    }
  }

  // Measured time as a bar, what is usual as a band, the limit as a line.
  bar(cell, phase, took, late) {
    const most = Math.max(took, phase.limit_s || 0, phase.usual_s ? phase.usual_s[2] : 0) * 1.05 || 1;
    const box = made("div", "track", cell), share = (v) => `${Math.min(100, 100 * v / most)}%`;
    if (phase.usual_s) {
      const band = made("i", "band", box);
      band.style.left = share(phase.usual_s[0]);
      band.style.width = share(phase.usual_s[2] - phase.usual_s[0]);
    }
    const bar = made("i", late ? "fill late" : "fill", box);
    bar.style.width = share(took);
    if (phase.limit_s !== null) made("i", "edge", box).style.left = share(phase.limit_s);
  }

  events() {
    const list = byId("events");
    list.replaceChildren();
    const marks = this.model.marks.filter((m) => ["error", "warning", "command", "checkpoint"].includes(m.kind));
    byId("eventcard").hidden = !marks.length;
    for (const mark of marks.slice(0, SHOWN_EVENTS)) {
      const line = made("li", mark.kind, list);
      made("time", "", line).textContent = clock(mark.t, 0.001);
      made("span", "", line).textContent = mark.text;
      if (mark.detail && mark.kind !== "checkpoint") made("small", "", line).textContent = mark.detail;
      line.addEventListener("click", () => this.timeline.goto(mark.t));
    }
    if (marks.length > SHOWN_EVENTS) made("li", "more", list).textContent = `${marks.length - SHOWN_EVENTS} more in the timeline`;
  }
}

async function begin() {
  const problem = byId("problem");
  try {
    if (typeof DecompressionStream === "undefined") throw new Error("this browser is too old: it cannot inflate (DecompressionStream, in every browser since 2023)");
    const sessions = await inflated(byId("data").textContent.trim());
    window.page = new Page(sessions, JSON.parse(byId("theme").textContent));
    requestAnimationFrame(() => requestAnimationFrame(() => { document.documentElement.dataset.ready = performance.now().toFixed(0); }));
  } catch (error) {
    problem.hidden = false;
    problem.textContent = `The session cannot be shown: ${error.message}`;
    document.documentElement.dataset.failed = error.message;
  }
}

begin();
