// What a dashboard draws, on any canvas: its own ones, and the one that becomes a file.

const LETTERS = ["A", "B"];
const TONES = ["first", "second"];
const DOTTED = [1.5, 4];
const INKS = [
  "ink", "soft", "line", "strip", "paper", "neutral", "lost",
  ...TONES, ...TONES.map((tone) => `${tone}-fill`),
];

// --- figures

const known = (value) => Number.isFinite(value);

function figure(value) {
  if (!known(value)) return "–";
  if (value >= 999_500) return `${Number((value / 1e6).toPrecision(3)).toLocaleString("en")} M`;
  return Number(value.toPrecision(3)).toLocaleString("en");
}

// Of an axis: short, and exact, since its steps are round.
function tickText(value) {
  const [size, unit] = value >= 1e6 ? [1e6, " M"] : value >= 1e4 ? [1e3, " k"] : [1, ""];
  return `${Number((value / size).toPrecision(4)).toLocaleString("en")}${unit}`;
}

const whole = (value) => (known(value) ? Math.round(value).toLocaleString("en") : "–");

function bytesText(value) {
  const [size, unit] = value >= 1 << 20 ? [1 << 20, "MiB"] : value >= 1024 ? [1024, "KiB"] : [1, "B"];
  return `${figure(value / size)} ${unit}`;
}

function timeText(nanos) {
  const sizes = [["s", 1e9], ["ms", 1e6], ["µs", 1e3], ["ns", 1]];
  const [unit, size] = sizes.find(([, size]) => nanos >= size * 0.9995) ?? sizes.at(-1);
  return `${figure(nanos / size)} ${unit}`;
}

// --- a brush: a pen, in the colours and the font of the page

function inksOf(root) {
  const style = getComputedStyle(root);
  const inks = Object.fromEntries(INKS.map((name) => [name, style.getPropertyValue(`--zc-${name}`).trim()]));
  return { ...inks, family: style.fontFamily, size: parseFloat(style.fontSize) };
}

class Brush {
  constructor(pen, inks, width, height) {
    Object.assign(this, { pen, inks, width, height, size: inks.size });
    pen.textBaseline = "middle";
    pen.lineJoin = pen.lineCap = "round";
  }

  // With a halo, it can be read on top of what is drawn already.
  text(text, x, y, { ink = "ink", align = "left", weight = 400, scale = 0.92, room, halo = false } = {}) {
    const { pen } = this;
    pen.font = `${weight} ${this.size * scale}px ${this.inks.family}`;
    pen.fillStyle = this.inks[ink];
    pen.textAlign = align;
    if (halo) {
      pen.strokeStyle = this.inks.paper;
      pen.lineWidth = 4;
      pen.strokeText(text, x, y, room);
    }
    pen.fillText(text, x, y, room);
  }

  // Centred at x, unless that would put it beyond an edge.
  inside(text, x, y, how) {
    this.pen.font = `${how.weight ?? 400} ${this.size * (how.scale ?? 0.92)}px ${this.inks.family}`;
    const half = this.pen.measureText(text).width / 2;
    this.text(text, Math.max(half, Math.min(x, this.width - half)), y, { ...how, align: "center" });
  }

  line(points, ink, { width = 1, dash = [], alpha = 1 } = {}) {
    const { pen } = this;
    pen.globalAlpha = alpha;
    pen.strokeStyle = this.inks[ink];
    pen.lineWidth = width;
    pen.setLineDash(dash);
    pen.beginPath();
    points.forEach(([x, y, jump], i) => pen[i && !jump ? "lineTo" : "moveTo"](x, y));
    pen.stroke();
    pen.setLineDash([]);
    pen.globalAlpha = 1;
  }

  arrow(x, y, toX, toY, ink, width = 2) {
    const { pen } = this;
    const [dx, dy] = [Math.sign(toX - x), Math.sign(toY - y)];
    this.line([[x, y], [toX - 2 * dx, toY - 2 * dy]], ink, { width });
    pen.fillStyle = this.inks[ink];
    pen.beginPath();
    pen.moveTo(toX, toY);
    pen.lineTo(toX - 6 * dx - 4 * dy, toY - 6 * dy - 4 * dx);
    pen.lineTo(toX - 6 * dx + 4 * dy, toY - 6 * dy + 4 * dx);
    pen.fill();
  }

  box(x, y, width, height, { ink, fill, radius = 6 }) {
    const { pen } = this;
    pen.beginPath();
    pen.roundRect(x, y, width, height, radius);
    if (fill) {
      pen.fillStyle = this.inks[fill];
      pen.fill();
    }
    if (!ink) return;
    pen.strokeStyle = this.inks[ink];
    pen.lineWidth = 1;
    pen.stroke();
  }

  area(points, tone) {
    this.pen.beginPath();
    points.forEach(([x, y], i) => this.pen[i ? "lineTo" : "moveTo"](x, y));
    this.flood(tone, tone ? 0.7 : 1);
  }

  // Fills the path that was begun, in the first tone plain, in the second one dotted.
  flood(tone, alpha = 1) {
    const { pen } = this;
    pen.globalAlpha = alpha;
    pen.fillStyle = this.inks[`${TONES[tone]}-fill`];
    pen.fill();
    if (tone === 1) {
      pen.fillStyle = this.#dots();
      pen.fill();
    }
    pen.globalAlpha = 1;
  }

  #dots() {
    if (!this.inks.dots) {
      const tile = element("canvas", { width: 6, height: 6 });
      const dot = tile.getContext("2d");
      dot.fillStyle = this.inks.second;
      dot.fillRect(1, 1, 1.5, 1.5);
      dot.fillRect(4, 4, 1.5, 1.5);
      this.inks.dots = tile;
    }
    return this.pen.createPattern(this.inks.dots, "repeat");
  }
}

// --- the way of the packets of one path: sender, buffer, receiver, decoder

function drawFlow(brush, { tone, name, path, sender, live, pipeline }) {
  const { width, size } = brush;
  const wide = Math.min(width, 760);
  const left = (width - wide) / 2;
  const box = wide * 0.215;
  const gap = (wide - 4 * box) / 3;
  const [top, high, ink] = [size * 2, size * 7.2, TONES[tone]];
  const at = (n) => left + n * (box + gap);
  const middle = top + high / 2;
  const isRing = known(path.tail) && path.capacity > 0;
  const isFile = name === "replay"; // nothing stands between it and the receiver
  const buffer = isFile ? "mapped file" : isRing ? "ring" : "socket buffer";
  [["sender"], [buffer], ["receiver"], [pipeline === "none" ? "no decoder" : "decoder"]].forEach(
    ([name], n) => brush.text(name, at(n) + box / 2, size * 0.8, { align: "center", weight: 600, room: box + gap }),
  );
  for (let n = 0; n < 3; n++) brush.arrow(at(n) + box + 2, middle, at(n + 1) - 3, middle, "soft");

  const station = (n, rate, unit, total) => {
    brush.box(at(n), middle - size * 2.1, box, size * 4.2, { ink: "line", fill: "paper" });
    const [big, small] = live ? [figure(rate), `${unit}/s`] : [path.state ? whole(total) : "–", unit];
    const where = { align: "center", room: box - 6 };
    brush.text(big, at(n) + box / 2, middle - size * 0.6, { ...where, weight: 650, scale: big.length > 7 ? 1 : 1.2 });
    brush.text(small, at(n) + box / 2, middle + size * 0.8, { ...where, ink: "soft", scale: 0.85 });
  };
  station(0, sender.sending, "datagrams", sender.sent);
  station(2, path.received, "datagrams", path.total_received);
  station(3, path.decoded, "messages", path.total_decoded);
  if (isFile) {
    brush.box(at(1), middle - size * 2.1, box, size * 4.2, { ink, fill: "paper" });
    brush.text("no queue", at(1) + box / 2, middle, { ink: "soft", align: "center", scale: 0.85 });
  } else (isRing ? drawRing : drawTank)(brush, at(1), top, box, high, tone, path);

  const loss = (n, from, word, rate, total) => {
    if (!path.state) return;
    const [x, y, lost] = [at(n) + box / 2, top + high + size * 1.3, total > 0];
    const now = live && rate > 0;
    if (now) brush.arrow(x, from + 2, x, y - size * 0.6, "lost", 2.5);
    else brush.line([[x, from + 3], [x, y - size * 0.7]], lost ? "lost" : "line", { dash: [2, 3] });
    const how = { ink: lost ? "lost" : "soft", scale: 0.85 };
    const said = !known(total) ? "–" : lost ? `✕ ${whole(total)}` : "none";
    brush.inside(said, x, y + size * 0.1, { ...how, weight: lost ? 650 : 400 });
    brush.inside(word, x, y + size * 1.2, how);
    if (now) brush.inside(`${figure(rate)}/s now`, x, y + size * 2.3, how);
  };
  const under = middle + size * 2.1;
  loss(0, under, "left out", sender.late, sender.given_up);
  if (!isFile) loss(1, top + high, isRing ? "lost" : "dropped", ...(isRing ? [path.lost, path.total_lost] : [path.dropped, path.total_dropped]));
  loss(3, under, "missing", path.missing, path.total_missing);
  if (!isRing) return;
  const y = brush.height - size * 0.5;
  const ends = [["kernel fills here", ink, 4, []], ["we read here", "ink", 2, [2, 3]]];
  let x = at(0);
  for (const [text, colour, weight, dash] of ends) {
    brush.line([[x + 2, y - 5], [x + 2, y + 5]], colour, { width: weight, dash });
    brush.text(text, x + 9, y, { ink: "soft", scale: 0.85 });
    x += 30 + brush.pen.measureText(text).width;
  }
}

function drawTank(brush, x, y, width, height, tone, { used, capacity }) {
  const { pen, size } = brush;
  const ink = TONES[tone];
  const share = capacity > 0 && known(used) ? Math.min(1, used / capacity) : 0;
  const level = y + height - share * (height - 4);
  pen.beginPath();
  pen.rect(x + 1, level, width - 2, y + height - level);
  brush.flood(tone);
  if (share > 0) brush.line([[x + 2, level], [x + width - 2, level]], ink, { width: 2 });
  brush.line([[x, y], [x, y + height], [x + width, y + height], [x + width, y]], ink, { width: 2.5 });
  const where = { align: "center", room: width - 8, halo: true };
  const middle = y + height / 2;
  if (!(capacity > 0)) {
    return;
  }
  const percent = share > 0 && share < 0.01 ? "< 1 %" : `${Math.round(share * 100)} %`;
  brush.text(percent, x + width / 2, middle - size * 0.6, { ...where, weight: 650, scale: 1.2 });
  brush.text(`of ${bytesText(capacity)}`, x + width / 2, middle + size * 0.8, { ...where, scale: 0.85 });
}

function drawRing(brush, x, y, width, height, tone, { used, capacity, head, tail }) {
  const { pen, size } = brush;
  const ink = TONES[tone];
  const [cx, cy] = [x + width / 2, y + height / 2];
  const outer = Math.min(width, height) / 2;
  const inner = outer * 0.68;
  const turn = (block) => (block / capacity) * 2 * Math.PI - Math.PI / 2;
  const arc = (from, to) => {
    pen.beginPath();
    pen.arc(cx, cy, outer, from, to);
    pen.arc(cx, cy, inner, to, from, true);
    pen.closePath();
  };
  arc(0, 2 * Math.PI);
  pen.fillStyle = brush.inks.strip;
  pen.fill("evenodd");
  if (used > 0) {
    arc(turn(tail), turn(tail + Math.min(used, capacity * 0.99999)));
    brush.flood(tone);
  }
  const at = (block, radius) => [cx + Math.cos(turn(block)) * radius, cy + Math.sin(turn(block)) * radius];
  if (capacity <= 64)
    for (let block = 0; block < capacity; block++) brush.line([at(block, inner), at(block, outer)], "paper", { width: 1.5 });
  for (const radius of [inner, outer]) {
    pen.beginPath();
    pen.arc(cx, cy, radius, 0, 2 * Math.PI);
    pen.strokeStyle = brush.inks[ink];
    pen.stroke();
  }
  brush.line([at(tail, inner - 5), at(tail, outer)], "ink", { width: 2, dash: [2, 3] });
  brush.line([at(head, inner), at(head, outer + 5)], ink, { width: 4 });
  const where = { align: "center", room: inner * 1.7 };
  brush.text(whole(used), cx, cy - size * 0.5, { ...where, weight: 650, scale: 1.2 });
  brush.text(`of ${whole(capacity)}`, cx, cy + size * 0.8, { ...where, scale: 0.85 });
}

// --- rates of the last half minute

function roundUp(value) {
  const decade = 10 ** Math.floor(Math.log10(value));
  return decade * [1, 2, 3, 4, 5, 6, 8, 10].find((step) => step * decade >= value * 0.9999);
}

// Keeps the top of the scale it has while that fits: an axis that jumps cannot be read.
function fittingTop(former, highest) {
  if (!(highest > 0)) return former || 1000;
  const wanted = roundUp(highest * 1.08);
  return former >= highest && former < wanted * 2.5 ? former : wanted;
}

// Moves labels apart that would overprint one another, and back into the picture.
// Those of curves that coincide keep their order.
function spread(labels, gap, top, bottom) {
  const step = ({ y }) => Math.round(y / (2 * gap));
  labels.sort((a, b) => step(a) - step(b));
  labels.forEach((label, i) => (label.y = Math.max(label.y, i ? labels[i - 1].y + gap : top)));
  for (let i = labels.length - 1, floor = bottom; i >= 0; i--) {
    labels[i].y = Math.min(labels[i].y, floor);
    floor = labels[i].y - gap;
  }
}

// Means of a quarter of a second: every twentieth of one shows how the system shares out time.
function smoothed(rows, n) {
  const few = rows.slice(Math.max(0, n - 4), n + 1).filter(([t]) => rows[n][0] - t < 0.5);
  return rows[n].map((value, column) => (column ? few.reduce((sum, row) => sum + row[column], 0) / few.length : value));
}

// Rows: time, offered, sent, and for each path received and decoded (viz/trend.py).
function drawRates(brush, { rows, seconds, top, end }) {
  const { size, width, height, pen } = brush;
  const box = { left: size * 3.4, right: width - size * 6.6, top: size * 0.8, bottom: height - size * 1.8 };
  const now = rows.at(-1)?.[0] ?? 0;
  const x = (t) => box.right - ((now - t) / seconds) * (box.right - box.left);
  const y = (rate) => box.bottom - (rate / top) * (box.bottom - box.top);
  for (let n = 0; n <= 4; n++) {
    const at = y((top * n) / 4);
    brush.line([[box.left, at], [box.right, at]], n ? "strip" : "line");
    brush.text(tickText((top * n) / 4), box.left - 7, at, { ink: "soft", align: "right" });
  }
  brush.text(`${seconds} s ago`, box.left, box.bottom + size * 1.1, { ink: "soft" });
  brush.text(end, box.right, box.bottom + size * 1.1, { ink: "soft", align: "right" });
  if (!rows.length) return;

  pen.save();
  pen.beginPath();
  pen.rect(box.left, 0, box.right - box.left, height);
  pen.clip();
  const points = (column) => rows.map((row, i) => [x(row[0]), y(row[column]), i && row[0] - rows[i - 1][0] > 0.5]);
  const [offered, sent] = [points(1), points(2)];
  pen.beginPath();
  pen.moveTo(sent[0][0], box.bottom);
  sent.forEach(([px, py, jump], i) => {
    if (jump) pen.lineTo(sent[i - 1][0], box.bottom), pen.lineTo(px, box.bottom);
    pen.lineTo(px, py);
  });
  pen.lineTo(sent.at(-1)[0], box.bottom);
  pen.fillStyle = brush.inks.strip;
  pen.fill();
  brush.line(sent, "neutral", { width: 1.25 });
  brush.line(offered, "soft", { dash: [5, 4] });
  const labels = [];
  const name = (text, points, ink) => {
    const last = points.slice(-10).map((point) => point[1]).filter(known);
    if (last.length) labels.push({ text, y: last.reduce((sum, y) => sum + y, 0) / last.length, ink });
  };
  name("offered", offered, "soft");
  name("sent", sent, "neutral");
  for (let column = 3; column < rows[0].length; column += 2) {
    const tone = (column - 3) / 2;
    const style = { width: 2.25, dash: tone ? DOTTED : [] };
    const [received, decoded] = [points(column), points(column + 1)];
    brush.line(received, TONES[tone], { width: 6, alpha: 0.25 });
    brush.line(decoded, TONES[tone], style);
    const apart = Math.abs(received.at(-1)[1] - decoded.at(-1)[1]) > size;
    if (apart) name(`${LETTERS[tone]} received`, received, TONES[tone]);
    name(`${LETTERS[tone]} decoded`, decoded, TONES[tone]);
  }
  pen.restore();
  spread(labels, size * 1.25, box.top + size / 2, box.bottom - size / 2);
  labels.forEach(({ text, y, ink }) => brush.text(text, box.right + 8, y, { ink, weight: 600 }));
}

// --- how long it took, and below, on the same scale, for how long the machine stood in the way

function rangeOf(histograms, edges, former) {
  const used = histograms.flatMap((counts) => [...counts.keys()].filter((bin) => bin && counts[bin]));
  const decade = (value, round) => 10 ** Math[round](Math.log10(value) + (round === "ceil" ? -1e-9 : 1e-9));
  const low = Math.min(1e4, used.length ? decade(edges[Math.min(...used)], "floor") : 1e4);
  const high = Math.max(1e7, used.length ? decade(edges[Math.max(...used) + 1], "ceil") : 1e7);
  const wanted = [low, high];
  return former && former[0] <= low && former[1] >= high && former[1] / former[0] <= (100 * high) / low ? former : wanted;
}

function drawLatency(brush, { paths, edges, range }) {
  const { size, width, height } = brush;
  const box = { left: 6, right: width - 6, top: size * (1.3 * paths.length + 0.6) };
  box.axis = box.top + (height - box.top) * 0.62;
  box.under = box.axis + size * 1.7;
  box.bottom = height - size * 0.4;
  const [low, high] = range;
  const x = (nanos) => box.left + (Math.log(Math.max(nanos, low) / low) / Math.log(high / low)) * (box.right - box.left);
  const every = x(10 * low) - x(low) < size * 5 ? 2 : 1;
  for (let at = low, n = 0; at <= high * 1.001; at *= 10, n++) {
    brush.line([[x(at), box.top], [x(at), box.axis]], "strip");
    brush.line([[x(at), box.under], [x(at), box.bottom]], "strip");
    const align = at === low ? "left" : at > high / 2 ? "right" : "center";
    if (n % every === 0) brush.text(timeText(at), x(at), (box.axis + box.under) / 2, { ink: "soft", align });
  }
  brush.line([[box.left, box.axis], [box.right, box.axis]], "line");
  brush.line([[box.left, box.under], [box.right, box.under]], "line");
  const bars = (kind, from, to, skip) => {
    const most = Math.max(1, ...paths.map((path) => Math.max(...path[kind].subarray(skip))));
    const runs = paths.map((path) => stepsOf(path[kind], { edges, x, from, to, most, skip }));
    runs.forEach((of, tone) => of.forEach((run) => brush.area(run, tone)));
    runs.forEach((of, tone) => of.forEach((run) => brush.line(run, TONES[tone], { width: 1.5, dash: tone ? DOTTED : [] })));
  };
  bars("latency", box.axis, box.top + 3, 0);
  bars("stalls", box.under, box.bottom - 2, 1);
  const side = { ink: "soft", align: "right", halo: true };
  brush.text("latency", box.right, box.axis - size * 0.8, side);
  brush.text("machine’s stalls", box.right, box.bottom - size * 0.6, side);
  paths.forEach(({ median, p99 }, tone) => {
    if (!known(p99)) return;
    const [y, from, to] = [size * (0.7 + 1.3 * tone), x(median * 1e3), x(p99 * 1e3)];
    const ink = TONES[tone];
    brush.line([[from, y], [to, y]], ink, { width: 2, dash: tone ? DOTTED : [] });
    brush.line([[to, y - 5], [to, y + 5]], ink, { width: 2.5 });
    brush.pen.beginPath();
    brush.pen.arc(from, y, 4, 0, 2 * Math.PI);
    brush.pen.fillStyle = brush.inks[ink];
    brush.pen.fill();
    brush.text(`${LETTERS[tone]} half`, from - 9, y, { ink, align: "right", weight: 600 });
    const fits = to < box.right - size * 3;
    if (fits) brush.text("99 %", to + 7, y, { ink, weight: 600 });
  });
}

// Log of the count: one slow datagram among a hundred thousand must be seen.
function stepsOf(counts, { edges, x, from, to, most, skip }) {
  const y = (count) => from + ((to - from) * Math.log1p(count)) / Math.log1p(most);
  const runs = [];
  for (let bin = skip; bin < counts.length; bin++) {
    if (!counts[bin]) continue;
    if (bin === skip || !counts[bin - 1]) runs.push([[x(edges[bin]), from]]);
    runs.at(-1).push([x(edges[bin]), y(counts[bin])], [x(edges[bin + 1]), y(counts[bin])]);
    if (!counts[bin + 1]) runs.at(-1).push([x(edges[bin + 1]), from]);
  }
  return runs;
}
