"""The built-in page."""

import re

import httpx


async def test_the_page_loads_nothing_from_elsewhere(api: httpx.AsyncClient) -> None:
    """The page is one document with its own script and style, and asks nobody else for anything."""
    page = await api.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for path in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert path.startswith(("/", "#", "data:")), path
        if path.endswith((".js", ".css")):
            assert (await api.get(path)).status_code == 200
    for text in (page.text, (await api.get("/app.js")).text, (await api.get("/style.css")).text):
        assert not re.search(r"https?://(?!www\.w3\.org/)", text)


async def test_the_page_may_run_only_its_own_script(api: httpx.AsyncClient) -> None:
    """The browser is told to run nothing but the page's own script, so what it says needs no trust."""
    page = await api.get("/")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert not re.search(r"\son[a-z]+=|<script>|style=", page.text)
    assert "innerHTML" not in (await api.get("/app.js")).text
