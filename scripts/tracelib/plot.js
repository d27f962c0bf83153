/* SPDX-License-Identifier: MIT
 *
 * What every plot of the report is made of: elements, numbers as people read
 * them, scales, the frame with its axes, the read-out beside the pointer, and
 * tables. Plots are SVG with a fixed number of units across, which the page
 * scales: so they print sharp and need not be drawn again.
 *
 * Whatever comes from the trace is put in as text, never as markup.
 */
const DATA = JSON.parse(document.getElementById("data").textContent);
const WIDTH = 760;
const LEFT = 62, RIGHT = 12, BOTTOM = 38, TOP = 10;
const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {}))
    if (value !== undefined && value !== null && value !== false)
      node.setAttribute(name, value);
  node.append(...children.filter(c => c !== null && c !== undefined));
  return node;
}
function el(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}
function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/* ---- numbers */

const grouped = new Intl.NumberFormat("en-US", {maximumFractionDigits: 0});
function count(n) { return grouped.format(n).replace(/,/g, "\u202f"); }
function digits(n) {
  const size = Math.abs(n);
  return size >= 100 || size === 0 ? n.toFixed(0) :
    size >= 10 ? n.toFixed(1) : size >= 0.1 ? n.toFixed(2) :
    n.toFixed(Math.min(8, 1 - Math.floor(Math.log10(size))));
}
function short(n) {
  const size = Math.abs(n);
  for (const [unit, step] of [["G", 1e9], ["M", 1e6], ["k", 1e3]])
    if (size >= step) return trim(digits(n / step)) + " " + unit;
  return trim(digits(n));
}
function trim(text) {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}
function time(ns) {
  const size = Math.abs(ns);
  const [unit, step] = size >= 1e9 ? ["s", 1e9] : size >= 1e6 ? ["ms", 1e6] :
    size >= 1e3 ? ["µs", 1e3] : ["ns", 1];
  return trim(digits(ns / step)) + " " + unit;
}
/* A moment, with as many digits as the width of a piece deserves. */
function moment(ns, step) {
  const [unit, size] = DATA.span >= 2e9 ? ["s", 1e9] :
    DATA.span >= 2e6 ? ["ms", 1e6] : ["µs", 1e3];
  const places = Math.max(0, Math.min(6, Math.ceil(-Math.log10(step / size))));
  return (ns / size).toFixed(places) + " " + unit;
}
function percent(part, whole) {
  if (!whole) return "–";
  const share = 100 * part / whole;
  return (share >= 10 ? share.toFixed(1) : share.toFixed(2)) + " %";
}

/* ---- scales */

/* Round values that cover 0 to most, about so many of them. */
function ticks(most, about) {
  if (!(most > 0)) return [0];
  const raw = most / about, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= raw * 0.999);
  const made = [];
  for (let i = 0; i * step <= most * 1.0001 && i < 100; i++)
    made.push(i * step);
  return made;
}
function unpack(row, pieces) {
  if (Array.isArray(row)) return row;
  const made = new Array(pieces).fill(0);
  for (let i = 0; i < row.at.length; i += 2) made[row.at[i]] = row.at[i + 1];
  return made;
}
function colour(i) { return i < 12 ? `var(--c${i})` : "var(--rest)"; }
function guestColour(id) {
  return id === 0 ? "var(--rest)" :
    `hsl(${(207 + (id - 1) * 137.5) % 360} 52% 52%)`;
}

/* ---- the frame of a plot */

/* options: height, x and y: {most, label, format, ticks}; left. */
function frame(options) {
  const left = options.left || LEFT, height = options.height || 240;
  const wide = WIDTH - left - RIGHT, high = height - TOP - BOTTOM;
  const root = svg("svg", {viewBox: `0 0 ${WIDTH} ${height}`, role: "img",
                           "aria-label": options.name});
  const made = {root, left, wide, high, height,
    x: v => left + v * wide / (options.x.most || 1),
    y: v => TOP + high - v * high / (options.y ? options.y.most || 1 : 1)};
  for (const tick of options.y ? options.y.ticks : []) {
    const at = made.y(tick);
    root.append(svg("line", {class: "grid", x1: left, x2: left + wide,
                             y1: at, y2: at}),
                svg("text", {x: left - 7, y: at + 4, "text-anchor": "end"},
                    options.y.format(tick)));
  }
  for (const tick of options.x.ticks) {
    const at = made.x(tick);
    root.append(svg("line", {class: "axis", x1: at, x2: at, y1: TOP + high,
                             y2: TOP + high + 4}),
                svg("text", {x: at, y: TOP + high + 17,
                             "text-anchor": "middle"},
                    options.x.format(tick)));
  }
  root.append(svg("text", {x: left + wide / 2, y: height - 4,
                           "text-anchor": "middle"}, options.x.label));
  if (options.y && options.y.label)
    root.append(svg("text", {x: 0, y: 0, "text-anchor": "middle", transform:
      `translate(12 ${TOP + high / 2}) rotate(-90)`}, options.y.label));
  made.body = svg("g");
  root.append(made.body, svg("path", {class: "axis",
    d: `M${left} ${TOP}V${TOP + high}H${left + wide}`}));
  return made;
}
const SINCE = DATA.since ? `time since ${time(DATA.since)} after the first ` +
  "record" : "time since the first record";
/* The time axis, which most plots share. */
function timeAxis() {
  const all = ticks(DATA.span, 8), step = all.length > 1 ? all[1] : DATA.span;
  return {most: DATA.pieces * DATA.piece, ticks: all,
          format: t => moment(t, step), label: SINCE};
}

/* ---- the read-out */

const tip = document.getElementById("tip");
function showTip(event, title, rows) {
  tip.replaceChildren(el("b", {}, title), ...rows.map(([paint, name, value]) =>
    el("div", {}, el("span", {}, paint && el("i", {style:
      `background:${paint}`}), name), el("span", {}, value))));
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const right = event.clientX + 16 + box.width > innerWidth;
  tip.style.left = Math.max(4, right ? event.clientX - 16 - box.width :
    event.clientX + 16) + "px";
  tip.style.top = Math.max(4, Math.min(event.clientY + 14,
    innerHeight - box.height - 6)) + "px";
}
function hideTip() { tip.hidden = true; }

/* The plots with the time axis: the pointer's moment is shown in all. */
let crosses = [];
function cross(at) {
  for (const [line, plot] of crosses) {
    line.style.display = at === null ? "none" : "";
    if (at !== null) {
      line.setAttribute("x1", plot.x(at));
      line.setAttribute("x2", plot.x(at));
    }
  }
}
/* rows(piece): what the read-out says. */
function timeHover(plot, rows) {
  const line = svg("line", {class: "cross", y1: TOP, y2: TOP + plot.high});
  line.style.display = "none";
  crosses.push([line, plot]);
  const cover = svg("rect", {x: plot.left, y: TOP, width: plot.wide,
                             height: plot.high, fill: "transparent"});
  plot.root.append(line, cover);
  cover.addEventListener("pointermove", event => {
    const box = cover.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    const piece = Math.max(0, Math.min(DATA.pieces - 1,
      Math.floor(share * DATA.pieces)));
    cross((piece + 0.5) * DATA.piece);
    const lost = unpack(DATA.lostIn, DATA.pieces)[piece];
    showTip(event, `${moment(piece * DATA.piece, DATA.piece)} to ` +
      moment((piece + 1) * DATA.piece, DATA.piece), rows(piece).concat(
        lost ? [["var(--lost)", "records were left out here", ""]] : []));
  });
  cover.addEventListener("pointerleave", () => { hideTip(); cross(null); });
}
/* Where records were left out, the plot is tinted. */
function shadeLost(plot) {
  unpack(DATA.lostIn, DATA.pieces).forEach((lost, i) => {
    if (!lost) return;
    plot.body.append(svg("rect", {class: "lost", x: plot.x(i * DATA.piece),
      y: TOP, width: plot.wide / DATA.pieces, height: plot.high}));
  });
}

/* ---- tables */

/* columns: {name, value(row), text(row), number, mono, bar, paint}; sorted by
 * a click on the head. */
function table(columns, rows, more) {
  const body = el("tbody"), heads = [];
  const most = columns.map(c => c.bar ? Math.max(...rows.map(c.value), 0) : 0);
  function draw() {
    body.replaceChildren(...rows.map(row => el("tr", {},
      ...columns.map((c, i) => el("td", {
        class: [c.number ? "n" : "", c.mono ? "m" : "", c.bar ? "bar" : "",
                c.paint ? "g" : ""].join(" ").trim() || null,
        style: c.bar ? `--part:${100 * c.value(row) / (most[i] || 1)}%` : null
      }, c.paint ? el("i", {style: `background:${c.paint(row)}`}) : null,
         (c.text || c.value)(row))))));
  }
  columns.forEach((c, i) => {
    const head = el("th", {class: c.number ? "n" : null, scope: "col"},
                    c.name);
    heads.push(head);
    head.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") !== "descending";
      heads.forEach(h => h.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      rows = [...rows].sort((a, b) => {
        const x = c.value(a), y = c.value(b);
        return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
      });
      draw();
    });
  });
  draw();
  return el("div", {}, el("div", {class: "scroll"}, el("table", {},
    el("thead", {}, el("tr", {}, ...heads)), body)),
    rows.length ? null : el("p", {class: "more"}, "There is none."),
    more ? el("p", {class: "more"}, more) : null);
}
