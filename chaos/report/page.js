"use strict";
(() => {
  const tip = document.getElementById("tip");
  const show = (event) => {
    const marked = event.target.closest?.("[data-tip]");
    tip.hidden = !marked;
    if (!marked) return;
    tip.textContent = marked.dataset.tip;
    const left = Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8);
    const above = event.clientY + 20 + tip.offsetHeight > window.innerHeight;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${above ? event.clientY - tip.offsetHeight - 10 : event.clientY + 16}px`;
  };
  document.addEventListener("pointermove", show);
  document.addEventListener("pointerdown", show);
  document.addEventListener("scroll", () => { tip.hidden = true; }, true);

  const lanes = document.querySelector(".lanes");
  const jobs = [...document.querySelectorAll(".job")];
  const pressed = (buttons, chosen) =>
    buttons.forEach((one) => one.setAttribute("aria-pressed", String(one === chosen)));
  const filters = [...document.querySelectorAll("[data-show]")];
  filters.forEach((button) => button.addEventListener("click", () => {
    pressed(filters, button);
    const wanted = button.dataset.show;
    jobs.forEach((job) => job.classList.toggle("hide", wanted !== "all" && !job.classList.contains(wanted)));
  }));
  const zooms = [...document.querySelectorAll("[data-zoom]")];
  zooms.forEach((button) => button.addEventListener("click", () => {
    pressed(zooms, button);
    lanes.style.setProperty("--zoom", button.dataset.zoom);
  }));

  const open = () => {
    const job = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!job?.classList.contains("job")) return;
    job.classList.remove("hide");
    job.open = true;
    job.scrollIntoView({ block: "center" });
  };
  window.addEventListener("hashchange", open);
  open();

  document.querySelector("[data-copy]")?.addEventListener("click", async (event) => {
    const text = document.querySelector(".command code").textContent;
    try {
      await navigator.clipboard.writeText(text);
      event.target.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(document.querySelector(".command code"));
    }
  });
})();
