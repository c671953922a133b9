// Formulas: MathJax is loaded once the text can be read, and typesets them from the top of the page,
// a few at a time, so that the page answers meanwhile. Long ones may then break into lines.
"use strict";

const FORMULA_SLICE_MS = 8; // on a phone this takes 40, and a page busy for more than 50 feels stuck
const FORMULA_FOUND = 10; // MathJax's state of a formula that it has only found
const FORMULA_NARROW = 230; // pixels: what fits on every phone, also inside a theorem
const [ATOM_BIN, ATOM_REL, ATOM_PUNCT] = [2, 3, 6]; // TeX's classes of atoms
const FORMULA_ROWS = ["mrow", "TeXAtom", "mstyle", "mtd"];

/** The parts of a row in MathJax's tree. */
function formulaRow(node) {
  const first = node.childNodes?.[0];
  return (first?.isInferred ? first.childNodes : node.childNodes) ?? [];
}

/** Whether a line may end behind this part of a row: a comma, a wide space; inside text an operator too. */
function formulaLineEnds(node, display) {
  if (isSpace(node)) return parseFloat(spaceOf(node).attributes.get("width")) >= 1;
  return node.texClass === ATOM_PUNCT || (!display && isOperator(node));
}

const spaceOf = (node) => (node.isKind("mstyle") ? formulaRow(node)[0] : node);
const isSpace = (node) => formulaRow(node).length < 2 && Boolean(spaceOf(node)?.isKind("mspace"));
const isOperator = (node) => [ATOM_BIN, ATOM_REL].includes(node.texClass);

/** How much deeper in brackets a row is behind this part; a bar opens when none is open. */
function formulaDepth(node, depth, bars) {
  const core = node.coreMO?.() ?? node;
  if (core.isKind("mo") && /^[|∣‖∥]$/.test(core.getText())) return bars.pop() ? -1 : bars.push(1);
  return { 4: 1, 5: -1 }[node.texClass] ?? 0;
}

/** Where lines may start in a row: outside brackets, and inside where that leaves a part too long. */
function formulaLineStarts(row, boxes, display) {
  const starts = [];
  const bars = [];
  let [depth, ended] = [0, true];
  row.forEach((child, k) => {
    if (isSpace(child) ? k === 0 : ended || (display && isOperator(child))) {
      starts.push({ k, depth });
      ended = false;
    }
    ended ||= formulaLineEnds(child, display);
    depth += formulaDepth(child, depth, bars);
  });
  const outer = starts.filter((start) => start.depth <= 0 || start.k === 0);
  const isLong = (start) => {
    const at = outer.findLastIndex((other) => other.k <= start.k);
    const last = boxes[(outer[at + 1]?.k ?? boxes.length) - 1].getBoundingClientRect();
    return last.right - boxes[outer[at].k].getBoundingClientRect().left > FORMULA_NARROW;
  };
  return new Set(starts.filter((start) => outer.includes(start) || isLong(start)).map(({ k }) => k));
}

/** Group what was drawn of a row into parts between which a line may break. */
function breakFormula(node, drawn, display) {
  const row = formulaRow(node);
  const boxes = [...drawn.children].filter((box) => box.localName !== "mjx-tstrut");
  if (row.length !== boxes.length) return;
  const starts = formulaLineStarts(row, boxes, display);
  row.forEach((child, k) => breakInside(child, boxes[k], display));
  let part = null;
  boxes.forEach((box, k) => {
    if (starts.has(k)) {
      part = drawn.insertBefore(document.createElement("span"), box);
      part.className = "part";
    }
    part.append(box);
    if (box.classList.contains("breaks")) part.classList.add("breaks");
  });
  drawn.classList.add("breaks");
}

/** Break what stands inside a part that is too long for a phone: brackets, cells of an alignment. */
function breakInside(node, drawn, display) {
  if (drawn.offsetWidth < FORMULA_NARROW) return;
  const cells = node.isKind("mtable") ? node.childNodes.flatMap((row) => row.childNodes) : [];
  const lines = [...(drawn.querySelector("mjx-itable")?.children ?? [])];
  const boxes = lines.flatMap((line) => [...line.children]);
  if (cells.length && cells.length === boxes.length) {
    drawn.classList.add("breaks");
    cells.forEach((cell, k) => breakFormula(cell, boxes[k], display));
  } else if (FORMULA_ROWS.some((kind) => node.isKind(kind))) {
    breakFormula(node, drawn, display);
  }
}

const hasTime = (since) => performance.now() - since < FORMULA_SLICE_MS;

/** Do something with each, and let go of the processor now and then. */
async function forEachInSlices(items, work) {
  let start = performance.now();
  for (const item of items) {
    await work(item);
    if (hasTime(start)) continue;
    await new Promise((resume) => setTimeout(resume));
    start = performance.now();
  }
}

/** Typeset all formulas in the order of the page, then break the long ones. */
async function typesetFormulas() {
  const page = MathJax.startup.document;
  const { handleRetriesFor } = MathJax._.util.Retries; // a formula may ask for a part of MathJax
  page.findMath().getMetrics().addStyleSheet();
  const items = [...page.math];
  await forEachInSlices(items, (item) => {
    item.state(FORMULA_FOUND); // measured all at once, before they are read
    return handleRetriesFor(() => item.render(page));
  });
  const drawn = (item) => item.typesetRoot.querySelector("mjx-math");
  const long = items.filter((item) => !(drawn(item).offsetWidth < FORMULA_NARROW));
  await forEachInSlices(long, (item) => breakFormula(item.root, drawn(item), item.display));
}

/** Load MathJax when the text is on the screen; its place in the page says where it is. */
function loadMathJax(resolve, reject) {
  const settings = {
    startup: { pageReady: () => typesetFormulas().then(resolve, reject) },
    chtml: { adaptiveCSS: false }, // else the style of the whole page is renewed at every formula
  };
  window.MathJax = { ...window.MathJax, ...settings };
  const script = document.createElement("script");
  script.src = document.querySelector("script[type='text/later']").src;
  requestAnimationFrame(() => setTimeout(() => document.head.append(script)));
}

if (window.MathJax) window.formulasTypeset = new Promise(loadMathJax);
