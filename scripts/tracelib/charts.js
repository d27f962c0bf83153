/* SPDX-License-Identifier: MIT
 *
 * The kinds of plots: stacked areas and lines over time, distributions, lanes
 * of who ran, and points. Each takes series that are ready to draw and returns
 * one element; which series, is page.js's matter.
 */

/* A legend whose entries switch series off and on; draw(shown series). */
function withLegend(series, draw) {
  const off = new Set(), host = el("div");
  const keys = series.map(s => {
    const key = el("button", {type: "button", "aria-pressed": "true"},
                   el("i", {style: `background:${s.colour}`}), s.name);
    key.addEventListener("click", () => {
      off.has(s) ? off.delete(s) : off.add(s);
      key.setAttribute("aria-pressed", String(!off.has(s)));
      redraw();
    });
    return key;
  });
  function redraw() {
    const old = host.querySelector("svg");
    crosses = crosses.filter(([, plot]) => plot.root !== old);
    host.replaceChildren(draw(series.filter(s => !off.has(s))).root);
  }
  redraw();
  return el("div", {}, host, el("div", {class: "key"}, ...keys));
}

/* The upper edge of a series as steps, from left to right. */
function steps(plot, values) {
  let path = "";
  values.forEach((v, i) => {
    path += `L${plot.x(i * DATA.piece).toFixed(1)} ${plot.y(v).toFixed(1)}` +
            `H${plot.x((i + 1) * DATA.piece).toFixed(1)}`;
  });
  return path;
}
function backwards(plot, values) {
  let path = "";
  for (let i = values.length - 1; i >= 0; i--)
    path += `L${plot.x((i + 1) * DATA.piece).toFixed(1)} ` +
            `${plot.y(values[i]).toFixed(1)}` +
            `H${plot.x(i * DATA.piece).toFixed(1)}`;
  return path;
}

/* series: {name, colour, values}; options: name, label, format, most. */
function stacked(series, options) {
  return withLegend(series, shown => {
    const sums = new Array(DATA.pieces).fill(0);
    for (const s of shown) s.values.forEach((v, i) => { sums[i] += v; });
    const most = Math.max(options.most || 0, ...sums) || 1;
    const plot = frame({name: options.name, height: options.height || 232,
      x: timeAxis(), y: {most, ticks: ticks(most, 5), label: options.label,
                         format: options.tick || short}});
    let below = new Array(DATA.pieces).fill(0);
    for (const s of shown) {
      const above = below.map((v, i) => v + s.values[i]);
      plot.body.append(svg("path", {d: "M" + steps(plot, above).slice(1) +
        backwards(plot, below) + "Z", style: `fill:${s.colour}`}));
      below = above;
    }
    shadeLost(plot);
    timeHover(plot, i => [...shown].reverse().filter(s => s.values[i])
      .map(s => [s.colour, s.name, options.format(s.values[i])])
      .concat([[null, "together", options.format(sums[i])]]));
    return plot;
  });
}

function lines(series, options) {
  return withLegend(series, shown => {
    const most = Math.max(1e-9, ...shown.flatMap(s => s.values));
    const plot = frame({name: options.name, height: options.height || 250,
      x: timeAxis(), y: {most, ticks: ticks(most, 5), label: options.label,
                         format: options.tick || short}});
    for (const s of shown) {
      const edge = "M" + steps(plot, s.values).slice(1);
      plot.body.append(
        svg("path", {d: edge + `V${plot.y(0)}H${plot.left}Z`, style:
          `fill:${s.colour};opacity:.10`}),
        svg("path", {d: edge, style: `fill:none;stroke:${s.colour};` +
          "stroke-width:1.6"}));
    }
    shadeLost(plot);
    timeHover(plot, i => shown.map(s => [s.colour, s.name,
                                         options.format(s.values[i])]));
    return plot;
  });
}

/* A distribution with a logarithmic time axis: four pieces an octave. */
function distribution(costs, paint, range) {
  const {low, n} = costs.hist, [first, last] = range;
  const most = Math.max(...n) * 1.2, edge = i => 2 ** (i / 4);
  const all = [];
  for (let p = 0; p <= 12; p++) all.push(10 ** p, 3 * 10 ** p);
  const place = ns => 4 * Math.log2(Math.max(ns, 1)) - first;
  const inside = all.filter(t => place(t) >= 0 && place(t) <= last - first);
  const plot = frame({name: "distribution of the cost of an exit",
    height: 236,
    x: {most: last - first, ticks: inside.map(place), label:
      "cost of an exit (logarithmic)", format: v =>
      time(Math.round(edge(v + first)))},
    y: {most, ticks: ticks(most, 5), label: "exits", format: short}});
  const wide = plot.wide / (last - first);
  n.forEach((v, i) => {
    if (!v) return;
    const at = plot.x(low + i - first), top = Math.min(plot.y(v),
                                                       plot.y(0) - 1.5);
    const bar = svg("rect", {x: at + 0.5, width: Math.max(wide - 1, 0.5),
      y: top, height: plot.y(0) - top, style: `fill:${paint}`});
    bar.addEventListener("pointermove", event => showTip(event,
      `${time(edge(low + i))} to ${time(edge(low + i + 1))}`,
      [[paint, "exits", count(v)],
       [null, "of all", percent(v, costs.count)]]));
    bar.addEventListener("pointerleave", hideTip);
    plot.body.append(bar);
  });
  let taken = -99, row = 0;
  for (const p of ["p50", "p90", "p99"]) {
    const at = plot.x(place(costs[p]));
    row = at - taken < 92 ? row + 1 : 0;
    taken = at;
    const right = plot.left + plot.wide - at < 92;
    plot.body.append(svg("line", {class: "mark", x1: at, x2: at, y1: TOP,
                                  y2: TOP + plot.high}),
      svg("text", {x: right ? at - 4 : at + 4, y: TOP + 10 + 14 * row,
                   class: "name", "text-anchor": right ? "end" : "start"},
          `${p.slice(1)} %: ${time(costs[p])}`));
  }
  return plot.root;
}

/* lanes: {name, colour}; draw(lane, top, full, plot) gives a lane's path. */
function lanesFrame(lanes, x, draw, title) {
  const high = Math.max(17, Math.min(32, 400 / lanes.length));
  const widest = Math.min(26, Math.max(...lanes.map(l => l.name.length)));
  const plot = frame({name: title, left: 26 + widest * 6.6,
    height: TOP + BOTTOM + lanes.length * high, x});
  lanes.forEach((lane, row) => {
    const top = TOP + row * high + 3, full = high - 6;
    const words = lane.name.length > 26 ? lane.name.slice(0, 25) + "…" :
      lane.name;
    plot.body.append(
      svg("rect", {x: plot.left, y: top, width: plot.wide, height: full,
                   style: "fill:var(--grid);opacity:.45"}),
      svg("path", {d: draw(lane, top, full, plot),
                   style: `fill:${lane.colour}`}),
      svg("text", {class: "name", x: plot.left - 7, y: top + full / 2 + 4,
                   "text-anchor": "end"}, words));
  });
  return plot;
}
function box(x, bottom, wide, tall) {
  return `M${x.toFixed(2)} ${bottom.toFixed(1)}h${wide.toFixed(2)}` +
    `v${(-tall).toFixed(1)}h${(-wide).toFixed(2)}z`;
}
/* The share of each piece as the height of a bar; most: the full height. */
function lanesOfTime(lanes, most) {
  const plot = lanesFrame(lanes, timeAxis(), (lane, top, full, at) =>
    lane.share.map((v, i) => v ? box(at.x(i * DATA.piece), top + full,
      at.wide / DATA.pieces, full * Math.min(v / most, 1)) : "").join(""),
    "share of the CPU over time");
  shadeLost(plot);
  timeHover(plot, i => lanes.map(lane => [lane.colour, lane.name,
    percent(lane.share[i], 1e6)]));
  return plot.root;
}
/* Turn by turn, for the first `span` ns. */
function lanesOfTurns(lanes, span) {
  const marks = ticks(span, 7);
  const plot = lanesFrame(lanes, {most: span, ticks: marks, format: time,
    label: SINCE}, (lane, top, full, at) =>
    lane.turns.map(([a, b]) => box(at.x(a), top + full,
      Math.max(at.x(b) - at.x(a), 0.6), full)).join(""), "turns one by one");
  const cover = svg("rect", {x: plot.left, y: TOP, width: plot.wide,
                             height: plot.high, fill: "transparent"});
  plot.root.append(cover);
  cover.addEventListener("pointermove", event => {
    const area = cover.getBoundingClientRect();
    const at = (event.clientX - area.left) / area.width * span;
    const found = lanes.flatMap(lane => lane.turns.filter(([a, b]) =>
      a <= at && at <= b).map(([a, b]) => [lane.colour, lane.name,
                                           time(b - a)]));
    showTip(event, `at ${time(at)}`, found.length ? found :
      [[null, "nobody's turn", ""]]);
  });
  cover.addEventListener("pointerleave", hideTip);
  return plot.root;
}

/* Gates of the IDT as they were written: time across, one line a vector. */
function gatePoints(gates, nameOf) {
  const vectors = [...new Set(gates.map(g => g.v))].sort((a, b) => a - b);
  const high = Math.max(2, Math.min(15, 400 / vectors.length));
  const first = Math.min(...gates.map(g => g.t));
  const span = Math.max(...gates.map(g => g.t)) - first || DATA.piece;
  const marks = ticks(span, 6);
  const plot = frame({name: "handlers installed", left: 92,
    height: TOP + BOTTOM + vectors.length * high + 6,
    x: {most: span * 1.02, ticks: marks, label:
      first ? `time since the first, which came ${time(first)} after the ` +
              "first record" : SINCE,
      format: time}});
  const every = Math.ceil(13 / high), row = new Map();
  vectors.forEach((v, i) => {
    const at = TOP + (i + 0.5) * high;
    row.set(v, at);
    if (i % every) return;
    plot.body.append(
      svg("line", {class: "grid", x1: plot.left, x2: plot.left + plot.wide,
                   y1: at, y2: at}),
      svg("text", {x: plot.left - 7, y: at + 4, "text-anchor": "end"},
          gates.find(g => g.v === v).vector));
  });
  for (const gate of gates) {
    const dot = svg("circle", {cx: plot.x(gate.t - first), cy: row.get(gate.v),
      r: Math.min(4, Math.max(2, high / 2.6)), style:
      `fill:${guestColour(gate.g)}`});
    dot.addEventListener("pointerenter", event => showTip(event,
      `vector ${gate.vector} of ${nameOf(gate.g)}`,
      [[guestColour(gate.g), "handler", gate.handler],
       [null, "at", moment(gate.t, 1e3)], [null, "written by", gate.by],
       [null, "was", gate.old], [null, "is", gate.now]]));
    dot.addEventListener("pointerleave", hideTip);
    plot.body.append(dot);
  }
  return plot.root;
}
