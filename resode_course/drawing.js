// A curve that the reader draws (drawing.py): move its knots, run network and ODE again.
// Inlined in the figure, so that it works wherever the figure is shown.
"use strict";
(() => {
  function activate(figure) {
    const { frame, curves, depths, start, limit, top, fine, step } = JSON.parse(
      figure.querySelector("script[type='application/json']").textContent,
    );
    const panel = figure.querySelector(".weights");
    const handles = [...figure.querySelectorAll(".knot")];
    const depthInput = figure.querySelector("input");
    let knots = Object.values(curves)[0].slice();
    const last = knots.length - 1;

    const theta = (s) => {
      const k = Math.min(Math.floor(s * last), last - 1);
      return knots[k] + (s * last - k) * (knots[k + 1] - knots[k]);
    };

    function network(depth) {
      const states = [start];
      for (let k = 0; k < depth; k++) {
        states.push(states[k] + (theta(k / depth) * Math.tanh(states[k])) / depth);
      }
      return states;
    }

    function ode() {
      let integral = 0;
      const states = [start];
      for (let k = 0; k < fine; k++) {
        integral += (theta(k / fine) + theta((k + 1) / fine)) / (2 * fine);
        states.push(Math.asinh(Math.sinh(start) * Math.exp(integral)));
      }
      return states;
    }

    const x = (s) => frame.left + s * (frame.right - frame.left);
    const y = (value, low, high) =>
      frame.bottom - ((value - low) / (high - low)) * (frame.bottom - frame.top);

    function drawPanel(name, line, dots, low, high) {
      const place = (values, count) => values.map((v, k) => [x(k / count), y(v, low, high)]);
      const svg = figure.querySelector(name);
      const points = place(line, line.length - 1).map((p) => p.map((c) => c.toFixed(1)));
      svg.querySelector(".curve").setAttribute("points", points.join(" "));
      const circles = place(dots.values, dots.count).map(([cx, cy]) => {
        const circle = document.createElementNS(svg.namespaceURI, "circle");
        Object.entries({ cx, cy, r: 2.5 }).forEach(([k, v]) => circle.setAttribute(k, v));
        return circle;
      });
      svg.querySelector(".dots").replaceChildren(...circles);
    }

    function update() {
      const depth = depths[depthInput.value];
      const states = network(depth);
      const exact = ode();
      const slices = Array.from({ length: depth }, (_, k) => theta(k / depth));
      drawPanel(".weights", knots, { values: slices, count: depth }, -limit, limit);
      drawPanel(".states", exact, { values: states, count: depth }, 0, top);
      handles.forEach((handle, k) => {
        handle.setAttribute("cy", y(knots[k], -limit, limit).toFixed(1));
        handle.setAttribute("aria-valuenow", knots[k].toFixed(2));
      });
      depthInput.setAttribute("aria-valuetext", depth);
      depthInput.nextElementSibling.textContent = depth;
      const [end, limitEnd] = [states[depth], exact[fine]];
      figure.querySelector(".drawable-says").textContent =
        `The network of ${depth} layers ends at ${end.toFixed(2)}, the ODE at ` +
        `${limitEnd.toFixed(2)}: ${Math.abs(end - limitEnd).toFixed(2)} apart.`;
    }

    function setKnot(k, value) {
      knots[k] = Math.max(-limit, Math.min(limit, value));
    }

    // The pointer draws: every knot between its last place and this one follows.
    let previous = null;
    function draw(event) {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(
        panel.getScreenCTM().inverse(),
      );
      const place = ((at.x - frame.left) / (frame.right - frame.left)) * last;
      const value = limit * (1 - (2 * (at.y - frame.top)) / (frame.bottom - frame.top));
      const here = { place: Math.max(0, Math.min(last, place)), value };
      const from = previous ?? here;
      const [left, right] = from.place < here.place ? [from, here] : [here, from];
      setKnot(Math.round(here.place), here.value);
      for (let k = Math.ceil(left.place); k <= right.place; k++) {
        const part = (k - left.place) / (right.place - left.place || 1);
        setKnot(k, left.value + part * (right.value - left.value));
      }
      previous = here;
      update();
    }
    panel.addEventListener("pointerdown", (event) => {
      panel.setPointerCapture(event.pointerId);
      previous = null;
      draw(event);
    });
    panel.addEventListener("pointermove", (event) => {
      if (panel.hasPointerCapture(event.pointerId)) draw(event);
    });

    // Keys: up and down move a knot, left and right go to the next one; Tab leaves the curve.
    const move = {
      ArrowUp: (k) => setKnot(k, knots[k] + step),
      ArrowDown: (k) => setKnot(k, knots[k] - step),
      Home: (k) => setKnot(k, -limit),
      End: (k) => setKnot(k, limit),
      ArrowLeft: (k) => focusOn(Math.max(0, k - 1)),
      ArrowRight: (k) => focusOn(Math.min(last, k + 1)),
    };
    function focusOn(k) {
      handles.forEach((handle, j) => handle.setAttribute("tabindex", j === k ? 0 : -1));
      handles[k].focus();
    }
    handles.forEach((handle, k) =>
      handle.addEventListener("keydown", (event) => {
        if (!(event.key in move)) return;
        event.preventDefault();
        move[event.key](k);
        update();
      }),
    );

    figure.querySelectorAll("button").forEach((button) =>
      button.addEventListener("click", () => {
        knots = curves[button.textContent].slice();
        update();
      }),
    );
    depthInput.addEventListener("input", update);
    figure.querySelector(".drawable-controls").hidden = false;
    figure.classList.add("active");
    update();
  }

  document.querySelectorAll(".drawable:not(.active)").forEach(activate);
})();
