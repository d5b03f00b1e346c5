#!/bin/sh
# Writes dvc_fixture.json: files that real DVC wrote, and what it tracked.
#
#     python3 -m venv dvcvenv && dvcvenv/bin/pip install dvc==3.67.1
#     PATH=$PWD/dvcvenv/bin:$PATH sh tests/datasets/interop/make_dvc_fixture.sh > tests/datasets/interop/dvc_fixture.json
set -eu
export DVC_NO_ANALYTICS=1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
git init -q .
dvc init -q
mkdir -p data/sub/deep data/empty outside
printf 'a\n' >data/a.txt
printf 'b\r\nc\r\n' >data/sub/crlf.txt
printf '\000\001\r\n' >data/sub/bin
printf 'accent\n' >data/sub/deep/é.txt
printf 'left out\n' >data/skip.log
printf 'left out\n' >data/sub/scratch
printf 'not tracked\n' >outside/file
printf '*.log\n' >.dvcignore
printf '/data/sub/scratch\n' >>.dvcignore
ln -s a.txt data/link
ln -s ../outside data/linked
printf 'one\r\n' >one.txt
dvc add -q data one.txt
cat >dvc.yaml <<'YAML'
stages:
  copy:
    cmd: cp one.txt out.txt && mkdir -p outs && cp data/a.txt outs/x
    deps: [one.txt, data]
    outs: [out.txt, outs]
YAML
dvc repro -q
python - <<'PYTHON'
import base64, json, os, sys
import dvc
from dvc.fs import localfs
from dvc_data.hashfile.hash import file_md5

tracked, links = {}, {}
for folder, folders, files in os.walk("."):
    folders[:] = sorted(name for name in folders if name not in {".git", ".dvc"})
    for name in sorted(files + folders):
        path = os.path.relpath(os.path.join(folder, name))
        if os.path.islink(path):
            links[path] = os.readlink(path)
        elif os.path.isfile(path) and name != ".gitignore":
            tracked[path] = base64.b64encode(open(path, "rb").read()).decode()
texts = {path: file_md5(path, localfs, name="md5-dos2unix") for path in tracked}
print(json.dumps({"made by": "make_dvc_fixture.sh", "dvc": dvc.__version__, "files": tracked, "links": links,
                  "dos2unix": texts}, indent=1, ensure_ascii=True))
PYTHON
