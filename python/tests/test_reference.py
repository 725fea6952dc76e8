# SPDX-License-Identifier: Apache-2.0
"""The API reference: it is built without a complaint, and has every public name."""

import doctest
import importlib
import inspect
import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import armillaria as arm
import pytest
from sphinx.util.inventory import InventoryFile

ROOT = Path(os.environ["ARM_SOURCE_DIR"])
HEADER = (ROOT / "include" / "armillaria.h").read_text()
sys.path.insert(0, str(ROOT / "docs" / "reference"))

import header  # noqa: E402
import manual  # noqa: E402
import package  # noqa: E402

package.OURS.update(package.packages(ROOT))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built as `make reference` does: a folder of HTML."""
    out = tmp_path_factory.mktemp("reference")
    done = subprocess.run([sys.executable, str(ROOT / "docs" / "reference" / "build.py"), str(out)],
                          text=True, capture_output=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return out / "html"


@pytest.fixture(scope="module")
def inventory(site):
    """What the site has an entry of: domain -> names."""
    with (site / "objects.inv").open("rb") as file:
        found = InventoryFile.load(file, "", lambda base, uri: uri)
    names = {}
    for kind, entries in found.items() if isinstance(found, dict) else found.data.items():
        names.setdefault(kind.partition(":")[0], set()).update(entries)
    return names


def test_every_name_of_the_header_is_there(inventory):
    symbols = header.symbols_of(HEADER)
    assert {"arm_sql", "arm_error.message", "ARM_STATUS_MAP", "ARM_NOT_FOUND", "arm_find_rows",
            "ArrowArrayStream.get_next", "ARM_RENDER_JSON", "arm_feed"} <= symbols
    assert len(re.findall(r"^ARM_API ", HEADER, re.MULTILINE)) == \
        len({name for name in symbols if re.search(rf"^ARM_API [^;(]*\b{name}\(", HEADER, re.M)})
    there = {name.removeprefix("@") for name in inventory["c"]}
    assert not sorted(name for name in symbols if name not in there), sorted(there)[:20]


def test_every_name_of_the_packages_is_there(inventory):
    for top in package.OURS:
        symbols = set(package.symbols(top))
        assert not sorted(symbols - inventory["py"])
    symbols = set(package.symbols("armillaria"))
    assert {f"armillaria.{name}" for name in arm.__all__} <= symbols
    assert {"armillaria.dbapi.Cursor.fetchone", "armillaria.Branches.exists",
            "armillaria.Database.branches", "armillaria.Result.df"} <= symbols


def test_pairs_of_calls_are_there(inventory):
    """What a page says a call is in the other language."""
    symbols = header.symbols_of(HEADER)
    pairs = package.pairs({name for name in symbols if name.startswith("arm_")})
    assert pairs["arm_merge"] == "armillaria.Database.merge"
    assert pairs["arm_feed_ack"] == "armillaria.Subscription.ack"
    assert set(package.OTHERWISE) <= symbols
    assert set(pairs.values()) <= inventory["py"]
    assert len(pairs) > 40


def test_names_in_texts_are_links(site):
    page = (site / "c" / "sessions-and-sql.html").read_text()
    assert re.search(r'<a [^>]*href="statuses-and-errors.html#[^"]*ARM_CONFLICT"', page)
    assert re.search(r'<a [^>]*href="\.\./python/[^"]*#armillaria\.Database\.sql"', page)
    page = (site / "python" / "repositories.html").read_text()
    assert re.search(r'<a [^>]*href="\.\./c/[^"]*#[^"]*arm_sql"', page)


def undocumented(text):
    """What Doxygen says of a header that has this in it, too."""
    return HEADER.replace("/* ---- Upkeep ---- */", f"/* ---- Upkeep ---- */\n\n{text}\n", 1)


@pytest.mark.parametrize("text, name", [
    ("ARM_API arm_status arm_new_call(arm_repo *repo, struct arm_error *err);", "arm_new_call"),
    ("/** A thing. */\nstruct arm_new_thing {\n    bool is_new;\n};", "is_new"),
    ("/** A choice. */\ntypedef enum arm_new_choice {\n    ARM_NEW_CHOICE = 0,\n} arm_new_choice;",
     "ARM_NEW_CHOICE"),
    ("typedef struct arm_new_handle arm_new_handle;", "arm_new_handle"),
])
def test_what_has_no_comment_fails(tmp_path, text, name):
    assert header.run_doxygen(HEADER, {}, tmp_path / "as-it-is") == ""
    source = undocumented(text)
    said = header.run_doxygen(source, {}, tmp_path / "changed")
    assert name in said and "is not documented" in said
    assert any(symbol.endswith(name) for symbol in header.symbols_of(source))


def test_a_new_call_finds_its_chapter():
    source = undocumented("/** New. */\nARM_API void arm_new_call(arm_repo *repo);")
    chapters = {chapter.title: chapter.names for chapter in header.chapters_of(source)}
    assert chapters["Upkeep"][0] == "arm_new_call"
    placed = [name for chapter in header.chapters_of(HEADER) for name in chapter.names]
    assert len(placed) == len(set(placed))
    members = {name for name in header.symbols_of(HEADER) if "." in name}
    values = {name for name in header.symbols_of(HEADER) if name.startswith("ARM_")}
    assert set(placed) >= header.symbols_of(HEADER) - members - values


def test_the_manual_page_is_whole(site):
    """Each word of the source is on the page."""
    source = (ROOT / "docs" / "man" / "armillaria.1").read_text()
    page = re.sub(r"<[^>]*>", "", (site / "command.html").read_text())
    for verb in re.findall(r"^\.It Cm ([\w-]+)", source, re.MULTILINE):
        assert re.search(rf"\b{verb}\b", page), verb
    for line in source.splitlines():
        if re.match(r"[A-Za-z][A-Za-z ,.]+$", line):
            assert line[:40] in page, line
    with pytest.raises(ValueError, match="not known here: .Zz"):
        manual.to_rst(".Sh NAME\n.Zz what\n", "Title")


def examples():
    """The docstrings that have examples: name, text."""
    for top in sorted(package.OURS):
        for name in package.symbols(top):
            parts = name.split(".")
            thing = importlib.import_module(top)
            for part in parts[1:]:
                thing = getattr(thing, part, None)
                if thing is None:
                    break
            text = inspect.getdoc(thing) or "" if thing is not None else ""
            if ">>>" in text:
                yield name, text


@pytest.fixture
def shelf(orders, tmp_path, monkeypatch):
    """What examples are about: orders, a branch `fix` that differs, a tag, a data frame, a file."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    def too_long(*_):
        raise TimeoutError("an example that does not end")

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(120)
    orders.branches.create("fix")
    with orders.cursor() as other:
        other.checkout("fix")
        other.sql("UPDATE orders SET amount = 12.5 WHERE id = 1")
    orders.tags.create("v1")
    (elsewhere / "orders.csv").write_text("id,amount\n4,40.0\n5,50.0\n")
    yield orders
    signal.alarm(0)


@pytest.mark.parametrize("name, text", list(examples()), ids=lambda value: value if
                         re.fullmatch(r"[\w.]+", value) else "")
def test_examples(shelf, tmp_path, monkeypatch, name, text):
    """Examples of docstrings do what they say."""
    if name.startswith("armillaria.") and "connect(\"repo\")" in text:
        monkeypatch.chdir(tmp_path)  # where there is one
    test = doctest.DocTestParser().get_doctest(
        text, {"db": shelf, "arm": arm, "frame": {"id": [8], "amount": [80.0]},
               "__name__": "examples"}, name, None, 0)
    said = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
                          verbose=False).run(test, out=said.append)
    assert not said, "".join(said)


def test_sql_examples(path):
    """The statements of the chapter on SQL run, one after the other, in one repository."""
    chapter = (ROOT / "docs" / "reference" / "sql.md").read_text()
    blocks = re.findall(r"^```sql\n(.*?)^```", chapter, re.DOTALL | re.MULTILINE)
    assert len(blocks) > 5
    with arm.open(path, create=True) as db:
        for block in blocks:
            db.sql(textwrap.dedent(block))
    named = set(re.findall(r"`(arm_\w+)\(", chapter))
    assert named >= {"arm_tables", "arm_versions", "arm_branches", "arm_tags", "arm_log",
                     "arm_diff", "arm_row_diff", "arm_changes", "arm_row_changes", "arm_conflicts"}
