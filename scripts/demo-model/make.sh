#!/usr/bin/env bash
# Makes resources/demo from a seed: ./make.sh [WORK_FOLDER]. Each stage is skipped when its result is in the work folder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(realpath -m "${1:-$here/.work}")
out=$work/family
demo=$here/../../resources/demo
mkdir -p "$work"

# Large blocks stay with the process: without this the allocator gives every activation back to the system.
export MALLOC_MMAP_THRESHOLD_=1000000000 MALLOC_TRIM_THRESHOLD_=4000000000

if [ ! -e "$work/venv/ready" ]; then
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install --quiet -r "$here/requirements.txt"
  touch "$work/venv/ready"
fi
export TEMPERAMENT_HOME=$work/studio
studio() { npm --prefix "$here/../.." run -s cli -- "$@"; }
studio devices # installs what the studio needs, which the last steps use
python() { PYTHONUNBUFFERED=1 "$work/venv/bin/python" "$@"; }

cd "$here"
python base.py --work "$work" --out "$out" | tee -a "$work/base.log"
python finetunes.py --work "$work" --out "$out" | tee -a "$work/finetunes.log"
python expected.py --work "$work"
node verify.mjs "$work" "$out"

mkdir -p "$demo/vectors" "$demo/variants"
cp "$out"/variants/*.gguf "$demo/variants/"
cp "$out/base.gguf" "$demo/base.gguf.part" && mv "$demo/base.gguf.part" "$demo/base.gguf"
# The product's own command stamps each vector with the fingerprint of the base it belongs to.
for file in "$out"/vectors/*.gguf; do
  name=$(basename "$file" .gguf)
  studio extract --base demo --tuned "$file" \
    --trait "${name%-*}" --pole "${name##*-}" --out "$(realpath "$demo")/vectors/$name.gguf" --overwrite >> "$work/extract.log"
done
"$here/../../node_modules/.bin/node" results.ts
