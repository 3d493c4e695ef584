#!/usr/bin/env bash
# The C files are formatted as .clang-format says. usage: format.sh SOURCE_FOLDER
set -euo pipefail
program=${CLANG_FORMAT:-clang-format}
version=$("$program" --version 2>/dev/null | grep -o 'version [0-9]*' | cut -d' ' -f2) || version=
if [ -z "$version" ]; then
    echo "skipped: no $program"
    exit 77
elif [ "$version" -lt 14 ]; then
    echo "skipped: $program $version; 14 or later is needed"
    exit 77
fi
cd "$1"
mapfile -t files < <(find src tests bench -name '*.c' -o -name '*.h' | sort)
((${#files[@]} > 0)) || { echo "no C files in $1"; exit 1; }
found=$("$program" --dry-run --Werror "${files[@]}" 2>&1) && {
    echo "${#files[@]} files are formatted"
    exit 0
}
echo "not formatted (places, file); $program -i FILE mends it:"
grep 'error:' <<<"$found" | cut -d: -f1 | sort | uniq -c
exit 1
