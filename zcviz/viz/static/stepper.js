// The page's side of a stepper. The kernel has sent a packet through the pipelines and drawn every
// step: this shows one step after another, says what it is, and asks for other packets.

const PACES = { slow: 4000, normal: 2200, fast: 900 }; // ms a step
const PATIENCE = 1500; // ms in which a kernel that is not busy answers
const ROOM = 460; // pixels of a lane from which on the wide drawing fits
const BUSY = "The kernel is busy with a cell: other packets are shown when it ends. Stepping works.";
const GONE =
  "The kernel of this panel has ended. Stepping works; for other packets run the cell again.";
const LEGEND =
  "Every strip is memory of its own, drawn to scale with the others; at its right is its address. " +
  "Hatched: copied bytes. Brackets: views and index entries, which copy nothing. Outlined: the " +
  "message that is followed, wherever it is. Click a message in the strip to follow it.";
const SIGNS = { copying: "▨", columnar: "▬" };

function element(tag, properties = {}, ...children) {
  const { data = {}, aria = {}, ...rest } = properties;
  const made = Object.assign(document.createElement(tag), rest);
  Object.assign(made.dataset, data);
  Object.entries(aria).forEach(([name, value]) => made.setAttribute(`aria-${name}`, value));
  made.append(...children);
  return made;
}

function button(text, onPress, properties = {}) {
  const made = element("button", { type: "button", ...properties }, text);
  made.addEventListener("click", onPress);
  return made;
}

function labelled(text, control, className = "") {
  return element("label", { className }, element("span", {}, text), control);
}

const bytes = (number) => (number === 1 ? "1 byte" : `${number.toLocaleString("en")} bytes`);
const at = (number) => number.toLocaleString("en");

class Panel {
  constructor(model, root) {
    this.model = model;
    this.root = root;
    this.layer = 0;
    this.field = 0;
    this.drawn = null; // the last step drawn, so that only new things appear
    this.#build();
    this.#listen();
    this.#take();
  }

  remove() {
    this.#pause();
    clearTimeout(this.waiting);
    this.undo.forEach((undo) => undo());
  }

  // --- elements

  #build() {
    this.title = element("h3");
    this.subject = element("p");
    this.feed = element("p", { className: "zc-step-quiet" });
    const head = element("div", { className: "zc-step-title" }, this.title, this.subject, this.feed);
    this.sentence = element("div", { className: "zc-step-sentence", role: "status" });
    this.sentence.setAttribute("aria-live", "polite");
    this.remark = element("p", { className: "zc-step-remark", role: "alert", hidden: true });
    this.lanes = element("div", { className: "zc-step-lanes" });
    this.panel = element(
      "section",
      { className: "zc-step-panel", tabIndex: 0 },
      element("div", { className: "zc-step-head" }, head, this.#picker()),
      this.#controls(),
      this.remark,
      this.sentence,
      this.#inspector(),
      this.lanes,
      element("p", { className: "zc-step-quiet zc-step-legend" }, LEGEND),
    );
    this.panel.setAttribute(
      "aria-label",
      "Stepper. Arrow keys step, Home and End go to the first and the last step, Space plays.",
    );
    this.root.classList.add("zc", "zc-step");
    this.root.replaceChildren(this.panel);
    // Or JupyterLab takes arrows and Space for commands to the notebook.
    for (const each of [this.panel, ...this.panel.querySelectorAll("button, input, select")]) {
      each.dataset.lmSuppressShortcuts = "true";
    }
  }

  #picker() {
    this.before = button("Previous", () => this.#other(-1));
    this.after = button("Next", () => this.#other(1));
    this.number = element("input", { type: "number", min: 1, step: 1, inputMode: "numeric" });
    this.number.addEventListener("change", () => this.#typed());
    this.number.addEventListener("keydown", ({ key }) => key === "Enter" && this.#typed());
    this.of = element("span", { className: "zc-step-quiet" });
    this.what = element("span");
    this.messages = element("select");
    this.messages.addEventListener("change", () => this.#go({ message: +this.messages.value }));
    this.batch = element("input", { type: "checkbox" });
    this.batch.addEventListener("change", () => this.#send("batch", { batch: this.batch.checked }));
    this.several = element("span");
    const packet = element("label", { className: "zc-step-number" }, this.what, this.number, this.of);
    return element(
      "div",
      { className: "zc-step-picker" },
      element("div", {}, packet, this.before, this.after),
      element(
        "div",
        {},
        labelled("Message", this.messages, "zc-step-message"),
        element("label", { className: "zc-step-check" }, this.batch, this.several),
      ),
    );
  }

  #controls() {
    this.first = button("First", () => this.#show(0));
    this.back = button("◀ Back", () => this.#by(-1));
    this.next = button("Step ▶", () => this.#by(1), { className: "zc-step-primary" });
    this.last = button("Last", () => this.#show(Infinity));
    this.play = button("Play", () => this.#toggle());
    this.pace = element("select");
    this.pace.append(...Object.keys(PACES).map((name) => new Option(name, name)));
    this.pace.value = "normal";
    this.pace.addEventListener("change", () => this.playing && this.#start());
    this.dots = element("ol", { className: "zc-step-dots" });
    return element(
      "div",
      { className: "zc-step-controls" },
      element("div", {}, this.first, this.back, this.next, this.last, this.play),
      labelled("Speed", this.pace, "zc-step-pace"),
      this.dots,
    );
  }

  #inspector() {
    this.layers = element("select");
    this.layers.addEventListener("change", () => this.#pick(+this.layers.value));
    this.cells = element("div", { className: "zc-step-cells", role: "toolbar" });
    this.reading = element("p", { className: "zc-step-reading" });
    const head = element(
      "div",
      { className: "zc-step-of" },
      labelled("Fields of", this.layers),
      this.reading,
    );
    this.fields = element("div", { className: "zc-step-fields" }, head, this.cells);
    return this.fields;
  }

  // --- events

  #listen() {
    const { model } = this;
    const onTrip = () => this.#take();
    const onStep = () => this.#draw();
    const onRemark = () => this.#say(model.get("remark"));
    const onHeard = () => this.#heard();
    const onLoss = () => {
      this.lost = true;
      this.#say(GONE);
    };
    model.on("change:shown", onTrip);
    model.on("change:step", onStep);
    model.on("change:remark", onRemark);
    model.on("msg:custom", onHeard);
    model.on("comm_live_update", onLoss);
    this.panel.addEventListener("keydown", (event) => this.#key(event));
    this.cells.addEventListener("keydown", (event) => this.#fieldKey(event));
    this.cells.addEventListener("focusin", (event) => this.#point(+event.target.dataset.n));
    this.cells.addEventListener("pointerover", (event) => this.#over(event));
    this.lanes.addEventListener("pointerover", (event) => this.#over(event));
    this.lanes.addEventListener("click", (event) => this.#click(event));
    const size = new ResizeObserver(() => this.#fit());
    size.observe(this.lanes);
    this.undo = [
      () => model.off("change:shown", onTrip),
      () => model.off("change:step", onStep),
      () => model.off("change:remark", onRemark),
      () => model.off("msg:custom", onHeard),
      () => model.off("comm_live_update", onLoss),
      () => size.disconnect(),
    ];
  }

  #key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const tag = event.target.tagName;
    if (tag === "SELECT" || (tag === "INPUT" && event.target.type === "number")) return;
    const keys = {
      ArrowRight: () => this.#by(1),
      ArrowLeft: () => this.#by(-1),
      Home: () => this.#show(0),
      End: () => this.#show(Infinity),
    };
    if (tag !== "BUTTON" && tag !== "INPUT") keys[" "] = () => this.#toggle();
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }

  // One field can be reached with Tab, its neighbours with the arrow keys.
  #fieldKey(event) {
    const cells = this.#buttons();
    const now = cells.indexOf(event.target);
    const keys = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: cells.length - 1 };
    if (now < 0 || !(event.key in keys)) return;
    event.preventDefault();
    event.stopPropagation();
    cells[Math.max(0, Math.min(cells.length - 1, keys[event.key]))].focus();
  }

  #over(event) {
    const cell = event.target.closest("[data-n]");
    if (cell) {
      if (!this.cells.contains(cell)) this.#pick(this.own);
      this.#point(+cell.dataset.n);
      return;
    }
    const segment = event.target.closest("[data-at]");
    const layer = this.trip.layers.find((each) => each.at === +segment?.dataset.at);
    if (layer) {
      const from = `from byte ${at(layer.start)} of the ${this.trip.unit}`;
      const more = layer.message === null ? "Click for its fields." : "Click to follow it.";
      this.reading.textContent = `${layer.title}: ${bytes(layer.size)} ${from}. ${more}`;
    }
  }

  #click(event) {
    const segment = event.target.closest("[data-at]");
    if (!segment) return;
    const { message } = segment.dataset;
    const layer = this.trip.layers.findIndex((each) => each.at === +segment.dataset.at);
    if (message !== undefined && +message !== this.trip.message) this.#go({ message: +message });
    else if (layer >= 0) this.#pick(layer);
  }

  // --- from step to step

  get step() {
    return Math.max(0, Math.min(this.model.get("step"), this.trip.steps.length - 1));
  }

  #by(steps) {
    this.#pause();
    this.#show(this.step + steps);
  }

  #show(step) {
    this.model.set("step", Math.max(0, Math.min(step, this.trip.steps.length - 1)));
    this.model.save_changes();
  }

  #toggle() {
    if (this.playing) return this.#pause();
    if (this.step === this.trip.steps.length - 1) this.#show(0);
    this.#start();
  }

  #start() {
    clearInterval(this.playing);
    this.play.textContent = "Pause";
    this.playing = setInterval(() => {
      this.#show(this.step + 1);
      if (this.step === this.trip.steps.length - 1) this.#pause();
    }, PACES[this.pace.value]);
  }

  #pause() {
    clearInterval(this.playing);
    this.playing = null;
    this.play.textContent = "Play";
  }

  // --- another packet

  #other(direction) {
    const { packet, count } = this.trip;
    this.#go({ packet: direction < 0 ? packet - 1 : packet + count });
  }

  #typed() {
    const packet = this.number.valueAsNumber - 1;
    if (packet !== this.trip.packet && packet !== this.asked) this.#go({ packet });
    this.asked = packet;
  }

  #go(wanted) {
    const { packet, message } = this.trip;
    const change = { packet, message, batch: this.batch.checked, ...wanted };
    if ("packet" in wanted) change.message = null;
    this.#send("go", change);
  }

  #send(what, change) {
    if (this.lost) return;
    this.#pause();
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.#say(BUSY), PATIENCE);
    this.model.send({ do: what, ...change });
  }

  #heard() {
    clearTimeout(this.waiting);
    this.asked = null;
    this.#say(this.model.get("remark"));
    if (this.model.get("remark")) this.#fill(true); // what was asked for there is not
  }

  #say(text) {
    this.remark.textContent = text;
    this.remark.hidden = !text;
  }

  // --- what is shown

  #take() {
    this.trip = this.model.get("shown");
    this.drawn = null;
    const { layers, message, steps } = this.trip;
    this.own = Math.max(0, layers.findIndex((each) => each.message !== null && each.message === message));
    this.lanes.replaceChildren(...steps[0].lanes.map((lane) => this.#lane(lane)));
    this.dots.replaceChildren(...steps.map(({ name }, i) => this.#dot(name, i)));
    this.layers.replaceChildren(...layers.map(({ title }, i) => new Option(title, i)));
    this.fields.hidden = !layers.length;
    this.#fill();
    this.#pick(this.own);
    this.#draw();
  }

  // What is being typed is left alone.
  #fill(isRefused = false) {
    const { packet, packets, unit, number, messages, message, count, batch, isBatch } = this.trip;
    const one = unit.replace(/s$/, "");
    this.what.textContent = one[0].toUpperCase() + one.slice(1);
    if (isRefused || document.activeElement !== this.number) this.number.value = packet + 1;
    this.number.max = packets;
    this.of.textContent = `of ${at(packets)}`;
    this.before.disabled = packet <= 0;
    this.after.disabled = packet + count >= packets;
    this.#keepFocus();
    const options = messages.map((title, i) => new Option(`${at(i + 1)} of ${at(number)}: ${title}`, i));
    if (number > messages.length) {
      const rest = new Option(`and ${at(number - messages.length)} more, not listed`, "");
      rest.disabled = true;
      options.push(rest);
    }
    if (message >= messages.length && message !== null) {
      options.push(new Option(`${at(message + 1)} of ${at(number)}`, message));
    }
    this.messages.replaceChildren(...(options.length ? options : [new Option("none", "")]));
    this.messages.value = message ?? "";
    this.messages.disabled = messages.length < 2;
    this.batch.checked = isBatch;
    this.several.textContent = `Batch of ${batch} ${one}s`;
  }

  // A button that is disabled lets go of the focus, and keys would go to the notebook.
  #keepFocus() {
    const { activeElement } = document;
    if (activeElement?.disabled && this.panel.contains(activeElement)) {
      this.panel.focus({ preventScroll: true });
    }
  }

  #dot(name, i) {
    const dot = button("", () => this.#show(i), { tabIndex: -1, title: name });
    dot.setAttribute("aria-label", `Step ${i + 1}: ${name}`);
    return element("li", {}, dot, element("span", { ariaHidden: "true" }, name));
  }

  #lane({ pipeline }) {
    const sign = element("span", { ariaHidden: "true" }, SIGNS[pipeline] ?? "▭");
    const still = element("span", { className: "zc-step-still", hidden: true }, "zero-copy so far");
    const stage = element("span", { className: "zc-step-stage" });
    return element(
      "section",
      { className: "zc-step-lane", data: { pipeline } },
      element("h4", {}, sign, ` ${pipeline}`, still, stage),
      element("div", { className: "zc-step-figures" }),
      element("div", { className: "zc-step-picture" }),
    );
  }

  #draw() {
    const { steps, subject, heading } = this.trip;
    const { step } = this;
    const { title, lanes } = steps[step];
    this.title.textContent = `Step ${step + 1} of ${steps.length}: ${title}`;
    this.subject.textContent = subject;
    this.feed.textContent = heading;
    this.first.disabled = this.back.disabled = step === 0;
    this.next.disabled = this.last.disabled = step === steps.length - 1;
    this.#keepFocus();
    [...this.dots.children].forEach((dot, i) => {
      dot.dataset.state = i < step ? "past" : i === step ? "now" : "ahead";
      dot.firstChild.toggleAttribute("aria-current", i === step);
    });
    const said = lanes.map(({ sentence, pipeline }) => {
      const [name, ...rest] = sentence.split(": ");
      return element("p", { data: { pipeline } }, element("b", {}, `${name}: `), rest.join(": "));
    });
    const heard = element("p", { className: "zc-step-heard" }, `${this.title.textContent}.`);
    this.sentence.replaceChildren(heard, ...said);
    lanes.forEach((lane, i) => this.#drawLane(this.lanes.children[i], lane));
    this.#fit();
    this.root.dataset.step = step;
    this.root.dataset.packet = this.trip.packet;
    this.root.dataset.message = this.trip.message ?? "";
  }

  #drawLane(holder, { stage, figures, isZeroCopy }) {
    const [head, list] = holder.children;
    head.querySelector(".zc-step-still").hidden = !isZeroCopy;
    head.lastChild.textContent = stage ? `stage ${stage}` : "";
    const rows = figures.map(([value, caption, isMain]) => {
      const data = { main: isMain };
      return element("div", { data }, element("b", {}, value), " ", element("span", {}, caption));
    });
    list.replaceChildren(...rows);
  }

  // Draws the step, in the width that fits; what is new since the step before appears.
  #fit() {
    const { step } = this;
    const holders = [...this.lanes.children].map((lane) => lane.lastChild);
    if (!holders.length) return;
    const width = holders[0].clientWidth >= ROOM ? "wide" : "narrow";
    const key = `${step} ${width}`;
    if (this.drawn === key) return;
    const forward = this.drawn !== null && step === parseInt(this.drawn, 10) + 1;
    this.drawn = key;
    holders.forEach((holder, i) => {
      holder.innerHTML = this.trip.drawings[i][width][step]; // all text in it is escaped
      holder.classList.toggle("zc-step-appear", forward);
    });
    this.#mark();
  }

  // --- fields

  #pick(layer) {
    if (!this.trip.layers.length) return;
    const { fields, size, title } = this.trip.layers[layer];
    const changed = this.layer !== layer || !this.cells.childElementCount || this.shown !== this.trip;
    this.layer = layer;
    this.shown = this.trip;
    if (!changed) return;
    this.layers.value = layer;
    this.field = Math.max(0, Math.min(this.field, fields.length - 1));
    this.cells.setAttribute("aria-label", `Fields of ${title}, ${bytes(size)}. Arrow keys move.`);
    this.cells.replaceChildren(...fields.map((field, n) => this.#cell(field, n)));
    const end = Math.max(0, ...fields.map(([, offset, length]) => offset + length));
    if (size > end) {
      const rest = element("span", { className: "zc-step-quiet" }, `${bytes(size - end)} more`);
      rest.style.flexGrow = size - end;
      this.cells.append(rest);
    }
    this.#point(this.field);
  }

  #buttons() {
    return [...this.cells.querySelectorAll("button")];
  }

  #cell([name, , size, , , colour], n) {
    const cell = element("button", { type: "button", data: { n, f: colour } }, name.replaceAll("_", " "));
    cell.dataset.lmSuppressShortcuts = "true";
    cell.style.flexGrow = size;
    cell.setAttribute("aria-label", this.#reading(n));
    return cell;
  }

  #reading(n) {
    const { fields, start } = this.trip.layers[this.layer];
    const [name, offset, size, value, meaning] = fields[n];
    const said = meaning && meaning !== value ? `${value}, that is ${meaning}` : value;
    const where = `${bytes(size)} at offset ${at(offset)}, byte ${at(start + offset)} of the ${this.trip.unit}`;
    return `${name}: ${said}; ${where}`;
  }

  #point(n) {
    const { fields } = this.trip.layers[this.layer];
    if (!(n in fields)) return;
    this.field = n;
    const [name, ...rest] = this.#reading(n).split(": ");
    this.reading.replaceChildren(element("b", {}, name), ` ${rest.join(": ")}`);
    this.#buttons().forEach((cell, i) => (cell.tabIndex = i === n ? 0 : -1));
    this.#mark();
  }

  #mark() {
    const isOwn = this.layer === this.own;
    for (const mark of this.lanes.querySelectorAll(".mark")) {
      mark.toggleAttribute("data-on", isOwn && +mark.dataset.n === this.field);
    }
    this.#buttons().forEach((cell, i) => cell.toggleAttribute("data-on", i === this.field));
  }
}

function render({ model, el }) {
  const panel = new Panel(model, el);
  return () => panel.remove();
}

export default { render };
