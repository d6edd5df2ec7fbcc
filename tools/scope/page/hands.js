// The hands on a timeline: wheel, pinch, drag, click, double click, keys.
"use strict";

class Hands {
  constructor(timeline) {
    this.line = timeline;
    this.listeners = [];
    this.bind();
  }

  release() {
    for (const [target, name, call] of this.listeners) target.removeEventListener(name, call);
  }

  on(target, name, call, options) {
    target.addEventListener(name, call, options);
    this.listeners.push([target, name, call]);
  }

  bind() {
    const fingers = new Map();
    let drag = null, pinch = null;
    const place = (event) => {
      const box = this.line.over.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    this.on(this.line.over, "wheel", (event) => {
      const { x } = place(event);
      if (x < this.line.left) return;                 // over the names the page scrolls
      event.preventDefault();
      const line = event.deltaMode === 1 ? 16 : 1;
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.line.pan((event.deltaX || event.deltaY) * line / this.line.painter.scale);
      else this.line.zoom(Math.exp(event.deltaY * line * 0.0018), this.line.painter.t(x));
    }, { passive: false });
    this.on(this.line.over, "pointerdown", (event) => {
      const at = place(event);
      fingers.set(event.pointerId, at);
      this.line.over.setPointerCapture(event.pointerId);
      this.line.over.focus({ preventScroll: true });
      const held = at.y < AXIS ? this.cursorAt(at.x) : null;
      drag = { x: at.x, from: this.line.view.from, to: this.line.view.to, moved: false, held };
      if (fingers.size === 2) pinch = { wide: spread(fingers), ...this.line.view, middle: this.line.painter.t(centre(fingers)) };
    });
    this.on(this.line.over, "pointermove", (event) => {
      const at = place(event);
      if (fingers.has(event.pointerId)) fingers.set(event.pointerId, at);
      if (pinch && fingers.size === 2) {
        const factor = pinch.wide / Math.max(8, spread(fingers)), width = (pinch.to - pinch.from) * factor;
        const share = (centre(fingers) - this.line.left) / (this.line.width - this.line.left);
        drag.moved = true;
        this.line.show(pinch.middle - width * share, pinch.middle + width * (1 - share));
      } else if (drag && fingers.size === 1) {
        if (Math.abs(at.x - drag.x) > 4) drag.moved = true;
        if (drag.held) this.line.setCursor(drag.held, this.line.painter.t(at.x));
        else if (drag.moved) {
          const by = (drag.x - at.x) / this.line.painter.scale;
          this.line.show(drag.from + by, drag.to + by);
        }
      }
      this.line.hover = at.x >= this.line.left ? { ...at, t: this.line.painter.t(at.x) } : null;
      if (!this.line.pending) this.line.drawOver();
      this.line.showTip(at.x, at.y);
    });
    const up = (event) => {
      const at = place(event);
      if (drag && !drag.moved && !drag.held && event.type === "pointerup" && at.x >= this.line.left && fingers.size === 1) this.click(at);
      fingers.delete(event.pointerId);
      if (fingers.size < 2) pinch = null;
      if (!fingers.size) drag = null; else if (drag) Object.assign(drag, this.line.view, { x: [...fingers.values()][0].x, moved: true });
    };
    this.on(this.line.over, "pointerup", up);
    this.on(this.line.over, "pointercancel", up);
    this.on(this.line.over, "pointerleave", () => {
      this.line.hover = null;
      this.line.tip.hidden = true;
      this.line.redraw();
    });
    this.on(this.line.over, "dblclick", (event) => this.double(place(event)));
    this.on(this.line.over, "keydown", (event) => this.key(event));
  }

  cursorAt(x) {
    return ["a", "b"].find((name) => this.line.cursors[name] !== null && Math.abs(this.line.painter.x(this.line.cursors[name]) - x) < 10) || null;
  }

  // The first click sets A, the second B, later ones move the nearer; near a mark its own time is taken.
  click({ x, y }) {
    const found = this.line.under(x, y), t = found && found.mark ? found.mark.t : this.line.painter.t(x), { a, b } = this.line.cursors;
    const name = a === null ? "a" : b === null ? "b" : Math.abs(a - t) <= Math.abs(b - t) ? "a" : "b";
    this.line.setCursor(name, t);
  }

  double({ x, y }) {
    const found = this.line.under(x, y), what = found && (found.phase || found.span);
    this.line.cursors = { a: null, b: null };
    if (what) this.line.show(what.from - (what.to - what.from) * 0.08, what.to + (what.to - what.from) * 0.08); else this.line.zoom(0.4, this.line.painter.t(x));
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const width = this.line.view.to - this.line.view.from, at = this.line.hover ? this.line.hover.t : (this.line.view.from + this.line.view.to) / 2;
    const step = (forward) => {
      const mark = this.line.event(this.line.cursors.a ?? (forward ? this.line.view.from : this.line.view.to), forward);
      if (mark) this.line.goto(mark.t);
    };
    const keys = {
      ArrowLeft: () => this.line.pan(-width * 0.15), ArrowRight: () => this.line.pan(width * 0.15), "+": () => this.line.zoom(0.6, at), "=": () => this.line.zoom(0.6, at),
      "-": () => this.line.zoom(1.7, at), 0: () => this.line.fit(), Home: () => this.line.fit(), a: () => this.line.setCursor("a", at), b: () => this.line.setCursor("b", at),
      Escape: () => { this.line.cursors = { a: null, b: null }; this.line.redraw(); }, n: () => step(true), p: () => step(false),
      s: () => this.line.setup(), e: () => this.line.ending(), y: () => { this.line.fitted = !this.line.fitted; this.line.redraw(); },
    };
    const act = keys[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  }
}

function spread(fingers) {
  const [a, b] = [...fingers.values()];
  return Math.abs(a.x - b.x);
}

function centre(fingers) {
  const [a, b] = [...fingers.values()];
  return (a.x + b.x) / 2;
}
