// Loads the page again when a piece of it did not arrive, as when the network changes in this moment: a page of which a
// module is missing would stand there and do nothing. Not a module itself, so that it comes before them.

(() => {
  const NAME = "reprise.loads", MOST = 8, PAUSE = 500; // milliseconds, longer each time

  addEventListener("error", (event) => {
    if (!(event.target instanceof HTMLScriptElement || event.target instanceof HTMLLinkElement)) return;
    let loads = MOST;
    try {
      loads = Number(sessionStorage.getItem(NAME)) + 1;
      sessionStorage.setItem(NAME, loads);
    } catch {
      // Without storage there is nothing to count by.
    }
    if (loads < MOST) setTimeout(() => location.reload(), PAUSE * loads);
    else document.getElementById("incomplete")?.removeAttribute("hidden");
  }, true);

  globalThis.pageHasStarted = () => {
    try {
      sessionStorage.removeItem(NAME);
    } catch {
      // As above.
    }
  };
})();
