// The page of the search: queries are read like the text (see book/_ext/finding.py, which makes the
// index), and what has a name or a number is found by it.
"use strict";

const GREEK = ("alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho " +
  "sigma sigma tau upsilon phi chi psi omega").split(" ");
const LETTERS = { "ł": "l", "ø": "o", "ß": "ss", "æ": "ae", "œ": "oe" };
GREEK.forEach((name, n) => { LETTERS[String.fromCodePoint("α".codePointAt(0) + n)] = name; });
const WORD = /1\/l(?![\p{L}\p{N}_])|\d+(?:\.\d+)+|[\p{L}\p{N}]+/gu;
const SPELLING = /(?<=...)is(?=(?:e|ed|es|er|ers|ing|ation|ations)$)/;
const spelled = (word) => word.replace(SPELLING, "iz");
const CHAPTER = /^<span[^>]*>[^<]*<\/span>/; // its number
const PAGE = 1.01; // a page before a word of the glossary that is called like it
const KINDS = {
  thm: "theorem", prop: "proposition", cor: "corollary", def: "definition", obs: "observation",
  ex: "exercise", figure: "fig", eq: "equation", eqn: "equation",
};

/** The words of a text, as `words` of finding.py makes them. */
function wordsOf(text) {
  const plain = text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");
  const latin = [...plain].map((letter) => LETTERS[letter] ?? letter).join("");
  return (latin.match(WORD) ?? []).map(spelled);
}

/** How much of a name a query says: 0 unless each of its words begins one of the name's. */
function share(query, name) {
  const begins = (word) => name.some((other) => (/\d/.test(word) ? other === word : other.startsWith(word)));
  return name.length && query.every(begins) ? Math.min(1, query.length / name.length) : 0;
}

/** Results as Sphinx has them, of pages and of everything named that fits; the best is the last. */
function namedResults(query, { named, docnames, filenames, titles }) {
  const asked = wordsOf(query).map((word) => spelled(KINDS[word] ?? word));
  if (!asked.length) return [];
  const found = [];
  const add = (page, shown, anchor, description, score) => {
    if (score) found.push([docnames[page], shown, anchor, description, score, filenames[page]]);
  };
  titles.forEach((title, page) => {
    const name = wordsOf(title.replace(CHAPTER, ""));
    add(page, title, "", null, PAGE * share(asked, name));
  });
  for (const { page, anchor, shown, number = [], words } of named) {
    const score = Math.max(...[number, words, [...number, ...words]].map((name) => share(asked, name)));
    add(page, shown, `#${anchor}`, titles[page], score);
  }
  return found.sort((one, other) => one[4] - other[4]);
}

// What a query names stands before all pages, what it only mentions behind them; each place once.
document.addEventListener("DOMContentLoaded", () => {
  const ofPages = Search._performSearch;
  Search._performSearch = (query, ...terms) => {
    const named = namedResults(query, Search._index);
    const meant = named.filter((result) => result[4] >= 0.5);
    const mentioned = named.filter((result) => result[4] < 0.5 && result[2]);
    const place = (result) => result[0] + result[2];
    const known = new Set([...meant, ...mentioned].map(place));
    const pages = ofPages(query, ...terms).filter((result) => !known.has(place(result)));
    return [...mentioned, ...pages, ...meant];
  };
});
