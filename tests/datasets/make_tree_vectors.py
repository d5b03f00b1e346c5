"""Write vectors/trees.json with b3sum, msgpack and a shell: nothing of reprofp.

    python3 -m pip install msgpack==1.1.2 && apt-get install b3sum
    python3 tests/datasets/make_tree_vectors.py > tests/datasets/vectors/trees.json

Texts are latin-1: one character is one byte. An entry is kind, path, and content or target.
"""

import json
import subprocess
import sys

import msgpack

OUTSIDE = [
    ["file", "file", "outside\n"],
    ["file", "folder/inner", "inner\n"],
    ["link", "folder/same", "inner"],
]
TREES = {
    "nothing": [],
    "one file": [["file", "hello.txt", "hello\n"]],
    "order": [
        ["file", "a/b", "1"],
        ["file", "a-b", "2"],
        ["file", "a.b", "3"],
        ["file", "a0", "4"],
        ["file", "A", "5"],
    ],
    "names": [["file", "back\\slash", "1"], ["file", "new\nline", "2"], ["file", "\xc3\xa9t\xc3\xa9", "3"]],
    "empty folder": [["file", "file", ""], ["folder", "empty"], ["folder", "more/empty"]],
    "links inside": [["file", "a/file", "x"], ["link", "b/link", "../a/file"], ["link", "folder", "b/../a"]],
    "links outside": [["link", "data", "../outside/file"], ["link", "more", "../outside/folder"]],
    "odd names": [["file", "\xff\xfe", "1"], ["file", "a\rb", "2"], ["file", "\xef\xbf\xbd", "3"], ["file", "z", "4"]],
    "no content": [["fifo", "pipe"], ["link", "nowhere", "not/there"]],
}
# What the rules give for the links above, by hand: lines for what lies outside, entries for the block.
LINES = {"links outside": [["data", "outside\n"], ["more/inner", "inner\n"]]}
BLOCKS = {
    "empty folder": [["folder", "empty"], ["folder", "more/empty"]],
    "links inside": [["link", "b/link", "../a/file"], ["link", "folder", "a"]],
    "links outside": [["link", "more/same", "inner"]],
    "odd names": [["file", "a\rb", "2"], ["file", "\xef\xbf\xbd", "3"], ["file", "\xff\xfe", "1"]],
    "no content": [["dangling", "nowhere", "not/there"], ["fifo", "pipe"]],
}


def b3sum(content: bytes) -> str:
    return (
        subprocess.run(["b3sum", "--no-names"], input=content, capture_output=True, check=True).stdout.decode().strip()
    )


def write_line(path: str, content: str) -> bytes:
    raw = path.encode("latin-1")
    escaped = raw.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
    mark = b"" if raw == escaped else b"\\"
    return mark + b3sum(content.encode("latin-1")).encode() + b"  " + escaped + b"\n"


def write_block(name: str) -> bytes:
    items = [
        [
            kind,
            path.encode("latin-1"),
            *(bytes.fromhex(b3sum(d.encode("latin-1"))) if kind == "file" else d.encode("latin-1") for d in detail),
        ]
        for kind, path, *detail in BLOCKS.get(name, [])
    ]
    return msgpack.packb(items) if items else b""


def make_tree(name: str, entries: list[list[str]]) -> dict[str, object]:
    held = {path for _, path, *_ in BLOCKS.get(name, [])}
    files = [entry[1:] for entry in entries if entry[0] == "file" and entry[1] not in held] + LINES.get(name, [])
    lines = b"".join(write_line(*file) for file in sorted(files, key=lambda file: file[0].encode("latin-1")))
    block = write_block(name)
    digest = b3sum(lines + b"\0" + block if block else lines)
    return {
        "name": name,
        "entries": entries,
        "manifest": lines.decode(),
        "block": block.hex(),
        "digest": f"blake3-tree:{digest}",
    }


def main() -> None:
    trees = [make_tree(name, entries) for name, entries in TREES.items()]
    document = {"made by": "tests/datasets/make_tree_vectors.py", "outside": OUTSIDE, "trees": trees}
    sys.stdout.write(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
