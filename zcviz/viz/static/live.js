// The page's side of a live chart. The kernel decides everything: this draws its newest frame,
// shows its words, and passes on what the reader presses.

const PATTERNS = { copying: [8, 5], flyweight: [2, 4], columnar: [] };
const WIDTHS = { copying: 2.25, flyweight: 2.25, columnar: 2.75 };
const UNITS = {
  messages: { label: "messages/s", title: "messages per second, millions (log scale)" },
  bytes: { label: "MB/s", title: "megabytes of the feed per second (log scale)" },
};
const SAY_EVERY = 10_000; // ms between two announcements to a screen reader
const PATIENCE = 1_000; // ms in which a kernel that is not busy answers

const INVITATION = "Press Start: each pipeline does the same work, as fast as it can.";
const SOON = "The first figures come in a moment.";
const BUSY =
  "The kernel is busy with a cell: what you press here takes effect when the cell ends.";
const ABSENT =
  "The kernel does not answer. Either it is busy with a cell, or this chart is of an earlier " +
  "session: then run the cell again.";
const CALM = matchMedia("(prefers-reduced-motion: reduce)");
const CALM_PACE = 500; // ms between two pictures for readers who want little motion
const BREAK = 1.5; // seconds without a point that part a curve

// --- elements

function element(tag, properties = {}, ...children) {
  const { data = {}, ...rest } = properties;
  const made = Object.assign(document.createElement(tag), rest);
  Object.assign(made.dataset, data);
  made.append(...children);
  return made;
}

function lineSample(name) {
  const dashes = (PATTERNS[name] ?? [2, 4]).map((length) => length * 0.8).join(" ");
  const holder = element("span", { ariaHidden: "true" });
  holder.style.display = "contents";
  holder.innerHTML =
    '<svg viewBox="0 0 26 8"><line x1="0" x2="26" y1="4" y2="4" stroke="currentColor" ' +
    `stroke-width="2.5" stroke-dasharray="${dashes}"/></svg>`;
  return holder;
}

function choiceOf(name, onChange) {
  const box = element("input", { type: "checkbox", name });
  box.addEventListener("change", onChange);
  const properties = { className: "zc-live-choice", data: { pipeline: name } };
  return { box, label: element("label", properties, box, name, lineSample(name)) };
}

function unitSwitch(onChange) {
  const group = `zc-${Math.random()}`;
  const legend = element("legend", { className: "zc-live-heard" }, "What the chart shows");
  const labels = Object.entries(UNITS).map(([unit, { label }]) => {
    const input = element("input", { type: "radio", name: group, value: unit });
    input.checked = unit === "messages";
    input.addEventListener("change", () => onChange(unit));
    return element("label", {}, input, label);
  });
  return element("fieldset", { className: "zc-live-units" }, legend, ...labels);
}

function readingOf({ name, median, newest, bytes }) {
  const head = element("div", { className: "zc-live-name" }, name, lineSample(name));
  const unit = median ? " million messages/s" : "";
  const figure = element("div", {}, element("b", {}, median || "–"), unit);
  const detail = median ? `${bytes} MB/s · newest ${newest} million/s` : "not measured yet";
  const properties = { className: "zc-live-reading", data: { pipeline: name } };
  return element("div", properties, head, figure, quiet(detail));
}

// --- frames: for each pipeline how many points, newest, median, ages, rates (live/sample.py)

function decode(bytes, names) {
  if (!bytes?.byteLength) return [];
  const { buffer, byteOffset, byteLength } = bytes;
  const floats = new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));
  const width = floats.length / names.length;
  const room = (width - 3) / 2;
  return names.map((name, i) => {
    const row = floats.subarray(i * width, (i + 1) * width);
    const [count, newest, median] = row;
    const ages = row.subarray(3, 3 + count);
    return { name, newest, median, ages, rates: row.subarray(3 + room, 3 + room + count) };
  });
}

// --- the scale

function stepsOfScale(low, high) {
  const steps = (digits) => {
    const decades = Math.ceil(Math.log10(high / low)) + 1;
    const first = Math.floor(Math.log10(low));
    return Array.from({ length: decades }, (_, i) => digits.map((digit) => digit * 10 ** (first + i)))
      .flat()
      .filter((value) => value >= low * 0.999 && value <= high * 1.001);
  };
  const enough = [[1], [1, 5]].map(steps).find(({ length }) => length >= 4);
  return enough ?? steps([1, 2, 5]);
}

function roundedRange(low, high) {
  const down = (value) => {
    const decade = 10 ** Math.floor(Math.log10(value));
    return decade * (value / decade >= 5 ? 5 : value / decade >= 2 ? 2 : 1);
  };
  return [down(low / 1.3), 1 / down(1 / (high * 1.3))];
}

// Keeps the range it has while that fits: an axis that jumps cannot be read.
function fittingRange(former, curves) {
  const values = curves.flatMap(({ rates }) => [...rates]).filter((rate) => rate > 0);
  if (!values.length) return former ?? [0.05, 100];
  const low = Math.min(...values);
  const high = Math.max(...values);
  const wanted = roundedRange(low, high);
  if (!former || low < former[0] || high > former[1]) return wanted;
  const slack = (former[1] / former[0]) / (wanted[1] / wanted[0]);
  return slack > 12 ? wanted : former;
}

function tickText(value) {
  return value >= 1 ? value.toLocaleString("en") : String(Number(value.toPrecision(3)));
}

// Moves labels apart that would overprint one another, and back into the picture.
function spread(labels, gap, top, bottom) {
  labels.sort((a, b) => a.y - b.y);
  labels.forEach((label, i) => {
    label.y = Math.max(label.y, i ? labels[i - 1].y + gap : top);
  });
  for (let i = labels.length - 1, floor = bottom; i >= 0; i--) {
    labels[i].y = Math.min(labels[i].y, floor);
    floor = labels[i].y - gap;
  }
}

// --- the picture

class Picture {
  constructor(canvas, root, { names, window }) {
    this.canvas = canvas;
    this.root = root;
    this.names = names;
    this.window = window;
    this.range = null;
  }

  // `curves` have rates in the unit shown.
  draw(curves, running) {
    this.#fit();
    this.range = fittingRange(this.range, curves);
    const drawn = curves.some(({ rates }) => rates.length);
    this.#axes(running || !drawn ? "now" : "stopped");
    curves.forEach((curve) => this.#curve(curve));
    this.#names(curves);
    if (!drawn) this.#hint(running ? "Starting …" : "Press Start");
  }

  #fit() {
    const { clientWidth, clientHeight } = this.canvas;
    const density = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(clientWidth * density);
    this.canvas.height = Math.round(clientHeight * density);
    this.pen = this.canvas.getContext("2d");
    this.pen.scale(density, density);
    const style = getComputedStyle(this.root);
    this.colour = (name) => style.getPropertyValue(name).trim();
    const size = parseFloat(getComputedStyle(this.canvas).fontSize);
    this.font = `${size}px ${style.fontFamily}`;
    this.size = size;
    this.pen.font = `600 ${this.font}`;
    const widths = this.names.map((name) => this.pen.measureText(name).width);
    this.pen.font = this.font;
    this.box = { left: size * 3.4, right: clientWidth - Math.max(...widths) - 10, top: 10 };
    this.box.bottom = clientHeight - size * 1.9;
  }

  #x(age) {
    const { left, right } = this.box;
    return right - (Math.min(age, this.window) / this.window) * (right - left);
  }

  #y(rate) {
    const [low, high] = this.range;
    const share = Math.log(rate / low) / Math.log(high / low);
    return this.box.bottom - share * (this.box.bottom - this.box.top);
  }

  #axes(end) {
    const { pen, box } = this;
    pen.lineWidth = 1;
    pen.strokeStyle = this.colour("--zc-strip");
    pen.fillStyle = this.colour("--zc-soft");
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (const value of stepsOfScale(...this.range)) {
      const y = Math.round(this.#y(value)) + 0.5;
      pen.beginPath();
      pen.moveTo(box.left, y);
      pen.lineTo(box.right, y);
      pen.stroke();
      pen.fillText(tickText(value), box.left - 8, y);
    }
    const below = box.bottom + this.size * 1.3;
    pen.textAlign = "left";
    pen.fillText(`${this.window} s ago`, box.left, below);
    pen.textAlign = "right";
    pen.fillText(end, box.right, below);
  }

  #curve({ name, ages, rates }) {
    const { pen } = this;
    pen.strokeStyle = this.#ink(name);
    pen.lineWidth = WIDTHS[name] ?? 2;
    pen.lineJoin = "round";
    pen.setLineDash(PATTERNS[name] ?? [2, 4]);
    pen.beginPath();
    rates.forEach((rate, i) => {
      const parted = i > 0 && ages[i - 1] - ages[i] > BREAK;
      if (rate > 0) pen[parted ? "moveTo" : "lineTo"](this.#x(ages[i]), this.#y(rate));
    });
    pen.stroke();
    pen.setLineDash([]);
  }

  #names(curves) {
    const { pen, box, size } = this;
    const labels = curves
      .filter(({ rates }) => rates.length)
      .map(({ name, rates }) => ({ name, y: this.#y(rates.at(-1)) }));
    spread(labels, size * 1.35, box.top + size / 2, box.bottom - size / 2);
    pen.textAlign = "left";
    pen.font = `600 ${this.font}`;
    for (const { name, y } of labels) {
      pen.fillStyle = this.#ink(name);
      pen.fillText(name, box.right + 9, y);
    }
    pen.font = this.font;
  }

  #hint(text) {
    const { pen, box } = this;
    pen.fillStyle = this.colour("--zc-soft");
    pen.textAlign = "center";
    pen.fillText(text, (box.left + box.right) / 2, (box.top + box.bottom) / 2);
  }

  #ink(name) {
    const inks = { copying: "--zc-copy", columnar: "--zc-view" };
    return this.colour(inks[name] ?? "--zc-neutral");
  }
}

// --- the panel

class Panel {
  constructor(model, root) {
    this.model = model;
    this.root = root;
    this.about = model.get("about");
    this.view = crypto.randomUUID?.() ?? String(Math.random());
    this.unit = "messages";
    this.frames = 0;
    this.asked = 0;
    this.said = 0;
    this.lost = false; // the kernel is gone
    this.met = false; // it has been heard of
    this.#build();
    this.#listen();
    this.#show();
    this.#take(model.get("frame"));
    this.#send("look");
  }

  remove() {
    this.#send("leave");
    this.undo.forEach((undo) => undo());
  }

  #build() {
    const { names, window: seconds } = this.about;
    this.title = element("h3");
    this.canvas = element("canvas", { role: "img" });
    this.go = element("button", { type: "button", className: "zc-live-primary" });
    this.again = element("button", { type: "button" }, "Reset");
    this.choices = names.map((name) => choiceOf(name, () => this.#choose()));
    const legend = element("legend", { className: "zc-live-heard" }, "Pipelines that run");
    const boxes = element("fieldset", { className: "zc-live-choices" }, legend, ...this.choices.map(({ label }) => label));
    this.remark = element("p", { className: "zc-live-quiet zc-live-remark" });
    this.problems = element("div", { role: "alert" });
    this.readout = element("div", { className: "zc-live-readout" });
    this.sentence = element("p", { className: "zc-live-sentence" });
    this.heard = element("p", { className: "zc-live-heard", role: "status" });
    const units = unitSwitch((unit) => this.#measure(unit));
    const head = element("div", { className: "zc-live-head" }, this.title, units);
    this.feed = quiet("");
    const controls = element("div", { className: "zc-live-controls" }, this.go, this.again, boxes);
    const left = card(head, this.feed, this.canvas, controls, this.remark, this.problems);
    const span = element("h3", {}, `Last ${seconds} seconds`);
    const right = card(span, quiet("median, and what it means"), this.readout, this.sentence);
    this.panel = element("div", { className: "zc-live-panel" }, left, right, this.heard);
    this.root.classList.add("zc", "zc-live");
    this.root.replaceChildren(this.panel);
    // Or JupyterLab takes arrows and Space for commands to the notebook.
    for (const control of this.panel.querySelectorAll("button, input")) {
      control.dataset.lmSuppressShortcuts = "true";
    }
    this.picture = new Picture(this.canvas, this.panel, this.about);
  }

  #listen() {
    const { model } = this;
    const onMessage = (message, [bytes] = []) => {
      this.met = true;
      this.asked = 0;
      if (message.kind === "frame") this.#take(bytes);
    };
    const onState = () => this.#show();
    const onLast = () => this.#take(model.get("frame"));
    const onComm = () => this.#lose();
    const redraw = () => this.#ask();
    model.on("msg:custom", onMessage);
    model.on("change:frame", onLast);
    model.on("change", onState);
    model.on("comm_live_update", onComm);
    this.go.addEventListener("click", () => this.#press(model.get("running") ? "stop" : "start"));
    this.again.addEventListener("click", () => this.#press("reset"));
    const size = new ResizeObserver(redraw);
    size.observe(this.canvas);
    // The theme's style sheet may come after the attribute: look again a little later.
    const theme = new MutationObserver(() => [0, 300].forEach((ms) => setTimeout(redraw, ms)));
    theme.observe(document.body, { attributes: true });
    const beat = setInterval(() => this.#send("beat"), model.get("beat") * 1000);
    const watch = setInterval(() => this.#watch(), 500);
    this.undo = [
      () => model.off("msg:custom", onMessage),
      () => model.off("change:frame", onLast),
      () => model.off("change", onState),
      () => model.off("comm_live_update", onComm),
      () => size.disconnect(),
      () => theme.disconnect(),
      () => clearInterval(beat),
      () => clearInterval(watch),
      () => (CALM.matches ? clearTimeout : cancelAnimationFrame)(this.drawing),
    ];
  }

  // --- to the kernel

  #send(what) {
    if (!this.lost) this.model.send({ do: what, view: this.view });
  }

  #press(what) {
    this.asked = performance.now();
    this.#send(what);
  }

  #choose() {
    const chosen = this.choices.filter(({ box }) => box.checked).map(({ box }) => box.name);
    this.model.set("chosen", chosen);
    this.asked = performance.now();
    this.model.save_changes();
  }

  // --- from the kernel

  #take(bytes) {
    this.curves = decode(bytes, this.about.names);
    this.frames += 1;
    this.heardAt = performance.now();
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
    const factor = this.unit === "messages" ? 1e-6 : this.about.bytesPerMessage * 1e-6;
    const curves = (this.curves ?? []).map((curve) => {
      return { ...curve, rates: curve.rates.map((rate) => rate * factor) };
    });
    this.picture.draw(curves, this.model.get("running") && !this.lost);
    this.#expose();
  }

  #show() {
    const { model } = this;
    const running = model.get("running") && !this.lost;
    const chosen = model.get("chosen");
    this.asked = 0;
    this.go.replaceChildren(...(running ? [glyph("■"), "Stop"] : [glyph("▶"), "Start"]));
    this.go.disabled = this.lost || (!running && !chosen.length);
    this.choices.forEach(({ box }) => (box.checked = chosen.includes(box.name)));
    const { feed, memory } = model.get("about");
    this.feed.textContent = `${feed}; ${memory}.`;
    this.title.textContent = `Live: ${UNITS[this.unit].title}`;
    this.remark.textContent = model.get("remark");
    this.problems.replaceChildren(...model.get("problems").map(problem));
    this.readout.replaceChildren(...model.get("readout").map((each) => readingOf(each)));
    this.sentence.textContent = model.get("sentence") || (running ? SOON : INVITATION);
    this.#say(!running);
    this.#ask();
  }

  #say(now) {
    const text = this.sentence.textContent;
    this.canvas.setAttribute("aria-label", `Curves over time. ${text}`);
    if (now || performance.now() - this.said > SAY_EVERY) {
      this.said = performance.now();
      if (this.heard.textContent !== text) this.heard.textContent = text;
    }
  }

  #measure(unit) {
    this.unit = unit;
    this.picture.range = null;
    this.#show();
  }

  // --- a kernel that is busy, or gone

  #watch() {
    const now = performance.now();
    const silent = this.model.get("running") && now - this.heardAt > 2 * PATIENCE;
    const unanswered = this.asked && now - this.asked > PATIENCE;
    if (!this.lost && (silent || unanswered)) this.remark.textContent = this.met ? BUSY : ABSENT;
  }

  #lose() {
    this.lost = true;
    this.#show();
    this.again.disabled = true;
    this.choices.forEach(({ box }) => (box.disabled = true));
    this.remark.textContent =
      "The kernel of this chart has ended, and its pipelines with it. " +
      "Run the cell again for a new chart.";
  }

  // For whoever looks at the page from outside, such as a test.
  #expose() {
    const data = { frames: this.frames, running: this.model.get("running"), unit: this.unit };
    for (const { name, median, rates } of this.curves ?? []) {
      data[`rate-${name}`] = median;
      data[`points-${name}`] = rates.length;
    }
    data.theme = document.body.dataset.jpThemeLight === "false" ? "dark" : "light";
    Object.entries(data).forEach(([key, value]) => this.root.setAttribute(`data-${key}`, value));
  }
}

function card(...children) {
  return element("section", { className: "zc-live-card" }, ...children);
}

function glyph(sign) {
  return element("span", { ariaHidden: "true", className: "zc-live-glyph" }, sign);
}

function quiet(text) {
  return element("p", { className: "zc-live-quiet" }, text);
}

function problem(text) {
  return element("p", { className: "zc-live-problem" }, text);
}

function render({ model, el }) {
  const panel = new Panel(model, el);
  return () => panel.remove();
}

export default { render };
