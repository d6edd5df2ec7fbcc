"use strict";
// The live view's page: takes the stream of the box apart, shows it, and says so at once when it stops. Text of strangers only ever becomes text.
(() => {
  const STALE_MS = 2000;            // no sign of life for so long: what is shown is old
  const UNKNOWN_MS = 10000;         // and after so long it is shown no more
  const AGAIN_MS = 2000;
  const CONFIRM_MS = 6000;          // a question that nobody answers goes away
  const SAID_MS = 10000;
  const MAX_LINES = 200;
  const CHATTER = new Set(["health"]);      // how punctual the box is, each ten seconds; its warnings are shown
  const NEWEST_S = 60;
  const BOUNDS = { maxPoints: 20000, maxMarks: 4000, maxSpans: 4000 };      // of the timeline, for a page that stays open for days
  const $ = (id) => document.getElementById(id);
  const token = document.querySelector("meta[name=token]").content;

  let known = {}, units = {}, box = {}, epoch = 0, source = null, timeline = null;
  let beatAt = null, gone = false, refusal = "", lost = 0, turn = false;

  // --- the stream -----------------------------------------------------------------------------------------------------

  function listen() {
    if (source) source.close();
    source = new EventSource("/stream");
    source.onmessage = (message) => take(JSON.parse(message.data));
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) { source = null; setTimeout(ask, AGAIN_MS); }
    };
  }

  // why there is no stream: a refusal has words, and an end of the session leads to the door
  async function ask() {
    const abort = new AbortController();
    try {
      const answer = await fetch("/stream", { signal: abort.signal, cache: "no-store" });
      if (answer.status === 401) { location.reload(); return; }
      refusal = answer.ok ? "" : (await answer.text()).trim();
    } catch (error) { refusal = ""; }
    abort.abort();
    listen();
  }

  function take(m) {
    if (m.k === "gone") { gone = true; look(); return; }
    gone = false;
    refusal = "";
    if (m.k === "full") {
      known = m.v; units = m.units; box = m.box; epoch = box.epoch || 0; lost = m.lost;
      $("lines").replaceChildren();
      picture(m.oled);
      lines(m.lines);
      draw(m.model);
    } else {
      Object.assign(known, m.v || {});
      lost = m.lost;
      if (m.oled) picture(m.oled);
      lines(m.e || []);
      if (timeline && m.d) timeline.append(m.d);
    }
    if (m.t !== null) { beatAt = performance.now(); turn = !turn; }
    show();
    look();
  }

  // --- how old it is --------------------------------------------------------------------------------------------------

  function look() {
    const age = beatAt === null ? null : performance.now() - beatAt;
    const stale = gone || age === null || age > STALE_MS;
    document.body.classList.toggle("stale", stale);
    $("pulse").classList.toggle("off", turn);
    if (!stale) return;
    const seconds = age === null ? "" : ` for ${Math.floor(age / 1000)} s`;
    $("alarm-text").textContent = gone ? "The box's program has ended" : age === null ? "No data yet" : `NO DATA${seconds}`;
    $("alarm-detail").textContent = refusal || (age === null ? "connecting" : "What stands below is old. How it is now, only the box knows; to stop, use the button there.");
    if (gone || age === null || age > UNKNOWN_MS) show(true);
  }

  // --- numbers and words ----------------------------------------------------------------------------------------------

  const number = (name) => typeof known[name] === "number" ? known[name] : null;
  const first = (...names) => { for (const name of names) if (number(name) !== null) return [number(name), name]; return [null, ""]; };
  const FROM = { evse_present_voltage: "as the charger says", evse_present_current: "as the charger says", inlet_voltage: "measured at the inlet", inlet_current: "measured",
                 output_voltage: "measured at the output", output_current: "measured at the output", ac_voltage: "AC, measured", ac_current: "AC, per phase",
                 battery_voltage: "the battery" };

  function put(id, value, digits) {
    const element = $(id), word = typeof value === "string";
    element.textContent = value === null || value === undefined ? "?" : word ? value : value.toFixed(digits);
    element.classList.toggle("word", word);
    element.parentElement.classList.toggle("unknown", value === null || value === undefined);
  }

  function line(id, text) {
    $(id).textContent = text || "";
    $(id).parentElement.classList.toggle("none", !text);
  }

  function show(unknown) {
    const ac = known.ac_session === true || known.connection_state === "Nominal", charger = box.role === "evse";
    const [v, vFrom] = unknown ? [null, ""] : ac ? first("ac_voltage") : charger ? first("output_voltage") : first("inlet_voltage", "evse_present_voltage");
    const [a, aFrom] = unknown ? [null, ""] : ac ? first("ac_current") : charger ? first("output_current") : first("inlet_current", "evse_present_current");
    const watts = unknown ? null : ac ? number("ac_power") : v === null || a === null ? null : v * a;
    put("volts", v, 0); put("amperes", a, a !== null && Math.abs(a) < 100 ? 1 : 0); put("kilowatts", watts === null ? null : watts / 1000, 1);
    $("volts-from").textContent = FROM[vFrom] || "voltage"; $("amperes-from").textContent = FROM[aFrom] || "current";
    put("soc", unknown ? null : first("battery_soc", "ev_soc")[0], 0);
    const energy = number("session_energy");
    put("energy", unknown || energy === null ? null : energy / 1000, 2);
    const closed = unknown ? null : known.contactors_closed;
    put("contactors", closed === true ? "closed" : closed === false ? "open" : null);
    $("title").textContent = [box.about, { pev: "in a car", evse: "in a charger", bridge: "bridge to CHAdeMO", listen: "listener" }[box.role]].filter(Boolean).join(", ") || "ccsbox";
    $("phase").textContent = unknown ? "?" : known["box.phase"] || "?";
    const tripped = known.safety_trip, wrong = Boolean(tripped) || known["box.phase"] === "Stopped";
    $("state").className = unknown ? "" : wrong ? "wrong" : known["box.phase"] === "Charging" ? "ok" : "";
    $("detail").textContent = unknown ? "" : known["box.detail"] || tripped || "";
    line("waits", known["box.waits"]); line("limits", known["box.limits"]); line("notice", known["box.notice"]);
    const over = ["Finished", "Stopped", "Tripped", "Paused", "Retrying", "Ready", "Stopping"].includes(known["box.phase"]);
    line("end", over ? known["box.end"] : ""); line("hint", over || tripped ? known["box.hint"] : "");
    document.title = unknown ? "? ccsbox" : [known["box.phase"], v === null ? "" : `${v.toFixed(0)} V`, watts === null ? "" : `${(watts / 1000).toFixed(1)} kW`].filter(Boolean).join(" ");
    commands(unknown);
    blank(unknown === true);
  }

  function lines(events) {
    const list = $("lines"), atEnd = list.scrollTop < 8;
    for (const [t, from, level, text] of events) {
      if (CHATTER.has(from) && level === "info") continue;
      const item = document.createElement("li"), time = document.createElement("time"), words = document.createElement("span");
      time.textContent = new Date((t + epoch) * 1000).toLocaleTimeString([], { hour12: false });
      words.textContent = `${from}: ${text}`;
      item.className = level;
      item.append(time, words);
      list.prepend(item);
    }
    while (list.childElementCount > MAX_LINES) list.lastElementChild.remove();
    if (atEnd) list.scrollTop = 0;
  }

  // --- the display ----------------------------------------------------------------------------------------------------

  let pages = [], dark = false;

  // Unknown after a while, as the numbers are: what the display shows now, nobody here knows.
  function blank(unknown) {
    if (unknown === dark) return;
    dark = unknown;
    if (dark) $("oled").getContext("2d").clearRect(0, 0, 128, 64); else picture(pages);
  }

  function picture(fresh) {
    pages = fresh;
    const context = $("oled").getContext("2d"), image = context.createImageData(128, 64);
    pages.forEach((text, page) => {
      const octets = atob(text);
      for (let x = 0; x < 128; x++) for (let bit = 0; bit < 8; bit++) {
        const at = ((page * 8 + bit) * 128 + x) * 4, lit = octets.charCodeAt(x) >> bit & 1;
        image.data.set(lit ? [184, 226, 255, 255] : [5, 8, 10, 255], at);
      }
    });
    context.putImageData(image, 0, 0);
  }

  // --- the timeline ---------------------------------------------------------------------------------------------------

  const theme = JSON.parse($("theme").textContent);
  theme.panel.degC = "temperature";
  for (const [name, colour] of Object.entries(theme.dark)) $("timeline").style.setProperty(`--${name}`, colour);

  function draw(model) {
    if (timeline) timeline.destroy();
    timeline = null;
    $("story").hidden = !model;
    if (model) timeline = new Timeline($("timeline"), model, { theme, scheme: "dark", follow: true, ...BOUNDS });
  }

  $("whole").onclick = () => timeline && timeline.fit();
  $("newest").onclick = () => timeline && timeline.show(timeline.end() - NEWEST_S, timeline.end());

  // --- commands -------------------------------------------------------------------------------------------------------

  let question = 0, chosen = null;

  let fading = 0;

  async function send(path, words) {
    clearTimeout(fading);
    fading = setTimeout(() => { $("said").textContent = ""; }, SAID_MS);
    try {
      const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ...words, token }) });
      if (answer.status === 401) location.reload();
      $("said").textContent = answer.ok ? "Sent. What the box makes of it stands in its journal below." : (await answer.text()).trim();
    } catch (error) {
      $("said").textContent = "The box cannot be reached: use its own stop button.";
    }
  }

  function ask_stop(asking) {
    clearTimeout(question);
    $("confirm").hidden = !asking;
    $("stop").hidden = asking;
    if (asking) { question = setTimeout(() => ask_stop(false), CONFIRM_MS); $("stop-no").focus(); }
  }

  function commands(unknown) {
    document.body.classList.toggle("watching", box.commands === false);
    const share = number("power_share") === null ? 100 : number("power_share"), slider = $("share");
    slider.max = share;
    if (chosen === null || chosen >= share) { chosen = null; slider.value = share; }
    slider.disabled = unknown === true || share <= 10;
    $("share-now").textContent = chosen === null ? `${share} %` : `${share} % → ${chosen} %`;
    $("share-go").disabled = chosen === null || unknown === true;
    $("share-go").textContent = chosen === null ? "Lower" : `Lower to ${chosen} %`;
  }

  $("stop").onclick = () => ask_stop(true);
  $("stop-no").onclick = () => ask_stop(false);
  $("stop-yes").onclick = () => { ask_stop(false); send("/stop", {}); };
  $("share").oninput = () => { const value = Number($("share").value), share = Number($("share").max); chosen = value < share ? value : null; commands(); };
  $("share-go").onclick = () => { if (chosen !== null) { send("/share", { percent: chosen }); chosen = null; commands(); } };
  setInterval(look, 250);
  listen();
})();
