// The controls of a dashboard: each shows a setting, and asks for another one.

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

const PAUSE = 100; // ms between two changes while a slider moves
const MINE = 700; // ms in which what the reader does counts, not what the kernel still has

const doublings = (from, to) => Array.from({ length: to - from + 1 }, (_, n) => 2 ** (from + n));
const decades = (from, to, digits) =>
  Array.from({ length: to - from }, (_, n) => digits.map((digit) => digit * 10 ** (from + n))).flat();

const FINE = Array.from({ length: 25 }, (_, n) => Number((10 ** (n / 25)).toPrecision(2)));

// `none` is the setting that an empty field stands for, and `empty` what is shown then.
const DIALS = {
  rate: {
    label: "Offered rate", unit: "datagrams/s", stops: [...decades(2, 6, FINE), 1_000_000, null],
    none: 0, empty: "as fast as it can", hint: "to each path, on average",
  },
  burst: {
    label: "Burst", unit: "datagrams", stops: doublings(0, 10),
    hint: "sent back to back; the rate stays the same on average",
  },
  messages: {
    label: "Messages", unit: "a datagram", stops: Array.from({ length: 30 }, (_, n) => n + 1),
    hint: "in each datagram",
  },
  payload: {
    label: "Payload", unit: "bytes", stops: [null, 64, 128, 256, 512, 768, 1024, 1280, 1472],
    none: 0, empty: "as needed", hint: "of a datagram; beyond the messages, bytes that nobody reads",
  },
  delay: {
    label: "Consumer delay", unit: "µs each", stops: [0, ...decades(0, 4, [1, 2, 5]), 10_000],
    hint: "spent on each datagram, on top of decoding it",
  },
  buffer: {
    label: "Socket buffer", unit: "KiB", stops: [null, ...doublings(2, 16)],
    none: null, empty: "the system’s", size: 1024, hint: "asked for; the system may give another size",
  },
};

class Dial {
  constructor(name, isLive, onChange) {
    Object.assign(this, { name, isLive, onChange, ...DIALS[name] });
    this.size ??= 1;
    this.touched = -MINE;
    const least = this.stops.find((stop) => stop !== null);
    this.range = element("input", { type: "range", min: 0, max: this.stops.length - 1, step: 1 });
    this.field = element("input", { type: "number", min: least, step: "any", placeholder: this.empty ?? "" });
    this.range.setAttribute("aria-label", `${this.label}, slider`);
    this.field.setAttribute("aria-label", `${this.label}, ${this.unit}`);
    this.range.addEventListener("input", () => this.#slid());
    this.range.addEventListener("change", () => this.#tell(this.value));
    this.field.addEventListener("input", () => (this.editing = true));
    this.field.addEventListener("change", () => this.#typed());
    this.field.addEventListener("keydown", ({ key }) => key === "Enter" && this.#typed());
    const name_ = element("span", { className: "zc-dash-name" }, this.label, isLive ? "" : anew());
    const figure = element("span", { className: "zc-dash-figure" }, this.field, element("span", {}, this.unit));
    const properties = { className: "zc-dash-dial", title: this.hint, data: { setting: name } };
    this.root = element("div", properties, name_, figure, this.range);
    for (const input of [this.range, this.field]) input.setAttribute("aria-description", this.hint);
  }

  show(setting) {
    if (performance.now() - this.touched < MINE || this.editing) return;
    this.#put(setting);
  }

  #put(setting) {
    this.value = setting;
    const number = setting === this.none ? null : setting / this.size;
    this.field.value = number === null ? "" : Number(number.toPrecision(7));
    this.field.parentElement.toggleAttribute("data-empty", number === null);
    const far = (stop) => {
      if (stop === null || number === null) return stop === number ? -1 : Infinity;
      return Math.abs(Math.log((stop + 0.1) / (number + 0.1)));
    };
    const distances = this.stops.map(far);
    this.range.value = distances.indexOf(Math.min(...distances));
    const said = number === null ? this.empty : `${number.toLocaleString("en")} ${this.unit}`;
    this.range.setAttribute("aria-valuetext", said);
  }

  #slid() {
    const stop = this.stops[this.range.value];
    this.touched = performance.now();
    this.#put(stop === null ? this.none : stop * this.size);
    if (!this.isLive || this.waiting) return;
    this.waiting = setTimeout(() => {
      this.waiting = null;
      this.#tell(this.value);
    }, PAUSE);
  }

  #typed() {
    this.editing = false;
    const text = this.field.value.trim();
    if (text === "" && this.none === undefined) return this.#put(this.value);
    const number = text === "" ? this.none : Number(text) * this.size;
    const isWhole = number !== null && !["rate", "delay"].includes(this.name);
    this.#put(isWhole ? Math.round(number) : number);
    this.#tell(this.value);
  }

  #tell(value) {
    clearTimeout(this.waiting);
    this.waiting = null;
    this.touched = performance.now();
    this.onChange({ [this.name]: value });
  }

}

function anew() {
  return element("span", { className: "zc-dash-anew", title: "starts the run anew" }, "↻");
}

// Which paths: one or two of them. A third one takes the place of the one chosen first.
class PathChoice {
  constructor(paths, onChange) {
    this.chosen = [];
    this.onChange = onChange;
    this.boxes = paths.map(({ name, why }) => {
      const box = element("input", { type: "checkbox", name, disabled: Boolean(why) });
      box.addEventListener("change", () => this.#choose(name, box.checked));
      const badge = element("span", { className: "zc-dash-badge", ariaHidden: "true" });
      const label = element("label", {}, box, element("span", {}, name), badge);
      const reason = why ? element("p", { className: "zc-dash-quiet", id: `zc-${crypto.randomUUID?.() ?? Math.random()}` }, why) : "";
      if (why) box.setAttribute("aria-describedby", reason.id);
      const root = element("div", { className: "zc-dash-path", data: { path: name } }, label, reason);
      root.toggleAttribute("data-refused", Boolean(why));
      return { name, box, badge, root };
    });
    const legend = element("legend", {}, "Receive paths", anew(), element("span", { className: "zc-dash-quiet" }, " one or two"));
    this.root = element("fieldset", { className: "zc-dash-paths" }, legend, ...this.boxes.map(({ root }) => root));
  }

  show(chosen) {
    this.chosen = chosen;
    for (const { name, box, badge, root } of this.boxes) {
      const at = chosen.indexOf(name);
      box.checked = at >= 0;
      badge.textContent = LETTERS[at] ?? "";
      if (at >= 0) root.dataset.tone = TONES[at];
      else delete root.dataset.tone;
    }
  }

  #choose(name, checked) {
    const others = this.chosen.filter((each) => each !== name);
    if (!checked && !others.length) return this.show(this.chosen);
    const chosen = checked ? [...others, name].slice(-2) : others;
    this.show(chosen);
    this.onChange({ paths: chosen });
  }
}

function pipelineChoice(names, onChange) {
  const select = element("select", {}, ...names.map((name) => new Option(name, name)));
  select.addEventListener("change", () => onChange({ pipeline: select.value }));
  const name = element("span", { className: "zc-dash-name" }, "Pipeline", anew());
  return { select, root: element("label", { className: "zc-dash-pipeline" }, name, select) };
}
