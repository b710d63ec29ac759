// The page's side of a dashboard. The kernel decides everything: this draws its newest frame, shows
// its words, and passes on what the reader asks for.

const SAY_EVERY = 10_000; // ms between two announcements to a screen reader
const PATIENCE = 1_500; // ms in which a kernel that is not busy answers
const FIGURES_EVERY = 250; // ms: figures that change faster cannot be read
const SMOOTH = 10; // frames that a figure is the mean of
const CALM = matchMedia("(prefers-reduced-motion: reduce)");
const CALM_PACE = 500; // ms between two pictures for readers who want little motion
const STATES = ["not started", "getting ready …", "at work", "stopped", "does not work"];
const INVITATION =
  "Press Start: datagrams full of messages are sent at the offered rate, and each path receives all of them.";
const SOON = "Traffic begins; the first words come in a moment.";
const BUSY = "The kernel is busy with a cell: what you press here takes effect when the cell ends.";
const ABSENT =
  "The kernel does not answer. Either it is busy with a cell, or this panel is of an earlier " +
  "session: then run the cell again.";
const ENDED =
  "The kernel of this panel has ended, and its processes with it. Run the cell again for a new panel.";

const FIGURES = [
  ["cpu", "µs of processor", "a datagram"],
  ["syscalls", "syscalls", "a datagram"],
  ["copies", "times", "each byte is copied"],
];

// --- frames (traffic/sample.py says what is in them)

function floats(bytes, Kind) {
  if (!bytes?.byteLength) return null;
  const { buffer, byteOffset, byteLength } = bytes;
  return new Kind(buffer.slice(byteOffset, byteOffset + byteLength));
}

function decode(bytes, { head, sender, path, bins }) {
  const all = floats(bytes, Float64Array);
  if (!all) return null;
  let at = 0;
  const take = (names) => Object.fromEntries(names.map((name) => [name, all[at++]]));
  const frame = { ...take(head), sender: take(sender) };
  frame.paths = Array.from({ length: frame.paths }, () => {
    const reading = take(path);
    reading.latency = all.subarray(at, (at += bins));
    reading.stalls = all.subarray(at, (at += bins));
    return reading;
  });
  return frame;
}

const rowOf = ({ t, sender, paths }, messages) =>
  [t, sender.offered * messages, sender.sending * messages, ...paths.flatMap(({ received, decoded }) => [received * messages, decoded])];

function rowsOf(bytes, paths) {
  const all = floats(bytes, Float32Array) ?? [];
  const width = 3 + 2 * paths;
  return Array.from({ length: all.length / width }, (_, n) => [...all.subarray(n * width, (n + 1) * width)]);
}

function mean(values) {
  const found = values.filter(known);
  return found.length ? found.reduce((sum, value) => sum + value, 0) / found.length : NaN;
}

// --- one path

class Card {
  constructor(tone) {
    this.name = element("h3");
    this.state = element("span", { className: "zc-dash-quiet" });
    this.problem = element("p", { className: "zc-dash-problem", role: "alert" });
    this.canvas = element("canvas", { role: "img", className: "zc-dash-flow" });
    this.figures = FIGURES.map(([key, unit, per]) => {
      const value = element("b");
      const sign = element("span", { ariaHidden: "true" });
      const root = element("div", { data: { figure: key } }, element("div", {}, value, sign), element("span", {}, `${unit} ${per}`));
      return { key, value, sign, root };
    });
    const badge = element("span", { className: "zc-dash-badge" }, LETTERS[tone]);
    this.root = element(
      "section",
      { className: "zc-dash-card", data: { tone: TONES[tone] } },
      element("div", { className: "zc-dash-head" }, badge, this.name, this.state),
      this.problem,
      this.canvas,
      element("div", { className: "zc-dash-figures" }, ...this.figures.map(({ root }) => root)),
    );
  }

  show(name, { state = 0, ...path }, problem) {
    this.name.textContent = name;
    this.state.textContent = STATES[problem ? 4 : state];
    this.problem.textContent = problem ?? "";
    for (const { key, value, sign, root } of this.figures) {
      value.textContent = figure(path[key]);
      if (key !== "copies") continue;
      root.dataset.kind = !known(path.copies) ? "" : path.copies ? "copying" : "zero";
      sign.textContent = { copying: " ▨", zero: " ▬" }[root.dataset.kind] ?? "";
    }
  }
}

// --- the panel

class Panel {
  constructor(model, root) {
    Object.assign(this, { model, root, about: model.get("about"), raw: [], rows: [], recent: [] });
    this.view = crypto.randomUUID?.() ?? String(Math.random());
    this.frames = this.asked = this.said = this.figured = 0;
    this.lost = false; // the kernel is gone
    this.met = false; // it has been heard of
    this.#build();
    this.#listen();
    this.#still();
    this.#send("look");
  }

  remove() {
    this.#send("leave");
    this.undo.forEach((undo) => undo());
  }

  // --- elements

  #build() {
    const change = (settings) => this.#press("change", { settings });
    this.go = button("", () => this.#press(this.running ? "stop" : "start"), { className: "zc-dash-primary" });
    this.ice = button("Freeze", () => this.#press("freeze", { frozen: !this.model.get("frozen") }));
    this.saves = [button("Save CSV", () => this.#press("csv")), button("Save PNG", () => this.#savePicture())];
    this.clock = element("span", { className: "zc-dash-quiet zc-dash-clock" });
    this.remark = element("p", { className: "zc-dash-problem", role: "alert" });
    this.sentence = element("p", { className: "zc-dash-sentence" });
    this.heard = element("p", { className: "zc-dash-heard", role: "status" });
    const title = element("h2", {}, "From the network into memory, live");
    const buttons = element("div", { className: "zc-dash-buttons" }, this.go, this.ice, ...this.saves, this.clock);
    const head = element("div", { className: "zc-dash-card zc-dash-top" }, title, buttons, this.remark, this.sentence, this.heard);

    this.cards = TONES.map((_, tone) => new Card(tone));
    const cards = element("div", { className: "zc-dash-cards" }, ...this.cards.map(({ root }) => root));
    const main = element("div", { className: "zc-dash-main" }, cards, element("div", { className: "zc-dash-cards" }, this.#rates(), this.#latency()));
    this.panel = element("div", { className: "zc-dash-panel" }, head, this.#controls(change), main);
    this.root.classList.add("zc", "zc-dash");
    this.root.replaceChildren(this.panel);
    // Or JupyterLab takes arrows and Space for commands to the notebook.
    for (const control of this.panel.querySelectorAll("button, input, select")) {
      control.dataset.lmSuppressShortcuts = "true";
    }
  }

  #controls(change) {
    this.paths = new PathChoice(this.about.paths, change);
    this.pipeline = pipelineChoice(this.about.pipelines, change);
    this.dials = Object.keys(DIALS).map((name) => new Dial(name, this.about.live.includes(name), change));
    const some = (...names) => names.map((name) => this.dials.find((dial) => dial.name === name).root);
    const group = (title, ...children) => element("div", { className: "zc-dash-group" }, element("h3", {}, title), ...children);
    return element(
      "div",
      { className: "zc-dash-card zc-dash-controls" },
      group("Traffic", ...some("rate", "burst", "messages", "payload")),
      group("Receiver", ...some("delay", "buffer"), this.pipeline.root, this.paths.root),
      element("p", { className: "zc-dash-quiet" }, anew(), " starts the run anew; the others take effect at once."),
    );
  }

  #rates() {
    this.chart = element("canvas", { role: "img", className: "zc-dash-rates" });
    this.unit = element("p", { className: "zc-dash-quiet" });
    return element("section", { className: "zc-dash-card" }, element("h3", {}, "Messages per second"), this.unit, this.chart);
  }

  #latency() {
    this.histogram = element("canvas", { role: "img", className: "zc-dash-latency" });
    this.meters = TONES.map((tone, n) => {
      const fill = element("div");
      const bar = element("div", { className: "zc-dash-meter", role: "meter", ariaValueMin: 0, ariaValueMax: 100 }, fill);
      const share = element("span", { className: "zc-dash-share" });
      const badge = element("span", { className: "zc-dash-badge" }, LETTERS[n]);
      const verdict = element("p", { className: "zc-dash-verdict" });
      bar.setAttribute("aria-label", `${LETTERS[n]}: share of time in which the machine kept the receiver waiting`);
      const root = element("div", { className: "zc-dash-stall", data: { tone } }, badge, bar, share, verdict);
      return { root, bar, fill, share, verdict };
    });
    return element(
      "section",
      { className: "zc-dash-card" },
      element("h3", {}, "From being sent to being decoded"),
      element("p", { className: "zc-dash-quiet" }, "Last 10 s, time and counts on log scales. Below the axis: for how long in each 50 ms the machine let the receiver wait."),
      this.histogram,
      element("div", {}, ...this.meters.map(({ root }) => root)),
    );
  }

  // --- events

  #listen() {
    const { model } = this;
    const onMessage = (message, [bytes] = []) => this.#hear(message.kind, bytes);
    const onState = () => this.#show();
    const onStill = () => this.#still();
    const onComm = () => this.#lose();
    const fresh = () => {
      this.inks = null;
      this.#ask();
    };
    model.on("msg:custom", onMessage);
    model.on("change:frame change:past", onStill);
    model.on("change", onState);
    model.on("comm_live_update", onComm);
    const size = new ResizeObserver(fresh);
    [this.chart, this.histogram, ...this.cards.map(({ canvas }) => canvas)].forEach((canvas) => size.observe(canvas));
    // The theme's style sheet may come after the attribute: look again a little later.
    const theme = new MutationObserver(() => [0, 300].forEach((ms) => setTimeout(fresh, ms)));
    theme.observe(document.body, { attributes: true });
    const beat = setInterval(() => this.#send("beat"), model.get("beat") * 1000);
    const watch = setInterval(() => this.#watch(), 500);
    this.undo = [
      () => model.off("msg:custom", onMessage),
      () => model.off("change:frame change:past", onStill),
      () => model.off("change", onState),
      () => model.off("comm_live_update", onComm),
      () => size.disconnect(),
      () => theme.disconnect(),
      () => clearInterval(beat),
      () => clearInterval(watch),
      () => (CALM.matches ? clearTimeout : cancelAnimationFrame)(this.drawing),
    ];
  }

  get running() {
    return this.model.get("running") && !this.lost;
  }

  get settings() {
    return this.model.get("settings");
  }

  #send(what, more = {}) {
    if (!this.lost) this.model.send({ do: what, view: this.view, ...more });
  }

  #press(what, more) {
    this.asked = performance.now();
    this.#send(what, more);
  }

  #hear(kind, bytes) {
    this.met = true;
    if (kind === "frame") this.#take(bytes);
    if (kind === "past") this.#recall(bytes);
    if (kind === "csv") this.#saveTable(bytes);
    if (kind !== "heard") return;
    this.asked = 0;
    this.#show();
    setTimeout(() => this.#show(), MINE + 50); // what was refused gives way to what is the case
  }

  // --- pictures

  #take(bytes) {
    const frame = decode(bytes, this.about.layout);
    this.frames += 1;
    this.heardAt = performance.now();
    const last = this.rows.at(-1);
    if (frame && frame.t !== last?.[0]) {
      const row = rowOf(frame, this.settings.messages);
      if (last && (frame.t < last[0] || row.length !== last.length)) this.raw = this.rows = this.recent = [];
      this.raw = [...this.raw.slice(1 - SMOOTH), row];
      this.rows = [...this.rows.slice(-20 * this.about.seconds), smoothed(this.raw, this.raw.length - 1)];
      this.recent = [...this.recent.slice(1 - SMOOTH), frame];
      this.frame = frame;
    }
    this.#ask();
  }

  // The picture as it stands: of a run that is over, of a notebook that was saved, or none.
  #still() {
    if (this.model.get("running")) return;
    const past = this.model.get("past");
    this.frame = past?.byteLength ? decode(this.model.get("frame"), this.about.layout) : null;
    this.recent = this.frame ? [this.frame] : [];
    this.#recall(past);
    this.figured = 0;
    this.#show();
  }

  #recall(bytes) {
    this.raw = rowsOf(bytes, this.settings.paths.length);
    const past = this.raw.map((_, n) => smoothed(this.raw, n));
    const newer = this.running ? this.rows.filter(([t]) => t > (past.at(-1)?.[0] ?? -1)) : [];
    this.rows = [...past, ...newer];
    this.#ask();
  }

  #ask() {
    // Frames that come faster than the screen are dropped: only the newest is drawn.
    if (this.drawing) return;
    const draw = () => {
      this.drawing = null;
      this.#draw();
    };
    this.drawing = CALM.matches ? setTimeout(draw, CALM_PACE) : requestAnimationFrame(draw);
  }

  #draw() {
    const now = performance.now();
    if (!this.smooth || now - this.figured > FIGURES_EVERY || !this.running) {
      this.figured = now;
      this.#average();
    }
    this.inks ??= inksOf(this.panel);
    this.settings.paths.forEach((_, tone) => this.#on(this.cards[tone].canvas, (brush) => this.#flow(brush, tone)));
    this.#on(this.chart, (brush) => this.#curves(brush));
    this.#on(this.histogram, (brush) => this.#times(brush));
    this.settings.paths.forEach((_, tone) => this.#meter(this.meters[tone], this.smooth.paths[tone]));
    this.#expose();
  }

  #on(canvas, draw) {
    const { clientWidth: width, clientHeight: height } = canvas;
    const density = window.devicePixelRatio || 1;
    const [columns, lines] = [width, height].map((length) => Math.round(length * density));
    if (canvas.width !== columns || canvas.height !== lines) Object.assign(canvas, { width: columns, height: lines });
    const pen = canvas.getContext("2d");
    pen.setTransform(density, 0, 0, density, 0, 0);
    pen.clearRect(0, 0, width, height);
    draw(new Brush(pen, this.inks, width, height));
  }

  #average() {
    const over = (take) => {
      const of = this.recent.map(take).filter(Boolean);
      const last = of.at(-1) ?? {};
      const names = Object.keys(last).filter((name) => !/^(state|total_|sent|given|latency|stalls)/.test(name));
      return { ...last, ...Object.fromEntries(names.map((name) => [name, mean(of.map((each) => each[name]))])) };
    };
    const paths = this.settings.paths.map((_, n) => over((frame) => frame.paths[n]));
    this.smooth = { sender: over((frame) => frame.sender), paths };
    const problems = this.model.get("problems");
    const { paths: names } = this.settings;
    this.cards.forEach((card, n) => {
      card.root.hidden = this.meters[n].root.hidden = n >= names.length;
      if (n < names.length) card.show(names[n], paths[n], problems[names[n]]);
    });
    const t = this.frame?.t ?? 0;
    const state = this.model.get("frozen") ? "frozen at" : this.running ? "running for" : this.frame ? "ran for" : "";
    this.clock.textContent = state && `${state} ${t.toFixed(0)} s`;
  }

  #flow(brush, tone) {
    const path = this.smooth.paths[tone];
    const { used, head, tail, capacity } = this.frame?.paths[tone] ?? {};
    const live = this.running && path.state === 2;
    const { pipeline, paths } = this.settings;
    drawFlow(brush, { tone, name: paths[tone], path: { ...path, used, head, tail, capacity }, sender: this.smooth.sender, live, pipeline });
  }

  #curves(brush) {
    const { rows } = this;
    this.top = fittingTop(this.top, Math.max(0, ...rows.flatMap((row) => row.slice(1).filter(known))));
    const end = this.model.get("frozen") ? "frozen" : this.running || !this.frame ? "now" : "stopped";
    drawRates(brush, { rows, seconds: this.about.seconds, top: this.top, end });
  }

  #times(brush) {
    const { edges } = this.about.layout;
    const paths = this.frame?.paths ?? [];
    this.range = rangeOf(paths.flatMap(({ latency, stalls }) => [latency, stalls]), edges, this.range);
    drawLatency(brush, { paths, edges, range: this.range });
  }

  #meter({ bar, fill, share }, { stall }) {
    const percent = known(stall) && this.running ? Math.round(100 * stall) : null;
    fill.style.width = `${percent ?? 0}%`;
    share.textContent = percent === null ? "" : `stalled ${percent} % of the time`;
    bar.setAttribute("aria-valuenow", percent ?? 0);
  }

  // --- words and controls

  #show() {
    const { model, running, settings } = this;
    const frozen = model.get("frozen");
    this.go.replaceChildren(...(running ? [glyph("■"), "Stop"] : [glyph("▶"), "Start"]));
    this.ice.textContent = frozen ? "Unfreeze" : "Freeze";
    this.ice.setAttribute("aria-pressed", frozen);
    this.go.disabled = this.lost;
    this.ice.disabled = this.lost || !running;
    this.saves[0].disabled = this.lost || !this.frame;
    this.saves[1].disabled = !this.frame;
    this.paths.show(settings.paths);
    this.pipeline.select.value = settings.pipeline;
    this.dials.forEach((dial) => dial.show(settings[dial.name]));
    this.unit.textContent =
      `${settings.messages} in each datagram; means of a quarter of a second. Grey is what was sent.`;
    this.#watch();
    this.sentence.textContent = model.get("sentence") || (running ? SOON : INVITATION);
    this.meters.forEach(({ verdict }, n) => (verdict.textContent = model.get("verdicts")[n] ?? ""));
    this.smooth = null;
    this.#say(!running);
    this.#ask();
  }

  #say(now) {
    const text = this.sentence.textContent;
    this.chart.setAttribute("aria-label", `Rates over time. ${text}`);
    this.histogram.setAttribute("aria-label", `Latencies. ${this.model.get("verdicts").join(" ")}`);
    this.cards.forEach(({ canvas, name }) => canvas.setAttribute("aria-label", `Where packets of ${name.textContent} are. ${text}`));
    if (now || performance.now() - this.said > SAY_EVERY) {
      this.said = performance.now();
      if (this.heard.textContent !== text) this.heard.textContent = text;
    }
  }

  // A remark; above all, that the kernel is busy, or gone.
  #watch() {
    const now = performance.now();
    const silent = this.running && now - this.heardAt > 2 * PATIENCE;
    const unanswered = this.asked && now - this.asked > PATIENCE;
    const { sender } = this.model.get("problems");
    const words = this.model.get("remark") || (sender ? `The sender: ${sender}` : "");
    const absent = this.met ? BUSY : ABSENT;
    const text = this.lost ? ENDED : silent || unanswered ? absent : words;
    if (this.remark.textContent !== text) this.remark.textContent = text;
  }

  #lose() {
    this.lost = true;
    this.#show();
    this.panel.querySelectorAll(".zc-dash-controls :is(input, select)").forEach((control) => (control.disabled = true));
  }

  // --- files

  async #saveTable(packed) {
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    save(await new Response(stream).blob(), "zcviz-dashboard.csv");
  }

  #savePicture() {
    this.#draw(); // or there are no inks and figures right after a change of theme or settings
    const canvas = element("canvas");
    const { paths } = this.settings;
    const [width, size] = [1200, this.inks.size];
    const half = (width - 80) / 2;
    const lines = this.#words(canvas.getContext("2d"), width - 40);
    const top = 40 + lines.length * size * 1.5;
    const height = top + 620;
    Object.assign(canvas, { width: 2 * width, height: 2 * height });
    const pen = canvas.getContext("2d");
    pen.scale(2, 2);
    pen.fillStyle = this.inks.paper;
    pen.fillRect(0, 0, width, height);
    const part = (x, y, w, h, draw) => {
      pen.save();
      pen.translate(x, y);
      draw(new Brush(pen, this.inks, w, h));
      pen.restore();
    };
    const title = (text, ink) => (brush) => brush.text(text, 0, 8, { weight: 650, ink });
    part(20, 12, width, top, (brush) =>
      lines.forEach(({ text, ...how }, n) => brush.text(text, 0, size * (0.8 + 1.5 * n), how)));
    paths.forEach((name, tone) => {
      const x = 20 + tone * (half + 40);
      part(x, top, half, 20, title(`${LETTERS[tone]} ${name}`, TONES[tone]));
      part(x, top + 30, half, 200, (brush) => this.#flow(brush, tone));
    });
    part(20, top + 255, half, 20, title("Messages per second"));
    part(20, top + 285, half, 310, (brush) => this.#curves(brush));
    part(60 + half, top + 255, half, 20, title("From being sent to being decoded (log scales)"));
    part(60 + half, top + 285, half, 310, (brush) => this.#times(brush));
    canvas.toBlob((blob) => save(blob, "zcviz-dashboard.png"));
  }

  // What stands above the picture, in lines that fit.
  #words(pen, width) {
    const { paths, rate, burst, messages, payload, buffer, delay, pipeline } = this.settings;
    const wrap = (text, how) => {
      pen.font = `${how.weight ?? 400} ${this.inks.size}px ${this.inks.family}`;
      const lines = [""];
      for (const word of text.split(" ")) {
        if (pen.measureText(`${lines.at(-1)} ${word}`).width > width) lines.push("");
        lines.push(`${lines.pop()} ${word}`.trim());
      }
      return lines.map((line) => ({ text: line, ...how }));
    };
    const asked =
      `${rate ? figure(rate) : "as many as possible"} datagrams/s, ${burst} back to back, ${messages} messages a datagram, ` +
      `payload ${payload ? `${payload} B` : "as needed"}; pipeline ${pipeline}, delay ${figure(delay)} µs, ` +
      `socket buffer ${buffer ? bytesText(buffer) : "the system’s"}`;
    const figures = paths.flatMap((name, n) => {
      const { cpu, syscalls, copies } = this.smooth.paths[n];
      const text = `${LETTERS[n]} ${name}: ${figure(cpu)} µs of processor, ${figure(syscalls)} syscalls and ${figure(copies)} ${copies === 1 ? "copy" : "copies"} a datagram. `;
      return wrap(text + this.meters[n].verdict.textContent, { ink: TONES[n], weight: 600 });
    });
    return [
      { text: "From the network into memory", weight: 700, scale: 1.3 },
      ...wrap(asked, { ink: "soft" }),
      ...wrap(this.sentence.textContent, {}),
      ...figures,
    ];
  }

  // For whoever looks at the page from outside, such as a test.
  #expose() {
    const { frames, running } = this;
    const data = { frames, running, frozen: this.model.get("frozen"), points: this.rows.length };
    data.theme = document.body.dataset.jpThemeLight === "false" ? "dark" : "light";
    this.frame?.paths.forEach((path, n) =>
      ["state", "total_received", "total_dropped", "capacity"].forEach((name) => (data[`${name}-${LETTERS[n]}`] = path[name])));
    Object.entries(data).forEach(([key, value]) => this.root.setAttribute(`data-${key}`, value));
  }
}

function save(blob, name) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function glyph(sign) {
  return element("span", { ariaHidden: "true", className: "zc-dash-glyph" }, sign);
}

function render({ model, el }) {
  const panel = new Panel(model, el);
  return () => panel.remove();
}

export default { render };
