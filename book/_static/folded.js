// Folded proofs, hints and solutions open for a link that leads into them, and proofs for the printer.
"use strict";

const isShut = (box) => box.matches("details:not([open]), .toggle-hidden");

function unfold(box) {
  if (box.localName === "details") box.open = true;
  else box.querySelector(".toggle-button").click();
}

/** Open whatever the address points into, from the outside in. */
function unfoldAround(hash) {
  const target = hash && document.getElementById(decodeURIComponent(hash.slice(1)));
  if (!target) return;
  const shut = [];
  for (let box = target; box; box = box.parentElement) if (isShut(box)) shut.unshift(box);
  if (!shut.length) return;
  shut.forEach(unfold);
  target.scrollIntoView();
}

/** The title of a solution is a link to its exercise, which stands above: it opens the solution instead. */
function onClick(event) {
  const link = event.target.closest("a");
  const solution = link?.closest(".solution.dropdown > .admonition-title")?.parentElement;
  if (solution) {
    event.preventDefault();
    event.stopPropagation();
    solution.querySelector(".toggle-button").click();
  } else if (link?.hash && link.pathname === location.pathname) {
    setTimeout(() => unfoldAround(link.hash));
  }
}

addEventListener("load", () => unfoldAround(location.hash));
addEventListener("hashchange", () => unfoldAround(location.hash));
addEventListener("click", onClick, true);
addEventListener("beforeprint", () => {
  const shut = document.querySelectorAll(".bd-article details.sd-dropdown:not([open])");
  shut.forEach(unfold);
  addEventListener("afterprint", () => shut.forEach((box) => (box.open = false)), { once: true });
});
