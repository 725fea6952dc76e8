# SPDX-License-Identifier: Apache-2.0
"""Names in texts become links: calls, types and codes of the C header wherever they stand, names of
the Python packages where they stand as code. So comments and docstrings stay free of markup."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.util.nodes import make_refnode

_C_NAME = re.compile(r"\b(?:arm_[a-z0-9_]+|ARM_[A-Z0-9_]+|Arrow(?:Schema|Array|ArrayStream))\b"
                     r"(?:\.[a-z_]+\b)?")
_PYTHON_NAME = re.compile(r"^(?:(db|tx|arm)\.)?([A-Za-z_][\w.]*?)(?:\([^()]*\))?$")
_HOLDERS = {"db": "Database.", "tx": "Transaction.", "arm": "", None: ""}
_NOT_HERE = (nodes.reference, nodes.literal_block, nodes.title, addnodes.desc_signature,
             addnodes.toctree, nodes.field_name, addnodes.pending_xref)

Target = tuple[str, str, str]  # page, anchor, full name


def _targets(app: Any) -> tuple[dict[str, Target], dict[str, Target]]:
    """What can be linked to, in C and in Python, by name."""
    found: dict[str, dict[str, Target]] = {"c": {}, "py": {}}
    for domain, names in found.items():
        for name, _, kind, page, anchor, _ in app.env.domains[domain].get_objects():
            if kind == "functionParam":
                continue
            names[name] = (page, anchor, name)
            bare = name.rpartition(".")[2] if domain == "c" else name.removeprefix("armillaria.")
            if domain == "py" or bare.startswith("ARM_"):
                names.setdefault(bare, (page, anchor, name))
    return found["c"], found["py"]


def _around(node: nodes.Node, domain: str) -> list[str]:
    """The names of the entries that a node stands in, innermost first."""
    found = []
    up = node.parent
    while up is not None:
        if isinstance(up, addnodes.desc) and up.get("domain") == domain:
            signature = up.next_node(addnodes.desc_signature)
            full = signature.get("fullname", "") if signature is not None else ""
            ids = signature.get("ids", []) if signature is not None else []
            found.append(full or (ids[-1] if ids else ""))
        up = up.parent
    return found


def _is_inside(node: nodes.Node, kinds: tuple[type, ...]) -> bool:
    up = node.parent
    while up is not None:
        if isinstance(up, kinds):
            return True
        up = up.parent
    return False


def _link(app: Any, page: str, target: Target, child: nodes.Node) -> nodes.Node:
    return make_refnode(app.builder, page, target[0], target[1], child, target[2])


def _link_c(app: Any, page: str, text: nodes.Text, known: dict[str, Target]) -> None:
    """The names of C in a text."""
    own = _around(text, "c")
    parts: list[nodes.Node] = []
    at = 0
    for match in _C_NAME.finditer(str(text)):
        name = match[0] if match[0] in known else match[0].partition(".")[0]
        if name not in known or any(known[name][1] == one for one in own):
            continue
        parts += [nodes.Text(str(text)[at:match.start()]),
                  _link(app, page, known[name], nodes.Text(name))]
        at = match.start() + len(name)
    if parts:
        text.parent.replace(text, [*parts, nodes.Text(str(text)[at:])])


def _python_target(literal: nodes.literal, known: dict[str, Target]) -> Target | None:
    match = _PYTHON_NAME.match(literal.astext())
    if match is None:
        return None
    name = _HOLDERS[match[1]] + match[2]
    own = [one for one in _around(literal, "py") if one]
    if match[1] is None and "." not in name and own:
        for one in own:
            for kind in (one, one.rpartition(".")[0]):
                member = f"{kind}.{name}"
                if kind and member in known and member not in own:
                    return known[member]
    target = known.get(name)
    if target is None or ("." not in name and name[0].islower() and match[1] is None):
        return None  # `open` may be anything, `arm.open` and `Database` may not
    return None if any(known.get(one) == target for one in own) else target


def link(app: Any, doctree: nodes.document, page: str) -> None:
    """Make links of the names in a page."""
    known_c, known_python = _targets(app)
    for literal in list(doctree.findall(nodes.literal)):
        if not _is_inside(literal, _NOT_HERE):
            target = _python_target(literal, known_python)
            if target is not None:
                literal.parent.replace(literal, _link(app, page, target, literal.deepcopy()))
    for text in list(doctree.findall(nodes.Text)):
        if text.parent is not None and not _is_inside(text, _NOT_HERE):
            _link_c(app, page, text, known_c)


def setup(app: Any) -> dict[str, bool]:
    """Sphinx calls it."""
    app.connect("doctree-resolved", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
