/* SPDX-License-Identifier: MIT
 *
 * The report: which sections there are, what each adds up for the guests that
 * are chosen, and the sentence that says what is to be seen in it. Sections
 * without a record are left out.
 */
const byId = new Map(DATA.guests.map(g => [g.id, g]));
let chosen = null; /* a guest's number, or null for all */

function wanted(row) { return chosen === null || row.g === chosen; }
function nameOf(id) {
  return byId.has(id) ? byId.get(id).name : `vm ${id}`;
}
function who() { return chosen === null ? "all guests" : nameOf(chosen); }
function sum(rows, of) { return rows.reduce((all, r) => all + of(r), 0); }
function guestColumn() {
  return {name: "guest", value: r => nameOf(r.g), paint: r => guestColour(r.g)};
}
function numbers(name, of, text, more) {
  return {name, value: of, text: r => (text || count)(of(r)), number: true,
          ...more};
}
function some(n, word) { return `${count(n)} ${word}${n === 1 ? "" : "s"}`; }
/* Values a second, from counts of pieces. */
function rates(values) { return values.map(v => v * 1e9 / DATA.piece); }
function added(rows, field) {
  const made = new Array(DATA.pieces).fill(0);
  for (const row of rows)
    unpack(row[field], DATA.pieces).forEach((v, i) => { made[i] += v; });
  return made;
}
function section(id, title, lead, ...content) {
  return el("section", {id}, el("h2", {}, title),
            el("p", {class: "lead"}, lead), ...content);
}
function part(title, ...content) {
  return el("div", {}, el("h3", {}, title), ...content);
}

/* A table that is not scrolled. */
function whole(columns, rows) {
  const made = table(columns, rows);
  made.firstChild.className = "whole";
  return made;
}

/* ---- sections */

function tiles() {
  const guests = DATA.guests.filter(g => !g.isVmm);
  const exits = sum(guests, g => g.exits), spent = sum(guests, g => g.spent);
  const tile = (value, words, warn) => el("div", {class: "tile"},
    el("b", {style: warn ? "color:var(--lost)" : null}, value),
    el("span", {}, words));
  return el("div", {class: "tiles"}, tile(time(DATA.span), "recorded"),
    tile(count(guests.length), guests.length === 1 ? "guest" : "guests"),
    tile(count(DATA.records), "records"),
    tile(count(exits), "exits"),
    tile(short(exits * 1e9 / (DATA.span || 1)), "exits a second"),
    tile(percent(spent, DATA.span), "of the time in exits"),
    tile(count(DATA.lost), "records left out", DATA.lost > 0));
}

function notes() {
  const words = [...DATA.notes];
  if (DATA.lost)
    words.unshift(`${count(DATA.lost)} records in ${count(DATA.gaps)} gaps ` +
      "were left out by the recorder, which the line could not take; plots " +
      "over time are tinted there, and counts are of what was recorded.");
  if (DATA.moreGuests)
    words.push(`${DATA.moreGuests} more guests are not shown.`);
  return words.map(w => el("p", {class: "note"}, w));
}

function guestsSection() {
  const rows = DATA.guests.map(g => ({g: g.id, ...g}));
  const spent = sum(rows, r => r.spent);
  return section("guests", "Guests", "What each guest did while the trace " +
    "was recorded. Cost is time from an exit to the end of its handling.",
    whole([guestColumn(), numbers("records", r => r.records),
      numbers("exits", r => r.exits, count, {bar: true}),
      numbers("exits/s", r => r.exits * 1e9 / (DATA.span || 1), short),
      numbers("cost of exits", r => r.spent, time, {bar: true}),
      numbers("share of cost", r => r.spent, v => percent(v, spent)),
      numbers("on the CPU", r => r.ran || 0, v => v ? time(v) : "–"),
      numbers("turns", r => r.turns), numbers("interrupts", r => r.injected),
      numbers("exceptions", r => r.exceptions),
      numbers("software interrupts", r => r.syscalls),
      numbers("shadow fills", r => r.fills)], rows));
}

function costsOf(kind) {
  const guest = chosen === null ? -1 : chosen;
  return DATA.costs.find(c => c.g === guest && c.k === kind);
}

function exitsSection() {
  const rows = DATA.exits.filter(wanted), all = costsOf(-1);
  if (!all) return null;
  const kinds = DATA.kinds.map((name, k) => ({name, k, colour: colour(k),
    costs: costsOf(k), rows: rows.filter(r => r.k === k)}))
    .filter(k => k.costs);
  const dear = [...kinds].sort((a, b) => b.costs.total - a.costs.total)[0];
  const often = [...kinds].sort((a, b) => b.costs.count - a.costs.count)[0];
  const series = field => kinds.map(k => ({...k, values:
    added(k.rows, field)}));
  return section("exits", "Exits by kind over time",
    `Of ${some(all.count, "exit")} of ${who()}, ` +
    `${percent(often.costs.count, all.count)} are ${often.name}; ` +
    `${dear.name} takes the most time, ` +
    `${percent(dear.costs.total, all.total)} of ${time(all.total)}. ` +
    "A name below a plot switches it off and on.",
    el("div", {class: "pair"}, el("div", {},
      part("Exits a second", stacked(series("n").map(s => ({...s,
        values: rates(s.values)})), {name: "exits a second by kind",
        label: "exits/s", format: v => short(v) + "/s"})),
      part("Share of the time spent in exits", stacked(series("t").map(s =>
        ({...s, values: s.values.map(v => v / 1e4)})), {
        name: "share of time by kind", label: "% of the time",
        tick: v => trim(digits(v)) + " %", format: v => digits(v) + " %"}))),
    part("Each kind, exactly", table([
      {name: "kind", value: k => k.name, paint: k => k.colour},
      numbers("exits", k => k.costs.count, count, {bar: true}),
      numbers("share", k => k.costs.count, v => percent(v, all.count)),
      numbers("cost", k => k.costs.total, time, {bar: true}),
      numbers("share", k => k.costs.total, v => percent(v, all.total)),
      numbers("mean", k => k.costs.mean, time),
      numbers("min", k => k.costs.min, time),
      numbers("max", k => k.costs.max, time)], kinds))));
}

function symbolsSection() {
  const rows = DATA.symbols.rows.filter(wanted);
  if (!rows.length) return null;
  const all = costsOf(-1).total, top = rows[0];
  return section("symbols", "Where exits come from, and what for",
    `The most expensive place is ${top.name} of ${nameOf(top.g)}: ` +
    `${some(top.count, "exit")}, ${percent(top.total, all)} of the cost. ` +
    "Addresses without a name in the guest's ELF file stand as they are.",
    el("div", {class: "pair even"},
      part("Guest code by the cost of its exits", table([
        {name: "symbol", value: r => r.name, mono: true},
        guestColumn(), {name: "in", value: r => r.ring},
        numbers("cost", r => r.total, time, {bar: true}),
        numbers("share", r => r.total, v => percent(v, all)),
        numbers("exits", r => r.count),
        numbers("mean", r => r.total / r.count, time),
        numbers("places", r => r.places)], rows, DATA.symbols.more ?
        `${count(DATA.symbols.more)} more with less cost are not shown.` :
        null)),
      part("What exits were for", table([
        {name: "operation", value: r => r.name, mono: true},
        numbers("cost", r => r.total, time, {bar: true}),
        numbers("exits", r => r.count), numbers("mean", r => r.mean, time),
        numbers("50 %", r => r.p50, time), numbers("99 %", r => r.p99, time),
        numbers("max", r => r.max, time)],
        DATA.operations.rows.filter(r => r.g === (chosen ?? -1))))));
}

let histogramKind = -1;
function latencySection() {
  const all = costsOf(-1);
  if (!all) return null;
  const kinds = [{k: -1, name: "all kinds", colour: "var(--accent)"},
    ...DATA.kinds.map((name, k) => ({k, name, colour: colour(k)}))]
    .map(k => ({...k, costs: costsOf(k.k)})).filter(k => k.costs);
  const low = all.hist.low, many = all.hist.n.length;
  const pad = Math.max(1, Math.ceil((16 - many) / 2));
  const range = [low - pad, low + many + pad];
  const host = el("div"), buttons = el("div", {class: "key"});
  function draw() {
    const kind = kinds.find(k => k.k === histogramKind) || kinds[0];
    host.replaceChildren(distribution(kind.costs, kind.colour, range));
    [...buttons.children].forEach((b, i) => {
      b.style.fontWeight = kinds[i] === kind ? "700" : "";
      b.style.textDecoration = kinds[i] === kind ? "underline" : "";
    });
  }
  buttons.append(...kinds.map(k => {
    const button = el("button", {type: "button"}, el("i", {style:
      `background:${k.colour}`}), k.name);
    button.addEventListener("click", () => { histogramKind = k.k; draw(); });
    return button;
  }));
  draw();
  return section("latency", "How long an exit takes",
    `Half of the exits of ${who()} take at most ${time(all.p50)}, one in a ` +
    `hundred longer than ${time(all.p99)}; the longest took ` +
    `${time(all.max)}. A name below the plot chooses a kind.`,
    el("div", {class: "pair"}, el("div", {}, host, buttons),
      part("Percentiles, exactly", table([
        {name: "kind", value: k => k.name, paint: k => k.colour},
        numbers("exits", k => k.costs.count),
        numbers("min", k => k.costs.min, time),
        numbers("50 %", k => k.costs.p50, time),
        numbers("90 %", k => k.costs.p90, time),
        numbers("99 %", k => k.costs.p99, time),
        numbers("max", k => k.costs.max, time)], kinds))));
}

function schedulerSection() {
  const lanes = DATA.turns.map(t => ({...t,
    name: t.g === 0 ? "idle" : nameOf(t.g), colour: guestColour(t.g),
    share: unpack(t.share, DATA.pieces)}));
  if (!lanes.length) return null;
  const ran = lane => sum(lane.share, v => v) * DATA.piece / 1e6;
  const ends = DATA.ends.filter(wanted);
  const busy = lanes.filter(l => l.g).sort((a, b) => ran(b) - ran(a))[0];
  const idle = lanes.find(l => l.g === 0);
  const peak = Math.max(...lanes.flatMap(l => l.share));
  const most = [10, 20, 50, 100].find(p => p * 1e4 >= peak * 0.98) || 100;
  return section("scheduler", "Who ran",
    (busy ? `${busy.name} had the CPU for ${percent(ran(busy), DATA.span)} ` +
     "of the time, the most of all. " : "") + (idle ?
     `Nobody had anything to do for ${percent(ran(idle), DATA.span)}.` : ""),
    el("div", {class: "pair"}, el("div", {},
      part(`Share of the CPU (full height: ${most} %)`,
           lanesOfTime(lanes, most * 1e4)),
      part(DATA.moreTurns ? `Turn by turn, the first ${time(DATA.single)}` :
           "Turn by turn", lanesOfTurns(lanes, DATA.single))),
      part("Why turns ended", table([guestColumn(),
        {name: "why", value: r => r.why},
        numbers("turns", r => r.count, count, {bar: true}),
        numbers("ran", r => r.ran, time),
        numbers("mean", r => r.ran / (r.count || 1), time),
        numbers("longest", r => r.most, time)], ends))));
}

function memorySection() {
  const rows = DATA.memory.filter(wanted);
  if (!rows.length) return null;
  const series = DATA.curves.map((name, c) => ({name, colour: colour(c),
    counts: added(rows.filter(r => r.c === c), "n")}))
    .map(s => ({...s, total: sum(s.counts, v => v), values: rates(s.counts)}))
    .filter(s => s.total);
  const fills = series.find(s => s.name === "shadow fills");
  const faults = series.find(s => s.name.startsWith("page faults"));
  return section("memory", "Page faults and the shadow tables",
    `${some(faults ? faults.total : 0, "page fault")} went to the guest's own ` +
    `handler; ${some(fills ? fills.total : 0, "time")} its tables were ` +
    "followed without its knowing.",
    el("div", {class: "pair"}, lines(series, {name: "memory", label:
      "a second", format: v => short(v) + "/s"}), el("div", {},
      part("Each curve, exactly", table([
        {name: "curve", value: s => s.name, paint: s => s.colour},
        numbers("count", s => s.total),
        numbers("mean/s", s => s.total * 1e9 / (DATA.span || 1), short),
        numbers("peak/s", s => Math.max(...s.values), short)], series)),
      part("Why shadow entries went", table([guestColumn(),
        {name: "event", value: r => r.event}, {name: "why", value: r => r.why},
        numbers("count", r => r.count, count, {bar: true})],
        DATA.reasons.filter(wanted))))));
}

function gatesSection() {
  const gates = DATA.gates.filter(wanted);
  if (!gates.length) return null;
  return section("gates", "Trap handlers installed",
    `${some(gates.length, "gate")} of the IDT written by ${who()}` +
    (DATA.moreGates ? `; ${count(DATA.moreGates)} later ones are not shown.` :
    "."),
    el("div", {class: "pair even"}, gatePoints(gates, nameOf), table([
      numbers("time", g => g.t, t => moment(t, 1e3)), guestColumn(),
      {name: "vector", value: g => g.v, text: g => g.vector},
      {name: "handler", value: g => g.handler, mono: true},
      {name: "written by", value: g => g.by, mono: true},
      {name: "was", value: g => g.old, mono: true},
      {name: "is", value: g => g.now, mono: true}], gates)));
}

function interruptsSection() {
  const rows = DATA.irqs.filter(wanted);
  if (!rows.length) return null;
  const series = DATA.injected.filter(wanted).map(r => ({name: nameOf(r.g),
    colour: guestColour(r.g), values: rates(unpack(r.n, DATA.pieces))}));
  const list = table([guestColumn(), {name: "what", value: r => r.what},
    {name: "which", value: r => r.which},
    numbers("count", r => r.count, count, {bar: true}),
    numbers("a second", r => r.count * 1e9 / (DATA.span || 1), short)], rows);
  return section("interrupts", "Interrupts", "Raised by a device, injected " +
    "into the guest, acknowledged by its handler.",
    el("div", {class: "pair"}, series.length ? stacked(series, {name:
      "interrupts injected", label: "injected/s", height: 200,
      format: v => short(v) + "/s"}) : el("p", {}, "None was injected."),
      list));
}

function eventsSection() {
  const ids = DATA.guests.map(g => g.id).filter(id => chosen === null ||
                                                id === chosen);
  const rows = DATA.events.map(e => ({...e, all: sum(ids, id =>
    e.n[id] || 0)})).filter(e => e.all).sort((a, b) => b.all - a.all);
  return section("events", "Records by event", "Everything that the trace " +
    "holds, by the name it has in the catalogue of events.",
    table([{name: "event", value: e => e.name, mono: true},
      numbers("together", e => e.all, count, {bar: true}),
      ...ids.map(id => numbers(nameOf(id), e => e.n[id] || 0))], rows));
}

/* ---- the page */

function draw() {
  crosses = [];
  document.getElementById("main").replaceChildren(...[tiles(), ...notes(),
    guestsSection(), exitsSection(), symbolsSection(), latencySection(),
    schedulerSection(), memorySection(), gatesSection(), interruptsSection(),
    eventsSection()].filter(s => s));
  [...document.getElementById("chips").children].forEach(chip =>
    chip.setAttribute("aria-pressed",
                      String(chip.dataset.guest === String(chosen))));
}
function start() {
  document.getElementById("title").textContent =
    `Trace report: ${DATA.trace}`;
  document.title = `${DATA.trace}: trace report`;
  document.getElementById("subtitle").textContent = `${DATA.guests
    .filter(g => !g.isVmm).map(g => g.name).join(", ")} on Trapline; clock ` +
    `${short(DATA.hz)}Hz; plots over time are in ${DATA.pieces} pieces of ` +
    `${time(DATA.piece)}`;
  const chips = document.getElementById("chips");
  for (const id of [null, ...DATA.guests.map(g => g.id)]) {
    const chip = el("button", {type: "button", "data-guest": String(id)},
      id === null ? null : el("i", {style: `background:${guestColour(id)}`}),
      id === null ? "all guests" : nameOf(id));
    chip.addEventListener("click", () => { chosen = id; draw(); });
    chips.append(chip);
  }
  document.getElementById("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" :
      matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  draw();
}
start();
