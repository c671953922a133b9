// Formulas: MathJax is loaded when one comes near the screen, and typesets a few at a time, so that
// the page answers meanwhile; all of them once the reader does something. Long ones may break.
"use strict";

const FORMULAS_PATIENCE_MS = 8000; // long after the first paint
const FORMULAS_AT_ONCE = 4; // then the page may answer
const FORMULA_NARROW = 200; // pixels: what fits on every phone, also inside a theorem
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

/** MathJax, loaded once; its place in the page says where it is. */
function loadMathJax() {
  window.MathJax = {
    ...window.MathJax,
    startup: { typeset: false },
    chtml: { adaptiveCSS: false }, // else the style of the whole page is renewed at every formula
  };
  const script = document.createElement("script");
  script.src = document.querySelector("script[type='text/later']").src;
  return new Promise((resolve, reject) => {
    script.onload = () => MathJax.startup.promise.then(resolve, reject);
    script.onerror = reject;
    document.head.append(script);
  });
}

/** Break the long ones among formulas that are typeset. */
function breakLong(elements) {
  const drawn = (item) => item.typesetRoot.querySelector("mjx-math");
  MathJax.startup.document
    .getMathItemsWithin(elements)
    .filter((item) => !(drawn(item).offsetWidth < FORMULA_NARROW))
    .forEach((item) => breakFormula(item.root, drawn(item), item.display));
}

const formulasWaiting = new Set();
let formulasAtWork = null;

/** Typeset these formulas in their order, a few at a time; the promise holds for all that wait. */
function typesetFormulas(elements) {
  elements.forEach((element) => formulasWaiting.add(element));
  formulasAtWork ??= (async () => {
    window.mathJaxLoaded ??= loadMathJax();
    await window.mathJaxLoaded;
    while (formulasWaiting.size) {
      const few = [...formulasWaiting].slice(0, FORMULAS_AT_ONCE);
      await MathJax.typesetPromise(few);
      await document.fonts.ready; // widths are measured
      breakLong(few);
      few.forEach((element) => formulasWaiting.delete(element));
      await new Promise((resume) => setTimeout(resume));
    }
    formulasAtWork = null;
  })();
  return formulasAtWork;
}

/** First what is on the screen or near; all the rest as soon as the reader does something. */
function startFormulas(all) {
  const waiting = new Set(all);
  const take = (elements) => elements.filter((element) => waiting.delete(element));
  const near = new IntersectionObserver(
    (seen) => {
      const elements = take(seen.filter((entry) => entry.isIntersecting).map(({ target }) => target));
      if (elements.length) typesetFormulas(elements);
    },
    { rootMargin: "50% 0%" },
  );
  all.forEach((element) => near.observe(element));
  const signs = ["scroll", "pointermove", "pointerdown", "keydown"];
  window.typesetAllFormulas = () => {
    near.disconnect();
    signs.forEach((sign) => removeEventListener(sign, window.typesetAllFormulas));
    return typesetFormulas(take(all));
  };
  signs.forEach((sign) => addEventListener(sign, window.typesetAllFormulas, { passive: true }));
  setTimeout(window.typesetAllFormulas, FORMULAS_PATIENCE_MS); // a page that is left alone, and printed
  addEventListener("beforeprint", () => {
    const rest = [...waiting, ...formulasWaiting];
    if (rest.length && window.MathJax.typeset) printFormulas(rest);
  });
}

/** The printer does not wait: typeset what is left at once. */
function printFormulas(elements) {
  MathJax.typeset(elements);
  breakLong(elements);
}

if (window.MathJax) startFormulas([...document.querySelectorAll(".math")]);
