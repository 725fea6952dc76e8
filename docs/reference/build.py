#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds the API reference as a site: `build.py FOLDER`, then open FOLDER/html/index.html.

The Python package that is described is the one on PYTHONPATH. Doxygen reads the C header, Sphinx
writes the pages; what one of them complains of fails the build, an undocumented call among it."""

from __future__ import annotations

import argparse
import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))

import header  # noqa: E402
import manual  # noqa: E402
import package  # noqa: E402

RST = "```{eval-rst}\n"


def _prose(words: str) -> str:
    """Words of a comment as Markdown: indented code stays, the rest is a text as it stands."""
    paragraphs = []
    for paragraph in re.split(r"\n\n+", words):
        if paragraph.startswith("    "):
            code = "\n".join(line[4:] for line in paragraph.split("\n"))
            paragraphs.append(f"```c\n{code}\n```")
            continue
        parts = re.split(r"(`[^`]*`)", paragraph)
        paragraph = "".join(part if i % 2 else re.sub(r"([*_<\[])", r"\\\1", part)
                            for i, part in enumerate(parts))
        paragraphs.append(re.sub(r"^([A-Z]{4,})\b(\.?)",
                                 lambda m: f"**{m[1].capitalize()}{m[2]}**", paragraph))
    return "\n\n".join(paragraphs)


def _toctree(pages: list[str]) -> str:
    return "```{toctree}\n:maxdepth: 1\n\n" + "\n".join(pages) + "\n```\n"


def write_c(source: str, out: Path) -> None:
    """The pages of the header: an overview, and one of each chapter."""
    out.mkdir(parents=True)
    chapters = header.chapters_of(source)
    index = f"# C\n\n{_prose(header.preface_of(source))}\n\n"
    (out / "index.md").write_text(index + _toctree([chapter.page for chapter in chapters]))
    for chapter in chapters:
        text = [f"# {chapter.title}\n"]
        for kind, what in chapter.parts:
            if kind == "prose":
                text.append(_prose(what) + "\n")
                continue
            members = "   :members:\n" if kind == "struct" else ""
            text.append(f"{RST}.. {header.DIRECTIVES[kind]}:: {what}\n{members}```\n")
        (out / f"{chapter.page}.md").write_text("\n".join(text))


def _python_entry(kind: str, module: str, name: str) -> str:
    """The directive that shows a public name."""
    value = getattr(importlib.import_module(module), name)
    full = f"{module}.{name}"
    if kind == "module":
        return f".. py:module:: {full}\n"
    home = getattr(value, "__module__", None)
    if kind in ("class", "function") and home and home.partition(".")[0] not in package.OURS:
        return f".. py:function:: {name}(...)\n   :module: {module}\n\n" \
            f"   ``{home}.{value.__name__}``, as it is.\n"
    if home and isinstance(value, type) and home.partition(".")[0] != module.partition(".")[0]:
        return f".. py:data:: {name}\n   :module: {module}\n\n" \
            f"   The same as :py:obj:`armillaria.{value.__name__}`.\n"
    if kind == "data" and name != "__version__":
        return f".. autodata:: {full}\n"
    if kind == "data":
        return f".. py:data:: {name}\n   :module: {module}\n   :type: {type(value).__name__}\n\n" \
            "   The version of the " \
            "package and of the library in it, \"major.minor.patch\".\n"
    if getattr(value, "__name__", name) != name:
        first = f"{module}.{value.__name__}"
        return f".. py:function:: {name}(...)\n   :module: {module}\n\n" \
            f"   The same as :py:func:`{first}`.\n"
    if kind == "function":
        return f".. autofunction:: {full}\n"
    foreign = [base for base in value.__mro__ if not package.is_ours(base) and
               base.__module__ not in ("builtins", "typing", "collections.abc")]
    if foreign:  # what another package says of its class is for its own readers
        own = dict.fromkeys([*package.members(value), *package.attributes(value)])
        return f".. auto{kind}:: {full}\n" + f"   :members: {', '.join(own)}\n" * bool(own)
    stops = [base.__name__ for base in value.__mro__
             if not package.is_ours(base) or not base.__name__.startswith("_")]
    bases = [base for base in value.__bases__ if base.__name__ != "Generic" and base is not object
             and not base.__name__.startswith("_")]
    # What udr's records have in them the text of each says, all in one.
    fields = "   :undoc-members:\n" * (module.partition(".")[0] != "armillaria")
    return f".. auto{kind}:: {full}\n   :members:\n{fields}" \
        f"   :inherited-members: {', '.join(stops[1:])}\n" + "   :show-inheritance:\n" * bool(bases)


def _module_page(name: str) -> str:
    module = importlib.import_module(name)
    text = [f"# `{name}`\n", f"{RST}.. automodule:: {name}\n```\n"]
    for public in package.names(module):
        kind = package.kind_of(getattr(module, public))
        text.append(f"{RST}{_python_entry(kind, name, public)}```\n")
    documented = re.findall(r"^#: .*\n(?:#: .*\n)*(\w+)(?::[^=]*)? = ",
                            Path(str(module.__file__)).read_text(), re.MULTILINE)
    for public in documented:
        if not public.startswith("_") and public not in package.names(module):
            text.append(f"{RST}.. autodata:: {name}.{public}\n   :no-value:\n```\n")
    return "\n".join(text)


def write_python(out: Path) -> None:
    """The pages of the packages."""
    out.mkdir(parents=True)
    listed: list[str] = []
    for title, entries in package.pages().items():
        page = re.sub(r"\W+", "-", title.lower())
        text = [f"# {title}\n"]
        text += [f"{RST}{_python_entry(kind, 'armillaria', name)}```\n" for kind, name in entries]
        (out / f"{page}.md").write_text("\n".join(text))
        listed.append(page)
    for top in sorted(package.OURS):
        for name in package.modules(top):
            if name not in ("armillaria", "armillaria.errors"):
                (out / f"{name}.md").write_text(_module_page(name))
                listed.append(name)
    chapter = (HERE / "python.md").read_text()
    (out / "index.md").write_text(f"{chapter}\n{RST}.. py:module:: armillaria\n```\n\n"
                                  f"{_toctree([*listed, 'magic'])}")
    shutil.copy(HERE / "magic.md", out / "magic.md")


def write_pages(source: str, out: Path) -> None:
    """All pages, from what describes itself and from what is written in this folder."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for page in ("index.md", "sql.md"):
        shutil.copy(HERE / page, out / page)
    page = (ROOT / "docs" / "man" / "armillaria.1").read_text()
    (out / "command.rst").write_text(manual.to_rst(page, "Command line"))
    write_c(source, out / "c")
    write_python(out / "python")


def build(out: Path) -> int:
    """Build the site into `out`/html; 0, or 1 and what is wrong on standard error."""
    source = (ROOT / "include" / "armillaria.h").read_text()
    package.OURS.update(package.packages(ROOT))
    pairs = package.pairs({name for name in header.symbols_of(source) if name.startswith("arm_")})
    in_python = {call: f"`{name.removeprefix('armillaria.')}`" for call, name in pairs.items()}
    said = header.run_doxygen(source, in_python, out / "doxygen")
    if said:
        sys.stderr.write(f"Doxygen of include/armillaria.h:\n{said}")
        return 1
    write_pages(source, out / "pages")
    environment = {**os.environ, "ARM_REFERENCE_XML": str(out / "doxygen" / "xml"),
                   "PYTHONDONTWRITEBYTECODE": "1"}
    sphinx = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-n", "-b", "html",
              "-c", HERE, "-d", out / "doctrees", out / "pages", out / "html"]
    return subprocess.run(sphinx, env=environment, check=False).returncode


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder that the site is built in")
    arguments = parser.parse_args()
    status = build(arguments.out.resolve())
    if status == 0:
        print(arguments.out / "html" / "index.html")
    return status


if __name__ == "__main__":
    sys.exit(main())
