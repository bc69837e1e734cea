// The solutions browser. Places: `#` the list, `#PROBLEM` a problem, `#PROBLEM/NUMBER` a sample, `#PROBLEM/c2` a chain of
// revisions, `#PROBLEM/search` its search. All texts are HTML that was escaped when the page was built.
"use strict";
let study, main;
const loaded = new Map(), waiting = new Map();
const asked = { text: "", bin: "", majority: "", solved: "", sort: "order" };

function start(data) { study = data; main = document.getElementById("main"); }

// A data file calls this with what it holds.
function problem(number, content) {
  loaded.set(number, content);
  (waiting.get(number) || []).forEach(each => each());
  waiting.delete(number);
}

function load(number, then) {
  if (loaded.has(number)) return then();
  if (waiting.has(number)) return void waiting.get(number).push(then);
  waiting.set(number, [then]);
  const script = document.createElement("script");
  script.src = `data/${String(number).padStart(5, "0")}.js`;
  script.onerror = () => { waiting.delete(number); main.textContent = `${script.src} is not there: the folder data/ belongs to this page.`; };
  document.head.append(script);
}

// Tags are single characters in the data.
const html = text => text.replace(/[\u0080-\u009f]/g, mark => study.tags[mark.charCodeAt(0) - study.first]);
const escape = text => String(text).replace(/[&<>"]/g, mark => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[mark]);
const place = (each, part) => "#" + encodeURIComponent(each.id) + (part === undefined ? "" : "/" + part);
const percent = share => `${Math.round(100 * share)} %`;
const verdict = right => right ? '<span class="right">✓ right</span>' : '<span class="wrong">✗ wrong</span>';
const voted = each => each.majority === null ? "" : each.majority > 0.999 ? "right" : each.majority < 0.001 ? "wrong" : "between";
const asks = () => study.problems.some(each => each.words);  // a pool need not have texts of questions
const bin = each => each.predicted ?? each.oracle;

// ---- the list

const ORDERS = {
  order: () => 0,
  easiest: (a, b) => b.rate - a.rate,
  hardest: (a, b) => a.rate - b.rate,
  level: (a, b) => a.level - b.level,
};

function kept() {
  const words = asked.text.toLowerCase().split(/\s+/).filter(Boolean);
  return study.problems.filter(each =>
    words.every(word => (each.id + " " + each.words).toLowerCase().includes(word))
    && (!asked.bin || String(bin(each)) === asked.bin)
    && (!asked.majority || voted(each) === asked.majority)
    && (!asked.solved || asked.solved === (each.rate === 0 ? "never" : each.rate === 1 ? "always" : "sometimes"))
  ).sort(ORDERS[asked.sort]);
}

function choice(name, title, options) {
  const inside = options.map(([value, text]) => `<option value="${value}"${asked[name] === value ? " selected" : ""}>${text}</option>`);
  return `<label>${title}<select name="${name}">${inside.join("")}</select></label>`;
}

function list() {
  const bins = [...new Set(study.problems.map(bin))].filter(each => each !== null).sort((a, b) => a - b);
  main.innerHTML = `<form class="tools" role="search" onsubmit="return false">
    <label>Search<input name="text" type="search" value="${escape(asked.text)}" placeholder="${asks() ? "name or question" : "name"}"></label>
    ${choice("bin", "Difficulty bin", [["", "all"], ...bins.map(each => [String(each), String(each)])])}
    ${study.voted ? choice("majority", "Majority vote", [["", "all"], ["right", "right"], ["wrong", "wrong"], ["between", "a tie, or by chance"]]) : ""}
    ${choice("solved", "Solved", [["", "all"], ["always", "always"], ["sometimes", "sometimes"], ["never", "never"]])}
    ${choice("sort", "Order", [["order", "as named"], ["easiest", "easiest first"], ["hardest", "hardest first"], ["level", "author's level"]])}
    </form><p class="small" role="status"></p><ol class="problems${asks() ? "" : " unasked"}"></ol>`;
  main.querySelector("form").addEventListener("input", event => { asked[event.target.name] = event.target.value; rows(); });
  rows();
}

function rows() {
  const found = kept();
  main.querySelector("[role=status]").textContent = `${found.length.toLocaleString("en")} of ${study.problems.length.toLocaleString("en")} problems`
    + (study.texts ? "" : `. The study has no texts of solutions: ${study.answers ? "answers and verdicts are" : "verdicts are"} all there is.`);
  main.querySelector(".problems").innerHTML = found.map(each => `<li><a class="item" href="${place(each)}">
    <span class="name">${escape(each.id)}</span>${asks() ? `<span class="excerpt">${html(each.shown)}</span>` : ""}
    <span class="facts"><span class="meter"><span style="width:${100 * each.rate}%"></span></span>${percent(each.rate)} of ${each.samples} right${
    bin(each) === null ? "" : ` · bin ${bin(each)}`}${each.level ? ` · level ${each.level}` : ""}${
    each.majority === null ? "" : ` · majority ${voted(each) === "between" ? percent(each.majority) : voted(each)}`}</span></a></li>`).join("");
}

// ---- a problem

const edge = score => score === null ? "" : ` style="--edge:hsl(${Math.round(120 * score)} 65% 45%)"`;
const step = ([text, score], extra = "") =>
  `<div class="step"${edge(score)}><div class="text">${extra}${html(text)}</div><div class="number">${score === null ? "" : score.toFixed(2)}</div></div>`;

function left(each) {
  const known = study.answers ? ["answer", "verdict"] : ["verdict"];
  if (each.score !== null && each.score !== undefined) known.push("score");
  return known.length === 1 ? "verdict is" : `${known.slice(0, -1).join(", ")} and ${known.at(-1)} are`;
}

function solution(each, title) {
  const facts = [verdict(each.correct), title];
  if (study.answers) facts.push("answer " + (each.answer === null ? "none" : html(each.answer)));
  if (each.score !== null && each.score !== undefined) facts.push(`score ${each.score.toFixed(2)}`);
  if (each.tokens !== null && each.tokens !== undefined) facts.push(`${each.tokens} tokens`);
  if (each.finish === "length") facts.push("cut off by the token limit");
  const inside = each.steps === null ? `<p>The text of this solution was not recorded: its ${left(each)} all there is.</p>` : each.steps.map(part => step(part)).join("");
  return `<article class="solution"><p class="small">${facts.join(" · ")}</p>${inside}${each.line?.includes(",") ? `<p class="small">scores of the steps: ${each.line}</p>` : ""}</article>`;
}

function tree(nodes) {
  const below = new Map();
  nodes.forEach((node, number) => below.set(node[0], [...(below.get(node[0]) || []), number]));
  const branch = parent => (below.get(parent) || []).map(number => {
    const [, round, text, score, alive, finish] = nodes[number];
    const mark = `<span class="small">${alive ? "●" : "○"} round ${round}${finish === "stop" ? ", ended" : finish === "length" ? ", cut" : ""}</span> `;
    const inside = branch(number);
    return `<li class="${alive ? "" : "dropped"}">${step([text, score], mark)}${inside ? `<ul>${inside}</ul>` : ""}</li>`;
  }).join("");
  return `<article class="solution"><p class="small">● kept, ○ dropped; a step lies below the one that it continues.</p><ul class="tree">${branch(-1)}</ul></article>`;
}

// What there is to see of a problem: samples, chains of revisions, and its search.
function entries(content) {
  const search = content.tree.length ? [{ part: "search", each: null, title: "search", show: () => tree(content.tree) }] : [];
  const chains = content.chains.map((chain, number) => ({
    part: `c${number}`, each: chain.at(-1), title: `revisions ${number}`,
    show: () => chain.map((each, index) => solution(each, `answer ${index + 1} of chain ${number}`)).join(""),
  }));
  const samples = content.samples.map(each => ({
    part: String(each.name), each, title: each.from || `sample ${each.name}`,
    show: () => solution(each, escape(each.from || `sample ${each.name}`)),
  }));
  return [...samples, ...chains, ...search];
}

// Links to what stands below the samples in the list.
function also(each, content) {
  const links = [];
  if (content.chains.length) links.push(`<a href="${place(each, "c0")}">${content.chains.length} chains of revisions</a>`);
  if (content.tree.length) links.push(`<a href="${place(each, "search")}">a search</a>`);
  return links.length ? `<p class="small">and ${links.join(", ")}</p>` : "";
}

function detail(number, part) {
  const each = study.problems[number], content = loaded.get(number), found = entries(content);
  const chosen = found.find(entry => entry.part === part) || found[0];
  const item = entry => `<li><a class="item" href="${place(each, entry.part)}"${entry === chosen ? ' aria-current="true"' : ""}>${
    entry.each === null ? "" : entry.each.correct ? '<span class="right">✓</span>' : '<span class="wrong">✗</span>'}<span>${
    entry.each === null || entry.each.score === null || entry.each.score === undefined ? "" : entry.each.score.toFixed(2)}</span><span class="answer">${
    entry.each === null || !study.answers || entry.part.startsWith("c") ? escape(entry.title) : entry.each.answer === null ? "no answer" : html(entry.each.answer)}</span></a></li>`;
  main.innerHTML = `<nav class="small" aria-label="Problems"><a href="#">All problems</a>${
    number > 0 ? ` · <a rel="prev" href="${place(study.problems[number - 1])}">previous</a>` : ""}${
    number + 1 < study.problems.length ? ` · <a rel="next" href="${place(study.problems[number + 1])}">next</a>` : ""}</nav>
    <h2>${escape(each.id)}</h2>${content.question ? `<div class="question">${html(content.question)}</div>` : ""}
    <p class="small">${content.gold ? `Gold answer ${html(content.gold)} · ` : ""}${percent(each.rate)} of ${each.samples} samples right${each.majority === null ? "" :
    ` · majority vote ${voted(each) === "between" ? `right with ${percent(each.majority)}` : voted(each)}`}${
    each.oracle === null ? "" : ` · difficulty bin ${each.oracle} by pass rate`}${each.predicted === null ? "" : `, ${each.predicted} predicted`}</p>
    <div class="problem"><div><h3 id="samples">Solutions${study.scored ? ", best score first" : ""}</h3>${also(each, content)}<ol class="samples" aria-labelledby="samples">${found.map(item).join("")}</ol></div>
    <section aria-label="The chosen solution" aria-live="polite">${chosen ? chosen.show() : "No solutions."}</section></div>`;
  const current = main.querySelector("[aria-current]");
  if (current && part !== undefined) current.focus({ preventScroll: innerWidth > 700 });
}

// ---- places and keys

function open() {
  const [name, part] = location.hash.slice(1).split("/").map(decodeURIComponent);
  if (!name) return list();
  const number = study.problems.findIndex(each => each.id === name);
  if (number < 0) { list(); main.querySelector("[role=status]").textContent = `There is no problem ${name} in this study.`; return; }
  if (!loaded.has(number)) main.innerHTML = "<p>Loading…</p>";
  load(number, () => detail(number, part));
}

function move(by) {
  const items = [...main.querySelectorAll("a.item")];
  const here = items.indexOf(document.activeElement);
  const current = here < 0 ? items.findIndex(each => each.hasAttribute("aria-current")) : here;
  const next = items[current < 0 ? 0 : Math.min(items.length - 1, Math.max(0, current + by))];
  if (!next) return;
  next.focus();
  next.scrollIntoView({ block: "nearest" });
  // In a problem the next solution is shown at once; the history keeps one entry for all of them
  if (next.closest(".samples")) { history.replaceState(null, "", next.hash); open(); }
}

const KEYS = {
  j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1),
  n: () => main.querySelector("[rel=next]")?.click(), p: () => main.querySelector("[rel=prev]")?.click(),
  u: () => { location.hash = ""; },
  "/": () => { if (location.hash.length > 1) { location.hash = ""; open(); } main.querySelector("[type=search]")?.focus(); },
};

addEventListener("hashchange", open);
addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input, select")) { if (event.key === "Escape") event.target.blur(); return; }
  if (KEYS[event.key]) { event.preventDefault(); KEYS[event.key](); }
});
