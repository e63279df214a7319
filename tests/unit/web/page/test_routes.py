"""The built-in page."""

import re

import httpx

from service.web.http.config import WebConfig
from tests.unit.web.conftest import World, client_of

STORAGE = "https://bucket.s3.example"


async def everything(api: httpx.AsyncClient) -> dict[str, str]:
    """The page, its style, and each module that one of its modules imports, by path."""
    found, wanted = dict[str, str](), {"/"}
    while wanted:
        path = wanted.pop()
        answer = await api.get(path)
        assert answer.status_code == 200, path
        found[path] = answer.text
        named = re.findall(r'(?:src|href)="(/[^"]+[.](?:js|css))"', answer.text)
        named += [f"/page/{name}" for name in re.findall(r'from "[.]/([^"]+)"', answer.text)]
        wanted |= {one for one in named if one not in found}
    return found


async def test_the_page_loads_nothing_from_elsewhere(api: httpx.AsyncClient) -> None:
    """The page is one document with its own modules and style, and asks nobody else for anything."""
    page = await api.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for path in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert path.startswith(("/", "#", "data:")), path
    texts = await everything(api)
    assert {"/style.css", "/page/main.js", "/page/upload.js", "/page/words.js"} < texts.keys()
    for text in texts.values():
        assert not re.search(r"https?://(?!www\.w3\.org/)", text)


async def test_the_page_may_run_only_its_own_script(api: httpx.AsyncClient) -> None:
    """The browser is told to run nothing but the page's own modules, so what it says needs no trust."""
    texts = await everything(api)
    for path in texts:
        policy = (await api.get(path)).headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert "unsafe" not in policy
    assert not re.search(r"\son[a-z]+=|<script>|style=", texts["/"])
    for text in texts.values():
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document[.]write|eval[(]|new Function", text)


async def test_the_page_may_talk_to_the_storage() -> None:
    """Only the service and the storage of its files may be asked by the page, and both may be played from."""
    async with client_of(World(web=WebConfig(storage=(STORAGE,))).app) as api:
        policy = (await api.get("/")).headers["content-security-policy"]
    assert f"connect-src 'self' {STORAGE}; media-src 'self' {STORAGE} blob:;" in policy
