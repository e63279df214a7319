"""`python -m infra.costs` writes docs/costs.md; with `--check` it only says whether that is up to date."""

import sys

from infra.costs.examples import ROOT, examples
from infra.costs.page import page

if __name__ == "__main__":
    path, text = ROOT / "docs/costs.md", page(examples())
    if "--check" not in sys.argv[1:]:
        path.write_text(text, encoding="utf-8")
    elif path.read_text(encoding="utf-8") != text:
        sys.exit("docs/costs.md is not what the price table and the example stacks give: run python -m infra.costs")
