# SPDX-License-Identifier: Apache-2.0
"""The notebooks of examples/notebooks/: run as their readers would, by a kernel of this
interpreter, and what they show is held to the data itself."""

import ast
import base64
import json
import os
import re
import struct
import subprocess
import sys
from html import unescape
from pathlib import Path

import pandas as pd
import pytest
from nbclient.exceptions import CellExecutionError

ROOT = Path(os.environ["ARM_SOURCE_DIR"])
DATA = Path(os.environ["ARM_DEPS"]).resolve() / "data"
sys.path.insert(0, str(ROOT / "tools"))

import arm_notebooks  # noqa: E402

NAMES = ["branches", "change_streams", "first_steps"]


class Told:
    """A notebook that was run: what its cells gave, by their ids."""

    def __init__(self, name, folder):
        self.book = arm_notebooks.run(arm_notebooks.FOLDER / f"{name}.ipynb", folder, DATA)
        self.cells = {cell["id"]: cell for cell in self.book["cells"]}

    def data(self, cell, kind):
        """The last that a cell gave of a kind."""
        found = [output["data"][kind] for output in self.cells[cell]["outputs"]
                 if kind in output.get("data", {})]
        assert found, f"{cell} gave no {kind}: {self.cells[cell]['outputs']}"
        return found[-1]

    def printed(self, cell):
        return "".join(output["text"] for output in self.cells[cell].get("outputs", [])
                       if output["output_type"] == "stream")

    def value(self, cell):
        """A plain Python value."""
        return ast.literal_eval(self.data(cell, "text/plain"))

    def rows(self, cell):
        """An HTML table: its head, and its rows as dicts of texts."""
        told = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)
                for row in re.findall(r"<tr.*?</tr>", self.data(cell, "text/html"), re.DOTALL)]
        head, *rows = [[unescape(text) for text in row] for row in told]
        return [dict(zip(head, row, strict=True)) for row in rows]

    def record(self, cell):
        return {row[0]: row[1] for row in re.findall(
            r"<td[^>]*>(.*?)</td><td[^>]*>(.*?)</td>", self.data(cell, "text/html"))}

    def plot(self, cell):
        """A picture that is one: width and height."""
        image = base64.b64decode(self.data(cell, "image/png"))
        assert image.startswith(b"\x89PNG\r\n")
        return struct.unpack(">II", image[16:24])


def ran(name, factory):
    folder = factory.mktemp(name)
    told = Told(name, folder)
    assert all(cell["execution_count"] for cell in told.book["cells"]
               if cell["cell_type"] == "code")
    assert not any("Warning" in told.printed(cell) for cell in told.cells)
    return told


@pytest.fixture(scope="module")
def first_steps(tmp_path_factory):
    return ran("first_steps", tmp_path_factory)


@pytest.fixture(scope="module")
def branches(tmp_path_factory):
    return ran("branches", tmp_path_factory)


@pytest.fixture(scope="module")
def change_streams(tmp_path_factory):
    return ran("change_streams", tmp_path_factory)


@pytest.fixture(scope="module")
def flights():
    return pd.read_csv(DATA / "nycflights13" / "flights.csv",
                       usecols=["month", "day", "hour", "carrier", "flight", "dep_time",
                                "dep_delay", "arr_delay"])


def airports(release):
    return pd.read_csv(DATA / "airports" / f"{release}.csv", keep_default_na=False)


def abroad(frame):
    """Airports of the United States that have a zone of Canada's or Mexico's."""
    zones = set(frame[frame["country"].isin(["CA", "MX"])]["tz"])
    return frame[(frame["country"] == "US") & frame["tz"].isin(zones)].set_index("icao")["tz"]


# ---- First steps ----

def test_first_steps_show_the_data(first_steps, flights):
    assert first_steps.record("import-flights")["rows"] == str(len(flights))
    assert f"{len(flights):,} rows" in first_steps.cells["title"]["source"]
    tables = {row["table"]: row for row in first_steps.rows("write-airlines")}
    assert tables["airlines"]["key"] == "['carrier']" and tables["airlines"]["rows"] == "16"

    names = pd.read_csv(DATA / "nycflights13" / "airlines.csv").set_index("carrier")["name"]
    told = {row["name"]: row for row in first_steps.rows("ask-carriers")}
    groups = {names[carrier]: group for carrier, group in flights.groupby("carrier")
              if len(group) >= 1000}
    assert set(told) == set(groups)
    for name, group in groups.items():
        arrived = group["arr_delay"].dropna()
        assert told[name]["flights"] == str(len(group))
        assert told[name]["flown"] == str(group["dep_time"].notna().sum())
        assert float(told[name]["percent_late"]) == \
            pytest.approx(100 * (arrived > 30).mean(), abs=0.051)


def test_first_steps_draw(first_steps, flights):
    for cell in ("plot-hours", "plot-carriers"):
        width, height = first_steps.plot(cell)
        assert width > 600 and height > 300
    assert len(first_steps.cells["plot-hours"]["outputs"]) == 1
    half = flights[flights["hour"].between(5, 22)].groupby("hour")["dep_delay"].median()
    assert half.abs().max() <= 3  # as the title says
    first = flights[flights["hour"] == 5]
    told = first_steps.data("frames-of-it", "text/html")
    assert f"<td>{len(first)}</td>" in told and f"<td>{first['dep_delay'].median()}</td>" in told


def test_first_steps_keep_keys_and_versions(first_steps, flights):
    assert 'duplicate key "carrier: EV"' in first_steps.printed("key-refuses")
    before, after = first_steps.rows("upsert-it")
    assert (before["_change"], after["_change"]) == ("update_before", "update_after")
    assert (before["name"], after["name"]) == ("ExpressJet Airlines Inc.", "ExpressJet")
    assert "background:" in first_steps.data("upsert-it", "text/html")

    cancelled = int(flights["dep_time"].isna().sum())
    flown = len(flights) - cancelled
    assert first_steps.rows("delete-cancelled") == [{"Count": str(cancelled)}]
    assert [row["rows"] for row in first_steps.rows("list-versions")] == \
        [str(flown), str(len(flights))]
    assert first_steps.rows("diff-versions-shown")[0]["rows_removed"] == str(cancelled)
    assert first_steps.value("time-travel-all") == {
        "now": flown, "at version 1": len(flights), "at the tag": len(flights),
        "when it was loaded": len(flights)}
    assert [row["rows"] for row in first_steps.rows("restore-it")] == \
        [str(len(flights)), str(flown), str(len(flights))]
    assert first_steps.record("transaction")["message"] == "Hawaiian leaves the list"
    hawaiian = (flights["carrier"] == "HA").sum()
    assert sorted(first_steps.rows("list-history")[0]["changes"].split(", ")) == [
        "airlines 2 → 3 (−1)", f"flights 3 → 4 (−{hawaiian})"]
    assert first_steps.record("verify")["is_healthy"] == "true"


# ---- Branches ----

def test_branches_find_what_is_wrong(branches):
    wrong = abroad(airports("20250909"))
    assert {row["icao"]: row["tz"] for row in branches.rows("find-mistakes")} == wrong.to_dict()
    assert min(branches.plot("plot-mistakes")) > 300


def test_branches_are_reviewed(branches):
    list_2025 = airports("20250909")
    touched = len(abroad(list_2025)) + list_2025["name"].str.contains("/Usfs/").sum()
    assert touched == 18 and "eighteen rows" in branches.cells["refused"]["source"]
    told, = branches.rows("review-tables")
    assert (told["rows_changed"], told["rows_added"]) == (str(touched), "0")
    rows = branches.rows("review-rows")
    assert len(rows) == 2 * touched
    assert [row["_change"] for row in rows] == ["update_before", "update_after"] * touched
    assert branches.data("review-rows", "text/html").count("background:") >= 2 * touched
    zones = {row["icao"]: row["becomes"] for row in branches.rows("review-asked")}
    assert len(zones) == 12 and zones["68NK"] == "America/New_York"
    graph = branches.data("meanwhile-release", "text/html")
    assert "<svg" in graph and graph.count("<circle") == 5 and ">mend<" in graph


def test_branches_meet_and_are_merged(branches):
    told = {row["key"]: row for row in branches.rows("dry-run-it")}
    assert set(told) == {"icao = KS92", "icao = 1TA8"}
    assert told["icao = KS92"]["ours"] == "Fish Lake Usfs Airport"
    assert told["icao = 1TA8"]["ours"] == "(no row)"
    assert "2 conflicts" in branches.printed("merge-refused")
    ours, theirs = branches.printed("try-strategies").split("theirs:")
    assert "1TA8" not in ours and "Fish Lake Usfs Airport" in ours
    assert "1TA8" in theirs and "Fish Lake (USFS) Airport" in theirs
    assert ours.count("48.99999") == theirs.count("48.99999") == 1  # the release's place
    # What it was for: the release alone, and what is left of it.
    release = abroad(airports("20260905"))
    assert branches.printed("compare").startswith(f"{len(release)} before")
    left = set(release.index) - set(abroad(airports("20250909")).index)
    assert {row["icao"] for row in branches.rows("compare")} == left == {"19ME"}
    assert branches.rows("mend-left-over") == [{"Count": "1"}]
    assert "does not hold" in branches.printed("protect-main")


# ---- Change streams ----

def test_streams_tell_what_changed(change_streams, flights):
    day = flights[(flights["month"] == 7) & (flights["day"] == 1)]
    assert change_streams.record("make-plan")["rows"] == str(len(day))
    assert [row["message"] for row in change_streams.rows("list-changes")] == \
        ["the plan of the day", "05:00", "06:00", "07:00"]
    assert change_streams.rows("list-changes")[0]["changes"] == f"board new (+{len(day)})"
    assert "background:" in change_streams.data("list-row-changes", "text/html")
    assert "first 0, then 2 events" in change_streams.printed("poll-it")
    assert change_streams.record("poll-it")["message"] == "08:00"
    assert min(change_streams.plot("follow-live")) > 300
    assert change_streams.value("follow-live") == "drawn 14 times, from 10:00 to 23:00"
    assert len(change_streams.cells["follow-live"]["outputs"]) == 2  # one picture, drawn over


def test_streams_are_exact(change_streams, flights):
    told, = change_streams.rows("consumer-dies")
    assert (told["consumer"], told["members"]) == ("worker", "0") and int(told["lag"]) > 10
    assert change_streams.value("consumer-resumes") is True
    assert "the power fails at 17:00" in change_streams.printed("crash-and-again")
    day = flights[(flights["month"] == 7) & (flights["day"] == 1)].dropna(subset=["dep_time"])
    told = {row["carrier"]: row for row in change_streams.rows("compare-totals")}
    assert set(told) == set(day["carrier"])
    for carrier, group in day.groupby("carrier"):
        row = told[carrier]
        assert row["departed"] == row["counted"] == str(len(group))
        assert row["minutes"] == row["summed"] == str(int(group["dep_delay"].sum()))
    assert change_streams.value("listen-in-background") == ["VX 415 to LAX: 321 min"]


# ---- Their form, and their pages ----

def test_the_tree_has_them_in_their_form():
    found = arm_notebooks.notebooks()
    assert [path.stem for path in found] == NAMES
    for path in found:
        assert list(arm_notebooks.problems_of(path)) == []
        book = json.loads(path.read_text(encoding="utf-8"))
        assert book["metadata"]["kernelspec"]["name"] == "python3"
        ids = [cell["id"] for cell in book["cells"]]
        assert len(set(ids)) == len(ids)
        assert not any(cell.get("outputs") or cell.get("execution_count")
                       for cell in book["cells"])


def test_they_lead_to_each_other_and_are_led_to():
    for path in arm_notebooks.notebooks():
        text = path.read_text(encoding="utf-8")
        links = re.findall(r"\]\(([\w./]+\.ipynb)\)", text)
        assert links and all((path.parent / link).is_file() for link in links)
        for page in ("README.md", "python/README.md", "examples/README.md"):
            assert f"notebooks/{path.name}" in (ROOT / page).read_text(encoding="utf-8")


def tool(*arguments):
    return subprocess.run([sys.executable, str(ROOT / "tools" / "notebooks"), *map(str, arguments)],
                          text=True, capture_output=True, check=False, timeout=60)


def test_a_notebook_that_was_run_is_brought_into_form(tmp_path):
    path = tmp_path / "used.ipynb"
    code = {"cell_type": "code", "metadata": {"tags": ["x"]}, "execution_count": 7,
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "1\n"}]}
    cells = [{**code, "id": "mine", "source": "print(1)  \n\n"}, {**code, "source": ["a = 2"]},
             {**code, "id": "mine", "source": "a = 2"}, {**code, "id": "no id!", "source": ""}]
    path.write_text(json.dumps({"cells": cells, "metadata": {"kernelspec": {"name": "conda-x"}},
                                "nbformat": 4, "nbformat_minor": 4}))
    done = tool(path)
    assert done.returncode == 1 and "tools/notebooks --fix" in done.stdout
    assert tool("--fix", path).returncode == 0
    text = path.read_text()
    book = json.loads(text)
    ids = [cell["id"] for cell in book["cells"]]
    assert ids[0] == "mine" and len(set(ids)) == 3  # the empty one at the end is gone
    assert [cell["source"] for cell in book["cells"]] == [["print(1)"], ["a = 2"], ["a = 2"]]
    assert not any(cell["outputs"] or cell["execution_count"] or cell["metadata"]
                   for cell in book["cells"])
    assert tool(path).returncode == 0 and tool("--fix", path).stdout == ""
    assert path.read_text() == text

    path.write_text(text.replace("a = 2", "a = " + "2" * 100, 1))
    done = tool(path)
    assert done.returncode == 1 and "columns" in done.stdout
    for wrong in ("", "[]", "{", '{"nbformat": 4, "cells": [7]}', '{"nbformat": 3, "cells": []}'):
        path.write_text(wrong)
        done = tool(path)
        assert done.returncode == 1 and "cannot be read" in done.stdout, done


def test_pages(first_steps, branches, change_streams):
    for told in (first_steps, branches, change_streams):
        page = arm_notebooks.page(told.book, "A <title>")
        assert "<title>A &lt;title&gt;</title>" in page and "data:image/png;base64," in page
        assert page.count('<div class="code">') == sum(
            cell["cell_type"] == "code" for cell in told.book["cells"])
        assert "<h1>" in page and "http" not in re.sub(r'xmlns="[^"]+"', "", page)


def test_a_cell_that_raises_is_told(tmp_path, monkeypatch):
    """And the kernel is this interpreter, whatever else is installed under its name."""
    other = tmp_path / "jupyter" / "kernels" / "python3"
    other.mkdir(parents=True)
    (other / "kernel.json").write_text(json.dumps(
        {"argv": ["/bin/false"], "display_name": "Python 3", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    path = tmp_path / "wrong.ipynb"
    source = ("import os, sys, armillaria\n"
              "raise RuntimeError([sys.executable, armillaria.__file__, os.getcwd()])")
    cell = {"cell_type": "code", "source": source}
    path.write_text(arm_notebooks.normal(json.dumps({"cells": [cell], "nbformat": 4})))
    with pytest.raises(CellExecutionError) as caught:
        arm_notebooks.run(path, tmp_path, DATA)
    import armillaria
    assert str([sys.executable, armillaria.__file__, str(tmp_path)]) in str(caught.value)


# ---- How they find the data ----

@pytest.fixture(params=NAMES)
def setup(request):
    book = json.loads((arm_notebooks.FOLDER / f"{request.param}.ipynb").read_text())
    source, = ("".join(cell["source"]) for cell in book["cells"] if cell["id"] == "setup")
    return source


def test_data_is_found_in_the_checkout_around_them(setup, tmp_path, monkeypatch):
    folder = tmp_path / "examples" / "notebooks"
    folder.mkdir(parents=True)
    (tmp_path / ".deps").mkdir()
    (tmp_path / ".deps" / "data").symlink_to(DATA)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("ARMILLARIA_DATA", raising=False)
    space = {}
    exec(setup, space)
    assert space["DATA"].resolve().parent == DATA


def test_it_is_said_where_data_is_looked_for(setup, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place in (None, tmp_path / "elsewhere"):
        if place is not None:
            monkeypatch.setenv("ARMILLARIA_DATA", str(place))
        else:
            monkeypatch.delenv("ARMILLARIA_DATA", raising=False)
        with pytest.raises(FileNotFoundError, match="run `make`") as caught:
            exec(setup, {})
        assert "ARMILLARIA_DATA" in str(caught.value)
        assert place is None or str(place) in str(caught.value)
