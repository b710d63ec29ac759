// The page's side of the score card. The kernel runs the expressions, judges and counts; this shows
// the case it is at, and sends what was pressed.

const LOOKS = { view: ["▬", "zcl-zerocopy"], copy: ["▨", "zcl-copying"] };
const KEYS = { v: ["say", "view"], c: ["say", "copy"], n: ["go", 1], p: ["go", -1] };
const BUSY = "The kernel is busy with a cell: your answer is judged when the cell ends.";
const GONE = "The kernel of this card has ended. Run the cell again for a new one.";
const PATIENCE = 1_000; // ms in which a kernel that is not busy answers

function made(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

class Card {
  constructor(model, el) {
    this.model = model;
    this.root = made("section", "zc zcl zcl-card zcl-score");
    this.root.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take V and C for its own
    this.root.setAttribute("aria-label", "Score card: view or copy?");
    this.place = made("p", "zcl-overline");
    this.asked = made("pre", "zcl-asked");
    this.about = made("dl", "zcl-about");
    this.told = made("div", "zcl-told");
    this.told.setAttribute("role", "status");
    this.table = made("ul", "zcl-topics");
    this.total = made("p", "zcl-quiet");
    this.say = Object.fromEntries(
      ["view", "copy"].map((word) => [word, this.#button(word, () => this.#send("say", word))]),
    );
    for (const [word, button] of Object.entries(this.say)) {
      const [sign, look] = LOOKS[word];
      const glyph = made("span", "zcl-glyph", sign);
      glyph.setAttribute("aria-hidden", "true");
      button.prepend(glyph);
      button.classList.add(look);
    }
    this.back = this.#button("Back", () => this.#send("go", -1));
    this.next = this.#button("Next", () => this.#send("go", 1));
    this.again = this.#button("Ask the missed ones again", () => this.#send("again"));
    const choice = made("div", "zcl-keys");
    choice.setAttribute("role", "group");
    choice.setAttribute("aria-label", "A view or a copy?");
    choice.append(...Object.values(this.say), made("span", "zcl-quiet", "or press V, C; then N"));
    const moves = made("div", "zcl-keys");
    moves.append(this.back, this.next);
    const row = made("div", "zcl-keys zcl-apart");
    row.append(choice, moves);
    const foot = made("div", "zcl-keys");
    foot.append(this.total, this.again);
    this.root.append(this.place, this.asked, this.about, row, this.told, this.table, foot);
    this.root.addEventListener("keydown", (event) => this.#key(event));
    el.append(this.root);
    this.onState = () => this.#show();
    this.onComm = () => { if (model.comm_live === false) this.#lose(); };
    model.on("change:state", this.onState);
    model.on("comm_live_update", this.onComm);
    this.watch = setInterval(() => this.#wait(), 500);
    this.#show();
  }

  #button(text, press) {
    const button = made("button", "zcl-button", text);
    button.type = "button";
    button.addEventListener("click", press);
    return button;
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const order = KEYS[event.key.toLowerCase()];
    if (!order) return;
    event.preventDefault();
    this.#send(...order);
  }

  #send(order, given) {
    const { answer } = this.model.get("state");
    if (this.lost || this.sent || (order === "say" && answer)) return;
    this.sent = performance.now();
    this.order = order;
    this.model.send({ do: order, with: given });
  }

  #wait() {
    if (this.sent && performance.now() - this.sent > PATIENCE) this.told.textContent = BUSY;
  }

  #lose() {
    this.lost = true;
    this.told.textContent = GONE;
    this.root.querySelectorAll("button").forEach((button) => { button.disabled = true; });
  }

  #show() {
    const state = this.model.get("state");
    const { answer, at, cases } = state;
    this.sent = 0;
    this.root.dataset.at = at ?? "";
    this.place.textContent = cases ? `Case ${at + 1} of ${cases} · ${state.topic}` : "No case";
    this.asked.textContent = state.expression ?? "";
    this.about.replaceChildren(...(state.about ?? []).flatMap(([name, text]) => [
      made("dt", "", name), made("dd", "", text),
    ]));
    for (const [word, button] of Object.entries(this.say)) {
      button.setAttribute("aria-disabled", Boolean(answer)); // keeps the focus where it is
      button.setAttribute("aria-pressed", answer?.guess === word);
      button.classList.toggle("zcl-true", answer?.actual === word);
    }
    this.#tell(answer);
    this.back.disabled = !at;
    this.next.disabled = !cases || at === cases - 1;
    this.again.hidden = !state.score.some(([, right, answered]) => right < answered);
    this.table.replaceChildren(...state.score.map((row) => this.#topic(row)));
    this.total.textContent = state.sentence;
    this.#focus();
  }

  #tell(answer) {
    this.told.replaceChildren();
    this.told.className = `zcl-told ${answer ? (answer.right ? "zcl-right" : "zcl-wrong") : ""}`;
    if (answer) this.told.append(made("p", "zcl-title", answer.verdict), made("p", "", answer.why));
  }

  // Where the next key is wanted: after an answer the way on, at a new case the choice.
  #focus() {
    const wanted = { say: this.next, go: this.say.view, again: this.say.view }[this.order];
    this.order = "";
    if (wanted && this.root.contains(document.activeElement)) {
      (wanted.disabled ? this.back : wanted).focus();
    }
  }

  #topic([topic, right, answered, total]) {
    const row = made("li");
    const bar = made("span", "zcl-meter");
    bar.setAttribute("aria-hidden", "true");
    for (const [part, look] of [[right, "good"], [answered - right, "missed"]]) {
      const piece = made("i", `zcl-${look}`);
      piece.style.width = `${(100 * part) / total}%`;
      if (part) bar.append(piece);
    }
    const asked = total === 1 ? "1 case" : `${total} cases`;
    const rest = answered < total ? `; ${asked}` : "";
    const text = answered ? `${right} of ${answered} right${rest}` : asked;
    row.append(made("b", "", topic), bar, made("span", "zcl-quiet", text));
    return row;
  }

  remove() {
    clearInterval(this.watch);
    this.model.off("change:state", this.onState);
    this.model.off("comm_live_update", this.onComm);
  }
}

function render({ model, el }) {
  const card = new Card(model, el);
  return () => card.remove();
}

export default { render };
