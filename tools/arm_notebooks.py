# SPDX-License-Identifier: Apache-2.0
"""Notebooks of examples/notebooks/: their one form in the tree, running them, and a page of one.

In the tree a notebook holds what was written, not what came out: no outputs, no counts of runs, no
metadata but the kernel's, which is any Python 3, and cell ids that stay. What came out is made by
`run`, and `page` shows it.
"""

import hashlib
import html
import json
import os
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "examples" / "notebooks"
LINE_COLUMNS_MAX = 100
CELL_S_MAX = 300  # a cell that takes longer hangs
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def notebooks(folder=FOLDER):
    """The notebooks of the tree."""
    return sorted(Path(folder).glob("*.ipynb"))


# ---- The form ----

def _lines(source):
    text = source if isinstance(source, str) else "".join(source)
    text = "\n".join(line.rstrip() for line in text.strip("\n").splitlines())
    return text.splitlines(keepends=True)


def _id_of(cell, source, taken):
    """The cell's own id, if it is one and the first; else one from what the cell says."""
    own = cell.get("id")
    if isinstance(own, str) and ID.fullmatch(own) and own not in taken:
        return own
    text = cell["cell_type"] + "".join(source)
    turn = 0
    while True:
        made = hashlib.sha256(f"{turn}{text}".encode()).hexdigest()[:8]
        if made not in taken:
            return made
        turn += 1


def normal(text):
    """The text of a notebook as the tree has it. Empty cells at the end go. Raises ValueError if
    it is no notebook of format 4."""
    told = json.loads(text)
    if not isinstance(told, dict) or told.get("nbformat") != 4 or "cells" not in told:
        raise ValueError("not a notebook of format 4")
    cells, taken = [], set()
    for cell in told["cells"]:
        source = _lines(cell["source"])
        made = {"cell_type": cell["cell_type"], "id": _id_of(cell, source, taken), "metadata": {}}
        if cell["cell_type"] == "code":
            made |= {"execution_count": None, "outputs": []}
        taken.add(made["id"])
        cells.append({**made, "source": source})
    while cells and not cells[-1]["source"]:
        cells.pop()
    book = {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(book, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def problems_of(path):
    """What is wrong with a notebook of the tree, in words."""
    text = path.read_text(encoding="utf-8")
    try:
        if normal(text) != text:
            yield "is not normal: tools/notebooks --fix"
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        yield f"cannot be read: {error!r}"
        return
    for number, cell in enumerate(json.loads(text)["cells"], 1):
        for line in "".join(cell["source"]).splitlines():
            if cell["cell_type"] == "code" and len(line) > LINE_COLUMNS_MAX:
                yield f"cell {number}: {len(line)} columns, more than {LINE_COLUMNS_MAX}: {line}"


# ---- Running ----

def run(path, folder, data):
    """Run a notebook in a folder, by this interpreter and nothing that is installed for others;
    `data` is where its data is. The notebook with what came out; a cell that raises raises
    nbclient.exceptions.CellExecutionError."""
    import nbformat
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    with tempfile.TemporaryDirectory(prefix="arm-nb-") as scratch:  # short: sockets have paths
        spec = Path(scratch) / "kernels" / "python3"
        spec.mkdir(parents=True)
        (spec / "kernel.json").write_text(json.dumps({
            "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": "Python 3", "language": "python"}))
        manager = AsyncKernelManager(
            kernel_name="python3", transport="ipc", ip=f"{scratch}/ipc",
            connection_file=f"{scratch}/kernel.json",
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(spec.parent)]))
        client = NotebookClient(book, km=manager, timeout=CELL_S_MAX, kernel_name="python3",
                                resources={"metadata": {"path": str(folder)}})
        client.owns_km = True  # it ends the kernel, whatever becomes of the cells
        packages = [os.path.abspath(place) for place in
                    os.environ.get("PYTHONPATH", "").split(os.pathsep) if place]
        client.execute(env={
            **os.environ, "ARMILLARIA_DATA": str(data), "PYTHONPATH": os.pathsep.join(packages),
            "IPYTHONDIR": f"{scratch}/ipython", "JUPYTER_RUNTIME_DIR": scratch,
            "MPLCONFIGDIR": f"{scratch}/matplotlib", "TMPDIR": str(folder),
            "ARMILLARIA_PROGRESS": "off"})  # a bar comes or not, by how busy the machine is
    return book


# ---- A page ----

_STYLE = """
body { max-width: 56rem; margin: 2rem auto; padding: 0 1rem; color: #1f2328; background: white;
       font: 16px/1.55 system-ui, sans-serif; }
pre, code { font: 13px/1.45 ui-monospace, monospace; }
.code { background: #f6f8fa; border-left: 3px solid #d0d7de; padding: .6rem .9rem;
        overflow-x: auto; }
.code pre, .out pre { margin: 0; white-space: pre; }
.out { padding: .5rem 0 .5rem 1.05rem; overflow-x: auto; }
.out img { max-width: 100%; height: auto; }
table { border-collapse: collapse; font-size: 13px; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid #d8dee4; white-space: nowrap; }
"""


def _output(output):
    """What a cell gave, in HTML: the best that it has."""
    if output["output_type"] == "stream":
        return f"<pre>{html.escape(output['text'])}</pre>"
    if output["output_type"] == "error":
        return f"<pre>{html.escape(output['ename'] + ': ' + output['evalue'])}</pre>"
    data = output["data"]
    if "image/png" in data:
        return f'<img alt="" src="data:image/png;base64,{data["image/png"].strip()}">'
    for kind in ("text/html", "image/svg+xml"):
        if kind in data:
            return data[kind]
    return f"<pre>{html.escape(data.get('text/plain', ''))}</pre>"


def page(book, title):
    """A notebook that was run, as one HTML file that needs no other."""
    from markdown_it import MarkdownIt
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    formatter = HtmlFormatter(nowrap=True)
    markdown = MarkdownIt("commonmark").enable("table")
    body = []
    for cell in book["cells"]:
        if cell["cell_type"] == "markdown":
            body.append(markdown.render(cell["source"]))
        elif cell["cell_type"] == "code":
            told = highlight(cell["source"], PythonLexer(), formatter)
            body.append(f'<div class="code"><pre>{told}</pre></div>')
            body += [f'<div class="out">{_output(output)}</div>' for output in cell["outputs"]]
    return (f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
            f"<title>{html.escape(title)}</title>"
            f"<style>{_STYLE}{formatter.get_style_defs('.code')}</style></head>"
            f"<body>\n{chr(10).join(body)}\n</body></html>\n")
