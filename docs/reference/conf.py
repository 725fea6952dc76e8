# SPDX-License-Identifier: Apache-2.0
"""How Sphinx makes the reference. The pages it reads are made by build.py."""

from __future__ import annotations

import inspect
import os
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import armillaria  # noqa: E402
import docstrings  # noqa: E402
import header  # noqa: E402
import package  # noqa: E402

ROOT = HERE.parent.parent
package.OURS.update(package.packages(ROOT))

project = "Armillaria"
author = "The Armillaria authors"
copyright = author  # noqa: A001 - its name in Sphinx
version = release = armillaria.__version__
html_title = f"Armillaria {version}"
html_theme = "furo"
html_show_sourcelink = False
html_copy_source = False
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "breathe", "myst_parser", "links"]

breathe_projects = {"armillaria": os.environ["ARM_REFERENCE_XML"]}
breathe_default_project = "armillaria"
breathe_domain_by_extension = {"h": "c"}
breathe_show_include = False
breathe_show_define_initializer = True
breathe_show_enumvalue_initializer = True

default_role = "literal"
add_module_names = False
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"
autodoc_inherit_docstrings = False  # those of other packages are about them
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
napoleon_numpy_docstring = False
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# What is not described here: other libraries, which are not asked over the network, and C's types.
nitpick_ignore_regex = [
    ("py:.*", r"(pandas|polars|pyarrow|sqlalchemy|adbc_driver_manager|IPython)\..*"),
    ("py:.*", r"(collections|datetime|os|re|asyncio|types|typing|threading)\..*"),
    ("py:class", r"(Callable|Iterable|Iterator|Mapping|Sequence|Generator|AsyncIterator|date|"
                 r"datetime|time|timedelta|Any|Self|PathLike|TracebackType|R|N)"),
    ("py:obj", r"armillaria\._\w+\.[A-Z]"),
    ("py:.*", r"udr\w*\._\w+\..*"),
    ("c:identifier", r"(u?int\d+_t|size_t|bool)"),
]

_IN_C = {name: call for call, name in package.pairs(
    {name for name in header.symbols_of((ROOT / "include" / "armillaria.h").read_text())
     if name.startswith("arm_")}).items()}


def alias_of(name: str, value: Any) -> str:
    """What a method is called first, where it has several names."""
    called = getattr(value, "__name__", "")
    last = name.rpartition(".")[2]
    return "" if called in ("", last) or last.startswith("__") or not hasattr(
        value, "__qualname__") or called.startswith("_") else called


def mend_docstring(app: Any, what: str, name: str, value: Any, options: Any,
                   lines: list[str]) -> None:
    """An alias says of what; a call says its arguments, its errors, and what it is in C."""
    if what in ("method", "function") and (first := alias_of(name, value)):
        lines[:] = [f"The same as `{first}`.", ""]
        return
    if what in ("method", "function") and inspect.isfunction(inspect.unwrap(value)):
        lines[:] = docstrings.with_fields(lines, value)
    if name in _IN_C:
        lines += ["", f"In C: `{_IN_C[name]}`.", ""]


_held: dict[str, list[str]] = {}


def hold(app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Napoleon takes what stands before a colon in an attribute's docstring for its type; here it
    is a sentence: such a docstring goes around it."""
    if what in ("property", "attribute", "data"):
        _held[name] = lines[:]
        lines.clear()


def give_back(app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Behind napoleon."""
    if name in _held:
        lines[:] = _held.pop(name)


def mend_signature(app: Any, what: str, name: str, value: Any, options: Any, signature: str | None,
                   returns: str | None) -> tuple[str | None, str | None] | None:
    """What users do not make themselves has no constructor to be shown."""
    if signature and what in ("class", "exception") and name.startswith("armillaria."):
        return "", None
    return None


def mend_bases(app: Any, name: str, value: Any, options: Any, bases: list[Any]) -> None:
    """Bases that users know."""
    bases[:] = [base for base in bases if not getattr(
        getattr(base, "__origin__", base), "__name__", "").startswith("_") and
        "Generic" not in str(base)] or [object]


def setup(app: Any) -> None:
    """Sphinx calls it."""
    app.connect("autodoc-process-docstring", hold, priority=400)
    app.connect("autodoc-process-docstring", give_back, priority=600)
    app.connect("autodoc-process-docstring", mend_docstring, priority=700)
    app.connect("autodoc-process-signature", mend_signature)
    app.connect("autodoc-process-bases", mend_bases)
