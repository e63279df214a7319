"""The built-in page in a browser: what a visitor does with it, and what it showed at every moment."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, Request, Response

from tests.support.browser import bundled
from tests.support.cluster import wait_for

SHOTS = Path("build/page")  # pictures for people, of every run
AXE = Path("tests/integration/browser/axe")
SERIOUS = {"serious", "critical"}
MIB = 1024 * 1024
NOWHERE = "http://storage.invalid"  # a storage whose name leads to nothing

# Notes what each entry shows whenever it changes, and how long the page was busy.
RECORDER = """
(() => {
  if (globalThis.shown) return;
  globalThis.shown = {};
  globalThis.longest = 0;
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) longest = Math.max(longest, task.duration);
  }).observe({ type: "longtask", buffered: true });
  const look = () => {
    for (const item of document.querySelectorAll("#jobs li")) {
      const text = item.querySelector(".state").textContent + item.querySelector(".problem").textContent;
      const seen = [item.dataset.phase, item.querySelector("progress").value, text];
      const before = (shown[item.querySelector(".name").textContent] ??= []);
      if (String(before.at(-1)) !== String(seen)) before.push(seen);
    }
    requestAnimationFrame(look);
  };
  look();
})();
"""


class Visitor:
    """A visitor of the page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.past: list[Mapping[str, Any]] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if "Content Security" in said.text else None)
        self._network = page.context.new_cdp_session(page)
        self._begun: list[str] = []
        self._parts: list[str] = []
        self._again: list[str] = []
        page.on("request", self._note_begun)
        page.on("response", self._note)
        page.add_init_script(RECORDER)
        page.evaluate(RECORDER)
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until the page has its formats, and the list of before."""
        self.page.wait_for_selector("#order[data-ready]")

    def reload(self) -> None:
        """Load the page anew; what was shown before is kept."""
        self.past.append(self.page.evaluate("shown"))
        self.page.reload()
        self.wait_until_ready()

    def add(self, *files: Path) -> None:
        """Choose files."""
        self.page.set_input_files("#file", list(files))

    def drop(self, *paths: Path) -> None:
        """Drop files and folders on the page, as from a window beside it."""
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self._network.send("Input.dispatchDragEvent", {"type": kind, "x": 200, "y": 300, "data": data})

    def progress(self, name: str) -> float:
        """How far the bar of its newest entry is, from 0 to 100."""
        return float(self.entry(name).locator("progress").evaluate("bar => bar.value"))

    def parts_sent(self) -> list[str]:
        """The numbers of the parts that the storage is seen to have taken; the last answers before a reload are not."""
        self.page.evaluate("0")  # playwright tells of requests only while it is asked something
        return list(self._parts)

    def check_parts(self, count: int) -> None:
        """The browser has sent so many parts to the storage itself, and none again that was seen to be taken."""
        self.page.evaluate("0")
        assert set(self._begun) == {str(number) for number in range(1, count + 1)}
        assert self._again == [], "what had arrived was sent again"

    def _note_begun(self, request: Request) -> None:
        if number := _part_in(request):
            self._begun.append(number)
            self._again += [number] if number in self._parts else []

    def _note(self, response: Response) -> None:
        if response.ok and (number := _part_in(response.request)):
            self._parts.append(number)

    def send_at_most(self, speed: float, *, offline: bool = False) -> None:
        """Let the browser send so many bytes a second; -1: as many as it can. `offline`: nothing at all."""
        limits = {"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": speed}
        self._network.send("Network.emulateNetworkConditions", limits)

    def entry(self, name: str) -> Locator:
        """The newest entry of a file."""
        return self.page.locator("#jobs li", has=self.page.locator(f'.name:text-is("{name}")')).first

    def phase(self, name: str) -> str:
        """In which phase the newest entry of a file is."""
        entry = self.entry(name)
        return (entry.get_attribute("data-phase") or "") if entry.count() else ""

    def says(self, name: str) -> str:
        """All that its entry says."""
        return self.entry(name).inner_text()

    def wait_for_phase(self, name: str, phase: str) -> None:
        """Wait until a file is so far."""
        wait_for(lambda: self.phase(name) == phase, f"{name} is {phase}: {self.says(name)}")

    def shown(self, name: str) -> list[Sequence[Any]]:
        """Everything that was shown of a file, over all reloads: phase, progress, sentence."""
        return [seen for shown in (*self.past, self.page.evaluate("shown")) for seen in shown.get(name, [])]

    def check_what_was_shown(self, name: str) -> None:
        """Progress never went back, and every moment had its sentence."""
        shown = self.shown(name)
        values = [value for _, value, _ in shown]
        assert values == sorted(values), f"{name} went back: {shown}"
        assert all(text for _, _, text in shown), f"{name} said nothing: {shown}"

    def longest_task(self) -> float:
        """The longest time in which the page did not answer, in milliseconds."""
        return float(self.page.evaluate("longest"))

    def memory(self) -> int:
        """Bytes that the page holds: its objects, and the buffers behind them."""
        found: Mapping[str, float] = self._network.send("Runtime.getHeapUsage")
        return round(sum(found.get(name, 0) for name in ("usedSize", "embedderHeapUsedSize", "backingStorageSize")))

    def shot(self, name: str) -> None:
        """Keep a picture of the whole page for people."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png", full_page=True)

    def check_accessibility(self) -> None:
        """axe-core finds nothing serious in what is shown now."""
        script = bundled(AXE, 'import axe from "axe-core"; globalThis.axe = axe;').decode()
        self.page.evaluate(script)
        found = self.page.evaluate("axe.run(document).then((results) => results.violations)")
        serious = [
            f"{one['id']}: {[node['html'][:300] + node.get('failureSummary', '') for node in one['nodes'][:3]]}"
            for one in found
            if one["impact"] in SERIOUS
        ]
        assert not serious, "\n".join(serious)


def _part_in(request: Request) -> str:
    """The number of the part that a request sends to the storage; nothing for any other request."""
    return request.url.partition("partNumber=")[2].partition("&")[0] if request.method == "PUT" else ""
