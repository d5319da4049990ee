"""The prompt lab in a real Chromium: versions, live rendering, runs, results, side by side, promotion, attacks."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.memory import Memory
from agent.memory.users import Users
from agent.prompting import PROMPTS
from agent.schema import Profile
from agent.turn import Assistant
from agent.versions import Versions
from finetune.tiny import make_tiny_model
from retrieval.shop import Shop
from tests.shops import copy_of, sample_shop
from tests.ui.conftest import crossaisle, served
from tests.ui.test_accessibility import serious

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

ATTACK = "<script>window.hacked=1</script><img src=x onerror=window.hacked=2>"
SECRET = "a long secret"
SLOW = 600_000
SHIPPED = (PROMPTS / "plan.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop in which two shoppers have talked; one of them attacks."""
    shop = copy_of(sample_shop(), tmp_path_factory.mktemp("lab") / "market")
    with Memory.at(shop / "state.sqlite3") as memory:
        assistant = Assistant(Shop.open(shop), memory)
        assistant.reply("scented candles", memory.open_conversation("ann"), Profile(shopper="ann"))
        assistant.reply(f"mugs {ATTACK} {{{{1+1}}}} ${{1+1}}", memory.open_conversation("eve"), Profile(shopper="eve"))
        Versions.of(memory.prompts).save(SHIPPED.replace("# system\n", f"# system\n{ATTACK} ", 1), "<b>eve</b>")
    return shop


@pytest.fixture(scope="module")
def site(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    model = make_tiny_model(tmp_path_factory.mktemp("model") / "tiny")
    with served(market, "--model-path", str(model)) as url:
        yield url


class Lab:
    """The lab page in a tab."""

    def __init__(self, chromium: Any, url: str) -> None:
        self.context = chromium.new_context(viewport={"width": 1280, "height": 1000}, accept_downloads=True)
        self.page = self.context.new_page()
        self.page.set_default_timeout(SLOW)
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(f"{url}/lab")
        self.page.wait_for_selector("#xa-lab-listed tbody tr")

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name, exact=True).click()

    def pick(self, box: str, *words: str) -> None:
        """Choose in a dropdown what holds the words."""
        for word in words:
            self.page.click(f"#{box} input")
            self.page.fill(f"#{box} input", word)
            self.page.locator(f"#{box} [role=option]", has_text=word).first.click()
        self.page.keyboard.press("Escape")

    def told(self, words: str, where: str = "#xa-lab-told") -> None:
        self.page.wait_for_selector(f"{where} :text({json.dumps(words)})", timeout=SLOW)

    def edit(self, text: str) -> None:
        self.page.fill("#xa-lab-draft textarea", text)


@pytest.fixture
def lab(chromium: Any, site: str) -> Iterator[Lab]:
    opened = Lab(chromium, site)
    yield opened
    outside = [url for url in opened.requests if not url.startswith(("http://127.0.0.1:", "data:", "blob:"))]
    assert outside == [], "the page asks for nothing from elsewhere"
    assert opened.complaints == []
    opened.context.close()


def test_versions_are_listed_compared_edited_rendered_live_and_saved(lab: Lab, picture: Any) -> None:
    listed = lab.page.inner_text("#xa-lab-listed")
    assert "plan-1" in listed
    assert "production" in listed
    lab.page.click("#xa-lab-edit")
    lab.page.wait_for_selector("#xa-lab-live pre")
    assert "a warm blanket under 40" in lab.page.inner_text("#xa-lab-live"), "rendered for the example"
    lab.pick("xa-lab-talk", "scented candles")
    lab.told("> scented candles", "#xa-lab-live")
    lab.edit(SHIPPED.replace("name: plan-1", "name: plan-kind").replace("# system\n", "# system\nBe kind. ", 1))
    lab.told("Be kind.", "#xa-lab-live")
    picture(lab.page, "lab-prompts")
    lab.page.click("#xa-lab-save")
    lab.told("It serves nobody before it is promoted.")
    lab.told("plan-kind", "#xa-lab-listed")
    lab.pick("xa-lab-other", "plan-1")
    lab.pick("xa-lab-one", "plan-kind")
    lab.page.wait_for_selector("#xa-lab-diff ins:has-text('Be kind.')")
    assert lab.page.locator("#xa-lab-diff del").count() >= 1
    lab.edit("no prompt at all")
    lab.told("the draft is no prompt file", "#xa-lab-live")
    lab.page.click("#xa-lab-save")
    lab.told("is no prompt file")


def test_a_grid_runs_is_shown_compared_downloaded_and_promoted(
    lab: Lab, market: Path, tmp_path: Path, axe: str, picture: Any
) -> None:
    with Memory.at(market / "state.sqlite3") as memory:
        text = SHIPPED.replace("name: plan-1", "name: plan-brief").replace("# system\n", "# system\nBe brief. ", 1)
        brief = Versions.of(memory.prompts).save(text, "ada").hash
    lab.page.reload()
    lab.page.wait_for_selector("#xa-lab-listed :text('plan-brief')")
    lab.tab("Promote")
    lab.pick("xa-lab-which", "plan-brief")
    lab.page.click("#xa-lab-do-promote")
    lab.told("no evidence is chosen")
    lab.tab("Turns")
    lab.page.wait_for_function("document.querySelector('#xa-lab-source input')?.value.includes('served')")
    lab.pick("xa-lab-talked", "scented candles")
    lab.page.wait_for_selector("#xa-lab-label input")
    lab.pick("xa-lab-label", "recommend")
    lab.told("Labels of this conversation's turns: recommend")
    lab.tab("Runs")
    lab.page.fill("#xa-lab-name input, #xa-lab-name textarea", "first")
    lab.pick("xa-lab-plans", "plan-brief")
    lab.pick("xa-lab-configs", "words-only")
    lab.pick("xa-lab-chosen", "scented candles", "mugs")
    lab.page.click("#xa-lab-start")
    lab.told("first: finished", "#xa-lab-progress")
    assert "8 of 8 turns" in lab.page.inner_text("#xa-lab-progress")
    lab.page.click("#xa-lab-show")
    lab.page.wait_for_selector("#xa-lab-results table")
    results = lab.page.inner_text("#xa-lab-results")
    assert "vs production" in results
    assert "act accuracy" in results
    assert "tokens in" in results
    assert "speaks for `production`" in results
    picture(lab.page, "lab-results")
    assert serious(lab.page, axe, "lab-results") == []
    lab.pick("xa-lab-left", "production")
    lab.pick("xa-lab-session", "scented candles")
    lab.page.wait_for_selector("#xa-lab-sides section >> nth=1")
    shown = [set(lab.page.locator(f"#xa-lab-sides section >> nth={n}").locator("li").evaluate_all(IDS)) for n in (0, 1)]
    marked = set(lab.page.locator("#xa-lab-sides .xa-lab-differs").evaluate_all(IDS))
    assert marked == shown[0] ^ shown[1]
    picture(lab.page, "lab-sides")
    assert serious(lab.page, axe, "lab-sides") == []
    lab.tab("Turns")
    lab.page.wait_for_selector("#xa-lab-record", state="attached")
    lab.pick("xa-lab-source", "first")
    lab.page.wait_for_selector("#xa-lab-cell input")
    cells = lab.page.input_value("#xa-lab-cell input")
    assert cells == "production"
    lab.pick("xa-lab-talked", "scented candles")
    lab.page.wait_for_selector("#xa-lab-record .xa-record-said")
    turn = json.loads(next(iter(_turns_of(market, "first", "scented candles"))))
    record = lab.page.inner_text("#xa-lab-record")
    assert "scented candles" in record
    assert f"{turn['reply']['trace']['timings_ms']['total']:,.1f}" in record, "the time that this very turn took"
    assert turn["reply"]["text"].splitlines()[0] in record
    assert {entry["name"] for entry in turn["reply"]["receipt"]["items"]} <= set(_names(record))
    picture(lab.page, "lab-turn")
    lab.pick("xa-lab-cell", "words-only")
    lab.page.wait_for_function("before => document.querySelector('#xa-lab-record').innerText !== before", arg=record)
    lab.tab("Runs")
    with lab.page.expect_download() as waiting:
        lab.page.click("#xa-lab-download")
    waiting.value.save_as(tmp_path / "first.zip")
    names = zipfile.ZipFile(tmp_path / "first.zip").namelist()
    assert {"first/results.json", "first/runs/production.trec", "first/runs/production.jsonl"} <= set(names)
    assert not [name for name in names if "turns" in name or "sessions" in name], "what shoppers said stays here"
    again = crossaisle("lab", "table", market / "lab" / "first", "--json").json
    assert again["equal"]
    lab.tab("Promote")
    lab.pick("xa-lab-which", "plan-brief")
    assert lab.page.input_value("#xa-lab-evidence input") == "first", "the run whose results are shown is offered"
    lab.page.click("#xa-lab-do-promote")
    lab.told("from the next turn on")
    lab.told("too few to be sure of anything")
    lab.told("promote", "#xa-lab-history")
    with Memory.at(market / "state.sqlite3") as memory:
        move = memory.prompts.history()[-1]
        assert (move.to_hash, Path(move.evidence).name) == (brief, "first")
    picture(lab.page, "lab-promoted")
    lab.page.click("#xa-lab-do-back")
    lab.told("Rolled back")
    lab.told("rollback", "#xa-lab-history")
    lab.page.click("#xa-lab-do-back")
    lab.told("is left to undo")


def _turns_of(market: Path, run: str, words: str) -> list[str]:
    """The lines of the production cell's turns in which the words were said."""
    cells = json.loads((market / "lab" / run / "lab.json").read_text(encoding="utf-8"))["cells"]
    digest = next(cell["hash"] for cell in cells if cell["name"] == "production")
    lines = (market / "lab" / run / "turns" / f"{digest[:16]}.jsonl").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if json.loads(line)["words"] == words]


def _names(record: str) -> list[str]:
    """The names in a record's table of what was shown."""
    return [re.sub(r"^\d+\. ", "", line.split("\t")[0].strip()) for line in record.splitlines()]


IDS = "all => all.map(one => one.dataset.item)"


def test_a_run_is_cancelled_and_resumed_and_the_page_answers_meanwhile(lab: Lab, market: Path) -> None:
    lab.tab("Runs")
    lab.page.fill("#xa-lab-name input, #xa-lab-name textarea", "second")
    lab.pick("xa-lab-chosen", "scented candles", "mugs")
    lab.pick("xa-lab-configs", "words-only", "no-history", "ten-cards")
    lab.page.click("#xa-lab-start")
    lab.told("second: replaying", "#xa-lab-progress")
    turns = "document.querySelector('#xa-lab-progress progress')?.value >= 1"
    lab.page.wait_for_function(turns, timeout=SLOW)
    lab.page.click("#xa-lab-cancel")
    lab.told("resume it to go on", "#xa-lab-progress")
    done = sum(file.read_bytes().count(b"\n") for file in (market / "lab" / "second" / "turns").iterdir())
    assert 1 <= done < 8
    lab.page.click("#xa-lab-show")
    lab.told("no results yet")
    lab.page.click("#xa-lab-resume")
    lab.told("second: finished", "#xa-lab-progress")
    keys = [
        (turn["cell"], turn["session"], turn["turn"])
        for file in (market / "lab" / "second" / "turns").iterdir()
        for turn in map(json.loads, file.read_text(encoding="utf-8").splitlines())
    ]
    assert len(keys) == len(set(keys)) == 8
    lab.page.fill("#xa-lab-name input, #xa-lab-name textarea", "../outside")
    lab.page.click("#xa-lab-start")
    lab.told("is no name for a run")


def test_a_turn_that_was_served_can_be_looked_at(lab: Lab) -> None:
    lab.tab("Turns")
    lab.page.wait_for_function("document.querySelector('#xa-lab-source input')?.value.includes('served')")
    assert not lab.page.is_visible("#xa-lab-cell")
    lab.pick("xa-lab-talked", "mugs")
    lab.page.wait_for_selector("#xa-lab-record .xa-record-said")
    record = lab.page.inner_text("#xa-lab-record")
    assert ATTACK in record
    assert "{{1+1}} ${1+1}" in record
    assert {"Plan", "Time", "Understand"} <= set(re.findall(r"\w+", record))
    assert lab.page.locator("#xa-lab-record :is(script, img)").count() == 0
    assert lab.page.evaluate("window.hacked") is None


def test_what_people_wrote_stays_text_everywhere(lab: Lab, picture: Any) -> None:
    lab.page.locator("#xa-lab-listed summary").last.click()
    assert "<b>eve</b>" in lab.page.inner_text("#xa-lab-listed")
    lab.page.click("#xa-lab-edit")
    lab.page.wait_for_selector("#xa-lab-live pre")  # the version would replace what is typed before it has come
    lab.edit(SHIPPED.replace("# system\n", f"# system\n{ATTACK} ", 1))
    lab.told(ATTACK[:30], "#xa-lab-live")
    lab.pick("xa-lab-talk", "mugs")
    lab.told("{{1+1}} ${1+1}", "#xa-lab-live")
    lab.page.locator("#xa-lab-one input").click()
    assert lab.page.evaluate("window.hacked") is None
    for part in ("listed", "live", "diff", "history"):
        assert lab.page.locator(f"#xa-lab-{part} :is(script, img, b:has-text('eve'))").count() == 0
    assert not [url for url in lab.requests if re.search(r"/x$", url)]
    picture(lab.page, "lab-attack")


class TestSignIn:
    @pytest.fixture(scope="class")
    def guarded(self, market: Path) -> Iterator[str]:
        users = Users.of(market)
        users.add("anna", SECRET)
        users.add("tess", SECRET, "team")
        with served(market, "--sign-in") as url:
            yield url
        users.close()

    def test_only_the_team_gets_in(self, guarded: str) -> None:
        with httpx.Client(base_url=guarded, timeout=60, follow_redirects=True) as client:
            assert client.post("/lab/login", data={"username": "anna", "password": SECRET}).status_code == 400
            assert client.post("/login", data={"username": "anna", "password": SECRET}).status_code == 200
            assert "components" not in client.get("/lab/config").text, "a shopper who signed in has no key to it"
            assert client.post("/lab/login", data={"username": "tess", "password": SECRET}).status_code == 200
            assert "xa-lab-listed" in client.get("/lab/config").text

    def test_a_role_that_was_taken_away_counts_at_once(self, chromium: Any, guarded: str, market: Path) -> None:
        context = chromium.new_context()
        page = context.new_page()
        page.set_default_timeout(SLOW)
        page.goto(f"{guarded}/lab")
        page.locator("input").first.fill("tess")
        page.locator("input[type=password]").fill(SECRET)
        page.get_by_role("button", name="Login").click()
        page.wait_for_selector("#xa-lab-listed tbody tr")
        users = Users.of(market)
        users.add("tess", SECRET, "shopper")
        page.click("#xa-lab-edit")
        page.wait_for_selector("#xa-lab-told :text('for the product team')")
        assert page.input_value("#xa-lab-draft textarea") == ""
        users.close()
        context.close()
