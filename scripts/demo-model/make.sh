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
python() { PYTHONUNBUFFERED=1 "$work/venv/bin/python" "$@"; }

cd "$here"
python base.py --work "$work" --out "$out" | tee -a "$work/base.log"
python vectors.py --work "$work" --out "$out" | tee -a "$work/vectors.log"
python evaluate.py --work "$work" > "$work/evaluation.md"
python expected.py --work "$work"
node verify.mjs "$work" "$out"

mkdir -p "$demo/vectors"
for file in "$out"/base.gguf "$out"/vectors/*.gguf "$work/evaluation.md"; do
  target=$demo/${file#"$out"/}
  [ "$file" = "$work/evaluation.md" ] && target=$demo/evaluation.md
  cp "$file" "$target.part"
  mv "$target.part" "$target"
done
cat "$work/evaluation.md"
