// Draggable figures (resode_course/widgets.py): show the stored picture that the sliders ask for.
// Where this script does not run, the start picture stays and the controls stay hidden.
"use strict";

const DRAGGABLE_PLAY_MS = 700; // as in resode_course/widgets.py

function activateDraggable(figure) {
  const image = figure.querySelector("img");
  const play = figure.querySelector("button");
  const sliders = [...figure.querySelectorAll("input")];
  const { pictures, texts } = JSON.parse(figure.querySelector("script").textContent);
  const start = sliders.map((slider) => Number(slider.defaultValue));
  let timer = null;

  // The last slider runs fastest, as in widgets.py.
  const show = (positions) =>
    Object.assign(image, pictures[positions.reduce((at, i, k) => at * texts[k].length + i, 0)]);

  function update() {
    sliders.forEach((slider, k) => {
      const text = texts[k][slider.value];
      slider.setAttribute("aria-valuetext", text);
      slider.nextElementSibling.textContent = text;
    });
    show(sliders.map((slider) => Number(slider.value)));
  }

  function setPlaying(playing) {
    clearInterval(timer);
    timer = playing ? setInterval(step, DRAGGABLE_PLAY_MS) : null;
    play.textContent = playing ? "Pause" : "Play";
    play.setAttribute("aria-label", `${play.textContent} ${sliders[0].getAttribute("aria-label")}`);
  }

  function step() {
    sliders[0].stepUp();
    update();
    if (sliders[0].value === sliders[0].max) setPlaying(false);
  }

  play.addEventListener("click", () => {
    if (timer === null && sliders[0].value === sliders[0].max) {
      sliders[0].value = 0; // played to the end: play again
      update();
    }
    setPlaying(timer === null);
  });
  figure.addEventListener("input", () => {
    setPlaying(false); // the reader takes over
    update();
  });
  addEventListener("beforeprint", () => show(start));
  addEventListener("afterprint", update);
  figure.querySelector(".draggable-controls").hidden = false;
}

addEventListener("DOMContentLoaded", () =>
  document.querySelectorAll(".draggable").forEach(activateDraggable),
);
