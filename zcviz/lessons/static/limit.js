// The page's side of the machine's limit. The kernel measures and says; this draws the newest state
// on a logarithmic axis: a dot for each measurement, a marker at the least, a stem from the limit.

const SIGNS = { copying: "▨ ", "zero-copy": "▬ ", "": "" };
const INVITATION = "Press Start: each step goes through all messages, one step after the other.";
const SOON = "Starting: each step runs once uncounted.";
const BUSY = "The kernel is busy with a cell: what you press takes effect when the cell ends.";
const GONE = "The kernel of this panel has ended. Run the cell again for a new one.";
const PATIENCE = 1_000; // ms in which a kernel that is not busy answers
const CALM = matchMedia("(prefers-reduced-motion: reduce)");
const CALM_PACE = 1_000; // ms between two pictures for readers who want little motion

function made(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

// All but the slowest third: a machine that was busy for a moment does not squeeze the picture.
function usual(times) {
  return [...times].sort((a, b) => a - b).slice(0, Math.ceil((times.length * 2) / 3));
}

// Whole decades, and only ever more of them: an axis that jumps cannot be read.
function widened([low, high], rows) {
  const all = rows.flatMap(({ times }) => usual(times));
  const down = Math.min(low, ...all.map((time) => 10 ** Math.floor(Math.log10(time / 1.15))));
  const up = Math.max(high, ...all.map((time) => 10 ** Math.ceil(Math.log10(time * 1.15))));
  return [down, up];
}

class Panel {
  constructor(model, el) {
    this.model = model;
    this.range = [1, 1000];
    this.drawn = 0;
    this.root = made("section", "zc zcl zcl-card zcl-limit");
    this.button = made("button", "zcl-primary");
    this.button.type = "button";
    this.button.addEventListener("click", () => this.#press());
    this.remark = made("span", "zcl-quiet");
    this.remark.setAttribute("role", "status");
    this.said = made("div", "zcl-said");
    this.rows = made("div", "zcl-rows");
    const controls = made("div", "zcl-controls");
    controls.append(this.button, this.remark);
    this.root.append(
      made("p", "zcl-title", "Live: nanoseconds per message (log scale)"),
      made("p", "zcl-quiet", model.get("about")),
      this.rows,
      controls,
      this.said,
    );
    el.append(this.root);
    this.onState = () => this.#show();
    this.onComm = () => { if (model.comm_live === false) this.#lose(); };
    model.on("change", this.onState);
    model.on("comm_live_update", this.onComm);
    this.watch = setInterval(() => this.#wait(), 500);
    this.#show();
  }

  #press() {
    this.asked = performance.now();
    this.model.send({ do: this.model.get("running") ? "stop" : "start" });
  }

  #wait() {
    if (this.asked && performance.now() - this.asked > PATIENCE) this.remark.textContent = BUSY;
  }

  #lose() {
    this.lost = true;
    this.button.disabled = true;
    this.remark.textContent = GONE;
  }

  #show() {
    if (this.lost) return;
    const { model } = this;
    const running = model.get("running");
    const now = performance.now();
    this.asked = 0;
    if (running && CALM.matches && now - this.drawn < CALM_PACE) return;
    this.drawn = now;
    const sign = made("span", "zcl-glyph", running ? "■" : "▶");
    sign.setAttribute("aria-hidden", "true");
    this.button.replaceChildren(sign, running ? "Stop" : "Start");
    this.remark.textContent = model.get("remark");
    const rows = model.get("rows");
    if (running && !rows.some(({ times }) => times.length)) this.range = [1, 1000];
    this.range = widened(this.range, rows);
    this.rows.replaceChildren(this.#top(), ...rows.map((row) => this.#row(row)), this.#axis());
    this.said.textContent = model.get("sentence") || (running ? SOON : INVITATION);
    this.root.dataset.running = running;
  }

  #x(value) {
    const [low, high] = this.range;
    return (100 * Math.log(value / low)) / Math.log(high / low);
  }

  #ticks() {
    const [low, high] = this.range.map((value) => Math.round(Math.log10(value)));
    return Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
  }

  #placed(className, value, text = "") {
    const element = made("i", className, text);
    element.style.left = `${this.#x(value)}%`;
    return element;
  }

  #line(...parts) {
    const track = made("div", "zcl-track");
    track.append(...this.#ticks().map((tick) => this.#placed("zcl-tick", tick)));
    const floor = this.model.get("floor");
    if (floor > 0) track.append(this.#placed("zcl-floor", floor));
    track.append(...parts);
    return track;
  }

  #top() {
    const floor = this.model.get("floor");
    const row = made("div", "zcl-row zcl-top");
    const text = floor > 0 ? [this.#placed("zcl-flag", floor, "the limit: reading every byte")] : [];
    row.append(made("div"), this.#line(...text), made("div"));
    return row;
  }

  #row({ name, does, kind, ns, times, amount, ratio }) {
    const row = made("div", `zcl-row ${{ copying: "zcl-copying", "zero-copy": "zcl-zerocopy" }[kind] ?? ""}`);
    const head = made("div", "zcl-name");
    head.append(made("b", "", SIGNS[kind] + name), made("span", "zcl-quiet", does));
    const parts = times
      .filter((time) => time <= this.range[1])
      .map((time) => this.#placed("zcl-dot", time));
    const floor = this.model.get("floor");
    if (ns > 0) {
      const [from, to] = [floor, ns].map((value) => this.#x(value)).sort((a, b) => a - b);
      const stem = made("i", "zcl-stem");
      Object.assign(stem.style, { left: `${from}%`, width: `${to - from}%` });
      parts.unshift(stem);
      parts.push(this.#placed("zcl-least", ns));
    }
    const track = this.#line(...parts);
    track.setAttribute("role", "img");
    track.setAttribute("aria-label", ns > 0 ? `${name}: ${amount} a message, ${ratio} reading` : `${name}: not measured`);
    const said = made("div", "zcl-reading");
    said.append(made("b", "", amount || "–"), made("span", "zcl-quiet", ratio && `${ratio} the limit`));
    row.append(head, track, said);
    return row;
  }

  #axis() {
    const row = made("div", "zcl-row zcl-axis");
    const track = made("div", "zcl-track");
    const text = (tick) => (tick < 1000 ? `${tick} ns` : `${(tick / 1000).toLocaleString("en")} µs`);
    track.append(...this.#ticks().map((tick) => this.#placed("zcl-label", tick, text(tick))));
    row.append(made("div"), track, made("div"));
    return row;
  }

  remove() {
    clearInterval(this.watch);
    this.model.off("change", this.onState);
    this.model.off("comm_live_update", this.onComm);
  }
}

function render({ model, el }) {
  const panel = new Panel(model, el);
  return () => panel.remove();
}

export default { render };
